"""SageMaker tuning jobs, for real: each is a row of training jobs that run here, with values drawn from the ranges of the request."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.tuning_answers import job_summary, tuning_description, tuning_summary
from infra.local.jobs.tuning_faults import tuning_faults
from infra.local.jobs.tuning_values import combinations, tried_values

if TYPE_CHECKING:
    from infra.local.access.guard import Guard

_LOOK_EVERY_S = 0.2
_OF_THE_TRAINING = (
    "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "CheckpointConfig", "Environment",
    "EnableManagedSpotTraining", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
)  # fmt: skip
_MOST_FAILURES = 5
"""A tuning job whose first so many training jobs all fail is failed, as on AWS."""


class TuningJobs:
    """Answers the operations on tuning jobs. Training jobs are recorded in `trainings`, started by `train` and stopped by `stop`."""

    def __init__(
        self,
        folder: Path,
        guard: Guard,
        trainings: RunStore,
        train: Callable[[dict[str, Any]], object],
        stop: Callable[[str], object],
    ) -> None:
        self.runs = RunStore(folder)
        self.guard, self.trainings = guard, trainings
        self._train, self._stop_training = train, stop

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None for an operation on something else."""
        if operation == "ListTags" and ":hyper-parameter-tuning-job/" in request["ResourceArn"]:
            return {"Tags": self._find(request["ResourceArn"].rpartition("/")[2]).details.get("Tags") or []}
        answers = {
            "CreateHyperParameterTuningJob": self._create,
            "DescribeHyperParameterTuningJob": lambda asked: self._described(asked["HyperParameterTuningJobName"]),
            "ListHyperParameterTuningJobs": self._list,
            "ListTrainingJobsForHyperParameterTuningJob": self._list_jobs,
            "StopHyperParameterTuningJob": self._stop,
        }
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """Say of what still runs that it ended."""
        self.runs.stop_own()

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["HyperParameterTuningJobName"]
        if faults := tuning_faults(request):
            raise ServiceError("ValidationException", " ".join(faults))
        self.guard.require_trust(request["TrainingJobDefinition"]["RoleArn"], "sagemaker.amazonaws.com")
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/{name}"
        try:
            self.runs.create(name, {**request, "Arn": arn, "Jobs": []}, "RUNNING")
        except FileExistsError:
            what = f"Hyperparameter tuning job names must be unique, and an existing job {name} was found. Choose another name."
            raise ServiceError("ResourceInUse", what) from None
        threading.Thread(target=self._run, args=[name], name=name, daemon=True).start()
        return {"HyperParameterTuningJobArn": arn}

    def _run(self, name: str) -> None:
        try:
            state, reason = self._search(name)
            self.runs.update(name, state=state, reason=reason)
        except Exception as error:  # a tuning job that cannot go on is a failed one, with its reason
            reason = str(error) if isinstance(error, ServiceError) else f"InternalServerError: {error!r}"
            self.runs.update(name, state="FAILED", reason=reason)

    def _search(self, name: str) -> tuple[str, str]:
        """Start one training job after the other until all are over; return state and reason of the end."""
        config = self._find(name).details["HyperParameterTuningJobConfig"]
        limits, ranges = config["ResourceLimits"], config["ParameterRanges"]
        most = limits.get("MaxNumberOfTrainingJobs") or combinations(ranges)
        values = tried_values(config["Strategy"], ranges, config.get("RandomSeed"))
        while True:
            run = self._find(name)
            jobs = [self.trainings.get(each["Name"]) for each in run.details["Jobs"]]
            active = [job for job in jobs if job is not None and job.active]
            over_time = time.time() - run.created_s > limits.get("MaxRuntimeInSeconds", float("inf"))
            ending = over_time or run.state != "RUNNING"
            if ending and not active:
                return "STOPPED", ""
            if ending:
                self._stop_jobs(active)
            failed = [job for job in jobs if job is not None and job.state == "FAILED"]
            if len(failed) == len(jobs) >= min(_MOST_FAILURES, most):
                return "FAILED", f"All training jobs failed. The first one: {failed[0].reason}"
            if len(jobs) == most and not active:
                return "SUCCEEDED", ""
            if not ending and len(jobs) < most and len(active) < limits["MaxParallelTrainingJobs"]:
                self._start(name, run, next(values))
            else:
                time.sleep(_LOOK_EVERY_S)

    def _stop_jobs(self, active: list[RunRecord]) -> None:
        for job in active:
            if job.state != "STOPPING":  # asked twice, a program would end at once
                with suppress(ServiceError):  # it ended in this moment
                    self._stop_training(job.run_id)

    def _start(self, name: str, run: RunRecord, tuned: dict[str, str]) -> None:
        definition, config = run.details["TrainingJobDefinition"], run.details["HyperParameterTuningJobConfig"]
        job = f"{name}-{len(run.details['Jobs']) + 1:03d}-{uuid.uuid4().hex[:8]}"
        objective = config["HyperParameterTuningJobObjective"]["MetricName"]
        parameters = {**(definition.get("StaticHyperParameters") or {}), **tuned, "_tuning_objective_metric": objective}
        request = {part: definition[part] for part in _OF_THE_TRAINING if part in definition}
        request |= {"TrainingJobName": job, "AlgorithmSpecification": definition["AlgorithmSpecification"], "HyperParameters": parameters}
        self._train({**request, "Tags": run.details.get("Tags") or [], "TuningJobArn": run.details["Arn"]})
        self.runs.update(name, details={"Jobs": [*run.details["Jobs"], {"Name": job, "Tuned": tuned}]})

    def _described(self, name: str) -> dict[str, Any]:
        run = self._find(name)
        return tuning_description(run, self._summaries(run))

    def _summaries(self, run: RunRecord) -> list[dict[str, Any]]:
        objective = run.details["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        known = [(each, self.trainings.get(each["Name"])) for each in run.details["Jobs"]]
        return [job_summary(job, each["Tuned"], objective) for each, job in known if job is not None]

    def _list_jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self._find(request["HyperParameterTuningJobName"])
        found = [each for each in self._summaries(run) if request.get("StatusEquals") in (None, each["TrainingJobStatus"])]
        by_value = request.get("SortBy") == "FinalObjectiveMetricValue"
        if by_value:
            found = [each for each in found if "FinalHyperParameterTuningJobObjectiveMetric" in each]
            found.sort(key=lambda each: each["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
        else:
            found.sort(key=lambda each: each["TrainingJobName" if request.get("SortBy") == "Name" else "CreationTime"])
        if request.get("SortOrder") == "Descending":
            found.reverse()
        return _page("TrainingJobSummaries", found, request)

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        found = [tuning_summary(run, self._summaries(run)) for run in self.runs.all()]
        found = [each for each in found if (request.get("NameContains") or "") in each["HyperParameterTuningJobName"]]
        found = [each for each in found if request.get("StatusEquals") in (None, each["HyperParameterTuningJobStatus"])]
        if request.get("SortOrder") == "Ascending":
            found.reverse()
        return _page("HyperParameterTuningJobSummaries", found, request)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self._find(request["HyperParameterTuningJobName"])
        if not run.active:
            raise ServiceError("ValidationException", f"Expected a tuning job that runs, but got {run.run_id}, which is over.")
        self.runs.stop(run.run_id, 0.0)
        return {}

    def _find(self, name: str) -> RunRecord:
        run = self.runs.get(name)
        if run is None:
            raise ServiceError("ResourceNotFound", f"Requested resource not found: hyperparameter tuning job {name}.")
        return run


def _page(of: str, found: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    start = int(request.get("NextToken") or 0)
    end = start + int(request.get("MaxResults") or 10)
    return {of: found[start:end], **({"NextToken": str(end)} if end < len(found) else {})}
