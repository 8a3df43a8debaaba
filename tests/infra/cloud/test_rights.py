"""The rights that the stacks declare: enough for what the code does, and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from infra.cloud.compute import compute_parameters, compute_template
from infra.cloud.graph import graph_parameters, graph_template
from infra.local.access.policies import ALLOWED, Ask, decide, read_document
from infra.local.cloudformation.plan import make_plan

HERE = settings({})
CODE = glue_code(HERE)
STACKS = ((compute_template(HERE), compute_parameters(CODE)), (graph_template(HERE), graph_parameters(CODE)))
PLANS = [make_plan(json.dumps(each), values, {"name": "mabe", "id": "arn"}, ["CAPABILITY_NAMED_IAM"], {}) for each, values in STACKS]
DOCUMENTS: dict[str, dict[str, Any]] = {}
for _each in (resource for plan in PLANS for resource in plan.resources):
    if _each.type == "AWS::IAM::Role":
        DOCUMENTS[_each.logical] = _each.properties["Policies"][0]["PolicyDocument"]
    elif _each.type == "AWS::IAM::ManagedPolicy":
        DOCUMENTS[_each.logical] = _each.properties["PolicyDocument"]

WILDCARDS = {
    ("TrainingRole", "SignInToImages", "*"): "the action takes no resource",
    ("TrainingRole", "WriteMetrics", "*"): "the action takes no resource; a condition holds it to SageMaker's namespaces",
    ("TrainingRole", "PullImage", "arn:aws:ecr:us-east-1:*:repository/pytorch*"): "AWS keeps its images in an account of each region",
    ("GlueRole", "WriteLogs", "arn:aws:logs:us-east-1:123456789012:log-group:/aws-glue/*"): "Glue writes to groups of its own as well",
    ("TrainingRole", "WriteLogs", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/*"): "SageMaker names its groups",
    ("OperatorPolicy", "FollowLogs", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs*"): "streams of the group",
    ("OperatorPolicy", "Train", "arn:aws:sagemaker:us-east-1:123456789012:training-job/mabe-*"): "jobs of this deployment",
    ("OperatorPolicy", "Tune", "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/mabe-*"): "jobs of this deployment",
    ("OperatorPolicy", "Register", "arn:aws:sagemaker:us-east-1:123456789012:model-package/mabe-recognizers/*"): "versions have numbers",
    ("OperatorPolicy", "ListModels", "*"): "the action takes no resource",
    ("OperatorPolicy", "FollowGraph", "arn:aws:states:us-east-1:123456789012:execution:mabe-graph:*"): "executions have names of their own",
    ("GraphRole", "Train", "arn:aws:sagemaker:us-east-1:123456789012:training-job/mabe-train-*"): "jobs of the graph have numbers",
    ("GraphRole", "Train", "arn:aws:sagemaker:us-east-1:123456789012:training-job/mabe-score-*"): "jobs of the graph have numbers",
    ("GraphRole", "Register", "arn:aws:sagemaker:us-east-1:123456789012:model-package/mabe-recognizers/*"): "versions have numbers",
    ("GraphRole", "ReadTags", "*"): "Step Functions' own policies for training jobs ask for it so",
    ("GraphRole", "WriteLogs", "*"): "the actions of log delivery take no resource",
    **{
        ("OperatorPolicy", "Serve", f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/mabe-*"): "models and jobs of this deployment"
        for kind in ("model", "endpoint-config", "endpoint", "transform-job")
    },
}
"""Every resource with a wildcard that is no object of our buckets and no table of our database, and why."""


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for owner, document in DOCUMENTS.items():
        for statement in document["Statement"]:
            yield owner, statement


def test_no_statement_allows_actions_by_wildcard() -> None:
    assert [action for _, statement in statements() for action in statement["Action"] if "*" in action] == []


def test_every_wildcard_has_a_reason() -> None:
    ours = ("arn:aws:s3:::", "arn:aws:glue:us-east-1:123456789012:table/mabe/")
    found = {
        (owner, statement["Sid"], resource)
        for owner, statement in statements()
        for resource in statement["Resource"]
        if "*" in resource and not resource.startswith(ours)
    }
    assert found == set(WILDCARDS)
    for _, statement in statements():
        for resource in statement["Resource"]:
            if resource.startswith("arn:aws:s3:::"):
                assert "*" not in resource.removeprefix("arn:aws:s3:::").partition("/")[0], "no bucket is named by a wildcard"


def may(owner: str, action: str, resource: str, **context: str) -> bool:
    asked = Ask(action, resource, {name.replace("__", ":"): value for name, value in context.items()})
    return decide(read_document(DOCUMENTS[owner]), asked) == ALLOWED


CATALOG = "arn:aws:glue:us-east-1:123456789012"
LOGS = "arn:aws:logs:us-east-1:123456789012:log-group"
SAGEMAKER = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.mark.parametrize(
    ("owner", "action", "resource", "expected"),
    [
        ("GlueRole", "s3:GetObject", "arn:aws:s3:::raw-zone/train_tracking/lab_id=A/1.parquet", True),
        ("GlueRole", "s3:PutObject", "arn:aws:s3:::raw-zone/train_tracking/lab_id=A/1.parquet", False),
        ("GlueRole", "s3:DeleteObject", "arn:aws:s3:::raw-zone/train_tracking/lab_id=A/1.parquet", False),
        ("GlueRole", "s3:PutObject", "arn:aws:s3:::curated-zone/tracking_curated/a", True),
        ("GlueRole", "s3:AbortMultipartUpload", "arn:aws:s3:::curated-zone/tracking_curated/a", True),
        ("GlueRole", "s3:GetObject", "arn:aws:s3:::artifacts/glue/code/x/library.zip", True),
        ("GlueRole", "s3:PutObject", "arn:aws:s3:::artifacts/glue/code/x/library.zip", False),
        ("GlueRole", "s3:PutObject", "arn:aws:s3:::artifacts/glue/runs/x.json", True),
        ("GlueRole", "s3:GetObject", "arn:aws:s3:::artifacts/training/model.tar.gz", False),
        ("GlueRole", "glue:CreateTable", f"{CATALOG}:table/mabe/tracking_curated", True),
        ("GlueRole", "glue:UpdateTable", f"{CATALOG}:database/mabe", True),
        ("GlueRole", "glue:GetTables", f"{CATALOG}:catalog", True),
        ("GlueRole", "glue:DeleteTable", f"{CATALOG}:table/mabe/tracking_curated", True),
        ("GlueRole", "glue:DeleteTable", f"{CATALOG}:table/others/secrets", False),
        ("GlueRole", "glue:GetTable", f"{CATALOG}:table/others/secrets", False),
        ("GlueRole", "logs:PutLogEvents", f"{LOGS}:/aws-glue/mabe-curate/output:log-stream:x", True),
        ("TrainingRole", "s3:GetObject", "arn:aws:s3:::curated-zone/tracking_curated/a", True),
        ("TrainingRole", "s3:PutObject", "arn:aws:s3:::curated-zone/tracking_curated/a", False),
        ("TrainingRole", "s3:GetObject", "arn:aws:s3:::raw-zone/metadata/train.csv", False),
        ("TrainingRole", "s3:PutObject", "arn:aws:s3:::artifacts/training/x/output/model.tar.gz", True),
        ("TrainingRole", "s3:GetObject", "arn:aws:s3:::artifacts/glue/code/x/library.zip", False),
        ("TrainingRole", "logs:DescribeLogStreams", f"{LOGS}:/aws/sagemaker/TrainingJobs", True),
        ("TrainingRole", "iam:PassRole", "arn:aws:iam::123456789012:role/mabe-training", False),
        ("GraphRole", "glue:StartJobRun", f"{CATALOG}:job/mabe-curate", True),
        ("GraphRole", "glue:UpdateTable", f"{CATALOG}:table/mabe/tracking_curated", False),
        ("GraphRole", "s3:PutObject", "arn:aws:s3:::curated-zone/pins/a.json", True),
        ("GraphRole", "s3:PutObject", "arn:aws:s3:::curated-zone/tracking_curated/a", False),
        ("GraphRole", "s3:GetObject", "arn:aws:s3:::raw-zone/metadata/train.csv", False),
        ("GraphRole", "sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/mabe-train-1", True),
        ("GraphRole", "sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/others-1", False),
        ("GraphRole", "sagemaker:UpdateModelPackage", f"{SAGEMAKER}:model-package/mabe-recognizers/1", False),
        ("GraphRole", "sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/mabe-now", False),
        ("StartRole", "states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:mabe-graph", True),
        ("StartRole", "states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:others", False),
        ("OperatorPolicy", "states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:mabe-graph", True),
        ("OperatorPolicy", "states:UpdateStateMachine", "arn:aws:states:us-east-1:123456789012:stateMachine:mabe-graph", False),
        ("OperatorPolicy", "s3:PutObject", "arn:aws:s3:::raw-zone/metadata/train.csv", True),
        ("OperatorPolicy", "s3:DeleteBucket", "arn:aws:s3:::raw-zone", False),
        ("OperatorPolicy", "glue:StartJobRun", f"{CATALOG}:job/mabe-curate", True),
        ("OperatorPolicy", "glue:UpdateJob", f"{CATALOG}:job/mabe-curate", False),
        ("OperatorPolicy", "glue:CreateTable", f"{CATALOG}:table/mabe/landing", True),
        ("OperatorPolicy", "sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/mabe-trees-1", True),
        ("OperatorPolicy", "sagemaker:StopTrainingJob", f"{SAGEMAKER}:training-job/others-1", False),
        ("OperatorPolicy", "iam:PassRole", "arn:aws:iam::123456789012:role/mabe-glue", False),
        ("OperatorPolicy", "iam:PutRolePolicy", "arn:aws:iam::123456789012:role/mabe-training", False),
    ],
)
def test_who_may_do_what(owner: str, action: str, resource: str, expected: bool) -> None:
    assert may(owner, action, resource) is expected


def test_metrics_and_passed_roles_are_held_by_conditions() -> None:
    metrics = ("TrainingRole", "cloudwatch:PutMetricData", "*")
    assert may(*metrics, cloudwatch__namespace="/aws/sagemaker/TrainingJobs")
    assert not may(*metrics, cloudwatch__namespace="AWS/Billing")
    role = ("OperatorPolicy", "iam:PassRole", "arn:aws:iam::123456789012:role/mabe-training")
    assert may(*role, iam__passedtoservice="sagemaker.amazonaws.com")
    assert not may(*role, iam__passedtoservice="ec2.amazonaws.com")
