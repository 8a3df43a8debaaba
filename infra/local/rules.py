"""The rules of EventBridge, as far as they start state machines: which event is sent here, and which rules want it.

One event is sent: that a table of the catalog has changed. Other targets than state machines, such as the topic of alarms, exist on AWS
only: no mail is sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.local.access.asked import arn, role_arn
from infra.local.access.identities import Principal
from infra.local.access.policies import Ask
from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.control.plane import ControlPlane

Handle = Callable[[str, str, dict[str, Any]], dict[str, Any] | None]
"""How a service of this machine is asked: its name, operation, request."""
_PRINCIPAL = "events.amazonaws.com"
_log = logging.getLogger(__name__)


class Rules:
    """Sends events to the targets of the rules that the control plane keeps."""

    def __init__(self, control: ControlPlane, guard: Guard, handle: Handle) -> None:
        self._control = control
        self._guard = guard
        self._handle = handle

    def table_changed(self, database: str, table: str) -> None:
        """Tell of a table that was updated. What goes wrong is logged: on AWS, too, whoever changed the table does not hear of it."""
        detail = {"databaseName": database, "changedPartitions": [], "typeOfChange": "UpdateTable", "tableName": table}
        event = {"source": "aws.glue", "detail-type": "Glue Data Catalog Table State Change", "account": ACCOUNT, "region": REGION}
        self._send({**event, "resources": [arn("glue", f"table/{database}/{table}")], "detail": detail})

    def _send(self, event: dict[str, Any]) -> None:
        event["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        for rule in self._control.invoke("events", "ListRules", {}).get("Rules", []):
            if rule.get("State") != "ENABLED" or not matches(json.loads(rule.get("EventPattern") or "{}"), event):
                continue
            for target in self._control.invoke("events", "ListTargetsByRule", {"Rule": rule["Name"]})["Targets"]:
                if ":stateMachine:" in target["Arn"]:
                    self._start(target, event)

    def _start(self, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Start a state machine in the name of the target's role."""
        role = str(target.get("RoleArn"))
        try:
            self._guard.require_trust(role, _PRINCIPAL)
            self._guard.require(Principal(role_arn(role)), [Ask("states:StartExecution", target["Arn"])], "states")
            self._handle("states", "StartExecution", {"stateMachineArn": target["Arn"], "input": target.get("Input") or json.dumps(event)})
        except ServiceError as error:
            _log.warning("Expected to start %s, but got %s.", target["Arn"], error.message)


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say whether an event has, for every field of a pattern, one of the values there. A test other than a prefix matches nothing here."""
    if not pattern:
        return False
    for field, wanted in pattern.items():
        found = event.get(field)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not matches(wanted, found):
                return False
        elif not any(_is(one, found) for one in wanted):
            return False
    return True


def _is(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        return wanted.keys() == {"prefix"} and str(found).startswith(str(wanted["prefix"]))
    return bool(wanted == found)
