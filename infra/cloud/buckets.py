"""The buckets of the zones: private, encrypted, reached by TLS only, and clean of what nobody needs any more."""

from __future__ import annotations

from typing import Any

from aws_pipeline.config import Settings
from infra.cloud.grants import bucket_arn, objects, policy

ABORT_DAYS = 7
RESULT_DAYS = 14
RUN_DAYS = 30
"""Summaries and policies of runs are kept so long."""
OLD_VERSION_DAYS = 90
"""Raw data that was overwritten or deleted can be brought back so long."""


def bucket(settings: Settings, zone: str) -> dict[str, Any]:
    """Return the bucket of a zone. It stays when its stack goes, but not when its first deployment fails."""
    properties: dict[str, Any] = {
        "BucketName": settings.bucket(zone),
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]},
        "LifecycleConfiguration": {"Rules": _rules(zone)},
    }
    if zone == "raw":
        properties["VersioningConfiguration"] = {"Status": "Enabled"}
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain", "Properties": properties}


def bucket_policy(settings: Settings, zone: str, logical: str) -> dict[str, Any]:
    """Refuse requests without TLS."""
    deny = {
        "Sid": "OnlyByTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket_arn(settings, zone), objects(settings, zone)],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": logical}, "PolicyDocument": policy([deny])}}


def _rules(zone: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {"Id": "abort-unfinished-uploads", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_DAYS}}
    ]
    if zone == "raw":
        # Each upload removes some objects (marks, rows that it replaced). Without the second rule a marker of each would stay for ever, and
        # make listings slower.
        old = {"NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSION_DAYS}, "ExpiredObjectDeleteMarker": True}
        rules.append({"Id": "expire-old-versions", "Status": "Enabled", **old})
    if zone == "athena":
        rules.append({"Id": "expire-results", "Status": "Enabled", "ExpirationInDays": RESULT_DAYS})
    if zone == "artifacts":
        rules.append({"Id": "expire-runs", "Status": "Enabled", "Prefix": "glue/runs/", "ExpirationInDays": RUN_DAYS})
    return rules
