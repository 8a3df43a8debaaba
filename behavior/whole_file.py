"""Files that appear whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from behavior.full_disk import MEND, FullDiskError, is_full


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give the name of a neighbor to write to, which becomes `path` if nothing goes wrong, and is gone if something does.

    Raises FullDiskError if there is no room; the file that was there before stays whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    except Exception as error:  # libraries that write have errors of their own for a full disk
        if not is_full(error):
            raise
        reason = str(error).rstrip(".")
        raise FullDiskError(f"Expected room on the disk for {path}, but got: {reason}. {MEND}") from error
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object as a file that appears whole or not at all. Raises ValueError for a NaN, which JSON does not know."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text as a file that appears whole or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
