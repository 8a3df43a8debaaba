"""Reasons and decisions as small JSON objects of a zone: reading and writing."""

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import TypeVar

from aws_pipeline.lake import read_folder, remove_objects, write_object
from behavior.contract import ContractError, Fault
from behavior.keys import DECISIONS, REASONS, decision_key, reason_key
from behavior.verdicts import Decision, QuarantineEntry

T = TypeVar("T", QuarantineEntry, Decision)


def read_reasons(zone: str) -> dict[str, QuarantineEntry]:
    """Return the entries in quarantine, by name. Raises ContractError for an object that cannot be read."""
    return _read(zone, REASONS, QuarantineEntry)


def readable_reasons(zone: str) -> dict[str, QuarantineEntry]:
    """Return the entries in quarantine that can be read, by name: the ETL judges others again and replaces them."""
    return {one.name: one for one in stored_reasons(zone).values() if one}


def stored_reasons(zone: str) -> dict[str, QuarantineEntry | None]:
    """Return the objects in quarantine by key; None for one that cannot be read."""
    return {key: one for key, (one, _) in _each(zone, REASONS, QuarantineEntry).items()}


def read_decisions(zone: str) -> dict[str, Decision]:
    """Return the decisions, by the name of the recording. Raises ContractError for an object that cannot be read."""
    return _read(zone, DECISIONS, Decision)


def replace_reasons(zone: str, put_aside: Iterable[QuarantineEntry], about: Callable[[str], bool]) -> None:
    """Store exactly these reasons for names that `about` accepts; reasons that exist already are not written again."""
    expected = {reason_key(one.name): one.to_json() for one in put_aside}
    present = {key: data for key, data in read_folder(zone, REASONS).items() if about(PurePosixPath(key).stem)}
    for key, content in expected.items():
        if present.get(key) != content:
            write_object(zone, key, content)
    remove_objects(zone, sorted(present.keys() - expected.keys()))


def write_decision(zone: str, decision: Decision) -> None:
    """Store a decision; it replaces an earlier one about the same recording."""
    write_object(zone, decision_key(decision.name), decision.to_json())


def remove_decision(zone: str, name: str) -> None:
    """Remove a decision."""
    remove_objects(zone, [decision_key(name)])


def _read(zone: str, folder: str, kind: type[T]) -> dict[str, T]:
    each = _each(zone, folder, kind).values()
    if faults := [fault for _, fault in each if fault]:
        raise ContractError(faults)
    return {one.name: one for one, _ in each if one}


def _each(zone: str, folder: str, kind: type[T]) -> dict[str, tuple[T | None, Fault | None]]:
    """Return each object of a folder, or its fault, by key."""
    found: dict[str, tuple[T | None, Fault | None]] = {}
    for key, data in read_folder(zone, folder).items():
        try:
            found[key] = kind.from_json(data), None
        except (ValueError, KeyError, TypeError) as error:
            message = f"Expected JSON in the format of aws_pipeline/quarantine.py, but got: {type(error).__name__} {error}."
            found[key] = None, Fault("file-unreadable", key, message, "Remove the object; then run the ETL, or decide, again.")
    return found
