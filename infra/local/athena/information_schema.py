"""The tables of `information_schema`: what the catalog holds, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.athena.catalog import Catalog, columns_of
from infra.local.athena.trino.kinds import BIGINT, VARCHAR, Kind, duckdb_type, from_hive, quote
from infra.local.athena.trino.scopes import TableUse
from infra.local.athena.trino.values import text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAME = "information_schema"
Row = tuple[str | int | None, ...]
_CATALOG = "awsdatacatalog"
_TABLE = ("table_catalog", "table_schema", "table_name")
_COLUMN = ("column_name", "ordinal_position", "column_default", "is_nullable", "data_type", "comment", "extra_info")
_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": (*_TABLE, "table_type"),
    "columns": (*_TABLE, *_COLUMN),
}


@dataclass
class SystemTable:
    """One table of `information_schema`."""

    catalog: Catalog
    name: str
    database: str = NAME
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Return column -> type."""
        return {column: BIGINT if column == "ordinal_position" else VARCHAR for column in _COLUMNS[self.name]}

    @property
    def keys(self) -> list[str]:
        """Return its partition keys: none."""
        return []

    def rows(self, connection: DuckDBPyConnection, use: TableUse) -> tuple[str, int]:
        """Return a SELECT of its rows, and the bytes scanned: none."""
        kinds = self.kinds
        rows = [", ".join(_literal(cell) for cell in row) for row in _ROWS[self.name](self.catalog)]
        casts = ", ".join(f"CAST({quote(name)} AS {duckdb_type(kind)}) AS {quote(name)}" for name, kind in kinds.items())
        nothing = f"(SELECT {', '.join(['NULL'] * len(kinds))} WHERE false)"
        inner = f"(VALUES ({'), ('.join(rows)}))" if rows else nothing
        return f"SELECT {casts} FROM {inner} AS rows({', '.join(map(quote, kinds))})", 0


def is_system_table(name: str) -> bool:
    """Say whether `information_schema` has a table of that name here."""
    return name in _COLUMNS


def _schemata(catalog: Catalog) -> Iterator[Row]:
    yield from ((_CATALOG, name) for name in [*_databases(catalog), NAME])


def _tables(catalog: Catalog) -> Iterator[Row]:
    for database in _databases(catalog):
        for record in catalog.tables(database):
            yield _CATALOG, database, record["Name"], "VIEW" if record.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE"


def _columns(catalog: Catalog) -> Iterator[Row]:
    for database in _databases(catalog):
        for record in catalog.tables(database):
            keys = {key["Name"] for key in record.get("PartitionKeys") or []}
            for place, column in enumerate(columns_of(record), start=1):
                about = ("partition key" if column["Name"] in keys else None,)
                kind = str(from_hive(column.get("Type") or "string"))
                yield _CATALOG, database, record["Name"], column["Name"], place, None, "YES", kind, column.get("Comment"), *about


def _databases(catalog: Catalog) -> list[str]:
    return sorted(each["Name"] for each in catalog.glue("GetDatabases", {})["DatabaseList"])


def _literal(cell: str | int | None) -> str:
    return "NULL" if cell is None else text(str(cell))


_ROWS: dict[str, Callable[[Catalog], Iterator[Row]]] = {"schemata": _schemata, "tables": _tables, "columns": _columns}
