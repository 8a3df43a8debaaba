"""What CloudFormation tells of stacks and change sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.cloudformation.plan import Change
from infra.local.cloudformation.stacks import Stack


def shown(change: Change) -> dict[str, Any]:
    """Return a line of a change set."""
    resource = change.resource
    about: dict[str, Any] = {"Action": change.action, "LogicalResourceId": resource.logical, "ResourceType": resource.type}
    if change.action != "Add":
        about["PhysicalResourceId"] = (change.before or resource).physical
    if change.action == "Modify":
        details = [
            {"Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Always" if change.replaces else "Never"}}
            for name in change.differences
        ]
        return {
            "Type": "Resource",
            "ResourceChange": {**about, "Replacement": str(change.replaces), "Scope": ["Properties"], "Details": details},
        }
    return {"Type": "Resource", "ResourceChange": about}


def description(stack: Stack) -> dict[str, Any]:
    """Return what DescribeStacks tells of a stack."""
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in stack.outputs.items()]
    about = {"StackId": stack.id, "StackName": stack.name, "CreationTime": stack.created, "StackStatus": stack.status}
    reason = {"StackStatusReason": stack.reason} if stack.reason else {}
    lists = {"Parameters": parameter_list(stack.parameters), "Outputs": outputs, "Tags": tag_list(stack.tags)}
    return {**about, **reason, **lists, "Capabilities": stack.capabilities}


def summary(stack: Stack) -> dict[str, Any]:
    """Return what ListStacks tells of a stack."""
    return {"StackId": stack.id, "StackName": stack.name, "CreationTime": stack.created, "StackStatus": stack.status}


def resources(stack: Stack) -> list[dict[str, str]]:
    """Return the resources of a stack, each with its last event."""
    last = {event["LogicalResourceId"]: event for event in stack.events}
    return [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": each.physical,
            "ResourceType": each.type,
            "ResourceStatus": last[name]["ResourceStatus"] if name in last else "CREATE_COMPLETE",
            "LastUpdatedTimestamp": last[name]["Timestamp"] if name in last else stack.created,
            "Timestamp": last[name]["Timestamp"] if name in last else stack.created,
        }
        for name, each in stack.present().items()
    ]


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS lists them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def parameter_list(parameters: Mapping[str, str]) -> list[dict[str, str]]:
    """Return parameters as AWS lists them."""
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
