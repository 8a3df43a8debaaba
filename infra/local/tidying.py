"""What nobody needs any more is removed once a day: by the life cycles of buckets, and what killed processes have left half done."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.leftovers import older, remove

if TYPE_CHECKING:
    from infra.local.server import LocalServer

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 3600.0


def tidy_daily(server: LocalServer, stopped: threading.Event) -> None:
    """Tidy the store of a server beside its work, once a day, until it has stopped."""

    def tidy_when_due() -> None:
        while not stopped.is_set():
            try:
                _tidy_if_due(server)
            except Exception as error:  # it is tidied another time; while the server closes, its files are closed, too
                if not stopped.is_set():
                    _log.warning("Expected to remove what is too old, but got %r. It is tried again.", error)
            stopped.wait(_LOOK_EVERY_S)

    threading.Thread(target=tidy_when_due, name="tidy", daemon=True).start()


def _tidy_if_due(server: LocalServer) -> None:
    """Tidy unless that was done within a day; a new store has nothing old."""
    from infra.local.s3.expiry import DAY_S

    stamp = server.store.root / ".aws" / "tidied"
    if not stamp.exists():
        stamp.touch()
    elif time.time() - stamp.stat().st_mtime > DAY_S:
        tidy(server)
        stamp.touch()


def tidy(server: LocalServer, now_s: float | None = None) -> int:
    """Remove what is too old by the rules of the buckets, and what was half written a day ago; return how many objects and drafts."""
    from infra.local.s3.expiry import DAY_S, expire, rules_of

    store, now, removed = server.store, time.time() if now_s is None else now_s, 0
    for bucket in store.buckets():
        status, _, body = server.control.forward("s3", "GET", f"/{bucket}", "lifecycle", {}, b"")
        removed += expire(store, bucket, rules_of(body), now) if status == 200 else 0
    return removed + sum(_remove_old(folder, now - DAY_S) for folder in (store.side / "staged", store.root / ".aws" / "drafts"))


def _remove_old(folder: Path, before_s: float) -> int:
    """Remove what lies in a folder of drafts and was last written before a time: its writer was killed."""
    old = older(folder.glob("*"), before_s)
    for one in old:
        remove(one)
    return len(old)
