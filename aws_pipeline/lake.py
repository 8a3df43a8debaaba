"""The lake as its jobs see it: objects of a zone by pyarrow, which needs no second client in every Spark worker, and catalog partitions.

Keys are relative to a zone such as s3://curated-zone. The endpoint, where it is not AWS, comes from AWS_ENDPOINT_URL.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from behavior.contract import ContractError, Fault, UsageError
from behavior.keys import lab_folder
from behavior.parquet_file import read_rows
from behavior.tables import Table

_THREADS = 32
_MOST_DELETED, _MOST_CREATED, _MOST_DROPPED = 1000, 100, 25
"""Items that one request to AWS may hold."""


def list_objects(zone: str, folders: Iterable[str]) -> dict[str, int]:
    """Return key -> bytes of all objects in these folders of a zone; a folder that is not there is empty."""
    filesystem, root = _open(zone)
    selectors = [fs.FileSelector(f"{root}/{folder.rstrip('/')}", allow_not_found=True, recursive=True) for folder in folders]
    return {
        found.path.removeprefix(f"{root}/"): found.size
        for selector in selectors
        for found in filesystem.get_file_info(selector)
        if found.type == fs.FileType.File
    }


def read_object(zone: str, key: str) -> pa.Buffer:
    """Return the bytes of an object. Raises FileNotFoundError."""
    filesystem, root = _open(zone)
    with filesystem.open_input_file(f"{root}/{key}") as source:
        return source.read_buffer()


def write_object(zone: str, key: str, data: bytes | pa.Buffer) -> None:
    """Put an object; readers find it whole or not at all."""
    filesystem, root = _open(zone)
    with filesystem.open_output_stream(f"{root}/{key}") as target:
        target.write(data)


def read_table(zone: str, key: str, table: Table) -> pa.Table:
    """Return the rows of a Parquet object in a table's columns, read by one thread. Raises ContractError for anything that is none."""
    mend = "Export the file again." if zone.startswith("file:") else "Upload the file again."
    try:
        data = read_object(zone, key)
    except FileNotFoundError:
        raise ContractError(Fault("file-missing", key, "Expected an object, but got none.", mend)) from None
    return read_rows(table, data, key, mend=mend, threads=False)


def count_rows(zone: str, key: str) -> int:
    """Return how many rows a Parquet object says that it has; 0 if it is not there, or is none that says so."""
    try:
        data = read_object(zone, key)
    except FileNotFoundError:
        return 0
    try:
        return int(pq.read_metadata(pa.BufferReader(data)).num_rows)
    except (pa.ArrowException, OSError):  # of bytes in memory: they are no Parquet
        return 0


def write_parquet(zone: str, key: str, rows: pa.Table, **options: Any) -> int:
    """Put a table as one object and return its bytes; `options` are those of pyarrow's write_table."""
    target = pa.BufferOutputStream()
    pq.write_table(rows, target, **options)
    data = target.getvalue()
    write_object(zone, key, data)
    return int(data.size)


def copy_objects(zone: str, copies: Mapping[str, str]) -> None:
    """Copy objects inside a zone, from old key to new key, replacing what is there. The store does it by itself: nothing is sent."""
    filesystem, root = _open(zone)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda pair: filesystem.copy_file(f"{root}/{pair[0]}", f"{root}/{pair[1]}"), copies.items()))


def remove_objects(zone: str, keys: Iterable[str]) -> int:
    """Delete objects and return how many."""
    import boto3

    client = boto3.client("s3")
    bucket, _, prefix = zone.removeprefix("s3://").partition("/")
    removed = 0
    for some in _batches(keys, _MOST_DELETED):
        named = [{"Key": f"{prefix}/{key}" if prefix else key} for key in some]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": named, "Quiet": True})
        if answer.get("Errors"):
            raise OSError(f"Expected to delete {len(some)} objects of {zone}, but got: {answer['Errors'][0]['Message']}")
        removed += len(some)
    return removed


def set_partitions(zone: str, database: str, table: Table, values: Iterable[str]) -> None:
    """Make the catalog's partitions of a table these and no others. Raises UsageError if the catalog has no such table."""
    import boto3

    glue = boto3.client("glue")
    place = {"DatabaseName": database, "TableName": table.name}
    try:
        storage = glue.get_table(DatabaseName=database, Name=table.name)["Table"]["StorageDescriptor"]
    except glue.exceptions.EntityNotFoundException:
        raise UsageError(f"Expected a table {database}.{table.name} in the catalog, but got none. Deploy the stack first.") from None
    pages = glue.get_paginator("get_partitions").paginate(**place, ExcludeColumnSchema=True)
    present, expected = {each["Values"][0] for page in pages for each in page["Partitions"]}, set(values)
    for some in _batches(sorted(expected - present), _MOST_CREATED):
        new = [{"Values": [value], "StorageDescriptor": {**storage, "Location": f"{zone}/{lab_folder(table, value)}"}} for value in some]
        _refuse_errors(glue.batch_create_partition(**place, PartitionInputList=new), "AlreadyExistsException")
    for some in _batches(sorted(present - expected), _MOST_DROPPED):
        old = [{"Values": [value]} for value in some]
        _refuse_errors(glue.batch_delete_partition(**place, PartitionsToDelete=old), "EntityNotFoundException")


@cache
def _open(zone: str) -> tuple[fs.FileSystem, str]:
    # delayed: an object of up to 10 MB is one request, not the three or more of a multipart upload
    filesystem, root = fs.FileSystem.from_uri(f"{zone.rstrip('/')}/?allow_delayed_open=true")
    return filesystem, root.rstrip("/")


def _refuse_errors(answer: dict[str, Any], harmless: str) -> None:
    """Raise for the errors of a batch, but for those of another run that did the same at the same time."""
    details = [error["ErrorDetail"] for error in answer.get("Errors", [])]
    wrong = [detail for detail in details if detail.get("ErrorCode") != harmless]
    if wrong:
        raise OSError(f"Expected the catalog to take all partitions, but got: {wrong[0].get('ErrorMessage')}")


def _batches(items: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
