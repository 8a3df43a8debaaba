"""Entries in quarantine with their reasons, and decisions of a person, with their JSON format."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from behavior.contract import CONTRACT_VERSION, Fault
from behavior.policy import STANDARD, Policy


@dataclass(frozen=True)
class QuarantineEntry:
    """An entry in quarantine: a recording, a row of metadata, or an object with a foreign key."""

    name: str
    """Its name, from behavior/keys.py, such as train-7."""
    faults: tuple[Fault, ...]
    """The reasons; empty if a person excluded it."""
    lab: str = ""
    """Its lab, if it is known."""
    keys: tuple[str, ...] = ()
    """Its objects in the raw zone."""
    rows: int = 0
    """Its tracking rows, as far as they can be counted."""
    of_metadata: bool = True
    """Whether it is in the metadata; objects with foreign keys are not."""
    run: str = ""
    """The run that put it aside; empty for an upload, so that equal reasons have equal bytes."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """All that the judgement depends on, if the ETL read the objects: if none of it changes, it need not judge again."""

    def summary(self) -> dict[str, Any]:
        """Return name, lab and reasons, for the summary of a step."""
        return {"name": self.name, "lab": self.lab, "faults": [str(fault) for fault in self.faults]}

    def to_json(self) -> bytes:
        """Return its JSON."""
        content = {"contract": CONTRACT_VERSION, **asdict(self)}
        return (json.dumps(content, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "QuarantineEntry":
        """Read what `to_json` wrote."""
        content = json.loads(data)
        fields = {name: content[name] for name in ("name", "lab", "rows", "of_metadata", "run", "inputs")}
        return cls(**fields, faults=tuple(Fault(**fault) for fault in content["faults"]), keys=tuple(content["keys"]))


class Verdict(StrEnum):
    """A decision of a person about a recording."""

    RELEASE = "release"
    """It is accepted with faults of some codes."""
    EXCLUDE = "exclude"
    """It is left out, even if it is sound."""


@dataclass(frozen=True)
class Decision:
    """A decision about one recording; it is valid for every run until it is undone."""

    name: str
    """Such as train-7."""
    verdict: Verdict
    reason: str = ""
    """The reason, in a person's words."""
    codes: tuple[str, ...] = ()
    """For a release: fault codes that do not reject it. With another code it goes to quarantine again."""
    decided: str = ""
    """Time of the decision, ISO 8601."""

    def to_json(self) -> bytes:
        """Return its JSON."""
        return (json.dumps({"contract": CONTRACT_VERSION, **asdict(self)}, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Decision":
        """Read what `to_json` wrote."""
        content: dict[str, Any] = json.loads(data)
        content.pop("contract", None)
        return cls(**{**content, "verdict": Verdict(content["verdict"]), "codes": tuple(content["codes"])})


@dataclass(frozen=True)
class Rules:
    """The rules by which a run judges recordings: a policy, decisions about single ones, and those that the upload left out."""

    policy: Policy = STANDARD
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    """By name."""
    left_out: Mapping[str, QuarantineEntry] = field(default_factory=dict)
    """By name: recordings of which the upload did not send all files, with reasons."""

    def policy_of(self, name: str) -> Policy:
        """Return the policy for one recording."""
        decision = self.decisions.get(name)
        return self.policy.releasing(decision.codes) if decision and decision.verdict is Verdict.RELEASE else self.policy

    def excludes(self, name: str) -> bool:
        """Return whether a person excluded a recording."""
        decision = self.decisions.get(name)
        return decision is not None and decision.verdict is Verdict.EXCLUDE


def by_name(parts: Iterable[QuarantineEntry]) -> list[QuarantineEntry]:
    """Return the entries sorted by name, with sorted faults."""
    return [replace(one, faults=tuple(sorted(set(one.faults), key=str))) for one in sorted(parts, key=lambda one: one.name)]
