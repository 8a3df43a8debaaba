"""One execution of a state machine: from state to state, with an event for each step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.local.states.machine_language import State, task_of
from infra.local.states.machine_paths import PathError, at, filled, put
from infra.local.states.machine_tasks import TaskFailedError

_MOST_BYTES = 262_144
"""Of the data between two states; AWS takes no more."""

RunTask = Callable[[str, dict[str, Any], Callable[[], bool]], dict[str, Any]]


@dataclass
class Ending:
    """How an execution ended."""

    status: str
    output: Any = None
    error: str = ""
    cause: str = ""


@dataclass
class MachineRun:
    """An execution that goes on."""

    definition: Mapping[str, Any]
    context: dict[str, Any]
    """The context object: Execution and StateMachine."""
    run_task: RunTask
    tell: Callable[[str, dict[str, Any]], None]
    """Called with the type and the details of each event."""
    keeps_on: Callable[[], bool]
    """Waits a moment; says whether nobody has stopped the execution."""
    _began_s: float = field(default_factory=time.monotonic)

    def to_end(self, given: Any) -> Ending:
        """Go from the first state to an end."""
        name, data = self.definition["StartAt"], given
        while True:
            state = self.definition["States"][name]
            kind = state["Type"]
            self.context["State"] = {"Name": name, "EnteredTime": now()}
            self.tell(f"{kind}StateEntered", {"name": name, "input": json.dumps(data)})
            try:
                if kind == "Fail":
                    cause = at(state["CausePath"], data, self.context) if "CausePath" in state else state.get("Cause", "")
                    return self._failed(state.get("Error", ""), cause)
                data, following = self._done(state, kind, data)
                if len(json.dumps(data)) > _MOST_BYTES:
                    raise TaskFailedError("States.DataLimitExceeded", f"The data behind state {name} are larger than {_MOST_BYTES} bytes.")
            except TaskFailedError as error:
                if error.error == "States.Aborted":
                    return self._stopped()
                return self._failed(error.error, error.cause)
            except PathError as error:
                return self._failed("States.Runtime", f"An error occurred while executing the state '{name}': {error}")
            self.tell(f"{kind}StateExited", {"name": name, "output": json.dumps(data)})
            if following is None:
                self.tell("ExecutionSucceeded", {"output": json.dumps(data)})
                return Ending("SUCCEEDED", output=data)
            name = following

    def _done(self, state: State, kind: str, data: Any) -> tuple[Any, str | None]:
        """Do one state; return the data behind it, and the next state, None at the end."""
        if kind == "Succeed":
            return data, None
        if kind == "Choice":
            return data, self._chosen(state, data)
        result = filled(state["Parameters"], data, self.context) if "Parameters" in state else state.get("Result", data)
        if kind == "Task":
            result = self._tried(state, result)
            if "ResultSelector" in state:
                result = filled(state["ResultSelector"], result, self.context)
        return put(state.get("ResultPath", "$"), data, result), state.get("Next")

    def _chosen(self, state: State, data: Any) -> str:
        for rule in state["Choices"]:
            if all(self._holds(test, data) for test in rule.get("And", [rule])):
                return str(rule["Next"])
        if "Default" not in state:
            raise TaskFailedError("States.NoChoiceMatched", "No choice of the state matches, and there is no Default.")
        return str(state["Default"])

    def _holds(self, test: Mapping[str, Any], data: Any) -> bool:
        found = at(test["Variable"], data, self.context)
        (wanted,) = (value for name, value in test.items() if name not in ("Variable", "Next"))
        return type(found) is type(wanted) and bool(found == wanted)

    def _tried(self, state: State, request: dict[str, Any]) -> dict[str, Any]:
        """Run a task, again after errors that the state retries."""
        resource = task_of(state["Resource"])
        about = {"resourceType": resource.split(":")[0], "resource": resource.partition(":")[2]}
        tries = [0] * len(state.get("Retry", ()))
        while True:
            self.tell("TaskScheduled", {**about, "parameters": json.dumps(request), "region": ""})
            try:
                result = self.run_task(resource, request, self._wait)
            except TaskFailedError as error:
                self.tell("TaskFailed", {**about, "error": error.error, "cause": error.cause})
                if not self._again(state, error, tries):
                    raise
                continue
            self.tell("TaskSucceeded", {**about, "output": json.dumps(result)})
            return result

    def _again(self, state: State, error: TaskFailedError, tries: list[int]) -> bool:
        """Wait as the state says for this error, and return whether to try again."""
        for number, rule in enumerate(state.get("Retry", ())):
            if {error.error, "States.ALL"} & set(rule["ErrorEquals"]) and tries[number] < rule.get("MaxAttempts", 3):
                pause_s = rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2.0) ** tries[number]
                tries[number] += 1
                until = time.monotonic() + pause_s
                while time.monotonic() < until:
                    if not self._wait():
                        raise TaskFailedError("States.Aborted", "")
                return True
        return False

    def _wait(self) -> bool:
        """Wait a moment; return False when the execution is to end. Raises TaskFailedError when its time is over."""
        return self.keeps_on() and not self._is_late()

    def _is_late(self) -> bool:
        return time.monotonic() - self._began_s > self.definition.get("TimeoutSeconds", float("inf"))

    def _failed(self, error: str, cause: str) -> Ending:
        self.tell("ExecutionFailed", {"error": error, "cause": cause})
        return Ending("FAILED", error=error, cause=cause)

    def _stopped(self) -> Ending:
        if self._is_late():
            self.tell("ExecutionTimedOut", {"error": "States.Timeout", "cause": ""})
            return Ending("TIMED_OUT", error="States.Timeout")
        self.tell("ExecutionAborted", {"error": "", "cause": ""})
        return Ending("ABORTED")


def now() -> str:
    """Return the time as the context object has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
