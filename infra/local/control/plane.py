"""The control plane (catalog, roles, workgroups, job definitions, ...): moto, made durable and shared by a journal.

Moto holds its state in memory. So each request that changed something is appended to `<root>/.aws/journal.sqlite`, and a process that
starts, or that finds the journal longer than it knows it, repeats what it has not seen. Ids come out the same, because moto's random
source is seeded with the number of the request; times of creation become those of the repetition. Requests that later ones made void
are dropped from the journal now and then (`compaction`), and a process that missed some of them begins again.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from infra.local.control.compaction import WITHOUT_IDS, void_requests
from infra.local.control.journal import Call, Journal
from infra.local.control.moto_app import HttpAnswer, MotoApp
from infra.local.control.shortcut import repeat
from infra.local.control.table_versions import as_moto_counts, as_we_count
from infra.local.errors import ServiceError

_MOTO = MotoApp()
_TARGETS = {
    "athena": "AmazonAthena", "events": "AWSEvents", "glue": "AWSGlue", "sagemaker": "SageMaker", "states": "AWSStepFunctions",
}  # fmt: skip
_READS = re.compile(r"(Get|List|Describe|BatchGet|Search|Head)([A-Z]|$)")
_NOT_KEPT = frozenset(["x-amz-security-token", "x-amz-content-sha256", "x-amz-date"])
_TIDY_AFTER = 1000
"""Requests after which a process looks for void ones; each process also looks when it starts."""
_log = logging.getLogger(__name__)

Handle = Callable[[str, str, dict[str, Any]], dict[str, Any] | None]
"""How a service asks another one of this machine: its name, operation, request. None leaves the answer to the control plane."""


class ControlPlane:
    """Moto's services over one root directory; any number of processes may have one on the same root."""

    def __init__(self, root: Path | str) -> None:
        self._journal = Journal(Path(root).resolve() / ".aws" / "journal.sqlite")
        self._applied = 0  # number of the last call that the process's moto has seen, as long as this plane is its user
        self._times_dropped = 0
        self._requests_dropped = 0  # before moto saw the first one

    def invoke(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of one of `_TARGETS` as a client would. Raises ServiceError with the code that AWS would give."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_TARGETS[service]}.{operation}"}
        status, _, body = self._send(Call(service, "POST", "/", headers=headers, body=json.dumps(request).encode()))
        answer: dict[str, Any] = json.loads(body or b"{}")
        if status >= 400:
            code = str(answer.get("__type", "InternalFailure")).rpartition("#")[2]
            raise ServiceError(code, str(answer.get("message") or answer.get("Message") or code), status)
        return answer

    def recall(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `invoke` returns for an operation that reads; moto is not even imported if nothing changed since it was last asked.

        VersionIds in it are those of the process that asked. Raises ServiceError.
        """
        question = json.dumps([service, operation, request], sort_keys=True)
        with _MOTO.lock:
            known = self._journal.remembered(question) if _MOTO.user is not self else None
        if known is not None:
            answer: dict[str, Any] = json.loads(known)
            return answer
        answer = self.invoke(service, operation, request)
        with _MOTO.lock, suppress(sqlite3.Error):  # an answer that is not remembered is asked for again
            if _MOTO.user is self:
                self._journal.remember(question, json.dumps(answer), self._applied, self._times_dropped)
        return answer

    def remembers(self, word: str) -> bool:
        """Say whether a word stands in one of the answers that `recall` remembers."""
        with _MOTO.lock:
            return self._journal.remembers(word)

    def forward(self, service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Answer an HTTP request to a service; `path` and `query` are as sent, percent-encoded."""
        lowered = {name.lower(): value for name, value in headers.items()}
        kept = {name: value for name, value in lowered.items() if name == "content-type" or name.startswith("x-amz-")}
        kept = {name: value for name, value in kept.items() if name not in _NOT_KEPT}
        if match := re.search(r"Credential=([\w-]+)/", lowered.get("authorization", "")):
            kept["access-key"] = match[1]  # decides the account, should a role of another one have been assumed
        return self._send(Call(service, method, path, query, kept, body))

    @property
    def pristine(self) -> bool:
        """Whether nothing was ever changed here."""
        with _MOTO.lock:
            return self._journal.is_empty()

    def close(self) -> None:
        """Close the journal."""
        with _MOTO.lock:
            if _MOTO.user is self:
                _MOTO.user = None
            self._journal.close()

    def _send(self, call: Call) -> HttpAnswer:
        operation = _operation(call)
        with _MOTO.lock:
            reads = _only_reads(call)
            with nullcontext() if reads and not self._must_begin() else self._journal.locked():
                self._catch_up()
                call = as_moto_counts(operation, call, self._requests_dropped)
                if reads:
                    status, headers, body = _answer(call)
                    return status, headers, as_we_count(operation, body, self._requests_dropped)
                answer = self._change(call, self._applied + 1)
                if answer[0] < 400:
                    self._record(call)
                return answer

    def _change(self, call: Call, sequence: int, *, checked: bool = True) -> HttpAnswer:
        """Let moto do what a request asks for. Raises ServiceError for an UpdateTable by a writer that knows an old version only."""
        operation = _operation(call)
        if call.service == "glue" and operation == "UpdateTable":
            return self._update_table(call, checked=checked)
        return _answer(call, seed=None if call.service == "glue" and operation in WITHOUT_IDS else sequence)

    def _update_table(self, call: Call, *, checked: bool) -> HttpAnswer:
        """Let moto update a table.

        It ignores VersionId, so that the second of two writers at once would overwrite the first, and SkipArchive, so that it would keep
        every version in memory.
        """
        request = json.loads(call.body or b"{}")
        named = {"DatabaseName": request.get("DatabaseName"), "Name": request.get("TableInput", {}).get("Name")}
        status, _, body = _answer(_glue("GetTable", named, call))
        former = int(json.loads(body)["Table"]["VersionId"]) if status < 400 else 0
        expected = request.get("VersionId")
        if checked and former and expected is not None and str(expected) != str(former + self._requests_dropped):
            raise ServiceError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        answer = _answer(call)
        if answer[0] < 400 and request.get("SkipArchive"):
            named = {"DatabaseName": named["DatabaseName"], "TableName": named["Name"], "VersionId": str(former)}
            _answer(_glue("DeleteTableVersion", named, call))
        return answer

    def _record(self, call: Call) -> None:
        try:
            self._journal.append(self._applied + 1, call)
        except BaseException:
            _MOTO.user = None  # moto has done what the journal does not know: begin again from the journal
            raise
        self._applied += 1
        if self._applied % _TIDY_AFTER == 0:
            self._tidy(self._journal.after(0))

    def _must_begin(self) -> bool:
        """Say whether moto must repeat the journal from its first request: it served another plane, or missed requests that are gone."""
        return _MOTO.user is not self or self._journal.dropped()[0] != self._times_dropped

    def _catch_up(self) -> None:
        """Bring the process's moto to where the journal is."""
        if self._must_begin():
            self._times_dropped, self._requests_dropped = self._journal.dropped()
            calls = self._journal.after(0)
            void = self._tidy(calls)
            self._requests_dropped += len(void)
            calls = [each for each in calls if each[0] not in void]
            _MOTO.reset()
            _MOTO.user, self._applied = self, 0
        else:
            calls = self._journal.after(self._applied)
        for sequence, call in calls:
            status = 200 if repeat(call) else self._change(call, sequence, checked=False)[0]
            if status >= 400:
                what = f"Expected request {sequence} of the journal ({call.service} {_operation(call)}) to succeed again, but got {status}"
                _log.warning("%s. If something is missing now, create it again.", what)
            self._applied = sequence

    def _tidy(self, calls: list[tuple[int, Call]]) -> set[int]:
        """Drop the requests that later ones made void, and return their numbers. A full disk leaves them all.

        Should another process do the same at this moment, its count is ahead of ours, and we begin again.
        """
        void = set(void_requests(calls))
        if void:
            try:
                self._journal.drop(void)
            except sqlite3.Error as error:
                _log.warning("Expected room to tidy the journal of the control plane, but got %s. It is tidied another time.", error)
                return set()
            self._times_dropped += 1
        return void


def _answer(call: Call, seed: int | None = None) -> HttpAnswer:
    try:
        return _MOTO.call(call, seed)
    except Exception as error:  # moto raises, instead of answering, for what it does not know
        what = f"Expected an operation that moto knows, but got {call.service} {_operation(call)} ({error!r})"
        raise ServiceError("NotImplemented", f"{what}. It exists on AWS only.", 501) from error


def _glue(operation: str, request: Mapping[str, Any], by: Call) -> Call:
    """Return a call of Glue by whoever made another one."""
    return replace(by, headers={**by.headers, "x-amz-target": f"{_TARGETS['glue']}.{operation}"}, body=json.dumps(request).encode())


def _only_reads(call: Call) -> bool:
    operation = _operation(call)
    return bool(_READS.match(operation)) if operation else call.method in ("GET", "HEAD")


def _operation(call: Call) -> str:
    """Return the operation's name, where the protocol names it; REST requests have only a method and a path."""
    if target := call.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    if match := re.search(r"/operation/(\w+)$", call.path):
        return match[1]
    form = call.body.decode("latin-1") if "x-www-form-urlencoded" in call.headers.get("content-type", "") else call.query
    return parse_qs(form).get("Action", [""])[0]
