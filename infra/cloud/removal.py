"""Removes all data of a deployment: every version of every object, the buckets, the database, the models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from aws_pipeline.config import Settings
from aws_pipeline.names import ZONES
from infra.cloud.change_sets import remove

_MISSING = frozenset({"404", "NoSuchBucket", "EntityNotFoundException", "ValidationException"})


def remove_data(chosen: Settings, session: Any) -> Iterator[str]:
    """Delete everything that the data stack made; yield what was done. Buckets are emptied first, because S3 removes only empty ones."""
    if remove(session.client("cloudformation"), chosen.names.of("data")):
        yield f"removed stack {chosen.names.of('data')}"
    s3, glue, sagemaker = session.client("s3"), session.client("glue"), session.client("sagemaker")
    for bucket in (chosen.bucket(zone) for zone in ZONES):
        if _there(s3.head_bucket, Bucket=bucket):
            n_objects = _empty(s3, bucket)
            s3.delete_bucket(Bucket=bucket)
            yield f"deleted bucket {bucket} with {n_objects:,} objects"
    if _there(glue.delete_database, Name=chosen.database):
        yield f"deleted database {chosen.database}"
    group = {"ModelPackageGroupName": chosen.names.of("recognizers")}
    if _there(sagemaker.describe_model_package_group, **group):
        for page in sagemaker.get_paginator("list_model_packages").paginate(**group):
            for package in page["ModelPackageSummaryList"]:
                sagemaker.delete_model_package(ModelPackageName=package["ModelPackageArn"])
        sagemaker.delete_model_package_group(**group)
        yield f"deleted models {group['ModelPackageGroupName']}"


def _empty(s3: Any, bucket: str) -> int:
    """Delete every version of every object; return how many."""
    n_deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        named = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]
        if named:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
            if answer.get("Errors"):
                raise OSError(f"Expected to delete the objects of {bucket}, but got: {answer['Errors'][0]['Message']}")
            n_deleted += len(named)
    return n_deleted


def _there(call: Callable[..., object], **request: Any) -> bool:
    """Make a call; say whether it found what it is about."""
    try:
        call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return False
        raise
    return True
