"""The cloud's graph: a state machine of Step Functions, made from the steps that pipeline.py runs here (aws_pipeline/steps.py).

It curates, judges the data, trains, scores and registers a version of the model, which waits for a person's approval. It starts by
hand, or when an upload has landed, if the stack's parameter StartWhenDataLand says so: training costs money.

It is a stack of its own: if Step Functions refused a definition that nobody could try without an account, all others would still be made.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import GlueCode
from aws_pipeline.quality_gate import Limits
from aws_pipeline.steps import cloud_steps
from infra.cloud.grants import arn
from infra.cloud.graph_roles import graph_role, start_role
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
    "keep_hours": 30,
    "only_if_new": False,
    **asdict(Limits()),
}
"""What an execution does whose input says nothing else: flags of training/train.py, machines, limits of the gate.

`keep_hours`: for so long the ETL keeps the objects that the jobs read; longer than both of them can last.
"""


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
    """Give each state that does not choose the next one, or say it, and the last one an end."""
    names = list(states)
    for name, following in zip(names, [*names[1:], None], strict=True):
        if states[name]["Type"] != "Choice" and "Next" not in states[name]:
            states[name] |= {"End": True} if following is None else {"Next": following}


def graph_template(settings: Settings) -> dict[str, Any]:
    """Return the template; where the code of its jobs lies is a parameter."""
    starts = {
        "Type": "String",
        "Default": "DISABLED",
        "AllowedValues": ["ENABLED", "DISABLED"],
        "Description": "Whether an upload starts the graph; training costs money",
    }
    logs = {"LogGroupName": log_group(settings), "RetentionInDays": LOG_DAYS}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Mouse behavior lakehouse, graph: the whole pipeline as a state machine, and what starts it. Holds no data.",
        "Parameters": {
            "JobCodeUri": {"Type": "String", "Description": "Folder with the code of the training jobs"},
            "StartWhenDataLand": starts,
        },
        "Resources": {
            "GraphRole": graph_role(settings),
            "StartRole": start_role(settings),
            "GraphLogs": {"Type": "AWS::Logs::LogGroup", "Properties": logs},
            "Graph": _machine(settings),
            "DataLanded": _landed(settings),
            "FailedGraph": _failed(settings),
        },
    }


def graph_parameters(code: GlueCode, start_when_data_land: str = "DISABLED") -> dict[str, str]:
    """Return the values of the template's parameters."""
    return {"JobCodeUri": code.training, "StartWhenDataLand": start_when_data_land}


def _machine(settings: Settings) -> dict[str, Any]:
    group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["GraphLogs", "Arn"]}}}
    properties = {
        "StateMachineName": settings.names.of("graph"),
        "DefinitionString": {"Fn::Sub": json.dumps(definition(settings))},
        "RoleArn": {"Fn::GetAtt": ["GraphRole", "Arn"]},
        "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True, "Destinations": [group]},
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def _landed(settings: Settings) -> dict[str, Any]:
    """Return the rule that an upload's commit to the table `landing` matches."""
    pattern = {
        "source": ["aws.glue"],
        "detail-type": ["Glue Data Catalog Table State Change"],
        "detail": {"databaseName": [settings.database], "tableName": ["landing"], "typeOfChange": ["UpdateTable"]},
    }
    target = {"Id": "graph", "Arn": {"Ref": "Graph"}, "RoleArn": {"Fn::GetAtt": ["StartRole", "Arn"]}}
    properties = {
        "Name": settings.names.of("data-landed"),
        "Description": "An upload has recorded what it landed",
        "EventPattern": pattern,
        "State": {"Ref": "StartWhenDataLand"},
        "Targets": [{**target, "Input": json.dumps({"only_if_new": True})}],
    }
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def _failed(settings: Settings) -> dict[str, Any]:
    """Return the rule that tells the topic of the stack of compute."""
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [{"Ref": "Graph"}], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
    }
    properties = {
        "Name": settings.names.of("failed-graph"),
        "Description": "An execution of the graph failed, or its gate stopped it",
        "EventPattern": pattern,
        "State": "ENABLED",
        "Targets": [{"Id": "alarms", "Arn": arn("sns", settings.names.of("alarms"))}],
    }
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def log_group(settings: Settings) -> str:
    """Return the log group of the state machine; the beginning keeps the policy of CloudWatch short."""
    return f"/aws/vendedlogs/states/{settings.names.of('graph')}"
