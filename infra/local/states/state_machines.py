"""The operations of Step Functions: definitions are checked and then kept by the control plane; executions run here, in threads."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.access.asked import arn, role_arn
from infra.local.access.identities import Principal
from infra.local.access.policies import Ask
from infra.local.control.moto_app import ACCOUNT
from infra.local.errors import ServiceError
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.states.machine_language import read_definition, task_of
from infra.local.states.machine_run import MachineRun, now
from infra.local.states.machine_tasks import Tasks

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.control.plane import ControlPlane, Handle
    from infra.local.s3.object_store import ObjectStore

LOG_GROUPS = "/aws/vendedlogs/states/"
"""How the names of the log groups of state machines begin."""
_PRINCIPAL = "states.amazonaws.com"
_MANAGED_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
"""Step Functions hears by this rule that a training job is over, and makes it in the name of the machine's role."""
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_POLL_S = 0.2
_KEEP_DAYS = 90.0
"""Step Functions remembers executions that have ended so long."""
_STATES = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "ABORTED": "STOPPED", "TIMED_OUT": "TIMEOUT"}
_STATUSES = {state: status for status, state in _STATES.items()}
Request = dict[str, Any]


class StateMachines:
    """Answers the operations on executions, and checks those on state machines."""

    def __init__(self, store: ObjectStore, control: ControlPlane, guard: Guard, handle: Handle) -> None:
        self._store = store
        self._control = control
        self._guard = guard
        self._handle = handle
        self.runs = RunStore(store.root / ".aws" / "runs" / "states", _KEEP_DAYS)

    def handle(self, operation: str, request: Request) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane, which keeps state machines."""
        if operation in ("CreateStateMachine", "UpdateStateMachine"):
            self._check(request)
            return None
        answers = {
            "StartExecution": self._start,
            "DescribeExecution": lambda asked: self._about(self._find(asked["executionArn"])),
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "StopExecution": self._stop,
        }
        if operation in answers:
            return answers[operation](request)
        if "Execution" in operation or "Activity" in operation or "MapRun" in operation:
            raise ServiceError("NotImplemented", f"Expected one of {', '.join(answers)}, but got {operation}. It exists on AWS only.", 501)
        return None

    def close(self) -> None:
        """End what still runs, and say so in its record."""
        self.runs.stop_own()

    def _check(self, request: Request) -> None:
        """Refuse what AWS would: a definition with faults, or a role that Step Functions cannot assume or that lacks rights for rules."""
        known: Request = {}
        if request.get("stateMachineArn"):
            known = self._control.invoke("states", "DescribeStateMachine", {"stateMachineArn": request["stateMachineArn"]})
        definition = read_definition(request.get("definition") or known["definition"])
        role = request.get("roleArn") or known["roleArn"]
        if request.get("type", "STANDARD") != "STANDARD":
            raise ServiceError("StateMachineTypeNotSupported", "Expected type STANDARD, but got EXPRESS. It exists on AWS only.")
        if not self._guard.trusts(role, _PRINCIPAL):
            what = (
                "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume the provided role."
            )
            raise ServiceError("AccessDeniedException", what)
        if any(task_of(state.get("Resource", "")) == "sagemaker:createTrainingJob.sync" for state in definition["States"].values()):
            rule = arn("events", f"rule/{_MANAGED_RULE}")
            asks = [Ask(f"events:{verb}", rule) for verb in ("PutTargets", "PutRule", "DescribeRule")]
            try:
                self._guard.require(Principal(role_arn(role)), asks, "states")
            except ServiceError as error:
                what = f"'{role}' is not authorized to create managed-rule. {error.message}"
                raise ServiceError("AccessDeniedException", what) from None

    def _start(self, request: Request) -> dict[str, Any]:
        machine = self._control.invoke("states", "DescribeStateMachine", {"stateMachineArn": request["stateMachineArn"]})
        given, name = request.get("input") or "{}", request.get("name") or str(uuid.uuid4())
        try:
            json.loads(given)
        except ValueError as error:
            raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from None
        if not _NAME.fullmatch(name):
            raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
        full = arn("states", f"execution:{machine['name']}:{name}")
        details = {"executionArn": full, "machine": machine["stateMachineArn"], "name": name, "input": given}
        destinations = (machine.get("loggingConfiguration") or {}).get("destinations") or []
        if destinations:
            details["log_group"] = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"].split(":log-group:")[1].removesuffix(":*")
        try:
            run = self.runs.create(_run_id(full), details, "RUNNING")
        except FileExistsError:
            run = self._find(full)
            if not run.active or run.details["input"] != given:
                raise ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{full}'") from None
            return {"executionArn": full, "startDate": run.created_s}
        threading.Thread(target=self._run, args=[run, machine], name=full, daemon=True).start()
        return {"executionArn": full, "startDate": run.created_s}

    def _run(self, run: RunRecord, machine: Request) -> None:
        name, role = run.details["name"], machine["roleArn"]
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{name}"
        tasks = Tasks(self._store, self._control, self._guard, self._handle, Principal(role_arn(role), session))
        events = _Events(self.runs.log(run.run_id), run.details["executionArn"])
        execution = {"Id": run.details["executionArn"], "Name": name, "RoleArn": role, "StartTime": now()}
        given = json.loads(run.details["input"])
        context = {"Execution": {**execution, "Input": given}, "StateMachine": {"Id": run.details["machine"], "Name": machine["name"]}}
        events.tell("ExecutionStarted", {"input": run.details["input"], "roleArn": role})
        try:
            going = MachineRun(read_definition(machine["definition"]), context, tasks.run, events.tell, lambda: self._keeps_on(run.run_id))
            ended = going.to_end(given)
        except Exception as error:  # an execution that cannot go on is a failed one, with its reason
            self.runs.update(run.run_id, state="FAILED", details={"error": "States.Runtime", "cause": repr(error)})
            return
        told = {"error": ended.error, "cause": ended.cause} if ended.status != "SUCCEEDED" else {"output": json.dumps(ended.output)}
        self.runs.update(run.run_id, state=_STATES[ended.status], details=told)

    def _keeps_on(self, run_id: str) -> bool:
        time.sleep(_POLL_S)
        run = self.runs.get(run_id)
        return run is not None and run.state == "RUNNING"

    def _stop(self, request: Request) -> dict[str, Any]:
        run = self._find(request["executionArn"])
        self.runs.update(run.run_id, state="STOPPING", details={name: request[name] for name in ("error", "cause") if request.get(name)})
        return {"stopDate": time.time()}

    def _list(self, request: Request) -> dict[str, Any]:
        runs = [run for run in self.runs.all() if run.details["machine"] == request.get("stateMachineArn")]
        runs = [run for run in runs if request.get("statusFilter") in (None, _status(run))]
        start = int(request.get("nextToken") or 0)
        end = start + int(request.get("maxResults") or 100)
        shown = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        listed = [{name: value for name, value in self._about(run).items() if name in shown} for run in runs[start:end]]
        return {"executions": listed, **({"nextToken": str(end)} if end < len(runs) else {})}

    def _history(self, request: Request) -> dict[str, Any]:
        run = self._find(request["executionArn"])
        events = [_event(json.loads(line)) for line in self.runs.log(run.run_id).read_text().splitlines()]
        events = events[::-1] if request.get("reverseOrder") else events
        start = int(request.get("nextToken") or 0)
        end = start + int(request.get("maxResults") or 100)
        return {"events": events[start:end], **({"nextToken": str(end)} if end < len(events) else {})}

    def _about(self, run: RunRecord) -> dict[str, Any]:
        details = run.details
        told = {name: details[name] for name in ("input", "output", "error", "cause") if details.get(name)}
        if run.state == "FAILED" and run.reason:
            told = {**told, "error": "States.Runtime", "cause": run.reason}
        about = {"executionArn": details["executionArn"], "stateMachineArn": details["machine"], "name": details["name"]}
        return {**about, "status": _status(run), "startDate": run.created_s, **({"stopDate": run.ended_s} if run.ended_s else {}), **told}

    def _find(self, execution: str) -> RunRecord:
        run = self.runs.get(_run_id(execution))
        if run is None or run.details["executionArn"] != execution:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution}'")
        return run


class _Events:
    """The history of one execution: a line of JSON for each event, as the log group of the machine has it."""

    def __init__(self, log: Path, execution: str) -> None:
        self._log = log
        self._execution = execution
        self._count = 0

    def tell(self, kind: str, details: Request) -> None:
        """Add an event."""
        self._count += 1
        event = {"id": str(self._count), "type": kind, "details": details, "previous_event_id": str(self._count - 1)}
        line = {**event, "event_timestamp": str(round(time.time() * 1000)), "execution_arn": self._execution}
        with self._log.open("a") as log:
            log.write(json.dumps(line) + "\n")


def _event(line: Request) -> dict[str, Any]:
    """Return an event as GetExecutionHistory has it: the name of its details depends on its type."""
    kind = str(line["type"])
    entered, exited = kind.endswith("StateEntered"), kind.endswith("StateExited")
    named = "stateEntered" if entered else "stateExited" if exited else kind[0].lower() + kind[1:]
    about = {"id": int(line["id"]), "previousEventId": int(line["previous_event_id"]), "type": kind}
    return {**about, "timestamp": int(line["event_timestamp"]) / 1000, f"{named}EventDetails": line["details"]}


def _run_id(execution: str) -> str:
    return "-".join(execution.split(":")[-2:])


def _status(run: RunRecord) -> str:
    return "RUNNING" if run.active else _STATUSES[run.state]
