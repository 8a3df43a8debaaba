"""SageMaker training jobs, for real: CreateTrainingJob runs the request's entry point as a process in an /opt/ml-like tree.

The image is never pulled: a job runs in this Python environment, on this machine, whatever instance type it names.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError, full_disk, is_full
from infra.local.jobs.container import Container
from infra.local.jobs.model_registry import ModelRegistry
from infra.local.jobs.processes import ExitStatus, Process, job_environment, last_words, run_logged
from infra.local.jobs.runs import RunRecord, RunStore

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.s3.object_store import ObjectStore

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_PRINCIPAL = "sagemaker.amazonaws.com"
_STOP_GRACE_S = 120.0
_SYNC_EVERY_S = 5.0
_MOST_REASON = 1000
"""Characters of a reason; AWS keeps 1,024."""
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_STATUSES = {"SUCCEEDED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped", "TIMEOUT": "Stopped", "STOPPING": "Stopping"}
_ECHOED = (
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "HyperParameters",
    "CheckpointConfig", "Environment", "EnableManagedSpotTraining", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
    "TrainingJobName", "TrainingJobArn",
)  # fmt: skip


class SageMakerJobs:
    """Answers the operations on training jobs and on the registry of models; the rest is the control plane's."""

    def __init__(self, store: ObjectStore, guard: Guard, endpoint_url: str) -> None:
        self.store = store
        self.guard = guard
        self.endpoint_url = endpoint_url
        self.runs = RunStore(store.root / ".aws" / "runs" / "sagemaker")
        self.registry = ModelRegistry(store.root / ".aws" / "models")

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        if operation == "ListTags" and ":training-job/" in request["ResourceArn"]:
            return {"Tags": self._find(request["ResourceArn"].rpartition("/")[2]).details.get("Tags") or []}
        answers = {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": lambda asked: _description(self._find(asked["TrainingJobName"])),
            "ListTrainingJobs": self._list,
            "StopTrainingJob": self._stop,
        }
        return answers[operation](request) if operation in answers else self.registry.handle(operation, request)

    def close(self) -> None:
        """End what still runs, and say so in its record."""
        self.runs.stop_own()

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["TrainingJobName"]
        faults = _faults(request)
        if faults:
            raise ServiceError("ValidationException", " ".join(faults))
        self.guard.require_trust(request["RoleArn"], _PRINCIPAL)
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"
        details = {**request, "TrainingJobArn": arn, "Transitions": []}
        try:
            self.runs.create(name, details, "STARTING")
        except FileExistsError:
            what = f"Training job names must be unique, and an existing job {name} was found. Choose another name."
            raise ServiceError("ResourceInUse", what) from None
        threading.Thread(target=self._run, args=[name], name=name, daemon=True).start()
        return {"TrainingJobArn": arn}

    def _run(self, name: str) -> None:
        container = None
        try:
            container = Container(self._find(name).details, self.runs.workplace(name), self.store, self.guard)
            self._enter(name, "Downloading", "Downloading input data")
            container.download()
            self._enter(name, "Training", "Training on this machine, without the image")
            outcome = self._train(name, container)
            self._enter(name, "Uploading", "Uploading generated training model")
            self._conclude(name, container, outcome)
        except Exception as error:  # a job that cannot be run is a failed job, with its reason
            error = full_disk(self.store.root) if is_full(error) else error
            known = isinstance(error, ServiceError)
            self.runs.update(name, state="FAILED", reason=(str(error) if known else f"InternalServerError: {error!r}")[:_MOST_REASON])
        finally:
            if container is not None:
                container.clear()

    def _train(self, name: str, container: Container) -> ExitStatus:
        synced_s = time.monotonic()

        def sync() -> None:
            nonlocal synced_s
            if time.monotonic() - synced_s > _SYNC_EVERY_S:
                container.upload_checkpoints()
                synced_s = time.monotonic()

        def started(child: Process) -> None:
            if self.runs.update(name, state="RUNNING", child=child).state == "STOPPING":
                child.stop_group(_STOP_GRACE_S)

        environment = container.environment(job_environment(self.endpoint_url, REGION, self.guard.identities.issue(container.role, name)))
        limit_s = (container.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
        return run_logged(container.command, environment, container.base / "code", self.runs.log(name), limit_s, started, sync)

    def _conclude(self, name: str, container: Container, outcome: ExitStatus) -> None:
        container.upload_checkpoints()
        container.upload_output()
        stopping = self._find(name).state == "STOPPING"
        details: dict[str, Any] = {"Metrics": _metrics(self.runs.log(name), container.request)}
        state, reason = "SUCCEEDED", ""
        if outcome.code is None:
            state, reason = "TIMEOUT", "MaxRuntimeExceeded"
        elif stopping:
            state = "STOPPED"
        elif not outcome.good:
            said = container.failure() or last_words(self.runs.log(name)) or "The program said nothing"
            state, reason = "FAILED", f"AlgorithmError: {said[: _MOST_REASON - 50]}, exit code: {outcome.code}"
        if state != "FAILED":
            details["Model"] = container.upload_model()
        self.runs.update(name, state=state, reason=reason, details=details)

    def _enter(self, name: str, status: str, message: str) -> None:
        transitions = self._find(name).details["Transitions"]
        self.runs.update(name, details={"Transitions": [*transitions, [status, message, time.time()]]})

    def _find(self, name: str) -> RunRecord:
        run = self.runs.get(name)
        if run is None:
            raise ServiceError("ValidationException", f"Requested resource not found: training job {name}.")
        return run

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        runs = [run for run in self.runs.all() if (request.get("NameContains") or "") in run.run_id]
        runs = [run for run in runs if request.get("StatusEquals") in (None, _status(run))]
        runs = [run for run in runs if run.created_s >= float(request.get("CreationTimeAfter") or 0)]
        keys = {"Name": lambda run: run.run_id, "Status": _status}
        runs.sort(key=keys.get(request.get("SortBy") or "", lambda run: run.created_s), reverse=request.get("SortOrder") != "Ascending")
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 10)
        return {"TrainingJobSummaries": [_summary(run) for run in runs[start:end]], **({"NextToken": str(end)} if end < len(runs) else {})}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self._find(request["TrainingJobName"])
        if not run.active:
            what = f"The request was rejected because the training job is in status {_status(run)}."
            raise ServiceError("ValidationException", what)
        self.runs.stop(run.run_id, _STOP_GRACE_S)
        return {}


