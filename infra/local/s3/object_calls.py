"""The S3 operations on objects: put, get, copy, tag, delete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote

from infra.local.s3.headers import (
    byte_range,
    checksum_headers,
    described_by,
    instant,
    object_headers,
    unmet_condition,
    write_condition,
)
from infra.local.s3.object_store import CHUNK_BYTES, ObjectStore
from infra.local.s3.stored import Condition, Staged, StoredObject, precondition_failed
from infra.local.s3.wire import FileSlice, Operation, Request, Response, element, parse_xml, text, xml_response


class ObjectOperations:
    """Each takes a request, a bucket and a key."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def operations(self) -> dict[str, Operation]:
        """Return the operations by what asks for them."""
        return {
            "GET object": self._get_object,
            "HEAD object": self._get_object,
            "GET object attributes": self._get_attributes,
            "GET object tagging": self._get_tags,
            "PUT object": self._put_object,
            "PUT object copy": self._copy_object,
            "PUT object tagging": self._put_tags,
            "DELETE object": self._delete_object,
            "DELETE object tagging": self._put_tags,
        }

    def _get_object(self, request: Request, bucket: str, key: str) -> Response:
        if request.method == "HEAD":
            found, file = self._store.get(bucket, key), None
        else:
            found, file = self._store.open(bucket, key)
        try:
            unchanged = unmet_condition(request, found, "")
            if unchanged:
                _close(file)
                return Response(304, headers={"ETag": f'"{found.etag}"'})
            first, size, partial = byte_range(request.header("Range"), found.size)
        except BaseException:
            _close(file)
            raise
        headers = object_headers(request, found) | {"Content-Length": str(size)}
        if partial:
            headers["Content-Range"] = f"bytes {first}-{first + size - 1}/{found.size}"
        elif request.header("x-amz-checksum-mode").upper() == "ENABLED":
            headers |= checksum_headers(found)
        return Response(206 if partial else 200, FileSlice(file, first, size) if file else b"", headers)

    def _get_attributes(self, request: Request, bucket: str, key: str) -> Response:
        found = self._store.get(bucket, key)
        sums = (text(f"Checksum{name.upper()}", value) for name, value in found.checksums.items())
        content = [text("ETag", found.etag), element("Checksum", *sums), text("StorageClass", "STANDARD"), text("ObjectSize", found.size)]
        return xml_response("GetObjectAttributesResponse", *content)

    def _put_object(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        staged = self._store.stage(request.body.chunks())
        tags = dict(parse_qsl(request.header("x-amz-tagging")))
        headers = described_by(request)
        checksums = request.body.checksums
        done = self._store.put(bucket, key, staged, headers=headers, tags=tags, checksums=checksums, only_if=write_condition(request))
        return Response(headers={"ETag": f'"{done.etag}"', **checksum_headers(done)})

    def _copy_object(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        found, staged = copied(self._store, request, "")
        replaced = request.header("x-amz-metadata-directive").upper() == "REPLACE"
        retagged = request.header("x-amz-tagging-directive").upper() == "REPLACE"
        done = self._store.put(
            bucket,
            key,
            staged,
            headers=described_by(request) if replaced else found.headers,
            tags=dict(parse_qsl(request.header("x-amz-tagging"))) if retagged else found.tags,
            checksums=found.checksums,
            only_if=write_condition(request),
        )
        return xml_response("CopyObjectResult", text("LastModified", instant(done.mtime_ns)), text("ETag", f'"{done.etag}"'))

    def _delete_object(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        self._store.delete(bucket, key, only_if=Condition(etag=request.headers.get("If-Match")))
        return Response(204)

    def _get_tags(self, request: Request, bucket: str, key: str) -> Response:
        tags = self._store.get(bucket, key).tags.items()
        return xml_response(
            "Tagging", element("TagSet", *(element("Tag", text("Key", name), text("Value", value)) for name, value in tags))
        )

    def _put_tags(self, request: Request, bucket: str, key: str) -> Response:
        if request.method == "DELETE":
            self._store.tag(bucket, key, {})
            return Response(204)
        asked = parse_xml(request.body.read()).iterfind("{*}TagSet/{*}Tag")
        self._store.tag(bucket, key, {tag.findtext("{*}Key") or "": tag.findtext("{*}Value") or "" for tag in asked})
        return Response()


def copied(store: ObjectStore, request: Request, wanted: str) -> tuple[StoredObject, Staged]:
    """Stage the bytes of the object that `x-amz-copy-source` names."""
    bucket, _, key = unquote(request.header("x-amz-copy-source").partition("?")[0]).removeprefix("/").partition("/")
    found, file = store.open(bucket, key)
    with file:
        if unmet_condition(request, found, "x-amz-copy-source-"):
            raise precondition_failed("the copy's conditions", f"the ETag {found.etag}")
        first, size, _ = byte_range(wanted, found.size)
        return found, store.stage(_piece(file, first, size))


def _piece(file: BinaryIO, first: int, size: int) -> Iterator[bytes]:
    file.seek(first)
    while size and (chunk := file.read(min(CHUNK_BYTES, size))):
        size -= len(chunk)
        yield chunk


def _close(file: BinaryIO | None) -> None:
    if file is not None:
        file.close()
