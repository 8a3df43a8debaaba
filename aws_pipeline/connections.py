"""Connections, one of a kind for each endpoint: to make one takes longer than most requests."""

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from pyarrow import fs

Asked = ParamSpec("Asked")
Made = TypeVar("Made")
_MOST_CONNECTIONS = 64
"""A run lists several folders at once, each with several threads. Of more threads than connections, each throws its own away after every
request, and warns the user of it."""
_forgotten: list[Callable[[], None]] = []


def kept(make: Callable[Asked, Made]) -> Callable[Asked, Made]:
    """Keep what a function makes until the endpoint changes. Threads that ask for it at once wait for the first one to make it."""
    cached, lock = cache(make), Lock()
    _forgotten.append(cached.cache_clear)

    @wraps(make)
    def held(*arguments: Asked.args, **named: Asked.kwargs) -> Made:
        with lock:
            return cached(*arguments, **named)  # type: ignore[arg-type]

    return held


@kept
def s3_client() -> Any:
    """Return one client for all requests. It reads times faster than botocore does: a listing has one for each object."""
    import boto3
    from botocore.config import Config
    from botocore.session import get_session

    session = get_session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_instant)
    return boto3.Session(botocore_session=session).client("s3", config=Config(max_pool_connections=_MOST_CONNECTIONS))


def _instant(text: str) -> datetime:
    """Return a time that S3 wrote, in ISO 8601 or as HTTP headers have it."""
    return datetime.fromisoformat(text) if text[:1].isdigit() else parsedate_to_datetime(text)


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
