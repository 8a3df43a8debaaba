"""The roles of jobs: each may do what its job does, and no more. tests/infra/test_cloud_rights.py lists every wildcard with its reason."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from infra.cloud.grants import Statement, allow, arn, bucket_arn, catalog_arns, objects, policy, trust

READ_CATALOG = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
WRITE_CATALOG = ["glue:CreateTable", "glue:UpdateTable", "glue:DeleteTable"]
"""DeleteTable is for a table whose metadata somebody removed from the zone: it is made anew."""
LIST_OBJECTS = ["s3:ListBucket", "s3:GetBucketLocation"]
WRITE_OBJECTS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]


def glue_role(settings: Settings) -> dict[str, Any]:
    """Return the role of the job that curates."""
    statements = [
        allow("ReadRaw", ["s3:GetObject"], [objects(settings, "raw")]),
        allow("ReadCode", ["s3:GetObject"], [objects(settings, "artifacts", "glue/*")]),
        allow("WriteSummary", ["s3:PutObject", "s3:AbortMultipartUpload"], [objects(settings, "artifacts", "glue/runs/*")]),
        allow("WriteCurated", WRITE_OBJECTS, [objects(settings, "curated")]),
        allow("ListBuckets", LIST_OBJECTS, [bucket_arn(settings, zone) for zone in ("raw", "curated", "artifacts")]),
        allow("CommitTables", [*READ_CATALOG, *WRITE_CATALOG], catalog_arns(settings)),
        allow("WriteLogs", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [arn("logs", "log-group:/aws-glue/*")]),
    ]
    return role(settings.glue_role, "glue.amazonaws.com", "curate", statements)


def training_role(settings: Settings) -> dict[str, Any]:
    """Return the role of training jobs, models, transform jobs and endpoints."""
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    statements = [
        allow("ReadCurated", ["s3:GetObject"], [objects(settings, "curated")]),
        allow("WriteModels", ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"], [objects(settings, "artifacts", "training/*")]),
        allow("ListBuckets", LIST_OBJECTS, [bucket_arn(settings, zone) for zone in ("curated", "artifacts")]),
        allow("PullImage", pull, [arn("ecr", "repository/pytorch*", "*")]),  # in an account of AWS, another one in each region
        allow("SignInToImages", ["ecr:GetAuthorizationToken"], ["*"]),  # takes no resource
        allow("WriteMetrics", ["cloudwatch:PutMetricData"], ["*"], condition=_METRICS),  # takes no resource
        allow("WriteLogs", logs, [arn("logs", "log-group:/aws/sagemaker/*")]),
    ]
    return role(settings.training_role, "sagemaker.amazonaws.com", "train", statements)


_METRICS = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}


def role(name: str, service: str, name_of_policy: str, statements: list[Statement]) -> dict[str, Any]:
    """Return a role that one service assumes."""
    properties = {
        "RoleName": name,
        "AssumeRolePolicyDocument": trust(service),
        "Policies": [{"PolicyName": name_of_policy, "PolicyDocument": policy(statements)}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}
