"""An Iceberg table as the pipeline commits it: one object per recording and version; its lab is only in its path and partition record."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.table import Table
from pyiceberg.typedef import Record

COLUMNS = [
    ("video_id", pa.int64()),
    ("video_frame", pa.int32()),
    ("bodypart", pa.string()),
    ("x_cm", pa.float32()),
]


def catalog() -> Catalog:
    """Return the Glue catalog where the environment leads."""
    return load_catalog("lake", type="glue", **{"s3.endpoint": os.environ["AWS_ENDPOINT_URL"]})


def create_table(name: str = "tracking") -> Table:
    """Create the table, its metadata outside of the folder that plain readers open."""
    places = {"location": f"s3://curated-zone/{name}", "properties": {"write.metadata.path": f"s3://curated-zone/.iceberg/{name}"}}
    table = catalog().create_table(f"mabe.{name}", schema=pa.schema([*COLUMNS, ("lab_id", pa.string())]), **places)
    with table.update_spec() as spec:
        spec.add_identity("lab_id")
    return catalog().load_table(f"mabe.{name}")


def write(table: Table, lab: str, video: int, version: str, x_cm: Sequence[float | None]) -> DataFile:
    """Put the object of one recording, a row for each place, and return what the table's manifest says of it."""
    rows = len(x_cm)
    values = {
        "video_id": np.full(rows, video),
        "video_frame": np.arange(rows, dtype=np.int32),
        "bodypart": ["nose" if row % 2 else "tail_base" for row in range(rows)],
        "x_cm": pa.array(x_cm, pa.float32()),
    }
    names = [field for field in schema_to_pyarrow(table.schema()) if field.name in values]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table([values[field.name] for field in names], schema=pa.schema(names)), sink)
    content = sink.getvalue()
    key = f"{table.name()[-1]}/lab_id={lab}/train-{video}-{version}.parquet"
    boto3.client("s3").put_object(Bucket="curated-zone", Key=key, Body=content.to_pybytes())
    return data_file(table, key, content, Record(lab))


def data_file(table: Table, key: str, content: pa.Buffer, record: Record) -> DataFile:
    """Describe an object of the curated zone for a manifest."""
    statistics = data_file_statistics_from_parquet_metadata(
        pq.read_metadata(pa.BufferReader(content)),
        compute_statistics_plan(table.schema(), table.metadata.properties),
        parquet_path_to_id_mapping(table.schema()),
    )
    about: dict[str, Any] = {
        "content": DataFileContent.DATA,
        "file_path": f"s3://curated-zone/{key}",
        "file_format": FileFormat.PARQUET,
        "partition": record,
        "file_size_in_bytes": content.size,
        "spec_id": table.spec().spec_id,
        **dict.fromkeys(("sort_order_id", "equality_ids", "key_metadata")),
    }
    return DataFile.from_args(**about, **statistics.to_serialized_dict())


def files(table: Table) -> list[DataFile]:
    """Return the data files of the current snapshot."""
    return [task.file for task in table.scan().plan_files()]


def commit(table: Table, new: Sequence[DataFile] = (), gone: Sequence[DataFile] = (), tag: str = "") -> int:
    """Replace objects in one snapshot and return its id."""
    with table.transaction() as transaction, transaction.update_snapshot().overwrite() as change:
        for file in gone:
            change.delete_data_file(file)
        for file in new:
            change.append_data_file(file)
    snapshot = table.current_snapshot()
    assert snapshot is not None
    if tag:
        table.manage_snapshots().create_tag(snapshot.snapshot_id, tag).commit()
    return snapshot.snapshot_id
