"""Files that are written whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from behavior.full_disk import MEND, FullDiskError, is_full


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file, which replaces `path` at the end; after an error it is deleted, and `path` is unchanged.

    Raises FullDiskError if the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
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


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object, whole or not at all. Raises ValueError for a NaN, which JSON does not have."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
