"""Rules of EventBridge here: an upload's commit starts the graph where a rule is on, in the name of the rule's role."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from infra.deploy import deploy
from infra.local.rules import matches

EVENT = {"source": "aws.glue", "detail": {"tableName": "landing", "typeOfChange": "UpdateTable"}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.glue"]}, True),
        ({"source": ["aws.s3", "aws.glue"], "detail": {"tableName": ["landing"]}}, True),
        ({"detail": {"tableName": [{"prefix": "land"}]}}, True),
        ({"detail": {"tableName": ["runs"]}}, False),
        ({"detail": {"tableName": [{"suffix": "ing"}]}}, False),
        ({"detail": {"databaseName": ["mabe"]}}, False),
        ({"source": {"is": ["aws.glue"]}}, False),
        ({}, False),
    ],
)
def test_a_pattern_wants_one_of_its_values_in_every_field(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


def change(table: str) -> None:
    boto3.client("glue").update_table(DatabaseName="mabe", TableInput={"Name": table, "Parameters": {"changed": "yes"}})


def test_a_commit_of_an_upload_starts_the_graph_only_where_the_rule_is_on(endpoint: Any) -> None:
    here = settings({"AWS_ENDPOINT_URL": endpoint.url})
    deploy(here, boto3.Session(), glue_code(here))
    states, glue = boto3.client("stepfunctions"), boto3.client("glue")
    (machine,) = states.list_state_machines()["stateMachines"]
    for table in ("landing", "runs"):
        glue.create_table(DatabaseName="mabe", TableInput={"Name": table})
    change("landing")
    assert states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"] == [], "the rule is off"

    deploy(here, boto3.Session(), glue_code(here), start_when_data_land=True)
    change("runs")
    assert states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"] == []
    change("landing")
    (started,) = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    assert json.loads(states.describe_execution(executionArn=started["executionArn"])["input"]) == {"only_if_new": True}
    states.stop_execution(executionArn=started["executionArn"])

    boto3.client("iam").delete_role_policy(RoleName="mabe-start", PolicyName="start-graph")
    change("landing")
    assert len(states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]) == 1, "its role may not start it any more"
