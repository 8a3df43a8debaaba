"""The stack of data: buckets, database and group of models. It stays; only a flag that says so removes it.

The tables of the database are made by the job that fills them (aws_pipeline/iceberg.py).
"""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from aws_pipeline.names import ZONES
from infra.cloud.buckets import bucket, bucket_policy

_KEEP = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""Stay when the stack goes, but not when its first deployment fails."""


def data_template(settings: Settings) -> dict[str, Any]:
    """Return the template."""
    resources: dict[str, Any] = {f"{zone.title()}Bucket": bucket(settings, zone) for zone in ZONES}
    resources |= {f"{zone.title()}BucketPolicy": bucket_policy(settings, zone, f"{zone.title()}Bucket") for zone in ZONES}
    resources["Database"] = _database(settings)
    resources["ModelGroup"] = _model_group(settings)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Mouse behavior lakehouse, data: the zones, the catalog's database, the group of models.",
        "Resources": resources,
    }


def _database(settings: Settings) -> dict[str, Any]:
    description = "Curated recordings of mice: tracking, annotations, metadata"
    properties = {"CatalogId": {"Ref": "AWS::AccountId"}, "DatabaseInput": {"Name": settings.database, "Description": description}}
    return {"Type": "AWS::Glue::Database", **_KEEP, "Properties": properties}


def _model_group(settings: Settings) -> dict[str, Any]:
    about = "Recognizers of behavior, each with its scores and its card"
    properties = {"ModelPackageGroupName": settings.names.of("recognizers"), "ModelPackageGroupDescription": about}
    return {"Type": "AWS::SageMaker::ModelPackageGroup", **_KEEP, "Properties": properties}
