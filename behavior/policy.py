"""Policies: for which codes of faults a user decides otherwise than the contract, read from a small TOML file.

`EXAMPLE` is one; `CODES` of behavior/contract.py has all codes, `LEEWAY` those that may be changed.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass

from behavior.contract import CODES, CONTRACT_VERSION, SEVERITY, ContractError, Fault, Severity, UsageError

_GENTLER = {
    "key-foreign": (Severity.FLAG, "the object is left where it is and out of the run"),
    "place-contradiction": (Severity.REPAIR, "the keypoint counts as lost in that frame"),
    "bout-reversed": (Severity.REPAIR, "the bout is left out"),
    "bout-negative": (Severity.REPAIR, "the bout is cut at frame 0"),
}
LEEWAY: dict[str, tuple[Severity, str]] = {
    **_GENTLER,
    **{code: (Severity.REJECT, "the recording goes to quarantine") for code, usual in SEVERITY.items() if usual is not Severity.REJECT},
}
"""The codes that may be changed: the one other severity that makes sense, and what then happens. Nothing sound can be made of the rest."""

EXAMPLE = f"""contract = {CONTRACT_VERSION}
[severity]
place-contradiction = "repair"
point-far = "reject"
"""
"""The version of the contract that the author knew, and a line for each code that shall have another severity than usual."""


@dataclass(frozen=True)
class Policy:
    """Which codes have their other severity."""

    changed: frozenset[str] = frozenset()
    """Codes of `LEEWAY`."""

    def severity(self, code: str) -> Severity:
        """Return what becomes of input with a fault of this code."""
        return LEEWAY[code][0] if code in self.changed else SEVERITY[code]

    def rejecting(self, faults: Iterable[Fault]) -> list[Fault]:
        """Return the faults that reject."""
        return [fault for fault in faults if self.severity(fault.code) is Severity.REJECT]

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Raise one ContractError with all faults that reject, if there is any."""
        if rejecting := self.rejecting(faults):
            raise ContractError(rejecting)

    def releasing(self, codes: Iterable[str]) -> "Policy":
        """Return this policy with none of these codes rejecting. Codes that must reject stay as they are."""
        stricter = {code for code in codes if self.severity(code) is Severity.REJECT and code in LEEWAY}
        return Policy(self.changed ^ stricter)


STANDARD = Policy()
"""What the contract says."""


def releasable(code: str) -> bool:
    """Say whether a person may accept a recording in spite of a fault of this code."""
    return code in LEEWAY


def parse_policy(text: str, where: str) -> Policy:
    """Read a policy. Raises UsageError with every entry that means nothing."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: Expected a policy in TOML, but got: {error}. Correct the file.") from None
    strange = sorted(content.keys() - {"contract", "severity"})
    wrong = [f"Expected only contract and [severity], but got {name}. Remove it." for name in strange]
    if content.get("contract") != CONTRACT_VERSION:
        got = content.get("contract", "none")
        wrong.append(f"Expected contract = {CONTRACT_VERSION}, but got {got}. Compare the codes, then change the number.")
    severities = content.get("severity", {})
    if not isinstance(severities, dict):
        severities = {}
        wrong.append("Expected a table [severity], but got a value. Write one line for each code below [severity].")
    wrong += [message for code, severity in severities.items() if (message := _wrong(code, severity))]
    if wrong:
        raise UsageError("\n".join(f"{where}: {message}" for message in sorted(wrong)))
    return Policy(frozenset(code for code, severity in severities.items() if severity != SEVERITY[code]))


def codes_table() -> str:
    """Return every code with its severity, what it may be changed to, and what it stands for, one line each."""
    lines = [f"contract {CONTRACT_VERSION}", f"{'code':<20} {'severity':<8}  meaning"]
    for severity, codes in CODES.items():
        for code, meaning in codes.items():
            lines.append(f"{code:<20} {severity:<8}  {meaning}")
            if code in LEEWAY:
                lines.append(f"{'':<20} {'':<8}  may be {LEEWAY[code][0]}: {LEEWAY[code][1]}")
    return "\n".join(lines)


def _wrong(code: str, severity: object) -> str | None:
    """Say why a line of a policy means nothing, or nothing if it means something."""
    if code not in SEVERITY:
        return f"Expected a code of contract {CONTRACT_VERSION}, but got {code}. See python aws_pipeline/validate.py --codes."
    allowed = [SEVERITY[code], *([LEEWAY[code][0]] if code in LEEWAY else [])]
    if severity in allowed:
        return None
    return f"Expected {code} to be {' or '.join(allowed)}, but got {severity!r}. Nothing sound can be made of such input otherwise."
