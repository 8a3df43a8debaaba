"""The cloud's graph: a state machine of Step Functions, made from the steps that pipeline.py runs here (aws_pipeline/steps.py).

It curates, judges the data, trains, scores and registers a version of the model, which waits for a person's approval. It starts by
hand, or when an upload has landed, if the stack's parameter StartWhenDataLand says so: training costs money.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.quality_gate import Limits
from aws_pipeline.steps import cloud_steps
from infra.cloud.graph_tasks import States, states_of

LOG_DAYS = 30
LONGEST_S = 7 * 24 * 3600
"""An execution that takes longer has lost its way; a training job has its own, shorter limit."""
DEFAULT_ORDER: dict[str, Any] = {
    "recipe": "cnn_transformer_small",
    "arguments": ["--seed", "0"],
    "instance_type": "ml.g5.xlarge",
    "spot": False,
    "stopping": {"MaxRuntimeInSeconds": 24 * 3600},
    "workers": 2,
    "worker_type": "G.1X",
    "parallelism": 4,
    "keep_days": 0,
    "only_if_new": False,
    **asdict(Limits()),
}
"""What an execution does whose input says nothing else: flags of training/train.py, machines, limits of the gate."""


def definition(settings: Settings) -> dict[str, Any]:
    """Return the definition, with references of CloudFormation in its texts."""
    prefix = settings.names.job_prefix
    states: States = {
        "defaults": {"Type": "Pass", "Parameters": {"defaults": DEFAULT_ORDER, "given.$": "$$.Execution.Input"}},
        "order": {
            "Type": "Pass",
            "Parameters": {
                "order.$": "States.JsonMerge($.defaults, $.given, false)",
                "names": {name: f"States.Format('{prefix}-{short}-{{}}', States.UUID())" for name, short in _NAMES.items()},
            },
        },
    }
    for step in cloud_steps():
        states |= states_of(step, settings)
    _join(states)
    reason = {"Type": "Fail", "Error": "QualityGate", "CausePath": "$.data.reason"}
    states |= {"nothing_new": {"Type": "Succeed", "Comment": "no run of the ETL has changed the lake"}, "stopped_by_the_gate": reason}
    return {"Comment": "Curate, judge, train, score, register", "StartAt": "defaults", "TimeoutSeconds": LONGEST_S, "States": states}


_NAMES = {"train.$": "train", "score.$": "score"}
"""Field -> the middle of a job's name; with a prefix of 20 characters and a UUID it has the 63 that SageMaker takes."""


def _join(states: States) -> None:
    """Give each state that does not choose the next one, and the last one an end."""
    names = list(states)
    for name, following in zip(names, [*names[1:], None], strict=True):
        if states[name]["Type"] != "Choice":
            states[name] |= {"End": True} if following is None else {"Next": following}


def graph(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the resources by their logical names: the state machine, its log group, and the rule that starts it."""
    name = settings.names.of("graph")
    landed = {
        "source": ["aws.glue"],
        "detail-type": ["Glue Data Catalog Table State Change"],
        "detail": {"databaseName": [settings.database], "tableName": ["landing"], "typeOfChange": ["UpdateTable"]},
    }
    target = {"Id": "graph", "Arn": {"Ref": "Graph"}, "RoleArn": {"Fn::GetAtt": ["StartRole", "Arn"]}}
    group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["GraphLogs", "Arn"]}}}
    machine = {
        "StateMachineName": name,
        "DefinitionString": {"Fn::Sub": json.dumps(definition(settings))},
        "RoleArn": {"Fn::GetAtt": ["GraphRole", "Arn"]},
        "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True, "Destinations": [group]},
    }
    rule = {
        "Name": settings.names.of("data-landed"),
        "Description": "An upload has recorded what it landed",
        "EventPattern": landed,
        "State": {"Ref": "StartWhenDataLand"},
        "Targets": [{**target, "Input": json.dumps({"only_if_new": True})}],
    }
    logs = {"LogGroupName": log_group(settings), "RetentionInDays": LOG_DAYS}
    return {
        "GraphLogs": {"Type": "AWS::Logs::LogGroup", "Properties": logs},
        "Graph": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
        "DataLanded": {"Type": "AWS::Events::Rule", "Properties": rule},
    }


def log_group(settings: Settings) -> str:
    """Return the log group of the state machine; the beginning keeps the policy of CloudWatch short."""
    return f"/aws/vendedlogs/states/{settings.names.of('graph')}"
