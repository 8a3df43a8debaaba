"""What there is to know about objects: one stored, one on its way, a page of them, and what a change may depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local.errors import ServiceError


@dataclass(frozen=True)
class StoredObject:
    """One object as it lies on the disk."""

    bucket: str
    key: str
    path: Path
    """The file with its bytes."""
    size: int
    """Bytes."""
    mtime_ns: int
    """Last written, nanoseconds since 1970."""
    etag: str
    """MD5 of the bytes where they came through S3; with a `-` in it otherwise."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the writer said: content-type, x-amz-meta-*, ... in lower case."""
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Algorithm -> base64, as the writer sent them."""


@dataclass(frozen=True)
class Staged:
    """Bytes on the disk that wait to become an object or a part of one."""

    path: Path
    size: int
    md5: str
    """Empty where nobody asked for it."""


@dataclass(frozen=True)
class Condition:
    """What must hold for a change to be made."""

    absent: bool = False
    """There is no such object yet."""
    etag: str | None = None
    """The object has this ETag; `*` stands for any."""


ALWAYS = Condition()


@dataclass(frozen=True)
class ListingPage:
    """One page of a listing."""

    objects: list[StoredObject]
    prefixes: list[str]
    after: str | None
    """Where the next page begins; None if there is none."""


def precondition_failed(condition: str, got: str) -> ServiceError:
    """Return the error for a condition header that does not hold."""
    return ServiceError("PreconditionFailed", f"Expected {condition} to hold, but got {got}. Read the object again, then decide.", 412)


def no_such_key(bucket: str, key: str) -> ServiceError:
    """Return the error for an object that is not there."""
    return ServiceError("NoSuchKey", f"Expected an object s3://{bucket}/{key}, but got none. List the bucket or write it first.", 404)
