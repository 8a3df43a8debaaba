"""Connections to S3, one for each endpoint: to make one takes longer than most requests."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyarrow import fs


@cache
def s3_client() -> Any:
    """Return one client for all requests."""
    import boto3

    return boto3.client("s3")


@cache
def open_zone(zone: str) -> "tuple[fs.FileSystem, str]":
    """Return the file system that holds a zone, and the path of the zone in it."""
    from pyarrow import fs

    # delayed: an object of up to 10 MB takes one request, instead of three or more for a multipart upload
    filesystem, root = fs.FileSystem.from_uri(f"{zone.rstrip('/')}/?allow_delayed_open=true")
    return filesystem, root.rstrip("/")


def forget_connections() -> None:
    """Connect anew from now on: the endpoint has changed."""
    open_zone.cache_clear()
    s3_client.cache_clear()
