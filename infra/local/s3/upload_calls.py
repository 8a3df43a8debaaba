"""The S3 operations of uploads in parts."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl, quote

from infra.local.s3.headers import described_by, instant, whole_number, write_condition
from infra.local.s3.multipart import OpenUploads
from infra.local.s3.object_calls import copied
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.wire import Operation, Request, Response, element, parse_xml, text, xml_response


class UploadOperations:
    """Each takes a request, a bucket and a key."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._uploads = OpenUploads(store)

    def operations(self) -> dict[str, Operation]:
        """Return the operations by what asks for them."""
        return {
            "GET bucket uploads": self._list_uploads,
            "GET object uploadId": self._list_parts,
            "PUT object uploadId": self._upload_part,
            "PUT object uploadId copy": self._upload_part_copy,
            "POST object uploads": self._begin_upload,
            "POST object uploadId": self._complete_upload,
            "DELETE object uploadId": self._abort_upload,
        }

    def _list_uploads(self, request: Request, bucket: str, key: str) -> Response:
        found = self._uploads.of_bucket(bucket, request.query.get("prefix", ""))
        listed = (
            element("Upload", text("Key", one.key), text("UploadId", one.id), text("Initiated", instant(one.begun_ns))) for one in found
        )
        return xml_response("ListMultipartUploadsResult", text("Bucket", bucket), text("IsTruncated", "false"), *listed)

    def _begin_upload(self, request: Request, bucket: str, key: str) -> Response:
        request.body.read()
        tags = dict(parse_qsl(request.header("x-amz-tagging")))
        upload = self._uploads.begin(bucket, key, described_by(request), tags)
        return xml_response("InitiateMultipartUploadResult", text("Bucket", bucket), text("Key", key), text("UploadId", upload.id))

    def _upload_part(self, request: Request, bucket: str, key: str) -> Response:
        upload = self._uploads.find(bucket, key, request.query["uploadId"])
        number = whole_number(request.query.get("partNumber", ""), "partNumber")
        staged = self._store.stage(request.body.chunks())
        self._uploads.put_part(upload, number, staged)
        sums = {f"x-amz-checksum-{name}": value for name, value in request.body.checksums.items()}
        return Response(headers={"ETag": f'"{staged.md5}"', **sums})

    def _upload_part_copy(self, request: Request, bucket: str, key: str) -> Response:
        upload = self._uploads.find(bucket, key, request.query["uploadId"])
        number = whole_number(request.query.get("partNumber", ""), "partNumber")
        _, staged = copied(self._store, request, request.header("x-amz-copy-source-range"))
        self._uploads.put_part(upload, number, staged)
        return xml_response("CopyPartResult", text("LastModified", instant(time.time_ns())), text("ETag", f'"{staged.md5}"'))

    def _complete_upload(self, request: Request, bucket: str, key: str) -> Response:
        asked = parse_xml(request.body.read()).iterfind("{*}Part")
        wanted = [
            (whole_number(part.findtext("{*}PartNumber"), "PartNumber"), (part.findtext("{*}ETag") or "").strip('"')) for part in asked
        ]
        done = self._uploads.complete(bucket, key, request.query["uploadId"], wanted, only_if=write_condition(request))
        place = [text("Location", f"/{bucket}/{quote(key)}"), text("Bucket", bucket), text("Key", key)]
        return xml_response("CompleteMultipartUploadResult", *place, text("ETag", f'"{done.etag}"'))

    def _list_parts(self, request: Request, bucket: str, key: str) -> Response:
        upload = self._uploads.find(bucket, key, request.query["uploadId"])
        about = [text("Bucket", bucket), text("Key", key), text("UploadId", upload.id), text("IsTruncated", "false")]
        parts = (
            element(
                "Part",
                text("PartNumber", part.number),
                text("ETag", f'"{part.etag}"'),
                text("Size", part.size),
                text("LastModified", instant(part.mtime_ns)),
            )
            for part in self._uploads.parts(upload)
        )
        return xml_response("ListPartsResult", *about, *parts)

    def _abort_upload(self, request: Request, bucket: str, key: str) -> Response:
        self._uploads.give_up(self._uploads.find(bucket, key, request.query["uploadId"]))
        return Response(204)
