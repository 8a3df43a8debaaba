"""The control plane (catalog, roles, workgroups, job definitions, ...): moto, made durable and shared by a journal.

Moto holds its state in memory. So each request that changed something is appended to `<root>/.aws/journal.sqlite`, and a process that
starts, or that finds the journal longer than it knows it, repeats what it has not seen. Ids come out the same, because moto's random
source is seeded with the number of the request; times of creation become those of the repetition.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from infra.local.control.journal import Call, Journal
from infra.local.control.moto_app import HttpAnswer, MotoApp
from infra.local.errors import ServiceError

_MOTO = MotoApp()
_TARGETS = {"athena": "AmazonAthena", "glue": "AWSGlue", "sagemaker": "SageMaker"}
_READS = re.compile(r"(Get|List|Describe|BatchGet|Search|Head)([A-Z]|$)")
_NOT_KEPT = frozenset(["x-amz-security-token", "x-amz-content-sha256", "x-amz-date"])
_log = logging.getLogger(__name__)


class ControlPlane:
    """Moto's services over one root directory; any number of processes may have one on the same root."""

    def __init__(self, root: Path | str) -> None:
        self._journal = Journal(Path(root).resolve() / ".aws" / "journal.sqlite")
        self._applied = 0  # number of the last call that the process's moto has seen, as long as this plane is its user

    def invoke(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of glue, athena or sagemaker as a client would. Raises ServiceError with the code that AWS would give."""
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_TARGETS[service]}.{operation}"}
        status, _, body = self._send(Call(service, "POST", "/", headers=headers, body=json.dumps(request).encode()))
        answer: dict[str, Any] = json.loads(body or b"{}")
        if status >= 400:
            code = str(answer.get("__type", "InternalFailure")).rpartition("#")[2]
            raise ServiceError(code, str(answer.get("message") or answer.get("Message") or code), status)
        return answer

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
        with _MOTO.lock:
            if _only_reads(call):
                self._catch_up()
                return _answer(call)
            with self._journal.locked():
                self._catch_up()
                if _operation(call) == "UpdateTable":
                    _refuse_stale_version(call)
                answer = _answer(call, seed=self._applied + 1)
                if answer[0] < 400:
                    self._record(call)
                return answer

    def _record(self, call: Call) -> None:
        try:
            self._journal.append(self._applied + 1, call)
        except BaseException:
            _MOTO.user = None  # moto has done what the journal does not know: begin again from the journal
            raise
        self._applied += 1

    def _catch_up(self) -> None:
        """Bring the process's moto to where the journal is."""
        if _MOTO.user is not self:
            _MOTO.reset()
            _MOTO.user, self._applied = self, 0
        for sequence, call in self._journal.after(self._applied):
            status = _answer(call, seed=sequence)[0]
            if status >= 400:
                what = f"Expected request {sequence} of the journal ({call.service} {_operation(call)}) to succeed again, but got {status}"
                _log.warning("%s. If something is missing now, create it again.", what)
            self._applied = sequence


def _answer(call: Call, seed: int | None = None) -> HttpAnswer:
    try:
        return _MOTO.call(call, seed)
    except Exception as error:  # moto raises, instead of answering, for what it does not know
        what = f"Expected an operation that moto knows, but got {call.service} {_operation(call)} ({error!r})"
        raise ServiceError("NotImplemented", f"{what}. It exists on AWS only.", 501) from error


def _refuse_stale_version(call: Call) -> None:
    """Raise ServiceError, as AWS does, if a table changed since the caller read it: of two writers at once the second must read again.

    Moto ignores VersionId and would let the second overwrite the first.
    """
    request = json.loads(call.body or b"{}")
    expected = request.get("VersionId")
    if expected is None:
        return
    named = {"DatabaseName": request.get("DatabaseName"), "Name": request.get("TableInput", {}).get("Name")}
    headers = {**call.headers, "x-amz-target": f"{_TARGETS['glue']}.GetTable"}
    status, _, body = _answer(replace(call, headers=headers, body=json.dumps(named).encode()))
    if status < 400 and json.loads(body)["Table"]["VersionId"] != str(expected):
        raise ServiceError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")


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
