"""What SageMaker tells of a training job."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from infra.local.jobs.runs import RunRecord

_STATUSES = {"SUCCEEDED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped", "TIMEOUT": "Stopped", "STOPPING": "Stopping"}
_ECHOED = (
    "AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "HyperParameters",
    "CheckpointConfig", "Environment", "EnableManagedSpotTraining", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
    "TrainingJobName", "TrainingJobArn", "TuningJobArn",
)  # fmt: skip


def metrics_in(log: Path, request: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def status_of(run: RunRecord) -> str:
    """Return TrainingJobStatus."""
    return _STATUSES.get(run.state, "InProgress")


def _secondary(run: RunRecord) -> str:
    if run.state == "TIMEOUT":
        return "MaxRuntimeExceeded"
    if run.active and run.state != "STOPPING":
        return str(run.details["Transitions"][-1][0]) if run.details["Transitions"] else "Starting"
    return status_of(run)


def training_summary(run: RunRecord) -> dict[str, Any]:
    """Return what ListTrainingJobs tells of a job."""
    times = {"TrainingEndTime": run.ended_s} if run.ended_s else {}
    named = {"TrainingJobName": run.run_id, "TrainingJobArn": run.details["TrainingJobArn"], "TrainingJobStatus": status_of(run)}
    return {**named, "CreationTime": run.created_s, "LastModifiedTime": run.changed_s, **times}


def training_description(run: RunRecord) -> dict[str, Any]:
    """Return what DescribeTrainingJob tells of a job."""
    details = run.details
    about = {name: details[name] for name in _ECHOED if name in details}
    about |= {"TrainingJobStatus": status_of(run), "SecondaryStatus": _secondary(run), "CreationTime": run.created_s}
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
