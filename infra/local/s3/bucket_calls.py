"""The S3 operations on buckets: make, list, remove, and delete many objects at once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

from infra.local.errors import ServiceError
from infra.local.s3.headers import instant, whole_number
from infra.local.s3.listing import common_prefix
from infra.local.s3.object_names import LAST
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.stored import Condition, ListingPage, StoredObject
from infra.local.s3.wire import Operation, Request, Response, element, parse_xml, text, xml_response

_MOST_LISTED = 1000


class BucketOperations:
    """Each takes a request, a bucket and an empty key."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def operations(self) -> dict[str, Operation]:
        """Return the operations by what asks for them."""
        return {
            "GET service": self._list_buckets,
            "PUT bucket": self._create_bucket,
            "HEAD bucket": self._head_bucket,
            "DELETE bucket": self._delete_bucket,
            "GET bucket": self._list_objects,
            "GET bucket location": self._get_location,
            "GET bucket versions": self._list_versions,
            "POST bucket delete": self._delete_objects,
        }

    def _list_buckets(self, request: Request, bucket: str, key: str) -> Response:
        names = ((name, (self._store.root / name).stat().st_mtime_ns) for name in self._store.buckets())
        listed = (element("Bucket", text("Name", name), text("CreationDate", instant(ns))) for name, ns in names)
        return xml_response("ListAllMyBucketsResult", element("Owner", text("ID", "local")), element("Buckets", *listed))

    def _create_bucket(self, request: Request, bucket: str, key: str) -> Response:
        request.body.read()  # the region; there is only one
        self._store.create_bucket(bucket)
        return Response(headers={"Location": f"/{bucket}"})

    def _head_bucket(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        return Response(headers={"x-amz-bucket-region": "us-east-1"})

    def _delete_bucket(self, request: Request, bucket: str, key: str) -> Response:
        self._store.delete_bucket(bucket)
        return Response(204)

    def _get_location(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        return xml_response("LocationConstraint")  # empty means us-east-1

    def _list_objects(self, request: Request, bucket: str, key: str) -> Response:
        query = request.query
        second = query.get("list-type") == "2"
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        limit = min(whole_number(query.get("max-keys") or _MOST_LISTED, "max-keys"), _MOST_LISTED)
        token = query.get("continuation-token", "")
        start = query.get("start-after" if second else "marker", "")
        if token:
            after = _from_token(token)
        elif not second and common_prefix(start, prefix, delimiter) == start:
            after = start + LAST  # version 1 names the group it ended with, and wants to go on behind it
        else:
            after = start
        page = self._store.page(bucket, prefix, delimiter, after, limit)
        plain = query.get("encoding-type") != "url"
        shown = str if plain else _url_encoded
        about = [
            text("Name", bucket),
            text("Prefix", shown(prefix)),
            text("MaxKeys", limit),
            text("IsTruncated", _lower(page.after is not None)),
        ]
        about += [text("Delimiter", shown(delimiter))] if delimiter else []
        about += [] if plain else [text("EncodingType", "url")]
        about += _position_2(page, token, shown(start)) if second else _position_1(page, shown(start), shown)
        listed = (element("Contents", text("Key", shown(found.key)), _facts(found)) for found in page.objects)
        groups = (element("CommonPrefixes", text("Prefix", shown(group))) for group in page.prefixes)
        return xml_response("ListBucketResult", *about, *listed, *groups)

    def _list_versions(self, request: Request, bucket: str, key: str) -> Response:
        """List the one version that every object has here: a bucket with versioning keeps older ones on AWS only."""
        query = request.query
        limit = min(whole_number(query.get("max-keys") or _MOST_LISTED, "max-keys"), _MOST_LISTED)
        page = self._store.page(bucket, query.get("prefix", ""), "", query.get("key-marker", ""), limit)
        shown = _url_encoded if query.get("encoding-type") == "url" else str
        about = [text("Name", bucket), text("MaxKeys", limit), text("IsTruncated", _lower(page.after is not None))]
        about += [] if page.after is None else [text("NextKeyMarker", shown(page.after)), text("NextVersionIdMarker", "null")]
        about += [text("EncodingType", "url")] if query.get("encoding-type") == "url" else []
        only = text("VersionId", "null") + text("IsLatest", "true")
        listed = (element("Version", text("Key", shown(found.key)), only, _facts(found)) for found in page.objects)
        return xml_response("ListVersionsResult", *about, *listed)

    def _delete_objects(self, request: Request, bucket: str, key: str) -> Response:
        self._store.directory(bucket)
        asked = parse_xml(request.body.read())
        quiet = (asked.findtext("{*}Quiet") or "").lower() == "true"
        results = []
        for each in asked.iterfind("{*}Object"):
            name, etag = each.findtext("{*}Key") or "", each.findtext("{*}ETag") or None
            try:
                request.check_deletion(name)
                self._store.delete(bucket, name, only_if=Condition(etag=etag))
                results += [] if quiet else [element("Deleted", text("Key", name))]
            except ServiceError as error:
                results.append(element("Error", text("Key", name), text("Code", error.code), text("Message", error.message)))
        return xml_response("DeleteResult", *results)


def _position_1(page: ListingPage, marker: str, shown: Callable[[str], str]) -> list[str]:
    following = [] if page.after is None else [text("NextMarker", shown(page.after.removesuffix(LAST)))]
    return [text("Marker", marker), *following]


def _position_2(page: ListingPage, token: str, start: str) -> list[str]:
    following = [] if page.after is None else [text("NextContinuationToken", base64.urlsafe_b64encode(page.after.encode()).decode())]
    given = [text("ContinuationToken", token)] if token else []
    return [text("KeyCount", len(page.objects) + len(page.prefixes)), *given, *following, *([text("StartAfter", start)] if start else [])]


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise ServiceError(
            "InvalidArgument", "Expected a continuation token from here, but got another. Start the listing again."
        ) from None


def _facts(found: StoredObject) -> str:
    """Return what a listing says of an object; none of it needs to be escaped, and a listing has thousands."""
    when, etag = f"<LastModified>{instant(found.mtime_ns)}</LastModified>", f'<ETag>"{found.etag}"</ETag>'
    return f"{when}{etag}<Size>{found.size}</Size><StorageClass>STANDARD</StorageClass>"


def _url_encoded(key: str) -> str:
    return quote(key, safe="/")


def _lower(value: bool) -> str:
    return str(value).lower()