def _faults(request: dict[str, Any]) -> list[str]:
    """Return what of a request cannot be run here."""
    faults = []
    if not _NAME.fullmatch(request["TrainingJobName"]):
        got = f"Expected a job name of at most 63 letters, digits and '-', but got {request['TrainingJobName']!r}."
        faults.append(f"{got} Choose another one.")
    if not (request.get("AlgorithmSpecification") or {}).get("ContainerEntrypoint"):
        faults.append("Expected a ContainerEntrypoint, but got only an image, which is not pulled here. Name the command to run.")
    if not (request.get("OutputDataConfig") or {}).get("S3OutputPath"):
        faults.append("Expected OutputDataConfig with an S3OutputPath, but got none. Say where the model goes.")
    if int((request.get("ResourceConfig") or {}).get("InstanceCount") or 1) != 1:
        faults.append("Expected one instance, but got several. A job on several machines exists on AWS only.")
    return faults


def _metrics(log: Path, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the last value of each metric that the log tells of."""
    definitions = request["AlgorithmSpecification"].get("MetricDefinitions") or []
    text = log.read_text(errors="replace") if definitions and log.exists() else ""
    found = []
    for definition in definitions:
        values = [match[1] for match in re.finditer(definition["Regex"], text) if match.re.groups]
        if values:
            with suppress(ValueError):  # a pattern that catches more than a number gives no metric, as on AWS
                found.append({"MetricName": definition["Name"], "Value": float(values[-1]), "Timestamp": time.time()})
    return found


def _status(run: RunRecord) -> str:
    return _STATUSES.get(run.state, "InProgress")


def _secondary(run: RunRecord) -> str:
    if run.state == "TIMEOUT":
        return "MaxRuntimeExceeded"
    if run.active and run.state != "STOPPING":
        return str(run.details["Transitions"][-1][0]) if run.details["Transitions"] else "Starting"
    return _status(run)


def _summary(run: RunRecord) -> dict[str, Any]:
    times = {"TrainingEndTime": run.ended_s} if run.ended_s else {}
    named = {"TrainingJobName": run.run_id, "TrainingJobArn": run.details["TrainingJobArn"], "TrainingJobStatus": _status(run)}
    return {**named, "CreationTime": run.created_s, "LastModifiedTime": run.changed_s, **times}


def _description(run: RunRecord) -> dict[str, Any]:
    details = run.details
    about = {name: details[name] for name in _ECHOED if name in details}
    about |= {"TrainingJobStatus": _status(run), "SecondaryStatus": _secondary(run), "CreationTime": run.created_s}
    about |= {"LastModifiedTime": run.changed_s, "SecondaryStatusTransitions": _transitions(run)}
    if run.started_s is not None:
        about["TrainingStartTime"] = run.started_s
    if not run.active:
        seconds = max(1, round(run.duration_s))
        about |= {"TrainingEndTime": run.ended_s, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    if run.reason and run.state == "FAILED":
        about["FailureReason"] = run.reason
    if details.get("Model"):
        about["ModelArtifacts"] = {"S3ModelArtifacts": details["Model"]}
    if details.get("Metrics"):
        about["FinalMetricDataList"] = details["Metrics"]
    return about


def _transitions(run: RunRecord) -> list[dict[str, Any]]:
    entries = [["Starting", "Preparing the job on this machine", run.created_s], *run.details["Transitions"]]
    if not run.active:
        entries.append([_secondary(run), run.reason, run.ended_s])
    ends = [entry[2] for entry in entries[1:]] + ([run.ended_s] if not run.active else [])
    shown = [{"Status": status, "StatusMessage": message, "StartTime": start} for status, message, start in entries]
    return [{**entry, "EndTime": end} for entry, end in zip(shown, ends, strict=False)] + shown[len(ends) :]
