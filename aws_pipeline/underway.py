"""Marks of runs that are under way, so that a run which cleans up does not take another one's objects for those of a killed run.

A mark is a small object that its run writes again every minute and removes at its end. A killed run leaves its mark; it counts as dead
after five minutes, or at once if its process was on this machine.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from aws_pipeline.lake import read_folder, remove_objects, write_object
from behavior.keys import UNDERWAY, underway_key

_BEAT_S = 60.0
_DEAD_AFTER = timedelta(minutes=5)


@contextmanager
def underway(zone: str, run: str) -> Iterator[None]:
    """Mark a run as under way while the context lasts."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_S):
            _mark(zone, run)

    _mark(zone, run)
    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        remove_objects(zone, [underway_key(run)])


def others_underway(zone: str, run: str) -> bool:
    """Return whether another run is under way; marks of dead runs are removed."""
    marks = {key: json.loads(data) for key, data in read_folder(zone, UNDERWAY).items() if key != underway_key(run)}
    dead = [key for key, mark in marks.items() if not _is_alive(mark)]
    remove_objects(zone, dead)
    return len(dead) < len(marks)


def _mark(zone: str, run: str) -> None:
    mark = {"host": socket.gethostname(), "process": os.getpid(), "beat": datetime.now(UTC).isoformat()}
    write_object(zone, underway_key(run), json.dumps(mark).encode())


def _is_alive(mark: dict[str, str]) -> bool:
    if datetime.now(UTC) - datetime.fromisoformat(mark["beat"]) > _DEAD_AFTER:
        return False
    if mark["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(mark["process"]), 0)  # asks only whether the process exists
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and is somebody else's
        return True
    return True
