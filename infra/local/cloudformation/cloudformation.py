"""The operations of CloudFormation: change sets are made, shown and executed; stacks are described and deleted."""

from __future__ import annotations

import fcntl
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, TextIO

from infra.local.access.asked import arn
from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.descriptions import description, parameter_list, resources, shown, summary, tag_list
from infra.local.cloudformation.execution import Execution
from infra.local.cloudformation.plan import Change, Plan, changes_between, make_plan
from infra.local.cloudformation.references import invalid
from infra.local.cloudformation.stacks import ChangeSet, Stack, StackStore
from infra.local.errors import ServiceError

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
_DIED = "The process that executed it ended before its end. Delete the stack, or update it again."
_UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "UPDATE_FAILED")

Request = dict[str, Any]


class CloudFormation:
    """Answers CloudFormation's operations; `caller` makes calls in the name of whoever asks at the moment."""

    def __init__(self, stacks: StackStore, caller: Callable[[], Caller]) -> None:
        self._stacks = stacks
        self._caller = caller
        self._threads: list[threading.Thread] = []

    def handle(self, operation: str, request: Request) -> dict[str, Any]:
        """Answer one operation, whose request is a form with nested lists. Raises ServiceError."""
        answers = {
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "DeleteStack": self._delete_stack,
            "CreateStack": lambda asked: self._at_once(asked, "CREATE"),
            "UpdateStack": lambda asked: self._at_once(asked, "UPDATE"),
            "DescribeStacks": self._describe_stacks,
            "DescribeStackEvents": lambda asked: {"StackEvents": list(reversed(self._known(asked["StackName"]).events))},
            "DescribeStackResources": lambda asked: {"StackResources": resources(self._known(asked["StackName"]))},
            "ListStackResources": lambda asked: {"StackResourceSummaries": resources(self._known(asked["StackName"]))},
            "ListStacks": lambda asked: {"StackSummaries": [summary(stack) for stack in self._stacks.all()]},
            "GetTemplate": lambda asked: {"TemplateBody": self._known(asked["StackName"]).body, "StagesAvailable": ["Original"]},
        }
        if operation not in answers:
            raise ServiceError(
                "InvalidAction", f"Expected one of {', '.join(sorted(answers))}, but got {operation}. It exists on AWS only."
            )
        return answers[operation](request)

    def close(self) -> None:
        """Wait for what is under way: a stack must not stay half made."""
        for thread in self._threads:
            thread.join(30)

    def _create_change_set(self, request: Request) -> dict[str, Any]:
        with self._stacks.locked():
            name, kind = request["StackName"], request.get("ChangeSetType", "UPDATE")
            stack = self._found(name)
            if kind == "CREATE":
                if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                    raise invalid(
                        f"Stack [{name}] already exists and cannot be created again with the changeSet [{request['ChangeSetName']}]."
                    )
                stack = stack or Stack.new(name)
            elif stack is None:
                raise invalid(f"Stack [{name}] does not exist")
            elif stack.status not in _UPDATABLE:
                raise invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            change_set = _change_set(stack, request)
            plan, changes = self._planned(stack, change_set, self._caller())
            change_set.changes = [shown(change) for change in changes]
            if not changes and stack.outputs == plan.outputs:
                change_set.status, change_set.reason, change_set.execution = "FAILED", NO_CHANGES, "UNAVAILABLE"
            stack.change_sets[change_set.name] = change_set
            self._stacks.save(stack)
            return {"Id": change_set.id, "StackId": stack.id}

    def _planned(self, stack: Stack, change_set: ChangeSet, call: Caller) -> tuple[Plan, list[Change]]:
        """Resolve a change set and compare it with what is there."""
        about = {"name": stack.name, "id": stack.id}
        plan = make_plan(change_set.body, change_set.parameters, about, change_set.capabilities, change_set.tags)
        changes = changes_between(stack.present(), plan)
        if change_set.imports:
            changes = [self._imported(change, stack, call) for change in changes]
        return plan, changes

    def _imported(self, change: Change, stack: Stack, call: Caller) -> Change:
        """Turn the addition of something that is there already, and that is kept, into an import."""
        resource = change.resource
        if change.action != "Add" or not resource.kept or not resource.kind.exists(call, resource.properties):
            return change
        for other in self._stacks.all():
            if other.name != stack.name and any(each.physical == resource.physical for each in other.present().values()):
                raise invalid(f"Resource {resource.physical} already exists in stack {other.id}")
        return Change("Import", resource)

    def _execute_change_set(self, request: Request) -> dict[str, Any]:
        stack, change_set = self._change_set(request)
        if change_set.execution != "AVAILABLE":
            what = f"ChangeSet [{change_set.id}] cannot be executed in its current execution status of [{change_set.execution}]"
            raise ServiceError("InvalidChangeSetStatus", what)
        creating = stack.status == "REVIEW_IN_PROGRESS"
        stack.change_sets = {}  # the others were made for a stack that is no more
        self._start(stack, "CREATE_IN_PROGRESS" if creating else "UPDATE_IN_PROGRESS", lambda run: self._run(run, change_set, creating))
        return {}

    def _run(self, run: Execution, change_set: ChangeSet, creating: bool) -> None:
        stack = run.stack
        plan, changes = self._planned(stack, change_set, run.call)
        if run.run(plan, changes):
            stack.body, stack.parameters, stack.tags = change_set.body, change_set.parameters, change_set.tags
            stack.capabilities = change_set.capabilities
            run.save()
        elif creating and change_set.on_failure == "DELETE" and not stack.resources:
            self._stacks.remove(stack)

    def _delete_stack(self, request: Request) -> dict[str, Any]:
        stack = self._found(request["StackName"])
        if stack is None:
            return {}  # as on AWS

        def run(execution: Execution) -> None:
            execution.delete()
            if stack.status == "DELETE_COMPLETE":
                self._stacks.remove(stack)

        self._start(stack, "DELETE_IN_PROGRESS", run)
        return {}

    def _at_once(self, request: Request, kind: str) -> dict[str, Any]:
        """Create or update a stack: a change set that is executed at once."""
        if kind == "CREATE" and self._found(request["StackName"]) is not None:
            raise ServiceError("AlreadyExistsException", f"Stack [{request['StackName']}] already exists")
        named = {"StackName": request["StackName"], "ChangeSetName": f"at-once-{uuid.uuid4().hex}"}
        self._create_change_set({**request, **named, "ChangeSetType": kind})
        stack, change_set = self._change_set(named)
        if change_set.status == "FAILED":
            raise invalid("No updates are to be performed.")
        self._execute_change_set(named)
        return {"StackId": stack.id}

    def _start(self, stack: Stack, status: str, work: Callable[[Execution], None]) -> None:
        """Change the status, and do the work in a thread that keeps the lock until its end."""
        held = ExitStack()
        held.enter_context(self._stacks.locked())
        stack.enter(status)
        self._stacks.save(stack)
        execution = Execution(stack, self._caller(), lambda: self._stacks.save(stack))

        def run() -> None:
            with held:
                work(execution)

        thread = threading.Thread(target=run, name=f"stack {stack.name}", daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()

    def _describe_stacks(self, request: Request) -> dict[str, Any]:
        stacks = [self._known(request["StackName"])] if request.get("StackName") else self._stacks.all()
        return {"Stacks": [description(stack) for stack in stacks]}

    def _describe_change_set(self, request: Request) -> dict[str, Any]:
        stack, each = self._change_set(request)
        about = {"ChangeSetName": each.name, "ChangeSetId": each.id, "StackId": stack.id, "StackName": stack.name}
        status = {"Status": each.status, "ExecutionStatus": each.execution, **({"StatusReason": each.reason} if each.reason else {})}
        return {**about, **status, "Changes": each.changes, "Tags": tag_list(each.tags), "Parameters": parameter_list(each.parameters)}

    def _delete_change_set(self, request: Request) -> dict[str, Any]:
        with self._stacks.locked():
            stack, change_set = self._change_set(request)
            del stack.change_sets[change_set.name]
            self._stacks.save(stack)
        return {}

    def _change_set(self, request: Request) -> tuple[Stack, ChangeSet]:
        name = request["ChangeSetName"].split("/")[1] if request["ChangeSetName"].startswith("arn:") else request["ChangeSetName"]
        stack = self._known(request["StackName"])
        if name not in stack.change_sets:
            raise ServiceError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
        return stack, stack.change_sets[name]

    def _known(self, name: str) -> Stack:
        stack = self._found(name)
        if stack is None:
            raise invalid(f"Stack with id {name} does not exist")
        return stack

    def _found(self, name: str) -> Stack | None:
        """Read a stack; one that nobody changes any more although it says so has failed."""
        stack = self._stacks.get(name)
        if stack is None or not stack.status.endswith("_IN_PROGRESS") or stack.status == "REVIEW_IN_PROGRESS":
            return stack
        with self._stacks.lock_file() as lock:
            if not _is_free(lock):
                return stack
            stack = self._stacks.get(name)
            if stack is not None and stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
                stack.enter(f"{stack.status.partition('_')[0]}_FAILED", _DIED)
                self._stacks.save(stack)
        return stack


def nested(form: Mapping[str, str]) -> Request:
    """Make lists and structures of names such as Tags.member.1.Key."""
    tree: dict[str, Any] = {}
    for name, value in form.items():
        parts = name.split(".")
        place = tree
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    return {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"member"}:
        return [_listed(item) for _, item in sorted(value["member"].items(), key=lambda pair: int(pair[0]))]
    return {name: _listed(item) for name, item in value.items()}


def _change_set(stack: Stack, request: Request) -> ChangeSet:
    if request.get("TemplateURL") or request.get("UsePreviousTemplate") == "true":
        raise invalid("Expected a TemplateBody, but got another source of a template. It exists on AWS only.")
    given = {
        each["ParameterKey"]: stack.parameters[each["ParameterKey"]] if each.get("UsePreviousValue") == "true" else each["ParameterValue"]
        for each in request.get("Parameters") or []
    }
    name = request["ChangeSetName"]
    return ChangeSet(
        name=name,
        id=arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}"),
        body=request["TemplateBody"],
        parameters=given,
        capabilities=request.get("Capabilities") or [],
        tags={tag["Key"]: tag["Value"] for tag in request.get("Tags") or []},
        imports=request.get("ImportExistingResources") == "true",
        on_failure=request.get("OnStackFailure", "ROLLBACK"),
    )


def _is_free(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
