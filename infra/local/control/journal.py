"""The journal of the control plane: every request that changed something, in order, in one SQLite file that processes share."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_TABLE = """
create table if not exists request (
    sequence integer primary key,
    service text not null,
    at real not null,
    method text not null,
    path text not null,
    query text not null,
    headers text not null,
    body blob not null
)
"""
_DROPPED = """
create table if not exists dropped (
    only_row integer primary key check (only_row = 1),
    times integer not null,
    requests integer not null
)
"""
_ANSWER = "create table if not exists answer (question text primary key, sequence integer, times integer, answer text not null)"
_NOW = "(select max(sequence) from request), (select times from dropped)"


@dataclass(frozen=True)
class Call:
    """One request to the control plane, reduced to what its effect depends on; its headers hold neither signature nor token."""

    service: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Journal:
    """Calls under ascending numbers, from 1."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock_path = path.with_suffix(".lock")
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            with self.locked():  # two processes that switch to WAL at once would find the file busy
                self._database.execute("pragma journal_mode = wal")
                self._database.execute("pragma synchronous = normal")
                self._database.execute(_TABLE)
                self._database.execute(_DROPPED)
                self._database.execute("insert or ignore into dropped values (1, 0, 0)")
                self._database.execute(_ANSWER)
        except BaseException:
            self._database.close()
            raise

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from appending."""
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def append(self, sequence: int, call: Call) -> None:
        """Write the call with this number. Raises sqlite3.IntegrityError if the number is taken."""
        headers = json.dumps(dict(call.headers))
        row = (sequence, call.service, time.time(), call.method, call.path, call.query, headers, call.body)
        self._database.execute("insert into request values (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def is_empty(self) -> bool:
        """Say whether nothing was ever appended."""
        return not self._database.execute("select exists (select 1 from request)").fetchone()[0]

    def after(self, sequence: int) -> list[tuple[int, Call]]:
        """Return the calls with greater numbers than this one."""
        columns = "sequence, service, method, path, query, headers, body"
        rows = self._database.execute(f"select {columns} from request where sequence > ? order by sequence", (sequence,))
        return [(row[0], Call(row[1], row[2], row[3], row[4], json.loads(row[5]), row[6])) for row in rows]

    def dropped(self) -> tuple[int, int]:
        """Return how many times calls were dropped, and how many in all."""
        times, requests = self._database.execute("select times, requests from dropped").fetchone()
        return times, requests

    def drop(self, sequences: Collection[int]) -> None:
        """Remove calls, all of them or, if the process is killed meanwhile, none."""
        self._database.execute("begin immediate")
        try:
            self._database.executemany("delete from request where sequence = ?", [(sequence,) for sequence in sequences])
            self._database.execute("update dropped set times = times + 1, requests = requests + ?", (len(sequences),))
            self._database.execute("commit")
        except BaseException:
            self._database.execute("rollback")
            raise

    def remembered(self, question: str) -> str | None:
        """Return the answer to a question, if nothing changed since it was remembered."""
        found = self._database.execute(f"select answer from answer where question = ? and (sequence, times) = ({_NOW})", (question,))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def remembers(self, word: str) -> bool:
        """Say whether a word stands in one of the answers."""
        return bool(self._database.execute("select exists (select 1 from answer where instr(answer, ?))", (word,)).fetchone()[0])

    def remember(self, question: str, answer: str, sequence: int, times: int) -> None:
        """Keep an answer that is true after the call of this number until there is another; forget those that are not true any more."""
        self._database.execute("delete from answer where (sequence, times) <> (?, ?)", (sequence, times))
        self._database.execute("insert or replace into answer values (?, ?, ?, ?)", (question, sequence, times, answer))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
