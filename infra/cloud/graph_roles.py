"""The roles of the cloud's graph: what the state machine may do in its tasks, and what may start it."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from infra.cloud.grants import Statement, allow, arn, bucket_arn, catalog_arns, objects, role_arn
from infra.cloud.roles import LIST_OBJECTS, READ_CATALOG, role

_MANAGED_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
"""Step Functions makes this rule in the name of the role, to hear that a training job is over."""


def graph_role(settings: Settings) -> dict[str, Any]:
    """Return the role of the state machine."""
    mine = settings.names.job_prefix
    jobs = ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags"]
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    statements = [
        allow(
            "RunJob",
            ["glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
            [arn("glue", f"job/{settings.glue_job}")],
        ),
        *_questions(settings),
        allow("PinRun", ["s3:PutObject", "s3:DeleteObject"], [objects(settings, "curated", "pins/*")]),
        allow("Train", jobs, [arn("sagemaker", f"training-job/{mine}-{what}-*") for what in ("train", "score")]),
        allow("ReadTags", ["sagemaker:ListTags"], ["*"]),  # as Step Functions' own policies have it
        allow("PassTrainingRole", ["iam:PassRole"], [role_arn(settings.training_role)], condition=passed),
        allow("HearOfJobs", ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [arn("events", f"rule/{_MANAGED_RULE}")]),
        allow("Register", ["sagemaker:CreateModelPackage"], [arn("sagemaker", f"model-package/{settings.names.of('recognizers')}/*")]),
        allow("WriteLogs", _DELIVERY, ["*"]),  # these take no resource
    ]
    return role(settings.names.of("graph"), "states.amazonaws.com", "run-graph", statements)


def start_role(settings: Settings) -> dict[str, Any]:
    """Return the role in which EventBridge starts the state machine."""
    machine = arn("states", f"stateMachine:{settings.names.of('graph')}")
    return role(settings.names.of("start"), "events.amazonaws.com", "start-graph", [allow("Start", ["states:StartExecution"], [machine])])


def _questions(settings: Settings) -> list[Statement]:
    """Ask the gate's question: Athena reads and writes in the name of who asks."""
    ask = ["athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]
    answers = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    return [
        allow("Ask", ask, [arn("athena", f"workgroup/{settings.workgroup}")]),
        allow("ReadCatalog", READ_CATALOG, catalog_arns(settings)),
        allow("ReadCurated", ["s3:GetObject"], [objects(settings, "curated")]),
        allow("WriteAnswers", answers, [objects(settings, "athena")]),
        allow("ListBuckets", LIST_OBJECTS, [bucket_arn(settings, zone) for zone in ("curated", "athena")]),
    ]


_DELIVERY = [
    *(f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
]
"""What Step Functions needs to write to a log group."""
