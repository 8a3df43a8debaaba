"""The catalog as queries read it: types of columns, views, and for DuckDB a view over the files of every table that a query names."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from infra.local.athena.catalog import Catalog
from infra.local.athena.catalog_tables import CatalogTable
from infra.local.athena.files import Partition
from infra.local.athena.trino.kinds import Kind, duckdb_type, from_hive, quote
from infra.local.athena.trino.scopes import TableUse
from infra.local.athena.trino.values import Refusal, absent
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEW_MARK = "/* Presto View: "


class CatalogReader:
    """Answers what a translation asks of the catalog, each table once."""

    def __init__(self, catalog: Catalog, database: str, tables: dict[tuple[str, str], CatalogTable] | None = None) -> None:
        self.catalog = catalog
        self.database = database
        self._known = {} if tables is None else tables

    def of(self, database: str) -> CatalogReader:
        """Return a reader that looks plain names up in another database."""
        return CatalogReader(self.catalog, database, self._known)

    def find(self, database: str | None, name: str, at: int = 0) -> CatalogTable:
        """Look a table up. Raises Refusal if there is none."""
        chosen = (database or self.database).lower()
        if (chosen, name) not in self._known:
            try:
                self._known[chosen, name] = self.catalog.table(chosen, name)
            except ServiceError as error:
                if error.code != "EntityNotFoundException":
                    raise
                if chosen == "information_schema" or "$" in name:
                    absent(at, f"the table {chosen}.{name}")
                raise Refusal("TABLE_NOT_FOUND", at, f"Table 'awsdatacatalog.{chosen}.{name}' does not exist") from None
        return self._known[chosen, name]

    def columns(self, database: str | None, name: str, at: int) -> tuple[str, dict[str, Kind], list[str]]:
        """Return a table's database, the types of its columns, and its partition keys. Raises Refusal if there is no such table."""
        table = self.find(database, name, at)
        return table.database, {column: from_hive(kind) for column, kind in table.columns.items()}, list(table.keys)

    def view(self, database: str | None, name: str, at: int) -> tuple[str, str, list[str]] | None:
        """Return a view's SQL, the database of its names, and its columns; None for a table. Raises Refusal if there is neither."""
        text = self.find(database, name, at).record.get("ViewOriginalText") or ""
        if not text.startswith(VIEW_MARK):
            return None
        about = json.loads(base64.b64decode(text.removeprefix(VIEW_MARK).removesuffix(" */")))
        return about["originalSql"], about["schema"], [column["name"] for column in about["columns"]]

    def open(self, connection: DuckDBPyConnection, uses: list[TableUse]) -> int:
        """Give DuckDB a view over the files of each table that a query reads; return the bytes that Athena would read of them."""
        scanned = 0
        for use in uses:
            table = self.find(use.database, use.name)
            relation = table.relation(connection, f"{use.view}_lines", with_path="$path" in use.used)
            connection.execute(f'CREATE TEMP VIEW "{use.view}" AS {relation}')
            scanned += table.scanned_bytes(_partitions_left(connection, use, table), {column.lower() for column in use.used})
        return scanned


def _partitions_left(connection: DuckDBPyConnection, use: TableUse, table: CatalogTable) -> list[Partition]:
    """Return the partitions that conditions on partition keys alone leave; only the bytes counted depend on it, never the rows."""
    if not use.conditions or not table.partitions:
        return table.partitions
    names = ", ".join(map(quote, table.keys))
    marks = ", ".join(f"CAST(? AS {duckdb_type(from_hive(kind))})" for kind in table.keys.values())
    rows = ", ".join(f"({number}, {marks})" for number in range(len(table.partitions)))
    values = [value for partition in table.partitions for value in partition.values]
    where = " AND ".join(use.conditions)
    sql = f'SELECT "$number" FROM (VALUES {rows}) AS {use.alias}("$number", {names}) WHERE {where}'
    return [table.partitions[number] for (number,) in sorted(connection.execute(sql, values).fetchall())]
