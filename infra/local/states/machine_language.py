"""What of the Amazon States Language is executed here: the states, fields and tasks that we use. A definition with others is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local.errors import ServiceError
from infra.local.states.machine_paths import PathError, check_template

State = Mapping[str, Any]
TASKS = frozenset(
    {
        "athena:getQueryResults", "athena:startQueryExecution.sync", "aws-sdk:s3:deleteObject", "aws-sdk:s3:putObject",
        "aws-sdk:sagemaker:createModelPackage", "aws-sdk:sagemaker:describeTrainingJob", "glue:startJobRun.sync",
        "sagemaker:createTrainingJob.sync",
    }
)  # fmt: skip
"""Resources of tasks, without `arn:aws:states:::`."""
_TOP = frozenset({"Comment", "StartAt", "States", "TimeoutSeconds", "QueryLanguage", "Version"})
_ALWAYS = frozenset({"Type", "Comment"})
_GOES_ON = frozenset({"Next", "End"})
_FIELDS = {
    "Pass": _GOES_ON | {"Parameters", "Result", "ResultPath"},
    "Task": _GOES_ON | {"Resource", "Parameters", "ResultSelector", "ResultPath", "Retry"},
    "Choice": frozenset({"Choices", "Default"}),
    "Fail": frozenset({"Error", "Cause", "CausePath"}),
    "Succeed": frozenset[str](),
}
_RETRY = frozenset({"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate"})
_COMPARISONS = frozenset({"StringEquals", "BooleanEquals"})


def read_definition(text: str) -> dict[str, Any]:
    """Read a definition. Raises InvalidDefinition with all faults: what AWS would refuse, and what is executed on AWS only."""
    try:
        definition = json.loads(text)
    except ValueError as error:
        raise _invalid([f"Expected JSON, but got something else ({error})"]) from None
    if not isinstance(definition, dict) or not isinstance(definition.get("States"), dict) or not definition["States"]:
        raise _invalid(["Expected an object with States, but got none"])
    faults = [f"{name}: unknown here" for name in sorted(definition.keys() - _TOP)]
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        faults.append("QueryLanguage: only JSONPath is executed here")
    states = definition["States"]
    if definition.get("StartAt") not in states:
        faults.append(f"StartAt: MISSING_TRANSITION_TARGET {definition.get('StartAt')}")
    for name, state in states.items():
        faults += [f"/States/{name}: {fault}" for fault in _faults(state, states)]
    if faults:
        raise _invalid(faults)
    return definition


def task_of(resource: str) -> str:
    """Return the resource of a task without the beginning that all have."""
    return resource.removeprefix("arn:aws:states:::")


def _faults(state: State, states: Mapping[str, Any]) -> Iterator[str]:
    kind = state.get("Type", "")
    if kind not in _FIELDS:
        yield f"Type: expected one of {', '.join(sorted(_FIELDS))}, but got {kind!r}; it is executed on AWS only"
        return
    for field in sorted(state.keys() - _FIELDS[kind] - _ALWAYS):
        yield f"{field}: not executed here"
    if kind in ("Pass", "Task") and ("Next" in state) == (state.get("End") is True):
        yield "expected either Next or End"
    targets = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in state.get("Choices", ()))]
    yield from (f"MISSING_TRANSITION_TARGET {target}" for target in targets if target is not None and target not in states)
    if kind == "Task" and task_of(state.get("Resource", "")) not in TASKS:
        yield f"Resource: expected one of {', '.join(sorted(TASKS))}, but got {state.get('Resource')}; it is executed on AWS only"
    for rule in state.get("Retry", ()):
        if strange := sorted(rule.keys() - _RETRY):
            yield f"Retry: {', '.join(strange)} not executed here"
    if kind == "Choice":
        yield from _choice_faults(state)
    for field in ("Parameters", "ResultSelector"):
        try:
            check_template(state.get(field))
        except PathError as error:
            yield f"{field}: {error}"


def _choice_faults(state: State) -> Iterator[str]:
    if not state.get("Choices"):
        yield "Choices: expected at least one"
    for rule in state.get("Choices", ()):
        if "Next" not in rule:
            yield "Choices: expected Next in each rule"
        for test in rule.get("And", [rule]):
            named = test.keys() - {"Next", "Variable"}
            if "Variable" not in test or len(named) != 1 or not named <= _COMPARISONS:
                yield f"Choices: expected a Variable and one of {', '.join(sorted(_COMPARISONS))}, but got {sorted(named)}"


def _invalid(faults: list[str]) -> ServiceError:
    return ServiceError("InvalidDefinition", f"Invalid State Machine Definition: '{'; '.join(faults)}'")
