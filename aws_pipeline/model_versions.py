"""Versions of trained recognizers in SageMaker's registry: each with its scores, its code, and the word of a person that it may be used."""

import io
import json
import shutil
import struct
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.job_code import SERVING, files
from aws_pipeline.training_request import setting_of
from behavior.checkpoint_header import checkpoint_header
from behavior.contract import ContractError, UsageError
from behavior.model_card import CARD, card_files, decoding_line

PROGRAM = "inference/handler.py"
CONTENT_TYPE = "application/vnd.apache.parquet"
METRICS_FILE = "metrics.json"
_CHECKPOINT = ".safetensors"
_WAITING, _APPROVED = "PendingManualApproval", "Approved"


def register(job: str, chosen: Settings, image: str, measured: Mapping[str, str] | None = None) -> str:
    """Make a version of a training job's model, which waits for approval, and return its ARN. Raises UsageError if the job has no model.

    `measured` are scores that the job itself does not know, such as that on held-out recordings. The version's description says how scores
    become bouts, and where the whole card is (`behavior.model_card`); the card is also in the model's archive.
    """
    import boto3

    client = boto3.client("sagemaker")
    found = client.describe_training_job(TrainingJobName=job)
    if found["TrainingJobStatus"] != "Completed":
        raise UsageError(f"Expected {job} to be completed, but got {found['TrainingJobStatus']}. Name a job that has a model.")
    scores = {each["MetricName"]: f"{each['Value']:.4f}" for each in found.get("FinalMetricDataList") or []}
    about = {"job": job, **_trained_with(found.get("HyperParameters", {})), **scores, **(measured or {})}
    served = _pack(found["ModelArtifacts"]["S3ModelArtifacts"], chosen, about, {**scores, **(measured or {})})
    container = {"Image": image, "ModelDataUrl": served.model, "Environment": {"SAGEMAKER_PROGRAM": PROGRAM}}
    kinds = {"SupportedContentTypes": [CONTENT_TYPE], "SupportedResponseMIMETypes": ["text/csv"]}
    answer = client.create_model_package(
        ModelPackageGroupName=chosen.names.of("recognizers"),
        ModelPackageDescription=f"{about['recipe']}, trained by {job}",
        ModelApprovalStatus=_WAITING,
        InferenceSpecification={"Containers": [container], **kinds},
        ModelMetrics={"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": served.metrics}}},
        CustomerMetadataProperties={**about, "decoding": served.decoding, "card": served.card},
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


@dataclass(frozen=True)
class _Served:
    """What was packed for serving."""

    model: str
    """Address of the archive."""
    card: str
    """Address of the card."""
    metrics: str
    """Address of the scores, as JSON."""
    decoding: str
    """How scores become bouts, in one line."""


def _pack(model_uri: str, chosen: Settings, about: Mapping[str, str], scores: Mapping[str, str]) -> _Served:
    """Put its card and the code that serves it beside a checkpoint, as model.tar.gz in S3. Raises ContractError without a checkpoint."""
    import boto3

    s3, job = boto3.client("s3"), about["job"]
    bucket, _, key = model_uri.removeprefix("s3://").partition("/")
    folder = f"training/served/{job}"
    with tempfile.TemporaryDirectory() as place:
        trained, served = Path(place, "trained.tar.gz"), Path(place, "model.tar.gz")
        s3.download_file(bucket, key, str(trained))
        header = _header_in(trained, Path(place), job)
        card = card_files(header, f"{about['recipe']}, trained by {job}", {name: value for name, value in about.items() if name != "job"})
        with tarfile.open(trained) as source, tarfile.open(served, "w:gz") as target:
            for member in source.getmembers():
                if member.isfile() and member.name.endswith((_CHECKPOINT, ".onnx")):
                    target.addfile(_entry(Path(member.name).name, member.size), source.extractfile(member))
            for path, content in {**card, **{f"code/{path}": content for path, content in files(*SERVING).items()}}.items():
                target.addfile(_entry(path, len(content)), io.BytesIO(content))
        s3.upload_file(str(served), chosen.bucket("artifacts"), f"{folder}/model.tar.gz")
    for name, content in {**card, METRICS_FILE: json.dumps(dict(scores)).encode()}.items():
        s3.put_object(Bucket=chosen.bucket("artifacts"), Key=f"{folder}/{name}", Body=content)
    model, told, measured = (chosen.uri("artifacts", f"{folder}/{name}") for name in ("model.tar.gz", CARD, METRICS_FILE))
    return _Served(model, told, measured, decoding_line(header))


def _header_in(archive: Path, place: Path, job: str) -> dict[str, Any]:
    """Return the header of the checkpoint in an archive. Raises ContractError if there is none, or not exactly one."""
    with tarfile.open(archive) as tar:
        found = [member for member in tar.getmembers() if member.isfile() and member.name.endswith(_CHECKPOINT)]
        if len(found) == 1 and (content := tar.extractfile(found[0])):
            copied = place / "checkpoint"
            with content, copied.open("wb") as target:
                shutil.copyfileobj(content, target)
            try:
                return checkpoint_header(copied)
            except (ValueError, KeyError, TypeError, struct.error):
                found = []
    got = ", ".join(Path(member.name).name for member in found) or "none that can be read"
    raise ContractError([f"Expected one recognizer ({_CHECKPOINT}) in the model of {job}, but got {got}. Name another job."])


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
