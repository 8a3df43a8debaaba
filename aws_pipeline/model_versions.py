"""Versions of trained recognizers in SageMaker's registry: each with its scores, its code, and the word of a person that it may be used."""

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import SERVING, files
from aws_pipeline.training_request import setting_of
from behavior.contract import UsageError

PROGRAM = "inference/handler.py"
CONTENT_TYPE = "application/vnd.apache.parquet"
_WAITING, _APPROVED = "PendingManualApproval", "Approved"


def register(job: str, chosen: Settings, image: str, measured: Mapping[str, str] | None = None) -> str:
    """Make a version of a training job's model, which waits for approval, and return its ARN. Raises UsageError if the job has no model.

    `measured` are scores that the job itself does not know, such as that on held-out recordings.
    """
    import boto3

    client = boto3.client("sagemaker")
    found = client.describe_training_job(TrainingJobName=job)
    if found["TrainingJobStatus"] != "Completed":
        raise UsageError(f"Expected {job} to be completed, but got {found['TrainingJobStatus']}. Name a job that has a model.")
    model = _pack(found["ModelArtifacts"]["S3ModelArtifacts"], chosen, job)
    scores = {each["MetricName"]: f"{each['Value']:.4f}" for each in found.get("FinalMetricDataList") or []}
    card = {"job": job, **_trained_with(found.get("HyperParameters", {})), **scores, **(measured or {})}
    container = {"Image": image, "ModelDataUrl": model, "Environment": {"SAGEMAKER_PROGRAM": PROGRAM}}
    kinds = {"SupportedContentTypes": [CONTENT_TYPE], "SupportedResponseMIMETypes": ["text/csv"]}
    answer = client.create_model_package(
        ModelPackageGroupName=chosen.names.of("recognizers"),
        ModelPackageDescription=f"{card['recipe']}, trained by {job}",
        ModelApprovalStatus=_WAITING,
        InferenceSpecification={"Containers": [container], **kinds},
        CustomerMetadataProperties=card,
    )
    return str(answer["ModelPackageArn"])


def serving_image(chosen: Settings) -> str:
    """Return the image that serves models: in the deployment's own repository (docs/cloud.md says how to make it)."""
    import boto3

    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"{account}.dkr.ecr.{chosen.region}.amazonaws.com/{chosen.names.deployment}-serving:latest"


def _trained_with(hyperparameters: Mapping[str, str]) -> dict[str, str]:
    """Return for the card of a model its recipe, the run of the ETL that it learned from, and changed settings of the recipe."""
    run = {"run": hyperparameters["snapshot"]} if "snapshot" in hyperparameters else {}
    changed = {setting_of(name): value for name, value in hyperparameters.items() if setting_of(name) != name}
    return {"recipe": str(hyperparameters.get("recipe", "")), **run, **changed}


def approve(version: int, chosen: Settings) -> str:
    """Approve a version and return its ARN. Raises UsageError if there is none."""
    import boto3

    arn = find_version(version, chosen, approved=False)["ModelPackageArn"]
    boto3.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelApprovalStatus=_APPROVED)
    return str(arn)


def versions(chosen: Settings) -> list[dict[str, Any]]:
    """Return all versions, the newest first."""
    import boto3

    pages = boto3.client("sagemaker").get_paginator("list_model_packages")
    listed = pages.paginate(ModelPackageGroupName=chosen.names.of("recognizers"), SortBy="CreationTime", SortOrder="Descending")
    return [dict(each) for page in listed for each in page["ModelPackageSummaryList"]]


def _pack(model_uri: str, chosen: Settings, job: str) -> str:
    """Put the code that serves a checkpoint beside it, as model.tar.gz in S3; return its address."""
    import boto3

    s3 = boto3.client("s3")
    bucket, _, key = model_uri.removeprefix("s3://").partition("/")
    with tempfile.TemporaryDirectory() as folder:
        trained, served = Path(folder, "trained.tar.gz"), Path(folder, "model.tar.gz")
        s3.download_file(bucket, key, str(trained))
        with tarfile.open(trained) as source, tarfile.open(served, "w:gz") as target:
            for member in source.getmembers():
                if member.isfile() and member.name.endswith((".safetensors", ".onnx")):
                    target.addfile(_entry(Path(member.name).name, member.size), source.extractfile(member))
            for path, content in files(*SERVING).items():
                target.addfile(_entry(f"code/{path}", len(content)), io.BytesIO(content))
        to = f"training/served/{job}/model.tar.gz"
        s3.upload_file(str(served), chosen.bucket("artifacts"), to)
    return chosen.uri("artifacts", to)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    return entry


def find_version(version: int | None, chosen: Settings, *, approved: bool) -> dict[str, Any]:
    """Return the description of a version; without a number the newest. Raises UsageError for none, or for one without approval."""
    import boto3

    found = [each for each in versions(chosen) if version in (None, each["ModelPackageVersion"])]
    wanted = [each for each in found if each["ModelApprovalStatus"] == _APPROVED] if approved else found
    if not wanted:
        what = "an approved version" if approved else "a version"
        got = f"only {found[0]['ModelPackageVersion']}, which waits for approval" if found else "none"
        mend = "Approve it: python aws_pipeline/sagemaker_deploy.py approve" if found else "Register a training job first"
        raise UsageError(f"Expected {what} of {chosen.names.of('recognizers')}{f' {version}' if version else ''}, but got {got}. {mend}.")
    return dict(boto3.client("sagemaker").describe_model_package(ModelPackageName=wanted[0]["ModelPackageArn"]))
