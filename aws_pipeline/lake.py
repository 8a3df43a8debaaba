"""Access to the lake for jobs: the objects of a zone. Reading and writing need only pyarrow, so that Spark workers need no boto3 client.

Keys are relative to a zone such as s3://curated-zone. AWS_ENDPOINT_URL is the endpoint, if it is not AWS.
"""

import hashlib
import random
import time
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from aws_pipeline.connections import open_zone, s3_client
from behavior.keys import CURRENT_SNAPSHOT, snapshot_key
from behavior.parquet_file import COPY_AGAIN, read_rows
from behavior.snapshot import Snapshot
from behavior.table import Table, no_rows

_THREADS = 16
"""Requests side by side. More of them only wait for each other: Python reads their answers one after the other."""
_PART_BYTES = 8 << 20
_MOST_READINGS = 5
"""If an object is replaced each time, somebody writes it all the time."""
Read = TypeVar("Read")
_OPTIONS: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
VERSION_DIGITS = 16
"""Of a digest, in keys."""
_MOST_DELETED = 1000
"""Most items in one request to AWS."""
_DELETE_ATTEMPTS, _PAUSE_S = 6, 0.2
_BUSY = {"InternalError", "SlowDown", "ServiceUnavailable", "OperationAborted"}
"""Codes with which S3 says of one object among many that it may be tried again."""


@dataclass(frozen=True)
class StoredObject:
    """What a listing says about an object."""

    n_bytes: int
    version: str = ""
    """Its ETag, which changes with its content; empty for a file of a data directory."""
    modified: datetime | None = None
    """When it was written; None for a file of a data directory."""


@dataclass(frozen=True)
class WrittenObject:
    """An object of the curated zone, as it was written: Parquet, or a file of a film."""

    table: str
    key: str
    rows: int
    n_bytes: int
    sha256: str
    footer: pq.FileMetaData | None = None
    """Its footer, for the statistics of its columns; None for an object of an earlier run."""


def list_objects(zone: str, folders: Iterable[str], subfolders: Container[str] | None = None) -> dict[str, StoredObject]:
    """Return key -> object for all objects in these folders of a zone; a missing folder counts as empty.

    With `subfolders`, such as lab_id=QuietOtter, only those of the folders are listed. On S3 one listing gives 1,000 keys, so subfolders
    are listed side by side.
    """
    prefixes = [f"{folder.rstrip('/')}/" for folder in folders]
    if not zone.startswith("s3://"):
        return _list_files(zone, prefixes, subfolders)
    pages = s3_client().get_paginator("list_objects_v2")
    bucket, root = bucket_of(zone)

    def listed(prefix: str, **how: str) -> tuple[dict[str, StoredObject], list[str]]:
        objects, below = {}, []
        for page in pages.paginate(Bucket=bucket, Prefix=root + prefix, **how):
            below += [one["Prefix"].removeprefix(root) for one in page.get("CommonPrefixes", [])]
            for one in page.get("Contents", []):
                stored = StoredObject(one["Size"], one["ETag"].strip('"'), one["LastModified"])
                objects[one["Key"].removeprefix(root)] = stored
        return objects, below

    tops = list(_requests().map(lambda prefix: listed(prefix, Delimiter="/"), prefixes))
    below = [prefix for _, found in tops for prefix in found]
    chosen = below if subfolders is None else [prefix for prefix in below if prefix.split("/")[-2] in subfolders]
    return {key: one for objects, _ in [*tops, *_requests().map(listed, chosen)] for key, one in objects.items()}


@cache
def _requests() -> ThreadPoolExecutor:
    """Return threads for requests, the same each time: to start them takes longer than a short listing."""
    return ThreadPoolExecutor(_THREADS)


