"""Stacks by change sets: what would change, making it so, and removing it. The same calls near and far."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from aws_pipeline.names import OWNER_TAG
from aws_pipeline.terminal import JobFailed
from behavior.contract import UsageError

_FAILED_BEFORE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
"""A stack that was never whole: AWS asks to delete it before it is made again."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 5.0
_CHANGED_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class StackOrder:
    """One stack as it shall be."""

    name: str
    owner: str
    """Value of the tag that says whose it is."""
    template: Mapping[str, Any]
    parameters: Mapping[str, str]


class StackFailed(JobFailed):
    """CloudFormation could not make or remove a stack; the message holds the reasons."""


def show(client: Any, order: StackOrder) -> list[str]:
    """Return what would change, one line each, and change nothing."""
    made = _make(client, order)
    if made is None:
        return []
    client.delete_change_set(StackName=order.name, ChangeSetName=made["ChangeSetName"])
    if _status(client, order.name) == "REVIEW_IN_PROGRESS":  # it was made for the change set
        client.delete_stack(StackName=order.name)
    return [_line(change) for change in made["Changes"]]


def apply(client: Any, order: StackOrder) -> list[str]:
    """Make a stack as ordered; return what changed. Raises StackFailed, after which the stack is as before."""
    made = _make(client, order)
    if made is None:
        return []
    known = _event_ids(client, order.name)
    client.execute_change_set(StackName=order.name, ChangeSetName=made["ChangeSetName"])
    status = _wait(client, order.name)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise StackFailed(f"Expected stack {order.name} to be made, but got {status}: {_reasons(client, made['StackId'], known)}")
    return [_line(change) for change in made["Changes"]]


def remove(client: Any, name: str) -> bool:
    """Delete a stack; return False if there was none. Raises StackFailed."""
    found = _stack(client, name)
    if found is None:
        return False
    client.delete_stack(StackName=name)
    status = _wait(client, name)
    if status not in (None, "DELETE_COMPLETE"):
        raise StackFailed(f"Expected stack {name} to be deleted, but got {status}: {_reasons(client, found['StackId'], set())}")
    return True


def parameters_of(client: Any, name: str) -> dict[str, str]:
    """Return the parameters of a stack as they are; nothing if there is no stack."""
    found = _stack(client, name) or {}
    return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters") or []}


def resources_of(client: Any, name: str) -> set[str]:
    """Return the physical names of a stack's resources; nothing if there is no stack."""
    if _stack(client, name) is None:
        return set()
    pages = client.get_paginator("list_stack_resources").paginate(StackName=name)
    return {each["PhysicalResourceId"] for page in pages for each in page["StackResourceSummaries"] if each.get("PhysicalResourceId")}


def _make(client: Any, order: StackOrder) -> dict[str, Any] | None:
    """Make a change set and return its description; None if nothing would change."""
    found = _stack(client, order.name)
    if found is not None and found["StackStatus"] != "REVIEW_IN_PROGRESS" and _owner(found) != order.owner:
        got = f"one of {_owner(found)}" if _owner(found) else "one that nobody tagged"
        raise UsageError(f"Expected stack {order.name} to be of {order.owner}, but got {got}. Choose another S3_BUCKET.")
    if found is not None and found["StackStatus"] in _FAILED_BEFORE:
        remove(client, order.name)
        found = None
    creating = found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS"
    name = f"deploy-{uuid.uuid4().hex[:12]}"
    try:
        client.create_change_set(
            StackName=order.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if creating else "UPDATE",
            TemplateBody=json.dumps(order.template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in order.parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],  # the roles have names, so that the steps find them
            Tags=[{"Key": OWNER_TAG, "Value": order.owner}],
            ImportExistingResources=True,  # data that a removed stack left behind
            **({"OnStackFailure": "DELETE"} if creating else {}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ValidationError", "InsufficientCapabilitiesException"):
            raise
        got = error.response["Error"]["Message"].rstrip(".")
        mend = "If somebody else deploys at this moment, wait and deploy again"
        raise StackFailed(f"Expected CloudFormation to take stack {order.name}, but got: {got}. {mend}.") from None
    return _made(client, order.name, name)


def _made(client: Any, stack: str, name: str) -> dict[str, Any] | None:
    """Wait for a change set, and read all its pages."""
    for pause_s in _pauses():
        made: dict[str, Any] = client.describe_change_set(StackName=stack, ChangeSetName=name)
        if made["Status"] == "FAILED":
            client.delete_change_set(StackName=stack, ChangeSetName=name)
            if any(words in made.get("StatusReason", "") for words in _CHANGED_NOTHING):
                return None
            raise StackFailed(f"Expected changes for stack {stack}, but got: {made.get('StatusReason')}")
        if made["Status"] == "CREATE_COMPLETE":
            token = made.get("NextToken")
            while token:
                page = client.describe_change_set(StackName=stack, ChangeSetName=name, NextToken=token)
                made["Changes"] += page["Changes"]
                token = page.get("NextToken")
            return made
        time.sleep(pause_s)
    raise AssertionError("there is always another pause")


def _wait(client: Any, name: str) -> str | None:
    """Wait until nothing is under way; return the status, None if the stack is gone."""
    for pause_s in _pauses():
        status = _status(client, name)
        if status is None or not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(pause_s)
    raise AssertionError("there is always another pause")


def _pauses() -> Iterator[float]:
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.2, _LONGEST_PAUSE_S)


def _stack(client: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found


def _status(client: Any, name: str) -> str | None:
    found = _stack(client, name)
    return None if found is None else str(found["StackStatus"])


def _owner(stack: Mapping[str, Any]) -> str:
    """Return whose a stack is, by its tag."""
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags") or []}
    return tags.get(OWNER_TAG, "")


def _event_ids(client: Any, name: str) -> set[str]:
    return {event["EventId"] for event in client.describe_stack_events(StackName=name)["StackEvents"]}


def _reasons(client: Any, stack_id: str, known: set[str]) -> str:
    """Return why resources failed; of a stack that is gone, only its id is known."""
    events = client.describe_stack_events(StackName=stack_id)["StackEvents"]
    failed = [event for event in reversed(events) if event["EventId"] not in known and event["ResourceStatus"].endswith("_FAILED")]
    told = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed]
    mend = " Choose another S3_BUCKET." if any("already exists" in line for line in told) else ""
    return ("; ".join(told) or "no reason given") + mend


def _line(change: Mapping[str, Any]) -> str:
    each = change["ResourceChange"]
    words = {"Add": "create", "Modify": "update", "Remove": "remove", "Import": "take back"}
    what = f"{each['LogicalResourceId']}: {words.get(each['Action'], each['Action'])} {each['ResourceType'].removeprefix('AWS::')}"
    details = sorted({detail["Target"].get("Name") or detail["Target"]["Attribute"] for detail in each.get("Details") or []})
    changed = f" ({', '.join(details)})" if details else ""
    return f"{what}{changed}{', replaced by another one' if each.get('Replacement') == 'True' else ''}"
