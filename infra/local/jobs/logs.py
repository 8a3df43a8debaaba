"""Logs of runs as CloudWatch shows them: those of Glue and SageMaker jobs and of state machines, read from the files the runs write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.errors import ServiceError
from infra.local.jobs.glue import log_group
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.sagemaker import LOG_GROUP as TRAINING_GROUP
from infra.local.states.state_machines import LOG_GROUPS

if TYPE_CHECKING:
    from infra.local.s3.object_store import ObjectStore

_HOST = "/algo-1"
_PAGE_BYTES = 1 << 20


@dataclass(frozen=True)
class _Group:
    """The runs that write to a log group, and how their streams are named."""

    runs: RunStore
    prefix: str
    suffix: str
    has: Callable[[RunRecord], bool]

    def stream(self, run: RunRecord) -> str:
        """Return the name of a run's stream."""
        return f"{self.prefix}{run.run_id}{self.suffix}"


class RunLogs:
    """Answers DescribeLogStreams and GetLogEvents for the groups of job runs; every other group is the control plane's."""

    def __init__(self, store: ObjectStore) -> None:
        runs = store.root / ".aws" / "runs"
        self._glue, self._training = RunStore(runs / "glue"), RunStore(runs / "sagemaker")
        self._machines = RunStore(runs / "states")

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        group = request.get("logGroupName") or ""
        of_glue = group.startswith("/aws-glue/") and group.endswith("/output")
        if group != TRAINING_GROUP and not of_glue and not group.startswith(LOG_GROUPS):
            return None
        answers = {"DescribeLogStreams": self._streams, "GetLogEvents": self._events}
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """Do nothing: the runs are others'."""

    def _of_group(self, name: str) -> _Group:
        if name.startswith(LOG_GROUPS):
            return _Group(self._machines, "states/", "", lambda run: bool(run.details.get("log_group") == name))
        if name == TRAINING_GROUP:
            return _Group(self._training, "", _HOST, lambda run: True)
        return _Group(self._glue, "", "", lambda run: f"{log_group(run)}/output" == name)

    def _streams(self, request: dict[str, Any]) -> dict[str, Any]:
        group = self._of_group(request["logGroupName"])
        prefix = request.get("logStreamNamePrefix") or ""
        found = [run for run in group.runs.all() if group.runs.log(run.run_id).exists() and group.has(run)]
        found = [run for run in found if group.stream(run).startswith(prefix)]
        start = int(request.get("nextToken") or 0)
        end = start + int(request.get("limit") or 50)
        shown = sorted(found, key=lambda run: run.run_id)[start:end]
        streams = [_stream(run, group.stream(run), group.runs.log(run.run_id)) for run in shown]
        return {"logStreams": streams, **({"nextToken": str(end)} if end < len(found) else {})}

    def _events(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return whole lines from a token on, which is a position in the file; the same token again where nothing is new."""
        group, stream = self._of_group(request["logGroupName"]), request["logStreamName"]
        runs = group.runs
        run = runs.get(stream.removeprefix(group.prefix).removesuffix(group.suffix))
        if run is None or not runs.log(run.run_id).exists():
            raise ServiceError("ResourceNotFoundException", f"Expected a log stream of {request['logGroupName']}, but got {stream!r}.")
        position = int((request.get("nextToken") or "f/0").partition("/")[2])
        with open(runs.log(run.run_id), "rb") as log:
            log.seek(position)
            read = log.read(_PAGE_BYTES)
        if run.active or len(read) == _PAGE_BYTES:  # the last line may be half of one
            read = read[: read.rfind(b"\n") + 1]
        written_ms = round(runs.log(run.run_id).stat().st_mtime * 1000)
        lines = read.decode("utf-8", "replace").splitlines()
        events = [{"timestamp": written_ms, "ingestionTime": written_ms, "message": line} for line in lines]
        return {"events": events, "nextForwardToken": f"f/{position + len(read)}", "nextBackwardToken": "b/0"}


def _stream(run: RunRecord, name: str, log: Path) -> dict[str, Any]:
    created_ms, written_ms = round(run.created_s * 1000), round(log.stat().st_mtime * 1000)
    times = {"creationTime": created_ms, "firstEventTimestamp": created_ms, "lastEventTimestamp": written_ms}
    return {"logStreamName": name, "storedBytes": log.stat().st_size, **times}
