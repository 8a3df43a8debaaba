"""What was put aside, with its reasons, and what a person decided about it: values, and the JSON objects they are kept as."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from behavior.contract import CONTRACT_VERSION, Fault
from behavior.policy import STANDARD, Policy


@dataclass(frozen=True)
class QuarantineEntry:
    """Something that a run leaves out: a recording, a row of metadata, or an object that is no recording's."""

    name: str
    """As behavior/keys.py names it, such as train-7."""
    faults: tuple[Fault, ...]
    """Why; empty if a person excluded it."""
    lab: str = ""
    """Its lab, where that can be told."""
    keys: tuple[str, ...] = ()
    """Its objects in the raw zone."""
    rows: int = 0
    """Tracking rows of it that can be counted."""
    of_metadata: bool = True
    """The metadata names it; an object that is no recording's is named nowhere."""

    run: str = ""
    """The run that put it aside; empty if the upload did: then the same reasons are the same bytes."""

    def to_json(self) -> bytes:
        """Return the object that keeps it."""
        content = {"contract": CONTRACT_VERSION, **asdict(self)}
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "QuarantineEntry":
        """Read what `to_json` wrote."""
        content = json.loads(data)
        fields = {name: content[name] for name in ("name", "lab", "rows", "of_metadata", "run")}
        return cls(**fields, faults=tuple(Fault(**fault) for fault in content["faults"]), keys=tuple(content["keys"]))


class Verdict(StrEnum):
    """What a person decided about a recording."""

    RELEASE = "release"
    """It is accepted in spite of its faults of some codes."""
    EXCLUDE = "exclude"
    """It is left out although it may be sound."""


@dataclass(frozen=True)
class Decision:
    """A decision about one recording; it holds for every run until it is taken back."""

    name: str
    """Such as train-7."""
    verdict: Verdict
    reason: str = ""
    """Why, in a person's words."""
    codes: tuple[str, ...] = ()
    """Released: codes of faults that reject it no more. It goes to quarantine again if it has another."""
    decided: str = ""
    """When, ISO 8601."""

    def to_json(self) -> bytes:
        """Return the object that keeps it."""
        return (json.dumps({"contract": CONTRACT_VERSION, **asdict(self)}, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Decision":
        """Read what `to_json` wrote."""
        content: dict[str, Any] = json.loads(data)
        content.pop("contract", None)
        return cls(**{**content, "verdict": Verdict(content["verdict"]), "codes": tuple(content["codes"])})


@dataclass(frozen=True)
class Rules:
    """By what a run judges recordings: a policy, decisions about single ones, and what the upload left out."""

    policy: Policy = STANDARD
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    """By name."""
    left_out: Mapping[str, QuarantineEntry] = field(default_factory=dict)
    """By name: recordings of which the upload did not send every file, and why."""

    def policy_of(self, name: str) -> Policy:
        """Return the policy for one recording."""
        decision = self.decisions.get(name)
        return self.policy.releasing(decision.codes) if decision and decision.verdict is Verdict.RELEASE else self.policy

    def excludes(self, name: str) -> bool:
        """Say whether a person excluded a recording."""
        decision = self.decisions.get(name)
        return decision is not None and decision.verdict is Verdict.EXCLUDE


def by_name(parts: Iterable[QuarantineEntry]) -> list[QuarantineEntry]:
    """Return what was put aside sorted by name, and the faults of each sorted as ContractError sorts them."""
    return [replace(one, faults=tuple(sorted(set(one.faults), key=str))) for one in sorted(parts, key=lambda one: one.name)]
