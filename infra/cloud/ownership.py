"""Whose a bucket is: names of buckets are shared by all of AWS, and another deployment's must not be taken over."""

from __future__ import annotations

from typing import Any, Protocol

from aws_pipeline.config import Settings
from aws_pipeline.names import OWNER_TAG, ZONES
from behavior.contract import UsageError


class AwsSession(Protocol):
    """What deploying needs of a boto3 session."""

    def client(self, service_name: str) -> Any:
        """Make a client."""


def refuse_buckets_of_others(chosen: Settings, session: AwsSession, *, adopt: bool) -> None:
    """Raise UsageError for a bucket that exists already, is not of the data stack, and is not this deployment's by its tag."""
    from infra.cloud.change_sets import resources_of

    ours = resources_of(session.client("cloudformation"), chosen.names.of("data"))
    s3 = session.client("s3")
    for bucket in (chosen.bucket(zone) for zone in ZONES):
        owner = None if bucket in ours else _owner_of_bucket(s3, bucket)
        if owner is None or owner == chosen.names.deployment or (adopt and not owner):
            continue
        got = f"one of {owner}" if owner else "one without its tag"
        mend = "Choose another S3_BUCKET" + ("" if owner else ", or take it over with --adopt")
        raise UsageError(f"Expected bucket {bucket} to be free or of {chosen.names.deployment}, but got {got}. {mend}.")


def _owner_of_bucket(s3: Any, bucket: str) -> str | None:
    """Return whose a bucket is by its tag, empty for no tag; None if there is no bucket."""
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
        tags = s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("404", "NoSuchBucket"):
            return None
        if code == "NoSuchTagSet":
            return ""
        if code == "403":
            return "another account"
        raise
    return {tag["Key"]: tag["Value"] for tag in tags}.get(OWNER_TAG, "")
