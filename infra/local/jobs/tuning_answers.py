"""What SageMaker tells of a tuning job and of its training jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.jobs.runs import RunRecord
from infra.local.jobs.training_answers import status_of

_STATUSES = {"SUCCEEDED": "Completed", "FAILED": "Failed", "STOPPED": "Stopped", "STOPPING": "Stopping"}
_COUNTED = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped", "Stopping": "InProgress"}
_OBJECTIVE = "FinalHyperParameterTuningJobObjectiveMetric"


def job_summary(job: RunRecord, tuned: Mapping[str, str], objective: Mapping[str, str]) -> dict[str, Any]:
    """Return what is told of one training job: its values, and its objective if it has one."""
    status = status_of(job)
    summary = {"TrainingJobName": job.run_id, "TrainingJobArn": job.details["TrainingJobArn"], "TrainingJobStatus": status}
    summary |= {"CreationTime": job.created_s, "TunedHyperParameters": dict(tuned)}
    summary |= {name: at for name, at in (("TrainingStartTime", job.started_s), ("TrainingEndTime", job.ended_s)) if at is not None}
    values = {each["MetricName"]: each["Value"] for each in job.details.get("Metrics") or []}
    if not job.active and objective["MetricName"] in values and status == "Completed":
        metric = {"Type": objective["Type"], "MetricName": objective["MetricName"], "Value": values[objective["MetricName"]]}
        return {**summary, _OBJECTIVE: metric, "ObjectiveStatus": "Succeeded"}
    failed = {"FailureReason": job.reason} if job.state == "FAILED" else {}
    return {**summary, **failed, "ObjectiveStatus": "Pending" if job.active else "Failed"}


def tuning_summary(run: RunRecord, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what ListHyperParameterTuningJobs tells of a tuning job."""
    config = run.details["HyperParameterTuningJobConfig"]
    return {**_about(run, jobs), "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}


def tuning_description(run: RunRecord, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what DescribeHyperParameterTuningJob tells of a tuning job."""
    details = run.details
    about = {name: details[name] for name in ("HyperParameterTuningJobConfig", "TrainingJobDefinition")}
    done = [each for each in jobs if _OBJECTIVE in each]
    if done:
        lowest = details["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Minimize"
        about["BestTrainingJob"] = (min if lowest else max)(done, key=lambda each: each[_OBJECTIVE]["Value"])
    failed = {"FailureReason": run.reason} if run.state == "FAILED" else {}
    return {**about, **_about(run, jobs), **failed}


def _about(run: RunRecord, jobs: list[dict[str, Any]]) -> dict[str, Any]:
    ended = {"HyperParameterTuningEndTime": run.ended_s} if run.ended_s else {}
    counted = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    objectives = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
    for job in jobs:
        counted[_COUNTED.get(job["TrainingJobStatus"], "InProgress")] += 1
        objectives[job["ObjectiveStatus"]] += 1
    return {
        "HyperParameterTuningJobName": run.run_id,
        "HyperParameterTuningJobArn": run.details["Arn"],
        "HyperParameterTuningJobStatus": _STATUSES.get(run.state, "InProgress"),
        "CreationTime": run.created_s,
        "LastModifiedTime": run.changed_s,
        "TrainingJobStatusCounters": counted,
        "ObjectiveStatusCounters": objectives,
        **ended,
    }
