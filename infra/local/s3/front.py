"""The S3 API over an object store: from a request to the operation that answers it.

Not here: signatures (who can reach the loopback interface can read the files as well), object versions, and bucket sub-resources such
as policies, which `BUCKET_CONTROL` names and the control plane keeps.
"""

from __future__ import annotations

from infra.local.errors import ServiceError
from infra.local.s3.bucket_calls import BucketOperations
from infra.local.s3.headers import refuse_expired
from infra.local.s3.object_calls import ObjectOperations
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.upload_calls import UploadOperations
from infra.local.s3.wire import Operation, Request, Response

BUCKET_CONTROL = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "tagging",
        "versioning",
        "website",
    ]
)
_SUB_RESOURCES = (
    frozenset(["attributes", "delete", "location", "select", "tagging", "uploadId", "uploads", "versionId", "versions"]) | BUCKET_CONTROL
)


class S3Front:
    """Answers S3 requests from one store."""

    def __init__(self, store: ObjectStore) -> None:
        parts = (BucketOperations(store), ObjectOperations(store), UploadOperations(store))
        self._operations = {name: operation for part in parts for name, operation in part.operations().items()}

    def handle(self, request: Request) -> Response:
        """Do what a request asks for. Raises ServiceError."""
        bucket, _, key = request.path.removeprefix("/").partition("/")
        refuse_expired(request)
        return self._operation(request, bucket, key)(request, bucket, key)

    def _operation(self, request: Request, bucket: str, key: str) -> Operation:
        sub = "".join(f" {name}" for name in sorted(_SUB_RESOURCES & request.query.keys()))
        level = "object" if key else "bucket" if bucket else "service"
        asked = f"{request.method} {level}{sub}{' copy' if request.header('x-amz-copy-source') else ''}"
        if asked not in self._operations:
            raise ServiceError(
                "NotImplemented", f"Expected an operation of S3 that runs here, but got {asked}. It exists on AWS only.", 501
            )
        return self._operations[asked]
