"""The catalog as queries read it: types of columns, views, and for DuckDB a SELECT over the files of every table that a query names."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from infra.local.athena.catalog import AnyTable, Catalog
from infra.local.athena.information_schema import NAME as SYSTEM
from infra.local.athena.information_schema import SystemTable, is_system_table
from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.query_sql import with_common_tables
from infra.local.athena.trino.scopes import TableVersion
from infra.local.athena.trino.translation import Translation
from infra.local.athena.trino.values import Refusal, absent
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEW_MARK = "/* Presto View: "
Found = dict[tuple[str, str, TableVersion | None], AnyTable]


class CatalogReader:
    """Answers what a translation asks of the catalog, each table once."""

    def __init__(self, catalog: Catalog, database: str, connection: DuckDBPyConnection, tables: Found | None = None) -> None:
        self.catalog = catalog
        self.database = database
        self.connection = connection
        self._known: Found = {} if tables is None else tables

    def of(self, database: str) -> CatalogReader:
        """Return a reader that looks plain names up in another database."""
        return CatalogReader(self.catalog, database, self.connection, self._known)

    def find(self, database: str | None, name: str, at: int = 0, version: TableVersion | None = None) -> AnyTable:
        """Look a table up. Raises Refusal if there is none."""
        chosen = (database or self.database).lower()
        key = (chosen, name, version)
        if chosen == SYSTEM and is_system_table(name) and version is None:
            return SystemTable(self.catalog, name)
        if key not in self._known:
            try:
                self._known[key] = self.catalog.table(chosen, name, version)
            except ServiceError as error:
                if error.code != "EntityNotFoundException":
                    raise
                if chosen == SYSTEM or "$" in name:
                    absent(at, f"the table {chosen}.{name}")
                raise Refusal("TABLE_NOT_FOUND", at, f"Table 'awsdatacatalog.{chosen}.{name}' does not exist") from None
        return self._known[key]

    def columns(
        self, database: str | None, name: str, at: int, version: TableVersion | None = None
    ) -> tuple[str, dict[str, Kind], list[str]]:
        """Return a table's database, the types of its columns, and its partition keys. Raises Refusal if there is no such table."""
        table = self.find(database, name, at, version)
        return table.database, table.kinds, list(table.keys)

    def constant(self, sql: str) -> object:
        """Return the value of an expression without columns. Raises DuckDB's errors."""
        ((value,),) = self.connection.execute(f"SELECT {sql}").fetchall()
        return value

    def view(self, database: str | None, name: str, at: int) -> tuple[str, str, list[str]] | None:
        """Return a view's SQL, the database of its names, and its columns; None for a table. Raises Refusal if there is neither."""
        record = self.find(database, name, at).record
        return view_query(record) if str(record.get("ViewOriginalText")).startswith(VIEW_MARK) else None

    def with_tables(self, translation: Translation) -> tuple[Translation, int]:
        """Return a translation that reads the files of its tables, and the bytes that Athena would read of them. Raises ServiceError.

        Its tables are named in front of it and not made views: DuckDB would look at all of their files twice.
        """
        opened = [(use, self.find(use.database, use.name, version=use.version).rows(self.connection, use)) for use in translation.uses]
        named = [f"{use.name_here} AS NOT MATERIALIZED ({sql})" for use, (sql, _) in opened]
        return replace(translation, sql=with_common_tables(named, translation.sql)), sum(n_bytes for _, (_, n_bytes) in opened)


def view_query(record: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Return the SQL of a view by its record, the database of its names, and its columns."""
    about = json.loads(base64.b64decode(record["ViewOriginalText"].removeprefix(VIEW_MARK).removesuffix(" */")))
    return about["originalSql"], about["schema"], [column["name"] for column in about["columns"]]
