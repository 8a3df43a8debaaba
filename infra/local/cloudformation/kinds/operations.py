"""Log groups, topics, rules of events, state machines and budgets."""

from __future__ import annotations

import json
from typing import Any

from infra.local.access.asked import arn
from infra.local.cloudformation.caller import Caller
from infra.local.cloudformation.kinds.kind import Kind, Properties, tag_list, tag_map
from infra.local.control.moto_app import ACCOUNT


def _group(properties: Properties) -> dict[str, str]:
    return {"logGroupName": properties["LogGroupName"]}


def _create_log_group(call: Caller, properties: Properties) -> None:
    call.json("logs", "CreateLogGroup", {**_group(properties), "tags": tag_map(properties)})
    _retain(call, {}, properties)


def _retain(call: Caller, old: Properties, new: Properties) -> None:
    if new.get("RetentionInDays") != old.get("RetentionInDays"):
        call.json("logs", "PutRetentionPolicy", {**_group(new), "retentionInDays": new["RetentionInDays"]})


def _has_log_group(call: Caller, properties: Properties) -> bool:
    name = properties["LogGroupName"]
    found = call.json("logs", "DescribeLogGroups", {"logGroupNamePrefix": name})["logGroups"]
    return any(each["logGroupName"] == name for each in found)


LOG_GROUP = Kind(
    name=lambda properties: str(properties["LogGroupName"]),
    known=frozenset({"LogGroupName", "RetentionInDays", "Tags"}),
    exists=_has_log_group,
    create=_create_log_group,
    update=_retain,
    delete=lambda call, properties: call.json("logs", "DeleteLogGroup", _group(properties)),
    attributes=lambda properties: {"Arn": arn("logs", f"log-group:{properties['LogGroupName']}:*")},
)


def _topic_arn(properties: Properties) -> str:
    return arn("sns", properties["TopicName"])


def _create_topic(call: Caller, properties: Properties) -> None:
    call.form("sns", "CreateTopic", {"Name": properties["TopicName"], "Tags": tag_list(properties)})
    for each in properties.get("Subscription") or []:
        call.form("sns", "Subscribe", {"TopicArn": _topic_arn(properties), "Protocol": each["Protocol"], "Endpoint": each["Endpoint"]})


TOPIC = Kind(
    name=lambda properties: str(properties["TopicName"]),
    known=frozenset({"TopicName", "Subscription", "Tags"}),
    exists=lambda call, properties: call.is_there(lambda: call.form("sns", "GetTopicAttributes", {"TopicArn": _topic_arn(properties)})),
    create=_create_topic,
    update=lambda call, old, new: _create_topic(call, new),
    delete=lambda call, properties: call.form("sns", "DeleteTopic", {"TopicArn": _topic_arn(properties)}),
    reference=_topic_arn,
    attributes=lambda properties: {"TopicName": properties["TopicName"], "TopicArn": _topic_arn(properties)},
)


def _set_topic_policy(call: Caller, properties: Properties) -> None:
    for topic in properties["Topics"]:
        policy = json.dumps(properties["PolicyDocument"])
        call.form("sns", "SetTopicAttributes", {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy})


TOPIC_POLICY = Kind(
    name=lambda properties: f"policy of {properties['Topics'][0]}",
    known=frozenset({"Topics", "PolicyDocument"}),
    exists=lambda call, properties: False,  # every topic has one, which CloudFormation overwrites
    create=_set_topic_policy,
    update=lambda call, old, new: _set_topic_policy(call, new),
    delete=lambda call, properties: None,  # goes with its topic
)


def _put_rule(call: Caller, old: Properties, new: Properties) -> None:
    about = {"Name": new["Name"], "EventPattern": json.dumps(new["EventPattern"]), "State": new.get("State", "ENABLED")}
    call.json("events", "PutRule", {**about, "Description": new.get("Description", ""), "Tags": tag_list(new)})
    gone = {target["Id"] for target in old.get("Targets") or []} - {target["Id"] for target in new["Targets"]}
    if gone:
        call.json("events", "RemoveTargets", {"Rule": new["Name"], "Ids": sorted(gone)})
    call.json("events", "PutTargets", {"Rule": new["Name"], "Targets": new["Targets"]})


