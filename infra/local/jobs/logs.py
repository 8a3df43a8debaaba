"""Logs of job runs as CloudWatch shows them: the groups of Glue and SageMaker jobs, read from the files the runs write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.errors import ServiceError
from infra.local.jobs.glue import log_group
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.sagemaker import LOG_GROUP as TRAINING_GROUP

if TYPE_CHECKING:
    from infra.local.s3.object_store import ObjectStore

_HOST = "/algo-1"
_PAGE_BYTES = 1 << 20


class RunLogs:
    """Answers DescribeLogStreams and GetLogEvents for the groups of job runs; every other group is the control plane's."""

    def __init__(self, store: ObjectStore) -> None:
        runs = store.root / ".aws" / "runs"
        self._glue, self._training = RunStore(runs / "glue"), RunStore(runs / "sagemaker")

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        group = request.get("logGroupName") or ""
        if group != TRAINING_GROUP and not (group.startswith("/aws-glue/") and group.endswith("/output")):
            return None
        answers = {"DescribeLogStreams": self._streams, "GetLogEvents": self._events}
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """Do nothing: the runs are others'."""

    def _of_group(self, name: str) -> tuple[RunStore, str]:
        """Return the runs that write to a group, and the end of the names of their streams."""
        return (self._training, _HOST) if name == TRAINING_GROUP else (self._glue, "")

    def _streams(self, request: dict[str, Any]) -> dict[str, Any]:
        runs, suffix = self._of_group(request["logGroupName"])
        prefix = request.get("logStreamNamePrefix") or ""
        found = [run for run in runs.all() if runs.log(run.run_id).exists() and f"{run.run_id}{suffix}".startswith(prefix)]
        found = [run for run in found if suffix or f"{log_group(run)}/output" == request["logGroupName"]]
        start = int(request.get("nextToken") or 0)
        end = start + int(request.get("limit") or 50)
        streams = [_stream(run, suffix, runs.log(run.run_id)) for run in sorted(found, key=lambda run: run.run_id)[start:end]]
        return {"logStreams": streams, **({"nextToken": str(end)} if end < len(found) else {})}

    def _events(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return whole lines from a token on, which is a position in the file; the same token again where nothing is new."""
        runs, suffix = self._of_group(request["logGroupName"])
        stream = request["logStreamName"]
        run = runs.get(stream.removesuffix(suffix))
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


def _stream(run: RunRecord, suffix: str, log: Path) -> dict[str, Any]:
    created_ms, written_ms = round(run.created_s * 1000), round(log.stat().st_mtime * 1000)
    times = {"creationTime": created_ms, "firstEventTimestamp": created_ms, "lastEventTimestamp": written_ms}
    return {"logStreamName": f"{run.run_id}{suffix}", "storedBytes": log.stat().st_size, **times}
