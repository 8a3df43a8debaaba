"""Buckets and their policies."""

from __future__ import annotations

import json
from typing import Any

from infra.local.cloudformation.caller import Caller, xml
from infra.local.cloudformation.kinds.kind import Kind, Properties, tag_list

_CONFIGURED = (
    "PublicAccessBlockConfiguration",
    "BucketEncryption",
    "VersioningConfiguration",
    "OwnershipControls",
    "LifecycleConfiguration",
    "Tags",
)


def _configure(call: Caller, old: Properties, new: Properties) -> None:
    """Write the sub-resources that differ."""
    bucket = new["BucketName"]
    for name in _CONFIGURED:
        if new.get(name) == old.get(name) or name not in new:
            continue
        sub, action, body = _sub_resource(name, new)
        call.bucket("PUT", bucket, action, sub, body)


def _sub_resource(name: str, properties: Properties) -> tuple[str, str, str]:
    """Return query, action of IAM, and body."""
    value: Any = properties[name]
    if name == "PublicAccessBlockConfiguration":
        return "publicAccessBlock", "PutBucketPublicAccessBlock", xml(name, value)
    if name == "BucketEncryption":
        rules = [
            {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
            for rule in value["ServerSideEncryptionConfiguration"]
        ]
        return "encryption", "PutEncryptionConfiguration", xml("ServerSideEncryptionConfiguration", {"Rule": rules})
    if name == "VersioningConfiguration":
        return "versioning", "PutBucketVersioning", xml(name, value)
    if name == "OwnershipControls":
        return "ownershipControls", "PutBucketOwnershipControls", xml(name, {"Rule": value["Rules"]})
    if name == "LifecycleConfiguration":
        return "lifecycle", "PutLifecycleConfiguration", xml(name, {"Rule": [_lifecycle_rule(rule) for rule in value["Rules"]]})
    return "tagging", "PutBucketTagging", xml("Tagging", {"TagSet": {"Tag": tag_list(properties)}})


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    """Write a rule as S3's API has it; CloudFormation spells some parts differently."""
    written: dict[str, Any] = {"ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}, "Status": rule["Status"]}
    if "ExpirationInDays" in rule:
        written["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "ExpiredObjectDeleteMarker" in rule:
        written["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    if "NoncurrentVersionExpiration" in rule:
        written["NoncurrentVersionExpiration"] = rule["NoncurrentVersionExpiration"]
    if "AbortIncompleteMultipartUpload" in rule:
        written["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    return written


def _create_bucket(call: Caller, properties: Properties) -> None:
    call.bucket("PUT", properties["BucketName"], "CreateBucket")
    _configure(call, {}, properties)


BUCKET = Kind(
    name=lambda properties: str(properties["BucketName"]),
    known=frozenset({"BucketName", *_CONFIGURED}),
    exists=lambda call, properties: call.has_bucket(properties["BucketName"]),
    create=_create_bucket,
    update=_configure,
    delete=lambda call, properties: call.bucket("DELETE", properties["BucketName"], "DeleteBucket"),
    attributes=lambda properties: {"Arn": f"arn:aws:s3:::{properties['BucketName']}"},
)


def _put_policy(call: Caller, properties: Properties) -> None:
    call.bucket("PUT", properties["Bucket"], "PutBucketPolicy", "policy", json.dumps(properties["PolicyDocument"]))


BUCKET_POLICY = Kind(
    name=lambda properties: str(properties["Bucket"]),
    known=frozenset({"Bucket", "PolicyDocument"}),
    exists=lambda call, properties: False,  # CloudFormation overwrites a policy that is there
    create=_put_policy,
    update=lambda call, old, new: _put_policy(call, new),
    delete=lambda call, properties: call.bucket("DELETE", properties["Bucket"], "DeleteBucketPolicy", "policy"),
)
