"""What the headers of an S3 request ask for: conditions, ranges, an expiry date; and what the headers of an answer say."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime

from infra.local.errors import ServiceError
from infra.local.s3.stored import Condition, StoredObject, precondition_failed
from infra.local.s3.wire import Request

_KEPT_HEADERS = frozenset(["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"])


def described_by(request: Request) -> dict[str, str]:
    """Return what the writer says about an object, to be given to its readers. `aws-chunked` describes the transfer only."""
    lowered = {name.lower(): value for name, value in request.headers.items()}
    kept = {name: value for name, value in lowered.items() if name in _KEPT_HEADERS or name.startswith("x-amz-meta-")}
    codings = [coding.strip() for coding in kept.pop("content-encoding", "").split(",")]
    rest = ",".join(coding for coding in codings if coding and coding != "aws-chunked")
    return kept | ({"content-encoding": rest} if rest else {})


def object_headers(request: Request, found: StoredObject) -> dict[str, str]:
    """Return the headers that describe an object to its reader, who may ask for others by `response-*` parameters."""
    headers = {"content-type": "binary/octet-stream", **found.headers}
    asked = {name.removeprefix("response-"): value for name, value in request.query.items() if name.startswith("response-")}
    headers |= {name: value for name, value in asked.items() if name in _KEPT_HEADERS}
    tagged = {"x-amz-tagging-count": str(len(found.tags))} if found.tags else {}
    when = formatdate(found.mtime_ns // 10**9, usegmt=True)
    return {**headers, **tagged, "ETag": f'"{found.etag}"', "Last-Modified": when, "Accept-Ranges": "bytes"}


def checksum_headers(found: StoredObject) -> dict[str, str]:
    """Return the digests that an object was written with."""
    return {f"x-amz-checksum-{name}": value for name, value in found.checksums.items()}


def write_condition(request: Request) -> Condition:
    """Return what must hold for a write."""
    return Condition(absent=request.header("If-None-Match") == "*", etag=request.headers.get("If-Match"))


def unmet_condition(request: Request, found: StoredObject, kind: str) -> bool:
    """Say whether the reader has this object already. Raises PreconditionFailed if it is not the one the reader wants.

    Times count in whole seconds, and only where no ETag is given, as HTTP has it.
    """
    wanted, known = request.header(f"{kind}If-Match"), request.header(f"{kind}If-None-Match")
    not_after, newer_than = request.header(f"{kind}If-Unmodified-Since"), request.header(f"{kind}If-Modified-Since")
    written = found.mtime_ns // 10**9
    if (wanted and wanted.strip('"') not in ("*", found.etag)) or (not wanted and not_after and written > _seconds(not_after)):
        raise precondition_failed(f"{kind}If-Match or {kind}If-Unmodified-Since", f"the ETag {found.etag}")
    if known:
        return known.strip('"') in ("*", found.etag)
    return bool(newer_than) and written <= _seconds(newer_than)


def byte_range(header: str, size: int) -> tuple[int, int, bool]:
    """Return (first byte, number of bytes, whether that is only a part). A range that means nothing is ignored, as HTTP has it."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header)
    if not match or match.groups() == ("", ""):
        return 0, size, False
    start, end = match.groups()
    first = int(start) if start else max(0, size - int(end))
    last = min(int(end), size - 1) if start and end else size - 1
    if start and end and int(end) < int(start):
        return 0, size, False
    if first >= size or (not start and int(end) == 0):
        raise ServiceError("InvalidRange", f"Expected a range inside {size} bytes, but got {header}. Ask for less.", 416)
    return first, last - first + 1, True


def refuse_expired(request: Request) -> None:
    """Refuse a presigned address after its time, in either of the two forms that clients make."""
    query = request.query
    try:
        if "X-Amz-Expires" in query:
            signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            end = signed.timestamp() + int(query["X-Amz-Expires"])
        elif "AWSAccessKeyId" in query:
            end = int(query["Expires"])
        else:
            return
    except (KeyError, ValueError):
        what = "Expected a presigned address with its date and duration, but got one without"
        raise ServiceError("AuthorizationQueryParametersError", f"{what}. Make a new one.") from None
    if time.time() > end:
        raise ServiceError(
            "AccessDenied", f"Expected a request before {instant(int(end) * 10**9)}, but got a later one. Make a new address.", 403
        )


def whole_number(digits: str | int | None, name: str) -> int:
    """Read a parameter. Raises InvalidArgument."""
    if not re.fullmatch(r"\d{1,9}", str(digits)):
        raise ServiceError("InvalidArgument", f"Expected {name} to be a whole number, but got {digits!r}. Mend the request.")
    return int(str(digits))


def instant(ns: int) -> str:
    """Return a time as S3 writes it, to the millisecond."""
    return datetime.fromtimestamp(ns // 10**6 / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(http_date: str) -> float:
    try:
        return parsedate_to_datetime(http_date).timestamp()
    except ValueError:
        raise ServiceError("InvalidArgument", f"Expected an HTTP date, but got {http_date!r}. Mend the header.") from None
