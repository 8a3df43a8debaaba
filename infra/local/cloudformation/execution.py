"""Executes a change set: resource by resource, with an event for each; what fails is rolled back."""

from __future__ import annotations

import logging
from collections.abc import Callable

from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.plan import Change, Plan, Planned
from infra.local.cloudformation.stacks import Stack
from infra.local.errors import ServiceError

_log = logging.getLogger(__name__)
_VERBS = {"Add": "CREATE", "Modify": "UPDATE", "Remove": "DELETE", "Import": "IMPORT"}


class Execution:
    """Changes one stack; `save` is called whenever something has happened."""

    def __init__(self, stack: Stack, call: Caller, save: Callable[[], None]) -> None:
        self.stack = stack
        self.call = call
        self.save = save
        self._undo: list[Callable[[], None]] = []

    def run(self, plan: Plan, changes: list[Change]) -> bool:
        """Make the stack as planned; return False if it was rolled back. Its status says which."""
        verb = "CREATE" if self.stack.status.startswith("CREATE") else "UPDATE"
        for change in changes:
            if change.action != "Remove" and not self._done(change):
                self._roll_back("ROLLBACK" if verb == "CREATE" else "UPDATE_ROLLBACK")
                return False
        for change in changes:
            if change.action == "Remove":
                self._done(change)  # one that cannot be removed is left, as on AWS
        self.stack.resources = {each.logical: self.stack.resources[each.logical] for each in plan.resources}
        self.stack.outputs = plan.outputs
        self.stack.enter(f"{verb}_COMPLETE")
        self.save()
        return True

    def delete(self) -> None:
        """Remove all resources, the last first, and the stack; resources that are to be kept are skipped."""
        failed = []
        for resource in reversed(list(self.stack.present().values())):
            if self._done(Change("Remove", resource)):
                del self.stack.resources[resource.logical]
            else:
                failed.append(resource.logical)
        reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]." if failed else ""
        self.stack.enter("DELETE_FAILED" if failed else "DELETE_COMPLETE", reason)
        self.save()

    def _done(self, change: Change) -> bool:
        """Execute one change; tell how it went and return whether it went well."""
        resource, verb = change.resource, _VERBS[change.action]
        self._tell(resource, f"{verb}_IN_PROGRESS")
        try:
            told = self._execute(change)
        except ServiceError as error:
            self._tell(resource, f"{verb}_FAILED", f"{error.message} (Service error code: {error.code})")
            return False
        except Exception as error:  # a property that has another shape than was expected
            _log.exception("Expected to %s %s, but failed.", verb, resource.logical)
            self._tell(resource, f"{verb}_FAILED", f"Expected properties as {resource.type} has them, but got {error!r}.")
            return False
        self._tell(resource, told or f"{verb}_COMPLETE")
        return True

    def _execute(self, change: Change) -> str:
        """Do it; return the status if it is not that of the action."""
        resource, kind, before = change.resource, change.resource.kind, change.before
        if change.action == "Remove":
            if resource.kept:
                return "DELETE_SKIPPED"
            kind.delete(self.call, resource.properties)
        elif change.action == "Import":
            self.stack.put(resource)
        elif change.action == "Add":
            if kind.exists(self.call, resource.properties):
                raise ServiceError("AlreadyExists", f"{resource.physical} already exists")
            kind.create(self.call, resource.properties)
            self.stack.put(resource)
            self._undo.append(lambda: self._uncreate(resource))
        elif before is not None and change.replaces:
            if kind.name(before.properties) == kind.name(resource.properties):
                what = "CloudFormation cannot update a stack when a custom-named resource requires replacing"
                raise ServiceError("ValidationError", f"{what}. Rename {resource.physical} and update the stack again.")
            kind.create(self.call, resource.properties)
            self.stack.put(resource)
            self._undo.append(lambda: self._uncreate(resource, before))
            if not before.kept:
                kind.delete(self.call, before.properties)
        elif before is not None:
            self._undo.append(lambda: self._restore(resource, before))
            kind.update(self.call, before.properties, resource.properties)
            self.stack.put(resource)
        return ""

    def _uncreate(self, resource: Planned, before: Planned | None = None) -> None:
        if resource.policy != "Retain":
            resource.kind.delete(self.call, resource.properties)
        if before is None:
            del self.stack.resources[resource.logical]
        else:
            self.stack.put(before)

    def _restore(self, resource: Planned, before: Planned) -> None:
        resource.kind.update(self.call, resource.properties, before.properties)
        self.stack.put(before)

    def _roll_back(self, verb: str) -> None:
        reason = next(event["ResourceStatusReason"] for event in reversed(self.stack.events) if event["ResourceStatus"].endswith("FAILED"))
        self.stack.enter(f"{verb}_IN_PROGRESS", reason)
        self.save()
        failed = ""
        for undo in reversed(self._undo):
            try:
                undo()
            except ServiceError as error:
                failed = error.message
        self.stack.enter(f"{verb}_FAILED" if failed else f"{verb}_COMPLETE", failed or reason)
        self.save()

    def _tell(self, resource: Planned, status: str, reason: str = "") -> None:
        self.stack.tell(resource.logical, resource.type, resource.physical, status, reason)
        self.save()
