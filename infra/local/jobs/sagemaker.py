"""SageMaker training jobs, for real: CreateTrainingJob runs the request's entry point as a process in an /opt/ml-like tree.

The image is never pulled: a job runs in this Python environment, on this machine, whatever instance type it names.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError, full_disk, is_full
from infra.local.jobs.container import Container
from infra.local.jobs.model_registry import ModelRegistry
from infra.local.jobs.model_serving import Serving
from infra.local.jobs.processes import ExitStatus, Process, job_environment, last_words, run_logged
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.training_answers import metrics_in, status_of, training_description, training_summary
from infra.local.jobs.training_faults import faults_of
from infra.local.jobs.tuning import TuningJobs

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.s3.object_store import ObjectStore

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_PRINCIPAL = "sagemaker.amazonaws.com"
_STOP_GRACE_S = 120.0
_SYNC_EVERY_S = 5.0
_MOST_REASON = 1000
"""Characters of a reason; AWS keeps 1,024."""


class SageMakerJobs:
    """Answers the operations on training jobs, tuning jobs and the registry of models; the rest is the control plane's."""

    def __init__(self, store: ObjectStore, guard: Guard, endpoint_url: str) -> None:
        self.store = store
        self.guard = guard
        self.endpoint_url = endpoint_url
        self.runs = RunStore(store.root / ".aws" / "runs" / "sagemaker")
        self.serving = Serving(store, guard, endpoint_url)
        self.registry = ModelRegistry(store.root / ".aws" / "models")
        self.tuning = TuningJobs(store.root / ".aws" / "runs" / "tuning", guard, self.runs, self.create, self.stop)

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        if operation == "ListTags" and ":training-job/" in request["ResourceArn"]:
            return {"Tags": self._find(request["ResourceArn"].rpartition("/")[2]).details.get("Tags") or []}
        answers = {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": lambda asked: training_description(self._find(asked["TrainingJobName"])),
            "ListTrainingJobs": self._list,
            "StopTrainingJob": lambda asked: self.stop(asked["TrainingJobName"]),
        }
        if operation in answers:
            return answers[operation](request)
        answer = self.tuning.handle(operation, request)
        answer = self.registry.handle(operation, request) if answer is None else answer
        return self.serving.handle(operation, request) if answer is None else answer

    def close(self) -> None:
        """End what still runs, and say so in its record."""
        self.tuning.close()
        self.runs.stop_own()
        self.serving.close()

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a training job. Raises ServiceError for what AWS refuses, or cannot be run here."""
        name = request["TrainingJobName"]
        faults = faults_of(request)
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
            while self._find(name).details.get("Interrupted"):
                outcome = self._train_again(name, container)
            self._enter(name, "Uploading", "Uploading generated training model")
            self._conclude(name, container, outcome)
        except Exception as error:  # a job that cannot be run is a failed job, with its reason
            error = full_disk(self.store.root) if is_full(error) else error
            known = isinstance(error, ServiceError)
            self.runs.update(name, state="FAILED", reason=(str(error) if known else f"InternalServerError: {error!r}")[:_MOST_REASON])
        finally:
            if container is not None:
                container.clear()

    def interrupt(self, name: str) -> None:
        """Take the spot machine away from a job, as AWS does: the job is asked to end, and starts again with what it saved.

        Raises ServiceError for a job that runs on no spot machine.
        """
        run = self._find(name)
        if not run.details.get("EnableManagedSpotTraining") or run.child is None or not run.active:
            raise ServiceError("ValidationException", f"Expected a job that trains on a spot machine, but got {name}.")
        self.runs.update(name, details={"Interrupted": True})
        run.child.stop_as_container(_STOP_GRACE_S)

    def _train_again(self, name: str, container: Container) -> ExitStatus:
        """Start an interrupted job again, on another machine: only its checkpoints are there."""
        container.upload_checkpoints()
        self._enter(name, "Interrupted", "The spot machine was taken away")
        self.runs.update(name, details={"Interrupted": False})
        run = self._find(name)
        waited_s = time.time() - run.created_s
        if waited_s > run.details["StoppingCondition"]["MaxWaitTimeInSeconds"]:
            return ExitStatus(None)
        container.empty()
        self._enter(name, "Downloading", "Downloading input data")
        container.download()
        self._enter(name, "Training", "Training on this machine, without the image")
        return self._train(name, container)

    def _train(self, name: str, container: Container) -> ExitStatus:
        """Run the program to its end. Over its time it is asked to end, as AWS does, and then has as long as one that is stopped."""
        begun_s = synced_s = time.monotonic()
        limit_s = (container.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds") or float("inf")
        over_time = False

        def look() -> None:
            nonlocal synced_s, over_time
            now_s = time.monotonic()
            if now_s - synced_s > _SYNC_EVERY_S:
                container.upload_checkpoints()
                synced_s = now_s
            child = self._find(name).child
            if now_s - begun_s > limit_s and not over_time and child is not None:
                over_time = True
                child.stop_as_container(_STOP_GRACE_S)

        def started(child: Process) -> None:
            if self.runs.update(name, state="RUNNING", child=child).state == "STOPPING":
                child.stop_group(_STOP_GRACE_S)  # it was stopped before it began

        environment = container.environment(job_environment(self.endpoint_url, REGION, self.guard.identities.issue(container.role, name)))
        outcome = run_logged(
            container.command, environment, container.base / "code", self.runs.log(name), on_start=started, every_half_second=look
        )
        return ExitStatus(None) if over_time else outcome

    def _conclude(self, name: str, container: Container, outcome: ExitStatus) -> None:
        container.upload_checkpoints()
        container.upload_output()
        stopping = self._find(name).state == "STOPPING"
        details: dict[str, Any] = {"Metrics": metrics_in(self.runs.log(name), container.request)}
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
        runs = [run for run in runs if request.get("StatusEquals") in (None, status_of(run))]
        runs = [run for run in runs if run.created_s >= float(request.get("CreationTimeAfter") or 0)]
        keys = {"Name": lambda run: run.run_id, "Status": status_of}
        runs.sort(key=keys.get(request.get("SortBy") or "", lambda run: run.created_s), reverse=request.get("SortOrder") != "Ascending")
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 10)
        return {
            "TrainingJobSummaries": [training_summary(run) for run in runs[start:end]],
            **({"NextToken": str(end)} if end < len(runs) else {}),
        }

    def stop(self, name: str) -> dict[str, Any]:
        """Ask a training job to stop. Raises ServiceError if it is over."""
        run = self._find(name)
        if not run.active:
            what = f"The request was rejected because the training job is in status {status_of(run)}."
            raise ServiceError("ValidationException", what)
        self.runs.stop(run.run_id, _STOP_GRACE_S, Process.stop_as_container)
        return {}
