"""A table of the catalog over the plain files of the store: how DuckDB reads it, and what reading it scans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from infra.local.athena.dialect import duckdb_type
from infra.local.athena.files import FooterCache, Partition
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"})


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
    def format(self) -> str:
        """Return parquet, csv or json."""
        serde = ((self.storage.get("SerdeInfo") or {}).get("SerializationLibrary") or "").lower()
        return "parquet" if "parquet" in serde or not serde else "json" if "json" in serde else "csv"

    @cached_property
    def files(self) -> list[Path]:
        """Return every visible file."""
        return [file for partition in self.partitions for file in partition.files]

    def relation(self, connection: DuckDBPyConnection, *, with_path: bool) -> str:
        """Return a SELECT that yields the table's rows, and the hidden column `$path` when asked for."""
        wanted = {name: duckdb_type(kind) for name, kind in self.columns.items()}
        if not self.files:
            nulls = ", ".join(f"CAST(NULL AS {kind}) AS {_quoted(name)}" for name, kind in wanted.items())
            return f"SELECT {nulls}{', NULL AS ' + _quoted('$path') if with_path else ''} WHERE false"
        if all(_named_by_values(partition, self.keys) for partition in self.partitions):
            sources = [self._reader(self.files, tuple(self.keys), "")]
        else:  # folders that do not name their values: each is read by itself
            sources = [self._reader(part.files, (), self._constants(part)) for part in self.partitions if part.files]
        inner = " UNION ALL BY NAME ".join(f"SELECT * FROM {source}" for source in sources)
        present = {name.lower(): kind for name, kind, *_ in connection.execute(f"DESCRIBE {inner}").fetchall()}
        selected = [self._column(name, kind, present.get(name.lower())) for name, kind in wanted.items()]
        if with_path:
            selected.append(f"'s3://' || substr({_quoted('$path')}, {len(str(self.root)) + 2}) AS {_quoted('$path')}")
        return f"SELECT {', '.join(selected)} FROM ({inner})"

    def scanned_bytes(self, partitions: Iterable[Partition], used: set[str] | None) -> int:
        """Return the bytes Athena would read of these partitions: the chunks of the columns used (None: of all), or whole text files."""
        files = [file for partition in partitions for file in partition.files]
        if self.format != "parquet":
            return sum(file.stat().st_size for file in files)
        chunks = (self.footers.of(file).stored_bytes for file in files)
        return sum(size for sizes in chunks for name, size in sizes.items() if used is None or name in used)

    def _column(self, name: str, wanted: str, present: str | None) -> str:
        if present is None:
            return f"CAST(NULL AS {wanted}) AS {_quoted(name)}"
        if present == wanted or present.startswith("ENUM"):
            return _quoted(name)
        if not _may_read(present, wanted) and self.format == "parquet":
            what = f"Field {name}'s type {present} in parquet is incompatible with type {wanted} defined in table schema"
            raise ServiceError("InvalidRequestException", f"HIVE_BAD_DATA: {what} of {self.database}.{self.name}")
        return f"CAST({_quoted(name)} AS {wanted}) AS {_quoted(name)}"

    def _constants(self, partition: Partition) -> str:
        return ", ".join(
            f"CAST({_text(value)} AS {duckdb_type(kind)}) AS {_quoted(key)}"
            for (key, kind), value in zip(self.keys.items(), partition.values, strict=True)
        )

    def _reader(self, files: Sequence[Path], path_keys: tuple[str, ...], constants: str) -> str:
        listed = "[" + ", ".join(_text(str(file)) for file in files) + "]"
        options = [f"filename={_text('$path')}"]
        if path_keys:
            kinds = ", ".join(f"{_text(key)}: {duckdb_type(self.keys[key])}" for key in path_keys)
            options += ["hive_partitioning=true", f"hive_types={{{kinds}}}"]
        else:
            options.append("hive_partitioning=false")
        if self.format == "parquet":
            differ = len({self.footers.of(file).columns for file in files}) > 1
            reader = f"read_parquet({listed}, {', '.join(options)}, union_by_name={str(differ).lower()})"
        else:
            reader = f"{self._text_reader()}({listed}, {', '.join(options + self._text_options())})"
        return f"(SELECT *, {constants} FROM {reader})" if constants else reader

    def _text_reader(self) -> str:
        return "read_json" if self.format == "json" else "read_csv"

    def _text_options(self) -> list[str]:
        columns = {name: duckdb_type(kind) for name, kind in self.columns.items() if name not in self.keys}
        typed = "columns={" + ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in columns.items()) + "}"
        if self.format == "json":
            return [typed]
        info = (self.storage.get("SerdeInfo") or {}).get("Parameters") or {}
        delimiter = info.get("field.delim") or info.get("separatorChar") or ("," if "SerializationLibrary" not in info else "\x01")
        skipped = int((self.record.get("Parameters") or {}).get("skip.header.line.count") or info.get("skip.header.line.count") or 0)
        return [
            typed,
            f"delim={_text(delimiter)}",
            f"skip={skipped}",
            "header=false",
            "quote='\"'",
            "nullstr=['', '\\N']",
            "auto_detect=false",
        ]


def _named_by_values(partition: Partition, keys: Iterable[str]) -> bool:
    named = [f"{key}={value}" for key, value in zip(keys, partition.values, strict=True)]
    return [unquote(part) for part in partition.folder.parts[len(partition.folder.parts) - len(named) :]] == named


def _may_read(present: str, wanted: str) -> bool:
    """Say whether Athena would read a Parquet column of one type as another: whole numbers of any width, and wider floats."""
    if wanted.startswith(("DECIMAL", "TIMESTAMP", "VARCHAR")) and present.startswith(wanted[:7]):
        return True
    nested = any(mark in present for mark in "[(")
    return nested or (present in _INTEGERS and wanted in _INTEGERS) or (present == "FLOAT" and wanted == "DOUBLE") or present == '"NULL"'


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
