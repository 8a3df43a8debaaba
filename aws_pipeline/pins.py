"""Pins: a pin keeps the objects of one run of the ETL until a time, for example for a training job that reads them."""

import json
from datetime import datetime

from aws_pipeline.lake import list_objects, read_object, remove_objects, write_object
from behavior.keys import PINS, pin_key


def write_pin(zone: str, name: str, run: str, until: datetime) -> None:
    """Keep the objects of a run until a time."""
    write_object(zone, pin_key(name), json.dumps({"run": run, "until": until.isoformat()}).encode())


def remove_pin(zone: str, name: str) -> None:
    """Remove a pin; the next run of the ETL may remove the objects."""
    remove_objects(zone, [pin_key(name)])


def read_pins(zone: str) -> dict[str, dict[str, str]]:
    """Return the pins by name: run, and until when, UTC, ISO 8601."""
    names = {key: key.removeprefix(f"{PINS}/").removesuffix(".json") for key in list_objects(zone, [PINS])}
    return {name: json.loads(read_object(zone, key).to_pybytes()) for key, name in names.items()}
