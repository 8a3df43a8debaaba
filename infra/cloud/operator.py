"""What a person needs to run the pipeline: upload, curate, ask, train, infer. Deploying needs more (README, On AWS)."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.names import ZONES
from infra.cloud.grants import allow, arn, bucket_arn, catalog_arns, objects, policy, role_arn
from infra.cloud.roles import READ_CATALOG, WRITE_CATALOG, WRITE_OBJECTS


def operator_policy(settings: Settings) -> dict[str, Any]:
    """Return the managed policy to attach to the people, or the role, that run the pipeline."""
    properties = {
        "ManagedPolicyName": settings.names.of("operator"),
        "Description": "Run the mouse behavior pipeline: upload, curate, query, train",
        "PolicyDocument": operator_document(settings),
    }
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def operator_document(settings: Settings) -> dict[str, Any]:
    """Return the policy itself."""
    uploads = [*WRITE_OBJECTS, "s3:ListMultipartUploadParts"]
    graph = settings.names.of("graph")
    statements = [
        allow("UseZones", uploads, [objects(settings, zone) for zone in ZONES]),
        allow(
            "ListZones",
            ["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
            [bucket_arn(settings, zone) for zone in ZONES],
        ),
        allow("UseCatalog", [*READ_CATALOG, "glue:GetDatabases", *WRITE_CATALOG], catalog_arns(settings)),
        allow(
            "RunJob",
            ["glue:GetJob", "glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"],
            [arn("glue", f"job/{settings.glue_job}")],
        ),
        allow(
            "AskAthena",
            [
                "athena:StartQueryExecution",
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:StopQueryExecution",
                "athena:GetWorkGroup",
            ],
            [arn("athena", f"workgroup/{settings.workgroup}")],
        ),
        allow("FollowLogs", ["logs:DescribeLogStreams", "logs:GetLogEvents"], [arn("logs", "log-group:/aws/sagemaker/TrainingJobs*")]),
        allow(
            "RunGraph", ["states:StartExecution", "states:ListExecutions"], [arn("states", f"stateMachine:{settings.names.of('graph')}")]
        ),
        allow(
            "FollowGraph",
            ["states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"],
            [arn("states", f"execution:{graph}:*")],
        ),
        *_sagemaker(settings),
    ]
    return policy(statements)


def _sagemaker(settings: Settings) -> list[dict[str, Any]]:
    """Training, registering and serving; every name begins with the deployment's."""
    mine = settings.names.job_prefix
    train = ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags"]
    tune = [f"sagemaker:{verb}HyperParameterTuningJob" for verb in ("Create", "Describe", "Stop", "ListTrainingJobsFor")]
    models = [f"sagemaker:{what}ModelPackage" for what in ("Create", "Describe", "Update")]
    group = settings.names.of("recognizers")
    serve = [f"sagemaker:{verb}{what}" for verb in ("Create", "Describe", "Delete") for what in ("Model", "EndpointConfig", "Endpoint")]
    serve += ["sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:InvokeEndpoint", "sagemaker:AddTags"]
    kinds = ("model", "endpoint-config", "endpoint", "transform-job")
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    role = [role_arn(settings.training_role)]
    return [
        allow("Train", train, [arn("sagemaker", f"training-job/{mine}-*")]),
        allow("Tune", [*tune, "sagemaker:AddTags"], [arn("sagemaker", f"hyper-parameter-tuning-job/{mine}-*")]),
        allow("Register", models, [arn("sagemaker", f"model-package/{group}/*")]),
        allow("ListModels", ["sagemaker:ListModelPackages"], ["*"]),  # takes no resource
        allow("Serve", serve, [arn("sagemaker", f"{kind}/{mine}-*") for kind in kinds]),
        allow("PassTrainingRole", ["iam:PassRole"], role, condition=passed),
        allow("ReadTrainingRole", ["iam:GetRole", "iam:SimulatePrincipalPolicy"], role),
    ]
