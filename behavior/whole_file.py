"""Files that are written whole or not at all."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from behavior.contract import UsageError
from behavior.full_disk import MEND, FullDiskError, is_full


class PlaceError(UsageError, OSError):
    """A place where no file can be written. It is a UsageError (exit code 2), and also an OSError, for code that catches those."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces `path` at the end; after an error it is deleted, and `path` is unchanged.

    Raises PlaceError if no file can be written there, and FullDiskError if the disk is full.
    """
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if is_full(error):
            raise FullDiskError(f"Expected room on the disk for {path}, but got: {error.strerror}. {MEND}") from error
        raise PlaceError(f"Expected a folder for {path}, but got: {error.strerror}. Name another file.") from error
    beside = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    except Exception as error:  # libraries raise errors of their own for a full disk
        if not is_full(error):
            raise
        reason = str(error).rstrip(".")
        raise FullDiskError(f"Expected room on the disk for {path}, but got: {reason}. {MEND}") from error
    finally:
        beside.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Raise PlaceError if no file can be written at `path`, or if it is a folder or a device."""
    if path.is_dir():
        raise PlaceError(f"Expected {path} to be a file, but got a folder. Name a file in it.")
    if path.exists() and not path.is_file():
        raise PlaceError(f"Expected {path} to be a file, but got a device. Name a file.")  # replacing it would remove the device
    nearest = next(folder for folder in path.absolute().parents if folder.exists())
    if not nearest.is_dir():
        raise PlaceError(f"Expected {nearest} to be a folder, but got a file. Name another place for {path.name}.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise PlaceError(f"Expected a folder that you may write to, but got {nearest}. Name another place for {path.name}.")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all. Raises ValueError for a NaN, which JSON does not have."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
