"""Pins: a pin keeps the objects of one run of the ETL until a time, for example for a training job that reads them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from aws_pipeline.lake import read_folder, remove_objects, write_object
from behavior.keys import PINS, pin_key


def write_pin(zone: str, name: str, run: str, until: datetime) -> None:
    """Keep the objects of a run until a time."""
    write_object(zone, pin_key(name), json.dumps({"run": run, "until": until.isoformat()}).encode())


def remove_pin(zone: str, name: str) -> None:
    """Remove a pin; the next run of the ETL may remove the objects."""
    remove_objects(zone, [pin_key(name)])


def pinned_runs(zone: str) -> set[str]:
    """Return the runs that a pin keeps now."""
    return {pin["run"] for pin in _pins(zone).values() if not _is_over(pin)}


def remove_old_pins(zone: str) -> None:
    """Remove the pins whose time is over."""
    remove_objects(zone, [key for key, pin in _pins(zone).items() if _is_over(pin)])


def _pins(zone: str) -> dict[str, dict[str, str]]:
    """Return the pins by key: run, and until when, UTC, ISO 8601."""
    return {key: json.loads(data) for key, data in read_folder(zone, PINS).items()}


def _is_over(pin: Mapping[str, str]) -> bool:
    return datetime.fromisoformat(pin["until"]) <= datetime.now(UTC)
