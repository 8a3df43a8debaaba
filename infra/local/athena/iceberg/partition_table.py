"""The metadata table `"t$partitions"`: how many rows and files each partition has, and between which values its columns lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.types import DateType, IcebergType, NestedField, PrimitiveType

from infra.local.athena.iceberg.kinds_of_iceberg import from_iceberg
from infra.local.athena.trino.kinds import BIGINT, Kind, duckdb_type, quote, row
from infra.local.athena.trino.values import text

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def partition_columns(table: Table) -> dict[str, Kind]:
    """Return column -> type; a table without partitions has no column `partition`, one without other columns no `data`."""
    fields, others = _partition_fields(table), _other_fields(table)
    columns = {"record_count": BIGINT, "file_count": BIGINT, "total_size": BIGINT}
    if fields:
        names = tuple(field.name for field in fields)
        columns = {"partition": row(tuple(from_iceberg(field.field_type) for field in fields), names), **columns}
    if others:
        kinds = (from_iceberg(field.field_type) for field in others)
        ranges = tuple(row((kind, kind, BIGINT, BIGINT), ("min", "max", "null_count", "nan_count")) for kind in kinds)
        columns["data"] = row(ranges, tuple(field.name.lower() for field in others))
    return columns


def partition_rows(table: Table, files: Iterable[DataFile]) -> str:
    """Return a SELECT that yields a row for each partition that these data files are in."""
    columns = partition_columns(table)
    groups: dict[tuple[Any, ...], list[DataFile]] = {}
    for file in files:
        if file.spec_id == table.spec().spec_id:  # of older specs Trino's record has no place for the values
            groups.setdefault(tuple(file.partition[place] for place in range(len(table.spec().fields))), []).append(file)
    selects = []
    for values, members in groups.items():
        cells = [
            str(sum(file.record_count for file in members)),
            str(len(members)),
            str(sum(file.file_size_in_bytes for file in members)),
        ]
        if "partition" in columns:
            pairs = zip(_partition_fields(table), values, strict=True)
            cells.insert(0, _struct([(field.name, _literal(field.field_type, value)) for field, value in pairs]))
        if "data" in columns:
            cells.append(_struct([(field.name.lower(), _range(field, members)) for field in _other_fields(table)]))
        named = zip(columns.items(), cells, strict=True)
        selects.append("SELECT " + ", ".join(f"CAST({cell} AS {duckdb_type(kind)}) AS {quote(name)}" for (name, kind), cell in named))
    nothing = ", ".join(f"CAST(NULL AS {duckdb_type(kind)}) AS {quote(name)}" for name, kind in columns.items())
    return " UNION ALL ".join(selects) or f"SELECT {nothing} WHERE false"


def _partition_fields(table: Table) -> Sequence[NestedField]:
    return table.spec().partition_type(table.schema()).fields


def _other_fields(table: Table) -> list[NestedField]:
    """Return the plain columns that the table is not partitioned by."""
    sources = {field.source_id for field in table.spec().fields}
    return [field for field in table.schema().fields if isinstance(field.field_type, PrimitiveType) and field.field_id not in sources]


def _range(field: NestedField, files: Sequence[DataFile]) -> str:
    lowest = _bound(min, field, [(file.lower_bounds or {}).get(field.field_id) for file in files])
    highest = _bound(max, field, [(file.upper_bounds or {}).get(field.field_id) for file in files])
    nulls = _sum([(file.null_value_counts or {}).get(field.field_id) for file in files])
    nans = _sum([(file.nan_value_counts or {}).get(field.field_id) for file in files])
    return _struct([("min", lowest), ("max", highest), ("null_count", nulls), ("nan_count", nans)])


def _sum(counts: Sequence[int | None]) -> str:
    """Return a sum in SQL; NULL if a file does not say."""
    return "NULL" if None in counts else str(sum(count or 0 for count in counts))


def _bound(choose: Any, field: NestedField, bounds: Sequence[bytes | None]) -> str:
    if any(bound is None for bound in bounds):
        return "NULL"
    assert isinstance(field.field_type, PrimitiveType)
    return _literal(field.field_type, choose(from_bytes(field.field_type, bound) for bound in bounds if bound is not None))


def _literal(kind: IcebergType, value: Any) -> str:
    """Return a value in DuckDB's SQL, to be cast."""
    if value is None:
        return "NULL"
    if isinstance(kind, DateType):
        return f"DATE '{date.fromordinal(_EPOCH_DAY + value)}'"
    if isinstance(value, bool | int | float | Decimal):
        return text(str(value))
    return f"from_hex({text(value.hex())})" if isinstance(value, bytes) else text(str(value))


def _struct(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{text(name)}: {value}" for name, value in pairs) + "}"
