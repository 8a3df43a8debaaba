"""Send files to S3: each with its SHA-256, which S3 checks, several at once, at a limited rate if asked for, and only whole ones.

A small file is read into memory once: what is sent is what the digest is of. A large one is sent in parts while it is read a second
time, and given up if it is no longer what the digest is of; large files go one after the other, so that memory stays bounded.
"""

import base64
import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from aws_pipeline.landed import LandedFile, Present, Stamp
from aws_pipeline.upload_item import Upload
from behavior.contract import ContractError, Fault
from behavior.keys import object_of
from behavior.parquet_file import footer_faults
from behavior.table import Table

LARGE_BYTES = 8 << 20
"""Larger files are sent in parts."""
_PART_BYTES = 8 << 20
_MOST_PARTS = 9_000
"""S3 takes 10,000."""
_MOST_READINGS = 3
_RETRIES = 9
"""How often a request is tried again, after pauses of up to 20 s, if S3 is busy, answers 5xx, or the connection breaks."""
_SHA256 = "sha256"
"""Name of the digest in the user metadata of an object."""


@dataclass(frozen=True)
class Pace:
    """How files are sent."""

    jobs: int = 8
    """Requests at the same time."""
    bytes_per_s: float | None = None
    """Most bytes per second, of all of them together; None for no limit."""


@dataclass(frozen=True)
class Delivery:
    """What became of one file."""

    item: Upload
    was_sent: bool = False
    landed: LandedFile | None = None
    """Its row of the table `landing`, if the row is new."""
    faults: tuple[Fault, ...] = ()
    """Why it was left out."""


class Bandwidth:
    """A limit for the bytes per second of all threads together."""

    def __init__(
        self, bytes_per_s: float | None, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
    ) -> None:
        self._rate, self._clock, self._sleep = bytes_per_s, clock, sleep
        self._lock, self._free_at = threading.Lock(), 0.0

    def take(self, n_bytes: int) -> None:
        """Wait until so many more bytes are within the limit."""
        if not self._rate:
            return
        with self._lock:
            now = self._clock()
            self._free_at = max(now, self._free_at) + n_bytes / self._rate
            wait_s = self._free_at - now
        self._sleep(wait_s)


