"""Access to the lake for jobs: objects of a zone, with pyarrow, so that Spark workers need no boto3 client, and catalog partitions.

Keys are relative to a zone such as s3://curated-zone. AWS_ENDPOINT_URL is the endpoint, if it is not AWS.
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
"""Most items in one request to AWS."""


def list_objects(zone: str, folders: Iterable[str]) -> dict[str, int]:
    """Return key -> bytes of all objects in these folders of a zone; a missing folder counts as empty."""
    filesystem, root = _open(zone)
    selectors = [fs.FileSelector(f"{root}/{folder.rstrip('/')}", allow_not_found=True, recursive=True) for folder in folders]
    return {
        info.path.removeprefix(f"{root}/"): info.size
        for selector in selectors
        for info in filesystem.get_file_info(selector)
        if info.type == fs.FileType.File
    }


def read_object(zone: str, key: str) -> pa.Buffer:
    """Return the bytes of an object. Raises FileNotFoundError."""
    filesystem, root = _open(zone)
    with filesystem.open_input_file(f"{root}/{key}") as source:
        return source.read_buffer()


def write_object(zone: str, key: str, data: bytes | pa.Buffer) -> None:
    """Write an object; readers see it whole or not at all."""
    filesystem, root = _open(zone)
    with filesystem.open_output_stream(f"{root}/{key}") as target:
        target.write(data)


def read_table(zone: str, key: str, table: Table) -> pa.Table:
    """Return the rows of a Parquet object in a table's columns, read by one thread. Raises ContractError for a broken object."""
    mend = "Export the file again." if zone.startswith("file:") else "Upload the file again."
    try:
        data = read_object(zone, key)
    except FileNotFoundError:
        raise ContractError(Fault("file-missing", key, "Expected an object, but got none.", mend)) from None
    return read_rows(table, data, key, mend=mend, threads=False)


def count_rows(zone: str, key: str) -> int:
    """Return the number of rows in the footer of a Parquet object; 0 if it is missing or broken."""
    try:
        data = read_object(zone, key)
    except FileNotFoundError:
        return 0
    try:
        return int(pq.read_metadata(pa.BufferReader(data)).num_rows)
    except (pa.ArrowException, OSError):  # the bytes are not Parquet
        return 0


def write_parquet(zone: str, key: str, rows: pa.Table, **options: Any) -> int:
    """Write a table as one object and return its number of bytes; `options` are those of pyarrow's write_table."""
    target = pa.BufferOutputStream()
    pq.write_table(rows, target, **options)
    data = target.getvalue()
    write_object(zone, key, data)
    return int(data.size)


def copy_objects(zone: str, copies: Mapping[str, str]) -> None:
    """Copy objects within a zone, from old key to new key, and replace existing ones. The store copies the bytes itself."""
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
    """Set the partitions of a table in the catalog to exactly these. Raises UsageError if the catalog has no such table."""
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
    # delayed: an object of up to 10 MB takes one request, instead of three or more for a multipart upload
    filesystem, root = fs.FileSystem.from_uri(f"{zone.rstrip('/')}/?allow_delayed_open=true")
    return filesystem, root.rstrip("/")


def _refuse_errors(answer: dict[str, Any], harmless: str) -> None:
    """Raise for the errors of a batch, except the harmless one of another run that did the same at the same time."""
    details = [error["ErrorDetail"] for error in answer.get("Errors", [])]
    wrong = [detail for detail in details if detail.get("ErrorCode") != harmless]
    if wrong:
        raise OSError(f"Expected the catalog to take all partitions, but got: {wrong[0].get('ErrorMessage')}")


def _batches(items: Iterable[str], size: int) -> Iterator[Sequence[str]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
