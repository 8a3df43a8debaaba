"""A table of the catalog over the plain files of the store: how DuckDB reads it, and what reading it scans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infra.local.athena.files import FooterCache, Partition, partitions_left
from infra.local.athena.trino.kinds import Kind, duckdb_type, from_hive, quote
from infra.local.athena.trino.scopes import TableUse
from infra.local.athena.trino.values import text
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})
_IN_MILLISECONDS = "make_timestamp(1000 * CAST(floor((epoch_us({}) + 500) / 1000) AS BIGINT))"
"""A moment as Athena reads it from a file: to the millisecond."""
_FORMATS = {"parquet": "parquet", "jsonserde": "json", "lazysimpleserde": "text", "opencsvserde": "text"}
"""End of a SerDe's class, lower case -> what it reads."""


@dataclass
class CatalogTable:
    """One table as the catalog declares it, with the files that are visible through it."""

    database: str
    name: str
    record: dict[str, Any]
    partitions: list[Partition]
    root: Path
    footers: FooterCache = field(repr=False)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Return column -> type, partition keys last."""
        return {column: from_hive(kind) for column, kind in self.columns.items()}

    @property
    def storage(self) -> dict[str, Any]:
        """Return the table's storage descriptor."""
        return self.record.get("StorageDescriptor") or {}

    @property
    def keys(self) -> dict[str, str]:
        """Return partition key -> Hive type."""
        return {key["Name"]: key.get("Type") or "string" for key in self.record.get("PartitionKeys") or []}

    @property
    def columns(self) -> dict[str, str]:
        """Return column -> Hive type, partition keys last."""
        return {column["Name"]: column.get("Type") or "string" for column in self.storage.get("Columns") or []} | self.keys

    @property
    def serde(self) -> str:
        """Return the class that reads the files."""
        return (self.storage.get("SerdeInfo") or {}).get("SerializationLibrary") or ""

    @property
    def format(self) -> str:
        """Return parquet, json or text. Raises ServiceError for a SerDe that this disk does not have."""
        name = self.serde.rpartition(".")[2].lower()
        form = next((form for ending, form in _FORMATS.items() if ending in name), None)
        if form is None:
            what = f"the SerDe {self.serde}" if self.serde else "a table without a SerDe"
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: {what} of {self.database}.{self.name} is not on this disk.")
        return form

    @cached_property
    def files(self) -> list[Path]:
        """Return every visible file."""
        return [file for partition in self.partitions for file in partition.files]

    def rows(self, connection: DuckDBPyConnection, use: TableUse) -> tuple[str, int]:
        """Return a SELECT over the table's files, and the bytes that Athena would read of them. Raises ServiceError."""
        scanned = self._scanned_bytes(self._partitions_left(connection, use), {column.lower() for column in use.used})
        return self._relation(connection, use), scanned

    def _relation(self, connection: DuckDBPyConnection, use: TableUse) -> str:
        """Return a SELECT that yields the table's rows, and the hidden column `$path` when asked for."""
        with_path = "$path" in use.used
        targets = {column: duckdb_type(from_hive(kind)) for column, kind in self.columns.items()}
        if not self.files:
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {quote(column)}" for column, kind in targets.items())
            return f"SELECT {nulls}{', NULL AS ' + quote('$path') if with_path else ''} WHERE false"
        if self.format == "text":
            inner = self._text_rows(connection, f"{use.name_here}_lines")
        elif all(_named_by_values(partition, self.keys) for partition in self.partitions):
            inner = self._reader(self.files, tuple(self.keys), "")
        else:  # folders that do not name their values: each is read by itself
            sources = [self._reader(part.files, (), self._constants(part)) for part in self.partitions if part.files]
            inner = " UNION ALL BY NAME ".join(f"SELECT * FROM {source}" for source in sources)
            inner = f"({inner})"
        present = {column.lower(): kind for column, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {inner}").fetchall()}
        selected = [self._column(column, kind, present.get(column.lower())) for column, kind in targets.items()]
        if with_path:
            selected.append(f"'s3://' || substr({quote('$path')}, {len(str(self.root)) + 2}) AS {quote('$path')}")
        return f"SELECT {', '.join(selected)} FROM {inner}"

    def _partitions_left(self, connection: DuckDBPyConnection, use: TableUse) -> list[Partition]:
        """Return the partitions that conditions on partition keys alone leave; only the bytes counted depend on it, never the rows."""
        if not use.conditions or not self.partitions:
            return self.partitions
        kinds = {key: from_hive(kind) for key, kind in self.keys.items()}
        values = [partition.values for partition in self.partitions]
        return [self.partitions[number] for number in partitions_left(connection, use.alias, use.conditions, kinds, values)]

    def _scanned_bytes(self, partitions: Iterable[Partition], used: set[str]) -> int:
        """Return the bytes Athena would read of these partitions: the chunks of the columns used, or whole text files."""
        files = [file for partition in partitions for file in partition.files]
        if not files or self.format != "parquet":
            return sum(file.stat().st_size for file in files)
        chunks = (self.footers.of(file).stored_bytes for file in files)
        return sum(size for sizes in chunks for name, size in sizes.items() if name in used)

    def _column(self, name: str, targets: str, present: str | None) -> str:
        if present is None:
            return f"CAST(NULL AS {targets}) AS {quote(name)}"
        if targets == "TIMESTAMP" and present.startswith(targets):
            return f"{_IN_MILLISECONDS.format(f'CAST({quote(name)} AS TIMESTAMP)')} AS {quote(name)}"
        if present == targets or present.startswith("ENUM"):
            return quote(name)
        if not _may_read(present, targets) and self.format == "parquet":
            what = f"Field {name}'s type {present} in parquet is incompatible with type {targets} defined in table schema"
            raise ServiceError("InvalidRequestException", f"HIVE_BAD_DATA: {what} of {self.database}.{self.name}")
        return f"CAST({quote(name)} AS {targets}) AS {quote(name)}"

    def _constants(self, partition: Partition) -> str:
        return ", ".join(
            f"CAST({text(value)} AS {duckdb_type(from_hive(kind))}) AS {quote(key)}"
            for (key, kind), value in zip(self.keys.items(), partition.values, strict=True)
        )

    def _reader(self, files: Sequence[Path], path_keys: tuple[str, ...], constants: str) -> str:
        paths = "[" + ", ".join(text(str(file)) for file in files) + "]"
        options = [f"filename={text('$path')}"]
        if path_keys:
            kinds = ", ".join(f"{text(key)}: {duckdb_type(from_hive(self.keys[key]))}" for key in path_keys)
            options += ["hive_partitioning=true", f"hive_types={{{kinds}}}"]
        else:
            options.append("hive_partitioning=false")
        if self.format == "parquet":
            differ = len({self.footers.of(file).columns for file in files}) > 1
            reader = f"read_parquet({paths}, {', '.join(options)}, union_by_name={str(differ).lower()})"
        else:
            own = {name: kind for name, kind in self.columns.items() if name not in self.keys}
            columns = ", ".join(f"{text(name)}: {text(duckdb_type(from_hive(kind)))}" for name, kind in own.items())
            reader = f"read_json({paths}, {', '.join(options)}, columns={{{columns}}})"
        return f"(SELECT *, {constants} FROM {reader})" if constants else reader

    def _text_rows(self, connection: DuckDBPyConnection, name: str) -> str:
        """Return the rows of text files, which are read here and registered at the connection under `name`."""
        from infra.local.athena.text_files import read_format, read_lines, typed_field

        form = read_format(self.serde, (self.storage.get("SerdeInfo") or {}).get("Parameters") or {}, self.record.get("Parameters") or {})
        own = [column for column in self.columns if column not in self.keys]
        fields = ", ".join(
            f"{typed_field(column, quote(column), from_hive(self.columns[column]), form)} AS {quote(column)}" for column in own
        )
        sources = []
        for number, partition in enumerate(self.partitions):
            lines = f"{name}_{number}"
            connection.register(lines, read_lines(partition.files, form, own))
            constants = f", {self._constants(partition)}" if self.keys else ""
            sources.append(f'SELECT {fields}, "$path"{constants} FROM {lines}')
        return f"({' UNION ALL '.join(sources)})"


def _named_by_values(partition: Partition, keys: Iterable[str]) -> bool:
    folder_names = [f"{key}={value}" for key, value in zip(keys, partition.values, strict=True)]
    return [unquote(part) for part in partition.folder.parts[len(partition.folder.parts) - len(folder_names) :]] == folder_names


def _may_read(present: str, targets: str) -> bool:
    """Say whether Athena would read a Parquet column of one type as another: whole numbers of any width, and wider floats."""
    if targets.startswith(("DECIMAL", "TIMESTAMP", "VARCHAR")) and present.startswith(targets[:7]):
        return True
    nested = any(mark in present for mark in "[(")
    return nested or (present in _INTEGERS and targets in _INTEGERS) or (present == "FLOAT" and targets == "DOUBLE") or present == '"NULL"'
