"""An Iceberg table at one of its snapshots: how DuckDB reads its files, and what reading them scans.

A column is found in a file by its field id, whatever its name there; one that a file lacks comes from the file's partition record, and
is NULL where that does not hold it either. Fields inside of rows are found by their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import IcebergType

from infra.local.athena.files import Footer, FooterCache, partitions_left
from infra.local.athena.iceberg.kinds_of_iceberg import from_iceberg
from infra.local.athena.iceberg.plans import PlannedFile, Plans
from infra.local.athena.trino.kinds import Kind, duckdb_type, quote
from infra.local.athena.trino.scopes import TableUse
from infra.local.athena.trino.values import text
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyiceberg.schema import Schema
    from pyiceberg.table.snapshots import Snapshot


@dataclass(frozen=True)
class _Source:
    """What files that are read alike have in common."""

    constants: tuple[tuple[int, str | None], ...]
    """Field id of a column that the files lack -> its value, as text."""
    names: tuple[tuple[int, str], ...] | None
    """Field id -> name in the file, of files without ids; None: they have ids."""


@dataclass
class IcebergTable:
    """One Iceberg table at one snapshot."""

    database: str
    name: str
    record: dict[str, Any]
    table: Table
    snapshot: Snapshot | None
    plans: Plans
    root: Path
    footers: FooterCache

    @cached_property
    def schema(self) -> Schema:
        """Return the schema: that of the snapshot where a query asks for an old one, else the newest."""
        if self.snapshot is None or self.snapshot == self.table.current_snapshot() or self.snapshot.schema_id is None:
            return self.table.schema()
        return self.table.schemas()[self.snapshot.schema_id]

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """Return column (lower case) -> type."""
        return {field.name.lower(): from_iceberg(field.field_type) for field in self.schema.fields}

    @cached_property
    def keys(self) -> list[str]:
        """Return the columns that files are partitioned by, unchanged."""
        names = {field.field_id: field.name.lower() for field in self.schema.fields}
        return [names[source] for _, source, _ in self._identities[self.table.spec().spec_id]]

    def rows(self, connection: DuckDBPyConnection, use: TableUse) -> tuple[str, int]:
        """Return a SELECT over the files that a query needs, and the bytes that Athena would read of them. Raises ServiceError."""
        ids = {field.name.lower(): field.field_id for field in self.schema.fields}
        used = {ids[column.lower()] for column in use.used if column.lower() in ids}
        scanned = 0
        sources: dict[_Source, list[Path]] = {}
        for planned in self._needed_files(connection, use):
            file, footer = planned.data, self._footer(planned)
            columns = footer.ids or self._mapped_names(footer, file)
            missing = tuple((field, value) for field, value in self._partition_values(file).items() if field not in columns)
            sources.setdefault(_Source(missing, None if footer.ids else tuple(columns.items())), []).append(planned.path)
            scanned += sum(footer.stored_bytes.get(name, 0) for field, name in columns.items() if field in used)
        return self._relation(sources, with_path="$path" in use.used), scanned

    def _needed_files(self, connection: DuckDBPyConnection, use: TableUse) -> Sequence[PlannedFile]:
        files = self.plans.of(self.table, self.schema, self.snapshot, use.limits) if self.snapshot else ()
        if not use.conditions or not self.keys:
            return files
        ids = [self.schema.find_field(key, case_sensitive=False).field_id for key in self.keys]
        records = [self._partition_values(file.data) for file in files]
        values = [tuple(record.get(field) for field in ids) for record in records]
        distinct = sorted(set(values), key=str)
        left = partitions_left(connection, use.alias, use.conditions, {key: self.kinds[key] for key in self.keys}, distinct)
        kept = {distinct[number] for number in left}
        return [file for file, of_file in zip(files, values, strict=True) if of_file in kept]

    @cached_property
    def _identities(self) -> dict[int, list[tuple[int, int, IcebergType]]]:
        """Return spec id -> (place of its value in a partition record, field id, type), of each column that is partitioned by unchanged."""
        fields = {field.field_id: field for field in self.schema.fields}
        return {
            number: [
                (place, part.source_id, fields[part.source_id].field_type)
                for place, part in enumerate(spec.fields)
                if isinstance(part.transform, IdentityTransform) and part.source_id in fields
            ]
            for number, spec in self.table.specs().items()
        }

    def _partition_values(self, file: DataFile) -> dict[int, str | None]:
        """Return field id -> value as text, of the columns that a file's partition record holds unchanged."""
        record = file.partition
        values: dict[int, str | None] = {}
        for place, field, kind in self._identities[file.spec_id]:
            value = record[place]
            values[field] = None if value is None else IdentityTransform().to_human_string(kind, value)
        return values

    def _footer(self, file: PlannedFile) -> Footer:
        try:
            return self.footers.of(file.path)
        except FileNotFoundError:
            what = f"ICEBERG_CANNOT_OPEN_SPLIT: Error opening Iceberg split {file.data.file_path}: the object is not there any more"
            raise ServiceError("InvalidRequestException", what) from None

    def _mapped_names(self, footer: Footer, file: DataFile) -> dict[int, str]:
        """Return field id -> name, lower case, of a file without ids, by the table's mapping of names. Raises ServiceError without one."""
        mapping = self.table.name_mapping()
        if mapping is None:
            what = f"ICEBERG_BAD_DATA: {file.file_path} has no field ids, and {self.database}.{self.name} has no mapping of names"
            raise ServiceError("InvalidRequestException", f"{what}. Write the file with PARQUET:field_id in its schema.")
        pairs = ((field.field_id, name.lower()) for field in mapping.root for name in field.names)
        return {field: name for field, name in pairs if field is not None and name in footer.stored_bytes}

    def _relation(self, sources: dict[_Source, list[Path]], *, with_path: bool) -> str:
        path = quote("$path")
        if not sources:
            nulls = ", ".join(f"CAST(NULL AS {duckdb_type(kind)}) AS {quote(column)}" for column, kind in self.kinds.items())
            return f"SELECT {nulls}{f', NULL AS {path}' if with_path else ''} WHERE false"
        address = f", 's3://' || substr({path}, {len(str(self.root)) + 2}) AS {path}" if with_path else ""
        parts = (f"SELECT {self._columns(source)}{address} FROM {self._reader(source, paths)}" for source, paths in sources.items())
        return " UNION ALL ".join(parts)

    def _columns(self, source: _Source) -> str:
        constants = {field: "NULL" if value is None else text(value) for field, value in source.constants}
        names = None if source.names is None else dict(source.names)
        columns = []
        for field, (column, kind) in zip(self.schema.fields, self.kinds.items(), strict=True):
            sql = quote(column) if names is None else quote(names[field.field_id]) if field.field_id in names else "NULL"
            columns.append(f"CAST({constants.get(field.field_id, sql)} AS {duckdb_type(kind)}) AS {quote(column)}")
        return ", ".join(columns)

    def _reader(self, source: _Source, paths: Sequence[Path]) -> str:
        files = "[" + ", ".join(text(str(path)) for path in paths) + "]"
        if source.names is not None:
            return f"read_parquet({files}, filename={text('$path')}, hive_partitioning=false)"
        lacking = {field for field, _ in source.constants}
        fields = [
            f"{field.field_id}: {{name: {text(column)}, type: {text(duckdb_type(kind))}, default_value: NULL}}"
            for field, (column, kind) in zip(self.schema.fields, self.kinds.items(), strict=True)
            if field.field_id not in lacking
        ]
        return f"read_parquet({files}, filename={text('$path')}, schema=MAP{{{', '.join(fields)}}})"
