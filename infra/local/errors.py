"""The one way in which a local service says no: a code that AWS clients know, a sentence for people, and an HTTP status."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from behavior.full_disk import is_full as full_disk_says


class ServiceError(Exception):
    """A refused request; the server renders it as the XML or JSON error of the service that was called."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code = code
        self.message = message
        self.status = status
        super().__init__(f"{code}: {message}")


def is_full(error: BaseException) -> bool:
    """Say whether an error is that of a full disk; a data base has numbers of its own for it."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
    return full_disk_says(error)


def full_disk(root: Path) -> ServiceError:
    """Return the error for a store whose disk is full. AWS has none; clients repeat a 503 several times, but not this status."""
    what = f"Expected room for the objects in {root}, but got a full disk ({os.strerror(errno.ENOSPC)})"
    return ServiceError("InsufficientStorage", f"{what}. Free some space and try again.", 507)
