"""Run records: one JSON file, one log and one folder per run, readable by any process and true even when the owner died."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from behavior.whole_file import whole_file
from infra.local.errors import is_full
from infra.local.jobs.processes import Process
from infra.local.leftovers import older, remove

ACTIVE = frozenset({"QUEUED", "STARTING", "RUNNING", "STOPPING"})
"""States of a run that is not over; the others are SUCCEEDED, FAILED, STOPPED and TIMEOUT."""
OWNER_DIED = "The process that ran it ended before the run did. Start the run again."

_DAY_S = 24 * 3600.0
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True)
class RunRecord:
    """One run: `details` belong to the service that made it, the rest is common. Times are seconds since 1970."""

    run_id: str
    state: str
    details: dict[str, Any]
    owner: Process
    created_s: float
    started_s: float | None = None
    ended_s: float | None = None
    reason: str = ""
    child: Process | None = None
    history: list[tuple[str, float]] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Say whether the run is not over yet."""
        return self.state in ACTIVE

    @property
    def changed_s(self) -> float:
        """Return when the state changed last."""
        return self.history[-1][1] if self.history else self.created_s

    @property
    def duration_s(self) -> float:
        """Return how long it has run, up to now or to its end."""
        return max(0.0, (self.ended_s or time.time()) - self.started_s) if self.started_s else 0.0


class RunStore:
    """The runs of one service, as files of one folder.

    Those that were not touched for `keep_days` are forgotten when a process makes its first run, as AWS forgets them; None keeps all.
    """

    def __init__(self, folder: Path, keep_days: float | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._keep_days = keep_days
        self._own: set[str] = set()
        self._mutex = threading.RLock()
        self._held: contextlib.ExitStack | None = None
        self._in_memory: dict[str, RunRecord] = {}

    def create(self, run_id: str, details: dict[str, Any], state: str = "QUEUED") -> RunRecord:
        """Record a new run of this process; raise FileExistsError when the id is taken, ValueError when it is not a name."""
        if not _SAFE_ID.fullmatch(run_id):
            raise ValueError(f"Expected a run id of at most 128 letters, digits, '-' and '_', but got {run_id!r}. Choose another one.")
        now = time.time()
        run = RunRecord(run_id, state, details, Process.of(os.getpid()), created_s=now, history=[(state, now)])
        with self.locked():
            if self._record(run_id).exists():
                raise FileExistsError(f"Expected a new run id, but got {run_id}, which is taken. Choose another one.")
            if not self._own and self._keep_days is not None:
                self._forget_before(now - self._keep_days * _DAY_S)
            self._write(run)
            self._own.add(run_id)
        return run

    def update(self, run_id: str, *, state: str | None = None, details: dict[str, Any] | None = None, **changes: Any) -> RunRecord:
        """Change a record; `details` are added to those there, a state never goes back, and a run that is over stays as it is."""
        with self.locked():
            run = self._read(run_id)
            if run is None:
                raise KeyError(run_id)
            if not run.active:
                return run
            run = dataclasses.replace(run, details={**run.details, **(details or {})}, **changes)
            if state and _may_follow(run.state, state):
                run = _entered(run, state)
            self._write_if_there_is_room(run)
            return run

    def get(self, run_id: str) -> RunRecord | None:
        """Read one run; one whose owner died while it was active is FAILED from now on, and what it started is ended."""
        run = self._read(run_id) if _SAFE_ID.fullmatch(run_id) else None
        if run_id in self._in_memory:
            with self.locked():
                self._write_if_there_is_room(self._in_memory[run_id])
        if run is None or not run.active or run.owner.alive:
            return run
        if run.child:
            run.child.signal_group(signal.SIGKILL)
        return self.update(run_id, state="FAILED", reason=OWNER_DIED)

    def all(self) -> list[RunRecord]:
        """Read every run, the newest first."""
        found = (self.get(path.stem) for path in self.folder.glob("*.json"))
        return sorted((run for run in found if run), key=lambda run: (-run.created_s, run.run_id))

    def stop(self, run_id: str, grace_s: float, ask: Callable[[Process, float], None] = Process.stop_group) -> RunRecord:
        """Ask an active run to stop; the thread that runs it records its end."""
        run = self.update(run_id, state="STOPPING")
        if run.state == "STOPPING" and run.child:
            ask(run.child, grace_s)
        return run

    def stop_own(self) -> None:
        """End every active run of this process at once; the last thing a service does."""
        for run in filter(None, map(self._read, sorted(self._own))):
            if run.active and run.owner.pid == os.getpid() and run.owner.alive:
                if run.child:
                    run.child.signal_group(signal.SIGKILL)
                self.update(run.run_id, state="FAILED", reason=OWNER_DIED)

    def log(self, run_id: str) -> Path:
        """Return the path of a run's log."""
        return self.folder / f"{run_id}.log"

    def workplace(self, run_id: str) -> Path:
        """Return the folder in which a run works, made when needed."""
        path = self.folder / run_id
        path.mkdir(exist_ok=True)
        return path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other thread and process from changing records of this folder; may be nested."""
        with self._mutex:
            if self._held is not None:
                yield
                return
            with contextlib.ExitStack() as self._held:
                handle = self._held.enter_context(open(self.folder / ".lock", "w"))
                fcntl.flock(handle, fcntl.LOCK_EX)
                self._held.callback(setattr, self, "_held", None)
                yield

    def _forget_before(self, time_s: float) -> None:
        """Remove what is there of runs that nothing has touched since a time: records, logs and folders."""
        for record in older(self.folder.glob("*.json"), time_s):
            for one in (self.log(record.stem), self.folder / record.stem, record):
                remove(one)

    def _record(self, run_id: str) -> Path:
        return self.folder / f"{run_id}.json"

    def _write(self, run: RunRecord) -> None:
        with whole_file(self._record(run.run_id)) as draft:
            draft.write_text(json.dumps(dataclasses.asdict(run), default=str))

    def _write_if_there_is_room(self, run: RunRecord) -> None:
        """Write a record, or remember it while the disk is full: a run that fails for want of room must not seem to run for ever."""
        try:
            self._write(run)
            self._in_memory.pop(run.run_id, None)
        except OSError as error:
            if not is_full(error):
                raise
            self._in_memory[run.run_id] = run

    def _read(self, run_id: str) -> RunRecord | None:
        if run_id in self._in_memory:
            return self._in_memory[run_id]
        try:
            fields = json.loads(self._record(run_id).read_text())
        except FileNotFoundError:
            return None
        fields["owner"] = _process(fields["owner"])
        fields["child"] = _process(fields["child"]) if fields["child"] else None
        return RunRecord(**fields)


def _process(fields: dict[str, Any]) -> Process:
    """Read a process; one that an earlier version named, in ticks, has no start that we know and counts as gone."""
    return Process(fields["pid"], fields.get("started_s", 0.0))


def _may_follow(old: str, new: str) -> bool:
    return old != new and not (old == "STOPPING" and new in ACTIVE)


def _entered(run: RunRecord, state: str) -> RunRecord:
    now = time.time()
    started = now if state in {"STARTING", "RUNNING"} and run.started_s is None else run.started_s
    ended = run.ended_s if state in ACTIVE else now
    return dataclasses.replace(run, state=state, started_s=started, ended_s=ended, history=[*run.history, (state, now)])
