"""The metadata tables that Athena documents: `"t$snapshots"`, `"t$history"`, `"t$refs"`, `"t$manifests"`, `"t$files"`, `"t$partitions"`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import ancestors_of
from pyiceberg.types import FloatType, IcebergType

from infra.local.athena.iceberg.partition_table import partition_columns, partition_rows
from infra.local.athena.trino.java_text import java_number
from infra.local.athena.trino.kinds import (
    BIGINT,
    BOOLEAN,
    INSTANT,
    INTEGER,
    VARBINARY,
    VARCHAR,
    Kind,
    array,
    duckdb_type,
    mapping,
    quote,
    row,
)
from infra.local.athena.trino.scopes import TableUse

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = tuple[Any, ...]
_SIZES, _BOUNDS = mapping(INTEGER, BIGINT), mapping(INTEGER, VARCHAR)
_SUMMARY = row((BOOLEAN, BOOLEAN, VARCHAR, VARCHAR), ("contains_null", "contains_nan", "lower_bound", "upper_bound"))
_COUNTS = ("added", "existing", "deleted")
_COLUMNS: dict[str, dict[str, Kind]] = {
    "snapshots": {
        "committed_at": INSTANT,
        "snapshot_id": BIGINT,
        "parent_id": BIGINT,
        "operation": VARCHAR,
        "manifest_list": VARCHAR,
        "summary": mapping(VARCHAR, VARCHAR),
    },
    "history": {"made_current_at": INSTANT, "snapshot_id": BIGINT, "parent_id": BIGINT, "is_current_ancestor": BOOLEAN},
    "refs": {
        "name": VARCHAR,
        "type": VARCHAR,
        "snapshot_id": BIGINT,
        "max_reference_age_in_ms": BIGINT,
        "min_snapshots_to_keep": INTEGER,
        "max_snapshot_age_in_ms": BIGINT,
    },
    "manifests": {
        "path": VARCHAR,
        "length": BIGINT,
        "partition_spec_id": INTEGER,
        "added_snapshot_id": BIGINT,
        **{name: kind for done in _COUNTS for name, kind in ((f"{done}_data_files_count", INTEGER), (f"{done}_rows_count", BIGINT))},
        "partitions": array(_SUMMARY),
    },
    "files": {
        "content": INTEGER,
        "file_path": VARCHAR,
        "file_format": VARCHAR,
        "record_count": BIGINT,
        "file_size_in_bytes": BIGINT,
        **dict.fromkeys(("column_sizes", "value_counts", "null_value_counts", "nan_value_counts"), _SIZES),
        **dict.fromkeys(("lower_bounds", "upper_bounds"), _BOUNDS),
        "key_metadata": VARBINARY,
        "split_offsets": array(BIGINT),
        "equality_ids": array(INTEGER),
    },
}
_ARROW: dict[str, pa.DataType] = {
    "varchar": pa.string(), "bigint": pa.int64(), "integer": pa.int32(), "boolean": pa.bool_(), "varbinary": pa.binary(),
    "timestamp with time zone": pa.timestamp("ms", "UTC"),
}  # fmt: skip


@dataclass
class MetadataTable:
    """One metadata table of a table, as it is now."""

    database: str
    name: str
    record: dict[str, Any]
    table: Table
    part: str

    @property
    def kinds(self) -> dict[str, Kind]:
        """Return column -> type."""
        return partition_columns(self.table) if self.part == "partitions" else _COLUMNS[self.part]

    @property
    def keys(self) -> list[str]:
        """Return its partition keys: none."""
        return []

    def rows(self, connection: DuckDBPyConnection, use: TableUse) -> tuple[str, int]:
        """Return a SELECT of its rows, and the bytes scanned: none, as only metadata is read."""
        if self.part == "partitions":
            return partition_rows(self.table, [file for file in _files(self.table) if file.content == 0]), 0
        kinds = self.kinds
        rows = list(_ROWS[self.part](self.table))
        columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
        arrays = [pa.array(list(column), _arrow(kind)) for column, kind in zip(columns, kinds.values(), strict=True)]
        connection.register(f"{use.name_here}_rows", pa.table(arrays, names=list(kinds)))
        casts = ", ".join(f"CAST({quote(name)} AS {duckdb_type(kind)}) AS {quote(name)}" for name, kind in kinds.items())
        return f"SELECT {casts} FROM {use.name_here}_rows", 0


def is_metadata_table(part: str) -> bool:
    """Say whether a table has a metadata table of that name."""
    return part == "partitions" or part in _COLUMNS


def _snapshots(table: Table) -> Iterator[Row]:
    for each in table.snapshots():
        operation = each.summary.operation.value if each.summary else None
        summary = list(each.summary.additional_properties.items()) if each.summary else None
        yield _moment(each.timestamp_ms), each.snapshot_id, each.parent_snapshot_id, operation, each.manifest_list, summary


def _history(table: Table) -> Iterator[Row]:
    ancestors = {each.snapshot_id for each in ancestors_of(table.current_snapshot(), table.metadata)}
    for entry in table.history():
        snapshot = table.snapshot_by_id(entry.snapshot_id)
        parent = snapshot.parent_snapshot_id if snapshot else None
        yield _moment(entry.timestamp_ms), entry.snapshot_id, parent, entry.snapshot_id in ancestors


def _refs(table: Table) -> Iterator[Row]:
    for name, ref in table.metadata.refs.items():
        kind = ref.snapshot_ref_type.value.upper()
        yield name, kind, ref.snapshot_id, ref.max_ref_age_ms, ref.min_snapshots_to_keep, ref.max_snapshot_age_ms


def _manifests(table: Table) -> Iterator[Row]:
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(table.io) if snapshot else []:
        spec = table.specs()[manifest.partition_spec_id]
        fields = spec.partition_type(table.schema()).fields
        summaries = [
            {
                "contains_null": each.contains_null,
                "contains_nan": each.contains_nan,
                "lower_bound": _bound_text(field.field_type, each.lower_bound),
                "upper_bound": _bound_text(field.field_type, each.upper_bound),
            }
            for field, each in zip(fields, manifest.partitions or [], strict=False)
        ]
        counts = [getattr(manifest, f"{done}_{what}_count") for done in _COUNTS for what in ("files", "rows")]
        yield manifest.manifest_path, manifest.manifest_length, manifest.partition_spec_id, manifest.added_snapshot_id, *counts, summaries


def _file_rows(table: Table) -> Iterator[Row]:
    kinds = {field: table.schema().find_type(field) for field in table.schema().field_ids}
    for file in _files(table):
        counts = [_pairs(each) for each in (file.column_sizes, file.value_counts, file.null_value_counts, file.nan_value_counts)]
        bounds = [
            [(field, _bound_text(kinds[field], value)) for field, value in (each or {}).items() if field in kinds] if each else None
            for each in (file.lower_bounds, file.upper_bounds)
        ]
        about = (int(file.content), file.file_path, file.file_format.name, file.record_count, file.file_size_in_bytes)
        yield *about, *counts, *bounds, file.key_metadata, file.split_offsets, file.equality_ids


def _files(table: Table) -> Iterator[DataFile]:
    """Yield the files of the current snapshot, also those that say which rows were deleted."""
    snapshot = table.current_snapshot()
    for manifest in snapshot.manifests(table.io) if snapshot else []:
        yield from (entry.data_file for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _pairs(mapped: dict[int, int] | None) -> list[tuple[int, int]] | None:
    return list(mapped.items()) if mapped else None


def _bound_text(kind: IcebergType, value: bytes | None) -> str | None:
    """Return a bound as Java prints it."""
    if value is None:
        return None
    bound = from_bytes(kind, value)  # type: ignore[arg-type]  # bounds are of primitive types
    if isinstance(bound, float):
        shortest = pa.scalar(bound, pa.float32() if isinstance(kind, FloatType) else pa.float64()).cast(pa.string()).as_py()
        return java_number(shortest)
    return str(bound).lower() if isinstance(bound, bool) else str(bound)


def _arrow(kind: Kind) -> pa.DataType:
    if kind.name == "array":
        return pa.list_(_arrow(kind.inside[0]))
    if kind.name == "map":
        return pa.map_(*map(_arrow, kind.inside))
    if kind.name == "row":
        return pa.struct([(str(name), _arrow(each)) for name, each in zip(kind.fields, kind.inside, strict=True)])
    return _ARROW[kind.name]


_ROWS: dict[str, Callable[[Table], Iterator[Row]]] = {
    "snapshots": _snapshots,
    "history": _history,
    "refs": _refs,
    "manifests": _manifests,
    "files": _file_rows,
}
