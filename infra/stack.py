"""What the pipeline needs of AWS, declared once: a CloudFormation template made from the settings and from behavior's tables.

Near and far are built from this same declaration, by infra.deploy.
"""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import GlueCode, glue_code

GLUE_VERSION = "5.1"
PYICEBERG = "0.12.0"
"""Version that Glue installs beside its own packages; the lock has the same."""
WORKERS = 10
TIMEOUT_MIN = 120
SCAN_CUTOFF_BYTES = 100 * 1024**3
"""A query that would read more is cancelled: at most half a dollar at Athena's price of 2026."""
ZONES = ("raw", "curated", "athena", "artifacts")
RESULT_DAYS = 14

Resource = dict[str, Any]


def template(settings: Settings) -> dict[str, Any]:
    """Return the whole stack; it changes when the Glue job's code does, because the job's definition names the code by its digest."""
    resources: dict[str, Resource] = {f"{zone.title()}Bucket": _bucket(settings, zone) for zone in ZONES}
    resources["Database"] = _database(settings)
    resources["GlueRole"] = _glue_role(settings)
    resources["TrainingRole"] = _training_role(settings)
    resources["CurateJob"] = _glue_job(settings, glue_code(settings))
    resources["WorkGroup"] = _workgroup(settings)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Mouse behavior lakehouse: raw and curated zones, catalog, curation job, SQL workgroup, roles.",
        "Resources": resources,
    }


def _bucket(settings: Settings, zone: str) -> Resource:
    rules: list[dict[str, Any]] = [
        {"Id": "abort-unfinished-uploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    ]
    if zone == "athena":
        rules.append({"Id": "expire-results", "Status": "Enabled", "ExpirationInDays": RESULT_DAYS})
    properties = {
        "BucketName": settings.bucket(zone),
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        "LifecycleConfiguration": {"Rules": rules},
    }
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": properties}


def _database(settings: Settings) -> Resource:
    description = "Curated recordings of mice: tracking, annotations, metadata"
    properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": settings.database, "Description": description}}
    return {"Type": "AWS::Glue::Database", "Properties": properties}


def _glue_job(settings: Settings, code: GlueCode) -> Resource:
    arguments = {
        "--RAW_URI": settings.uri("raw"),
        "--CURATED_URI": settings.uri("curated"),
        "--DATABASE": settings.database,
        "--extra-py-files": code.library,
        "--additional-python-modules": f"pyiceberg=={PYICEBERG}",
        "--job-language": "python",
        "--enable-metrics": "true",
        "--enable-continuous-cloudwatch-log": "true",
    }
    properties = {
        "Name": settings.glue_job,
        "Description": "Curates raw tracking: centimeters, gaps filled and marked, velocity",
        "Role": {"Fn::GetAtt": ["GlueRole", "Arn"]},
        "GlueVersion": GLUE_VERSION,
        "WorkerType": "G.1X",
        "NumberOfWorkers": WORKERS,
        "Timeout": TIMEOUT_MIN,
        "MaxRetries": 0,
        "ExecutionProperty": {"MaxConcurrentRuns": 1},
        "Command": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": code.script},
        "DefaultArguments": arguments,
    }
    return {"Type": "AWS::Glue::Job", "Properties": properties}


def _workgroup(settings: Settings) -> Resource:
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": SCAN_CUTOFF_BYTES,
        "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
        "ResultConfiguration": {
            "OutputLocation": settings.uri("athena") + "/",
            "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
        },
    }
    properties = {
        "Name": settings.workgroup,
        "Description": "Questions about the curated tables",
        "State": "ENABLED",
        "WorkGroupConfiguration": configuration,
    }
    return {"Type": "AWS::Athena::WorkGroup", "Properties": properties}


def _glue_role(settings: Settings) -> Resource:
    catalog = [_arn("glue", path) for path in ("catalog", f"database/{settings.database}", f"table/{settings.database}/*")]
    statements = [
        _allow("ReadRaw", ["s3:GetObject"], [_objects(settings, "raw")]),
        _allow("ReadCode", ["s3:GetObject"], [_objects(settings, "artifacts", "glue/*")]),
        _allow("WriteSummary", ["s3:PutObject"], [_objects(settings, "artifacts", "glue/runs/*")]),
        _allow("WriteCurated", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], [_objects(settings, "curated")]),
        _allow("ListBuckets", ["s3:ListBucket"], [_bucket_arn(settings, zone) for zone in ("raw", "curated", "artifacts")]),
        _allow(
            "CommitTables",
            ["glue:GetDatabase", "glue:GetTable", "glue:CreateTable", "glue:UpdateTable"],
            catalog,
        ),
        _logs("/aws-glue/*"),
    ]
    return _role(settings.glue_role, "glue.amazonaws.com", "curate", statements)


def _training_role(settings: Settings) -> Resource:
    models = _objects(settings, "artifacts", "training/*")
    statements = [
        _allow("ReadCurated", ["s3:GetObject"], [_objects(settings, "curated")]),
        _allow("WriteModels", ["s3:GetObject", "s3:PutObject"], [models]),
        _allow("ListBuckets", ["s3:ListBucket"], [_bucket_arn(settings, zone) for zone in ("curated", "artifacts")]),
        _allow(
            "PullImage",
            ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            [_arn("ecr", "repository/*", "*")],
        ),
        _allow("SignInToImages", ["ecr:GetAuthorizationToken"], ["*"]),  # takes no resource
        _logs("/aws/sagemaker/*"),
    ]
    return _role(settings.training_role, "sagemaker.amazonaws.com", "train", statements)


def _role(name: str, service: str, policy: str, statements: list[dict[str, Any]]) -> Resource:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    properties = {
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": policy, "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _allow(sid: str, actions: list[str], resources: list[Any]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _logs(group: str) -> dict[str, Any]:
    return _allow("WriteLogs", ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], [_arn("logs", f"log-group:{group}")])


def _arn(service: str, path: str, account: str = "${AWS::AccountId}") -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:{account}:{path}"}


def _bucket_arn(settings: Settings, zone: str) -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{settings.bucket(zone)}"}


def _objects(settings: Settings, zone: str, keys: str = "*") -> dict[str, str]:
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{settings.bucket(zone)}/{keys}"}


def _camel(name: str) -> str:
    return "".join(part.title() for part in name.split("_"))
