"""Files and folders that nobody has touched for long: found by their age, and removed, while other processes may do the same."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def older(paths: Iterable[Path], before_s: float) -> list[Path]:
    """Return the paths that were last changed before a time, seconds since 1970; one that vanishes meanwhile is left out."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before_s:
                found.append(path)
    return found


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that it holds, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