def _list_files(zone: str, prefixes: Iterable[str], subfolders: Container[str] | None) -> dict[str, StoredObject]:
    filesystem, root = open_zone(zone)
    found = {}
    for prefix in prefixes:
        selector = fs.FileSelector(f"{root}/{prefix.rstrip('/')}", allow_not_found=True, recursive=True)
        for info in filesystem.get_file_info(selector):
            key = info.path.removeprefix(f"{root}/")
            subfolder, inside, _ = key.removeprefix(prefix).partition("/")
            if info.type == fs.FileType.File and (subfolders is None or not inside or subfolder in subfolders):
                found[key] = StoredObject(info.size)
    return found


def bucket_of(zone: str) -> tuple[str, str]:
    """Return the bucket of a zone and the prefix of its keys, which is empty or ends with a slash."""
    bucket, _, prefix = zone.removeprefix("s3://").strip("/").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


def read_object(zone: str, key: str) -> pa.Buffer:
    """Return the bytes of an object, those of one version if it is replaced meanwhile. Raises FileNotFoundError."""

    def read(filesystem: fs.FileSystem, place: str) -> tuple[int, pa.Buffer]:
        with filesystem.open_input_file(place) as source:
            data = source.read_buffer()
        return data.size, data

    return _of_one_version(zone, key, read)


def _of_one_version(zone: str, key: str, read: Callable[[fs.FileSystem, str], tuple[int, Read]]) -> Read:
    """Return what `read` returns beside the number of bytes that it read, as soon as the object has so many.

    Arrow asks S3 for the size, and then for so many bytes: of a longer object that came in between it returns the beginning, of a shorter
    one more bytes than it has. Raises OSError if the object never stays the same.
    """
    filesystem, root = open_zone(zone)
    for _ in range(_MOST_READINGS):
        n_bytes, done = read(filesystem, f"{root}/{key}")
        if filesystem.get_file_info(f"{root}/{key}").size == n_bytes:
            return done
    what = f"Expected {key} in {zone} to stay the same while it is read, but got another one {_MOST_READINGS} times"
    raise OSError(f"{what}. Let the other program end, and start the same command again.")


def stored_rows(zone: str, table: Table, key: str, *, lost: bool, mend: str = COPY_AGAIN) -> pa.Table:
    """Return the rows of an object of a table; if it is `lost`, a missing one has none. Else raises FileNotFoundError for it."""
    try:
        return read_rows(table, read_object(zone, key), key, mend=mend)
    except FileNotFoundError:
        if lost:
            return no_rows(table.schema)
        raise


def read_folder(zone: str, folder: str) -> dict[str, bytes]:
    """Return the objects of a folder by key, sorted."""
    return read_present(zone, sorted(list_objects(zone, [folder])))


def read_present(zone: str, keys: Sequence[str]) -> dict[str, bytes]:
    """Return listed objects by key. One that somebody has removed since its listing is left out."""

    def read(key: str) -> bytes | None:
        try:
            return read_object(zone, key).to_pybytes()
        except FileNotFoundError:
            return None

    return {key: data for key, data in zip(keys, _requests().map(read, keys), strict=True) if data is not None}


def write_object(zone: str, key: str, data: bytes | pa.Buffer) -> None:
    """Write an object; readers see it whole or not at all."""
    filesystem, root = open_zone(zone)
    with filesystem.open_output_stream(f"{root}/{key}") as target:
        target.write(data)


def copy_to_file(zone: str, key: str, path: Path) -> str:
    """Copy an object to a file, a part after the other; return its SHA-256. Raises FileNotFoundError."""

    def copy(filesystem: fs.FileSystem, place: str) -> tuple[int, str]:
        total = hashlib.sha256()
        with filesystem.open_input_stream(place) as source, path.open("wb") as target:
            while part := source.read(_PART_BYTES):
                total.update(part)
                target.write(part)
            return target.tell(), total.hexdigest()

    return _of_one_version(zone, key, copy)


