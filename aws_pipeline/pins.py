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
    return read_pins(zone)[0]


def read_pins(zone: str) -> tuple[set[str], set[str]]:
    """Return the runs that a pin keeps now, and the keys of the pins whose time is over."""
    pins = {key: json.loads(data) for key, data in read_folder(zone, PINS).items()}
    over = {key for key, pin in pins.items() if _is_over(pin)}
    return {pin["run"] for key, pin in pins.items() if key not in over}, over


def _is_over(pin: Mapping[str, str]) -> bool:
    return datetime.fromisoformat(pin["until"]) <= datetime.now(UTC)