def _delete_rule(call: Caller, properties: Properties) -> None:
    call.json("events", "RemoveTargets", {"Rule": properties["Name"], "Ids": [target["Id"] for target in properties["Targets"]]})
    call.json("events", "DeleteRule", {"Name": properties["Name"]})


RULE = Kind(
    name=lambda properties: str(properties["Name"]),
    known=frozenset({"Name", "Description", "EventPattern", "State", "Targets", "Tags"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("events", "DescribeRule", {"Name": properties["Name"]})),
    create=lambda call, properties: _put_rule(call, {}, properties),
    update=_put_rule,
    delete=_delete_rule,
    attributes=lambda properties: {"Arn": arn("events", f"rule/{properties['Name']}")},
)


def _machine_arn(properties: Properties) -> str:
    return arn("states", f"stateMachine:{properties['StateMachineName']}")


def _machine(properties: Properties) -> dict[str, Any]:
    logging = properties.get("LoggingConfiguration") or {}
    groups = [each["CloudWatchLogsLogGroup"]["LogGroupArn"] for each in logging.get("Destinations") or []]
    told = {
        "level": logging.get("Level", "OFF"),
        "includeExecutionData": bool(logging.get("IncludeExecutionData")),
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}} for group in groups],
    }
    return {"definition": properties["DefinitionString"], "roleArn": properties["RoleArn"], "loggingConfiguration": told}


def _create_machine(call: Caller, properties: Properties) -> None:
    tags = [{"key": key, "value": value} for key, value in tag_map(properties).items()]
    call.json("states", "CreateStateMachine", {"name": properties["StateMachineName"], **_machine(properties), "tags": tags})


STATE_MACHINE = Kind(
    name=lambda properties: str(properties["StateMachineName"]),
    known=frozenset({"StateMachineName", "DefinitionString", "RoleArn", "LoggingConfiguration", "Tags"}),
    exists=lambda call, properties: call.is_there(
        lambda: call.json("states", "DescribeStateMachine", {"stateMachineArn": _machine_arn(properties)})
    ),
    create=_create_machine,
    update=lambda call, old, new: call.json("states", "UpdateStateMachine", {"stateMachineArn": _machine_arn(new), **_machine(new)}),
    delete=lambda call, properties: call.json("states", "DeleteStateMachine", {"stateMachineArn": _machine_arn(properties)}),
    reference=_machine_arn,
    attributes=lambda properties: {"Arn": _machine_arn(properties), "Name": properties["StateMachineName"]},
)


def _budget(properties: Properties) -> dict[str, str]:
    return {"AccountId": ACCOUNT, "BudgetName": properties["Budget"]["BudgetName"]}


def _create_budget(call: Caller, properties: Properties) -> None:
    notified = properties.get("NotificationsWithSubscribers") or []
    call.json("budgets", "CreateBudget", {"AccountId": ACCOUNT, "Budget": properties["Budget"], "NotificationsWithSubscribers": notified})


def _update_budget(call: Caller, old: Properties, new: Properties) -> None:
    call.json("budgets", "DeleteBudget", _budget(old))
    _create_budget(call, new)


BUDGET = Kind(
    name=lambda properties: str(properties["Budget"]["BudgetName"]),
    known=frozenset({"Budget", "NotificationsWithSubscribers"}),
    exists=lambda call, properties: call.is_there(lambda: call.json("budgets", "DescribeBudget", _budget(properties))),
    create=_create_budget,
    update=_update_budget,
    delete=lambda call, properties: call.json("budgets", "DeleteBudget", _budget(properties)),
)