class Sender:
    """Sends files to one bucket."""

    def __init__(self, bucket: str, pace: Pace, present: Present) -> None:
        self._bucket, self._pace, self._present = bucket, pace, present
        self._bandwidth = Bandwidth(pace.bytes_per_s)

    @cached_property
    def _s3(self) -> Any:
        """A client that is patient; an upload with nothing to do needs none."""
        import boto3
        from botocore.config import Config
        from botocore.handlers import add_expect_header
        from botocore.session import get_session

        attempts = get_session().get_config_variable("max_attempts") or 1 + _RETRIES  # AWS_MAX_ATTEMPTS, if it is set
        retries: Any = {"mode": "standard", "total_max_attempts": attempts}
        client = boto3.client("s3", config=Config(retries=retries, max_pool_connections=self._pace.jobs))
        # by default a client asks before it sends a body: two round trips for each file instead of one
        client.meta.events.unregister("before-call.s3", add_expect_header)
        return client

    def send_all(self, items: Iterable[Upload]) -> Iterator[Delivery]:
        """Send files that are new or changed; yield what became of each, as they are done. After an error nothing more is begun."""
        large, small = list[Upload](), list[Upload]()
        for item in items:
            if item.unchanged:
                yield Delivery(item)
            else:
                (large if item.stamp.n_bytes > LARGE_BYTES else small).append(item)
        pool = ThreadPoolExecutor(self._pace.jobs)
        if small:
            _ = self._s3  # made here, because threads would make it several times
        try:
            yield from (done.result() for done in as_completed([pool.submit(self.send, item) for item in small]))
            yield from map(self.send, large)
        finally:
            pool.shutdown(cancel_futures=True)

    def send(self, item: Upload) -> Delivery:
        """Send one file, unless the same content is there. A file that changes meanwhile is read again, and in the end left out."""
        for _ in range(_MOST_READINGS):
            try:
                return self._send_large(item) if item.stamp.n_bytes > LARGE_BYTES else self._send_small(item)
            except _ChangedFileError:
                try:
                    item = _checked_again(item)
                except ContractError as error:
                    return Delivery(item, faults=error.faults)
            except _UnreadableFileError as error:
                text = f"Expected a file that can be read, but got: {error}."
                return Delivery(item, faults=(Fault("file-unreadable", item.source, text, "Copy the file again from where it came."),))
            except FileNotFoundError:
                break
        text = "Expected a file that stays as it is while it is uploaded, but got other bytes each time."
        return Delivery(item, faults=(Fault("file-changing", item.source, text, "Upload again when it is complete."),))

    def abort_unfinished(self, keys: Iterable[str], alone: Callable[[], bool]) -> int:
        """Give up uploads in parts that a killed upload has left for these keys; return how many.

        `alone` says whether no other upload is under way. It is asked after the listing, so that what is listed is not of one that has
        just begun.
        """
        wanted, pages = set(keys), self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket)
        left = [one for page in pages for one in page.get("Uploads", []) if one["Key"] in wanted]
        if not left or not alone():
            return 0
        for one in left:
            self._s3.abort_multipart_upload(Bucket=self._bucket, Key=one["Key"], UploadId=one["UploadId"])
        return len(left)

    def remove(self, key: str) -> None:
        """Delete an object."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _send_small(self, item: Upload) -> Delivery:
        with _reading():
            data = item.path.read_bytes()
        _require_unchanged(item)
        sha256 = hashlib.sha256(data)
        if version := self._version_of_same(item, sha256.hexdigest(), lambda: hashlib.md5(data, usedforsecurity=False).hexdigest()):
            return self._landed(item, sha256.hexdigest(), version)
        self._bandwidth.take(len(data))
        checksum = base64.b64encode(sha256.digest()).decode()
        answer = self._s3.put_object(
            Bucket=self._bucket, Key=item.key, Body=data, ChecksumSHA256=checksum, Metadata={_SHA256: sha256.hexdigest()}
        )
        return self._landed(item, sha256.hexdigest(), answer["ETag"].strip('"'), was_sent=True)

    def _send_large(self, item: Upload) -> Delivery:
        from boto3.s3.transfer import TransferConfig

        sha256 = _digest(item.path)
        _require_unchanged(item)
        if version := self._version_of_same(item, sha256):
            return self._landed(item, sha256, version)
        part = max(_PART_BYTES, -(-item.stamp.n_bytes // _MOST_PARTS))
        how = TransferConfig(
            multipart_threshold=part, multipart_chunksize=part, max_concurrency=self._pace.jobs, preferred_transfer_client="classic"
        )
        with item.path.open("rb") as file:
            content = _Checked(file, sha256, self._bandwidth)
            extra = {"Metadata": {_SHA256: sha256}, "ChecksumAlgorithm": "SHA256"}
            self._s3.upload_fileobj(content, self._bucket, item.key, ExtraArgs=extra, Config=how)
        version = self._s3.head_object(Bucket=self._bucket, Key=item.key)["ETag"].strip('"')
        return self._landed(item, sha256, version, was_sent=True)

    def _version_of_same(self, item: Upload, sha256: str, md5: Callable[[], str] = str) -> str:
        """Return the ETag of the object if it has the same content, else an empty text.

        The table `landing` knows it, or the object's own metadata after a killed upload, or the ETag: that of a small object that another
        tool wrote is its MD5.
        """
        stored, row = self._present.objects.get(item.key), self._present.landed.get(item.key)
        if item.forced or stored is None or stored.n_bytes != item.stamp.n_bytes:
            return ""
        if row:
            return stored.version if row.sha256 == sha256 else ""
        if stored.version == md5():
            return stored.version
        head = self._s3.head_object(Bucket=self._bucket, Key=item.key)
        return head["ETag"].strip('"') if head["Metadata"].get(_SHA256) == sha256 else ""

    def _landed(self, item: Upload, sha256: str, version: str, *, was_sent: bool = False) -> Delivery:
        before = self._present.landed.get(item.key)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        when = now if was_sent or before is None else before.landed
        stamp = item.stamp.trusted(time.time_ns())
        return Delivery(item, was_sent, LandedFile(item.key, sha256, version, when, item.source, item.recording, stamp))


class _ChangedFileError(Exception):
    """The file is not what it was when its upload was planned."""


class _UnreadableFileError(Exception):
    """The disk or the network folder does not give the file out: that must not end the upload of all others."""


@contextmanager
def _reading() -> Iterator[None]:
    """Name errors of a file apart from those of S3; a file that is gone stays a FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _UnreadableFileError(error.strerror or error) from error


class _Checked(io.RawIOBase):
    """The content of a file, which raises at its end if it is not what the digest is of. It cannot be read twice, and says so."""

    def __init__(self, file: io.BufferedReader, sha256: str, bandwidth: Bandwidth) -> None:
        self._file, self._expected, self._bandwidth = file, sha256, bandwidth
        self._sum = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        with _reading():
            data = self._file.read(-1 if size is None else size)
        self._sum.update(data)
        at_end = size is None or len(data) < size or size < 0
        if at_end and self._sum.hexdigest() != self._expected:
            raise _ChangedFileError
        self._bandwidth.take(len(data))
        return data


def _digest(path: Path) -> str:
    with _reading(), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_unchanged(item: Upload) -> None:
    if Stamp.of(item.path) != item.stamp:
        raise _ChangedFileError


def _checked_again(item: Upload) -> Upload:
    """Return the same file as it is now. Raises ContractError if its footer shows faults now, and for metadata."""
    if item.is_metadata:
        text = "Expected metadata that stay as they are while their recordings are uploaded, but got others."
        raise ContractError(Fault("file-changing", item.source, text, "Upload again."))
    held, stamp = object_of(item.key), Stamp.of(item.path)
    if stamp is None:
        raise FileNotFoundError(item.path)
    table: Table | None = held.table if held else None
    faults = footer_faults(table, item.path, item.source, mend="Export the file again.") if table else ()
    if faults:
        raise ContractError(faults)
    return replace(item, stamp=stamp)
