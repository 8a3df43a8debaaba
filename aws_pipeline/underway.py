"""Marks of runs that are under way, so that a run which cleans up does not take another one's objects for those of a killed run.

A mark is a small object that its run writes again every minute and removes at its end. A killed run leaves its mark; it counts as dead
after five minutes, or at once if its process was on this machine.
"""

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from aws_pipeline.lake import StoredObject, list_objects, read_present, remove_objects, write_object
from behavior.keys import UNDERWAY, underway_key

_BEAT_S = 60.0
_DEAD_AFTER = timedelta(minutes=5)


@contextmanager
def underway(zone: str, run: str) -> Iterator[None]:
    """Mark a run as under way while the context lasts."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_S):
            with suppress(Exception):  # S3 may be busy for a moment: a run whose mark is not renewed once is not dead
                _mark(zone, run)

    _mark(zone, run)
    beating = threading.Thread(target=beat, daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join(_BEAT_S)  # or it could write the mark again after its removal
        remove_objects(zone, [underway_key(run)])


def others_underway(zone: str, run: str) -> bool:
    """Return whether another run is under way; marks of dead runs are removed."""
    own, listed = underway_key(run), list_objects(zone, [UNDERWAY])
    marks = {key: json.loads(data) for key, data in read_present(zone, sorted(listed.keys() - {own})).items()}
    # Times of S3, because clocks of machines differ; this run has written its own mark within a minute.
    now = _written(listed, own) or datetime.now(UTC)
    dead = [key for key, mark in marks.items() if now - (_written(listed, key) or now) > _DEAD_AFTER or not _may_be_alive(mark)]
    remove_objects(zone, dead)
    return len(dead) < len(marks)


def _written(listed: Mapping[str, StoredObject], key: str) -> datetime | None:
    """Return when a mark was written; None for one that was written after the listing."""
    return listed[key].modified if key in listed else None


def _mark(zone: str, run: str) -> None:
    mark = {"host": socket.gethostname(), "process": os.getpid()}
    write_object(zone, underway_key(run), json.dumps(mark).encode())


def _may_be_alive(mark: Mapping[str, str | int]) -> bool:
    """Return whether the process of a mark exists, as far as this machine can know."""
    if mark["host"] != socket.gethostname():
        return True
    try:
        os.kill(int(mark["process"]), 0)  # asks only whether the process exists
    except ProcessLookupError:
        return False
    except PermissionError:  # it exists, and is somebody else's
        return True
    return True
