"""The tasks of a state machine: each calls a service of this machine in the name of the machine's role, and waits for its job's end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import Session
from botocore.validate import ParamValidator

from infra.local.access.asked import asked_by_query
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.access.identities import Principal
    from infra.local.control.plane import ControlPlane, Handle
    from infra.local.s3.object_store import ObjectStore

Request = dict[str, Any]
_NAMES = {"athena": "Athena", "glue": "Glue", "s3": "S3", "sagemaker": "SageMaker"}
"""Service -> how the names of its errors begin."""


class TaskFailedError(Exception):
    """A state that failed, with the name of its error."""

    def __init__(self, error: str, cause: str) -> None:
        self.error = error
        self.cause = cause
        super().__init__(f"{error}: {cause}")


@dataclass(frozen=True)
class _Job:
    """A job that a task starts and waits for."""

    look: str
    """Operation that describes it."""
    stop: str
    named: Callable[[Request, Request], Request]
    """Request and answer of its start -> how to ask for it."""
    inside: str
    """Field of the description that counts; empty for all of it."""
    status: Callable[[Request], str]
    good: frozenset[str]
    under_way: frozenset[str]
    stopped: Callable[[Request], Request]
    """How to ask for it -> how to ask to stop it."""


_JOBS = {
    "StartJobRun": _Job(
        look="GetJobRun",
        stop="BatchStopJobRun",
        named=lambda asked, answer: {"JobName": asked["JobName"], "RunId": answer["JobRunId"]},
        inside="JobRun",
        status=lambda found: str(found["JobRunState"]),
        good=frozenset({"SUCCEEDED", "STOPPED"}),
        under_way=frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"}),
        stopped=lambda named: {"JobName": named["JobName"], "JobRunIds": [named["RunId"]]},
    ),
    "StartQueryExecution": _Job(
        look="GetQueryExecution",
        stop="StopQueryExecution",
        named=lambda asked, answer: {"QueryExecutionId": answer["QueryExecutionId"]},
        inside="",
        status=lambda found: str(found["QueryExecution"]["Status"]["State"]),
        good=frozenset({"SUCCEEDED"}),
        under_way=frozenset({"QUEUED", "RUNNING"}),
        stopped=lambda named: named,
    ),
    "CreateTrainingJob": _Job(
        look="DescribeTrainingJob",
        stop="StopTrainingJob",
        named=lambda asked, answer: {"TrainingJobName": asked["TrainingJobName"]},
        inside="",
        status=lambda found: str(found["TrainingJobStatus"]),
        good=frozenset({"Completed"}),
        under_way=frozenset({"InProgress", "Stopping"}),
        stopped=lambda named: named,
    ),
}


class Tasks:
    """Calls in the name of one role."""

    def __init__(self, store: ObjectStore, control: ControlPlane, guard: Guard, handle: Handle, principal: Principal) -> None:
        self._store = store
        self._control = control
        self._guard = guard
        self._handle = handle
        self._principal = principal

    def run(self, task: str, request: Request, wait: Callable[[], bool]) -> Request:
        """Do a task and return its result. `wait` pauses, and returns False if the execution is to end: then the job is stopped.

        Raises TaskFailedError.
        """
        service, operation = _service_and_operation(task)
        answer = self._call(service, operation, request)
        if not task.endswith(".sync"):
            return answer
        job = _JOBS[operation]
        named = job.named(request, answer)
        while True:
            described = self._call(service, job.look, named)
            found = described[job.inside] if job.inside else described
            if job.status(found) not in job.under_way:
                break
            if not wait():
                self._call(service, job.stop, job.stopped(named))
                raise TaskFailedError("States.Aborted", "The execution was stopped, and its job with it.")
        if job.status(found) not in job.good:
            raise TaskFailedError("States.TaskFailed", json.dumps(found, default=str))
        return found

    def _call(self, service: str, operation: str, request: Request) -> Request:
        """Call an operation. Raises TaskFailedError as Step Functions names the errors of services."""
        try:
            _check(service, operation, request)
            if service == "s3":
                return self._object(operation, request)
            answer: Request = json.loads(json.dumps(self._service(service, operation, request), default=_epoch))
            return answer
        except ServiceError as error:
            code = error.code if error.code.endswith("Exception") else f"{error.code}Exception"
            raise TaskFailedError(f"{_NAMES[service]}.{code}", error.message) from None

    def _service(self, service: str, operation: str, request: Request) -> Request:
        self._guard.pass_json(self._principal, service, operation, self._with_workgroup(service, request))
        if operation == "StartQueryExecution":
            workgroup = self._control.invoke("athena", "GetWorkGroup", {"WorkGroup": request.get("WorkGroup") or "primary"})
            self._guard.require(self._principal, asked_by_query(request, workgroup["WorkGroup"]), service)
        answer = self._handle(service, operation, dict(request))
        return self._control.invoke(service, operation, request) if answer is None else answer

    def _with_workgroup(self, service: str, request: Request) -> Request:
        """Add the workgroup of a query: rights are given by workgroup."""
        if service != "athena" or "QueryExecutionId" not in request:
            return request
        found = self._handle("athena", "GetQueryExecution", {"QueryExecutionId": request["QueryExecutionId"]}) or {}
        return {**request, "WorkGroup": found["QueryExecution"]["WorkGroup"]}

    def _object(self, operation: str, request: Request) -> Request:
        """Write a JSON object, or delete one."""
        uri = f"s3://{request['Bucket']}/{request['Key']}"
        self._guard.require_of_role(self._principal.arn, f"s3:{operation}", uri)
        if operation == "DeleteObject":
            self._store.delete(request["Bucket"], request["Key"])
            return {}
        self._store.put(request["Bucket"], request["Key"], json.dumps(request["Body"]).encode())
        return {}


def _service_and_operation(task: str) -> tuple[str, str]:
    service, operation = task.removeprefix("aws-sdk:").removesuffix(".sync").split(":")
    return service, operation[0].upper() + operation[1:]


def _check(service: str, operation: str, request: Request) -> None:
    """Raise ValidationException for a request that the service's own description does not allow."""
    if operation == "PutObject":
        if not isinstance(request.get("Body"), dict):
            raise ServiceError("ValidationException", "Expected Body to be an object of JSON; others are written on AWS only.")
        request = {**request, "Body": b""}
    faults = ParamValidator().validate(request, _model(service).operation_model(operation).input_shape)
    if faults.has_errors():
        raise ServiceError("ValidationException", faults.generate_report())


@cache
def _model(service: str) -> Any:
    return Session().get_service_model(service)


def _epoch(value: object) -> Any:
    """Write times as numbers."""
    stamp = getattr(value, "timestamp", None)
    return stamp() if stamp else str(value)
