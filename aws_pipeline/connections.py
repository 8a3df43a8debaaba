"""Connections, one of a kind for each endpoint: to make one takes longer than most requests."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from pyarrow import fs

Asked = ParamSpec("Asked")
Made = TypeVar("Made")
_forgotten: list[Callable[[], None]] = []


def kept(make: Callable[Asked, Made]) -> Callable[Asked, Made]:
    """Keep what a function makes until the endpoint changes."""
    cached = cache(make)
    _forgotten.append(cached.cache_clear)
    return cached  # type: ignore[return-value]


@kept
def s3_client() -> Any:
    """Return one client for all requests."""
    import boto3

    return boto3.client("s3")


@kept
def open_zone(zone: str) -> "tuple[fs.FileSystem, str]":
    """Return the file system that holds a zone, and the path of the zone in it."""
    from pyarrow import fs

    # delayed: an object of up to 10 MB takes one request, instead of three or more for a multipart upload
    filesystem, root = fs.FileSystem.from_uri(f"{zone.rstrip('/')}/?allow_delayed_open=true")
    return filesystem, root.rstrip("/")


def forget_connections() -> None:
    """Connect anew from now on: the endpoint has changed."""
    for forget in _forgotten:
        forget()
