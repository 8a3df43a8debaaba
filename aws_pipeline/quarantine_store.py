"""Where reasons and decisions lie: read and written as small JSON objects of a zone."""

from collections.abc import Iterable
from typing import TypeVar

from aws_pipeline.lake import list_objects, read_object, remove_objects, write_object
from behavior.contract import ContractError, Fault
from behavior.keys import DECISIONS, REASONS, decision_key, reason_key
from behavior.verdicts import Decision, QuarantineEntry

T = TypeVar("T", QuarantineEntry, Decision)


def read_reasons(zone: str) -> dict[str, QuarantineEntry]:
    """Return what was put aside, by name. Raises ContractError for an object that somebody else wrote."""
    return _read(zone, REASONS, QuarantineEntry)


def read_decisions(zone: str) -> dict[str, Decision]:
    """Return what a person decided, by the name of the recording. Raises ContractError for an object that somebody else wrote."""
    return _read(zone, DECISIONS, Decision)


def replace_reasons(zone: str, put_aside: Iterable[QuarantineEntry]) -> None:
    """Keep these reasons and no others; reasons that are there already are not written again."""
    wanted = {reason_key(one.name): one.to_json() for one in put_aside}
    present = {key: read_object(zone, key).to_pybytes() for key in list_objects(zone, [REASONS])}
    for key, content in wanted.items():
        if present.get(key) != content:
            write_object(zone, key, content)
    remove_objects(zone, sorted(present.keys() - wanted.keys()))


def write_decision(zone: str, decision: Decision) -> None:
    """Keep a decision, in the place of an earlier one about the same recording."""
    write_object(zone, decision_key(decision.name), decision.to_json())


def remove_decision(zone: str, name: str) -> None:
    """Take a decision back."""
    remove_objects(zone, [decision_key(name)])


def _read(zone: str, folder: str, kind: type[T]) -> dict[str, T]:
    found: dict[str, T] = {}
    faults = []
    for key in sorted(list_objects(zone, [folder])):
        try:
            one = kind.from_json(read_object(zone, key).to_pybytes())
            found[one.name] = one
        except (ValueError, KeyError, TypeError) as error:
            message = f"Expected JSON as aws_pipeline/quarantine.py writes it, but got: {type(error).__name__} {error}."
            faults.append(Fault("file-unreadable", key, message, "Remove the object; the next run, or you, will write it anew."))
    if faults:
        raise ContractError(faults)
    return found