def write_file(zone: str, key: str, path: Path, sha256: str) -> WrittenObject:
    """Write a file that is no table as an object whose key names its content; one that is there already is not written again."""
    filesystem, root = open_zone(zone)
    n_bytes = path.stat().st_size
    if filesystem.get_file_info(f"{root}/{key}").size != n_bytes:
        with path.open("rb") as source, filesystem.open_output_stream(f"{root}/{key}") as target:
            while part := source.read(_PART_BYTES):
                target.write(part)
    return WrittenObject(key.partition("/")[0], key, 0, n_bytes, sha256)


def read_snapshot(zone: str, run: str | None = None) -> Snapshot | None:
    """Return the list of a run's objects, or of the last run; None if there is none."""
    key = snapshot_key(run) if run else CURRENT_SNAPSHOT
    try:
        return Snapshot.from_json(read_object(zone, key).to_pybytes(), key)
    except FileNotFoundError:
        return None


def digest(data: pa.Buffer) -> str:
    """Return the SHA-256 of the bytes of an object: 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def count_rows(zone: str, key: str) -> int:
    """Return the number of rows that the footer of a Parquet object says; 0 if it is missing or broken. Only the footer is read."""
    filesystem, root = open_zone(zone)
    try:
        return int(pq.read_metadata(f"{root}/{key}", filesystem=filesystem).num_rows)
    except (pa.ArrowException, OSError):  # there is none, or its bytes are not Parquet
        return 0


def version_of(data: pa.Buffer) -> str:
    """Return the part of the digest of an object's bytes that stands in its key."""
    return digest(data)[:VERSION_DIGITS]


def digest_of(*texts: str) -> str:
    """Return a digest of texts in their order: 16 hexadecimal digits."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:VERSION_DIGITS]


def encode(rows: pa.Table, column_ids: dict[str, int], required: Collection[str] = (), **options: Any) -> pa.Buffer:
    """Return rows as the bytes of a Parquet object; `column_ids` are Iceberg's numbers of the columns.

    Columns that are `required` hold no nulls, which makes them faster to write and to read. `options` are those of pyarrow; without
    others, pages are compressed and carry checksums.

    Arrow's own schema is not stored beside Parquet's: it would make one reader see dictionaries where another sees text.
    """
    numbers = [{b"PARQUET:field_id": str(column_ids[name]).encode()} for name in rows.schema.names]
    named = [field.with_metadata(number) for field, number in zip(rows.schema, numbers, strict=True)]
    fields = [field.with_nullable(field.name not in required) for field in named]
    target = pa.BufferOutputStream()
    with pq.ParquetWriter(target, pa.schema(fields), store_schema=False, **{**_OPTIONS, **options}) as writer:
        writer.write_table(rows.cast(pa.schema(fields)))
    return target.getvalue()


def write_parquet(zone: str, table: Table, key: str, data: pa.Buffer) -> WrittenObject:
    """Write encoded rows as an object of a table."""
    write_object(zone, key, data)
    footer = pq.read_metadata(pa.BufferReader(data))
    return WrittenObject(table.name, key, footer.num_rows, data.size, digest(data), footer)


def remove_objects(zone: str, keys: Iterable[str]) -> int:
    """Delete objects and return how many. Raises ClientError for the first one that S3 refuses to delete."""
    bucket, root = bucket_of(zone)
    removed = 0
    for some in _batches(keys, _MOST_DELETED):
        _delete(bucket, [root + key for key in some])
        removed += len(some)
    return removed


def _delete(bucket: str, keys: Sequence[str]) -> None:
    """Delete objects in one request; those for which S3 was busy are tried again: boto3 does not see that, because the answer is 200."""
    s3 = s3_client()
    for attempt in range(_DELETE_ATTEMPTS):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        errors = answer.get("Errors", [])
        if not errors:
            return
        refused = [one for one in errors if one.get("Code") not in _BUSY]
        if refused or attempt == _DELETE_ATTEMPTS - 1:
            raise s3.exceptions.ClientError({"Error": (refused or errors)[0]}, "DeleteObjects")
        keys = [one["Key"] for one in errors]
        time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))


def _batches(items: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
