"""Statements that read rows, executed by DuckDB: SELECT, CREATE TABLE AS, UNLOAD, INSERT, and views, which only remember their query."""

from __future__ import annotations

import base64
import dataclasses
import json

from infra.local.athena.catalog import Catalog
from infra.local.athena.catalog_tables import CatalogTable
from infra.local.athena.reading import VIEW_MARK, CatalogReader
from infra.local.athena.results import column_info, write_csv, write_lines
from infra.local.athena.statements import Execution, Outcome, QueryCancelled
from infra.local.athena.trino.kinds import BOOLEAN, UNKNOWN, VARCHAR, Kind, becomes, duckdb_type, from_hive, hive_type, quote
from infra.local.athena.trino.translation import Translation, translate
from infra.local.athena.trino.values import failure
from infra.local.athena.writing import FileWriter, serde
from infra.local.errors import ServiceError

Columns = list[tuple[str, Kind]]


class QueryRunner:
    """Runs statements that read rows."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.writer = FileWriter(catalog.store)

    def run(self, execution: Execution) -> Outcome:
        """Execute a statement that holds a query. Raises ServiceError for a query that Athena refuses, before anything is read."""
        statement = execution.statement
        assert statement.query is not None
        reader = CatalogReader(self.catalog, execution.database, execution.connection)
        translation = translate(statement.query, statement.sql, reader)
        if statement.kind == "EXPLAIN":
            return self._explain(execution, translation, reader) if statement.words else self._validated(execution)
        actions = {"CREATE TABLE AS": self._create_table, "UNLOAD": self._unload, "INSERT": self._insert, "CREATE VIEW": self._create_view}
        scanned_bytes = 0
        if statement.kind != "CREATE VIEW":
            translation, scanned_bytes = reader.with_tables(translation)
        if execution.cutoff_bytes and scanned_bytes > execution.cutoff_bytes:
            what = f"Bytes scanned limit was exceeded: {scanned_bytes} bytes of at most {execution.cutoff_bytes}"
            raise QueryCancelled(f"{what}. Name the columns and partitions you need.")
        outcome = actions.get(statement.kind, self._select)(execution, translation)
        return dataclasses.replace(outcome, scanned_bytes=scanned_bytes)

    def _validated(self, execution: Execution) -> Outcome:
        """Answer EXPLAIN (TYPE VALIDATE): nothing was read."""
        write_lines(self.catalog.store.local_path(execution.output), ["true"])
        return Outcome([column_info("Valid", BOOLEAN)])

    def _explain(self, execution: Execution, translation: Translation, reader: CatalogReader) -> Outcome:
        """Answer EXPLAIN: nothing is read but what says which files there are."""
        translation, _ = reader.with_tables(translation)
        ((_, plan),) = execution.connection.execute(f"EXPLAIN {translation.sql}").fetchall()
        lines = ["The plan of DuckDB, which runs queries on this disk; Athena plans otherwise.", *plan.rstrip().splitlines()]
        write_lines(self.catalog.store.local_path(execution.output), lines)
        return Outcome([column_info("Query Plan", VARCHAR)])

    def _select(self, execution: Execution, translation: Translation) -> Outcome:
        for name, kind in translation.columns:
            if kind.name.startswith("interval"):
                raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: the column {name} of type {kind} is not on this disk.")
        rows = execution.connection.sql(translation.sql).to_arrow_reader(65_536)
        write_csv(self.catalog.store.local_path(execution.output), translation.columns, rows)
        return Outcome([column_info(name, kind) for name, kind in translation.columns])

    def _create_table(self, execution: Execution, translation: Translation) -> Outcome:
        database, name = execution.target()
        statement = execution.statement
        columns = _named_once(translation.columns)
        keys = [key.lower() for key in statement.options.get("partitioned_by") or []]
        location = str(statement.options.get("external_location") or f"{execution.output}/")
        if keys and [column for column, _ in columns][-len(keys) :] != keys:
            what = f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table: {keys}"
            raise ServiceError("InvalidRequestException", what)
        if self.catalog.has(database, name) and statement.if_exists:
            return Outcome(manifest=self.writer.write_manifest(execution, []))
        self._refuse_existing(database, name)
        described = [{"Name": column, "Type": hive_type(kind)} for column, kind in columns]
        rows = _as_table(translation, columns, limit="" if statement.with_data else " LIMIT 0")
        files = self.writer.write_new(execution, rows, location, keys)
        plain, split = ([column for column in described if (column["Name"] in keys) == split] for split in (False, True))
        storage = {"Columns": plain, "Location": location, **serde(str(statement.options.get("format") or "PARQUET"))}
        record = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": split}
        self.catalog.glue("CreateTable", {"DatabaseName": database, "TableInput": {**record, "Parameters": {"EXTERNAL": "TRUE"}}})
        self.catalog.register_folders(database, name)
        return Outcome(manifest=self.writer.write_manifest(execution, files))

    def _unload(self, execution: Execution, translation: Translation) -> Outcome:
        options = execution.statement.options
        rows = _as_table(translation, _named_once(translation.columns))
        files = self.writer.write_new(execution, rows, str(options["external_location"]), list(options.get("partitioned_by") or []))
        return Outcome(manifest=self.writer.write_manifest(execution, files))

    def _insert(self, execution: Execution, translation: Translation) -> Outcome:
        database, name = execution.target()
        table = CatalogReader(self.catalog, execution.database, execution.connection).find(database, name)
        if not isinstance(table, CatalogTable):
            raise ServiceError(
                "InvalidRequestException", f"NOT_SUPPORTED: INSERT into the Iceberg table {database}.{name} is not on this disk."
            )
        targets = {column: from_hive(kind) for column, kind in table.columns.items()}
        names = execution.statement.columns or tuple(targets)
        for column in names:
            if column not in targets:
                raise ServiceError(
                    "InvalidRequestException", f"COLUMN_NOT_FOUND: Insert column name does not exist in target table: {column}"
                )
        kinds = [kind for _, kind in translation.columns]
        target_kinds = [targets[column] for column in names]
        if len(kinds) != len(target_kinds) or not all(_may_insert(*pair) for pair in zip(kinds, target_kinds, strict=True)):
            table_kinds, query_kinds = (", ".join(map(str, each)) for each in (target_kinds, kinds))
            what = f"Insert query has mismatched column types: Table: [{table_kinds}], Query: [{query_kinds}]"
            raise ServiceError("InvalidRequestException", f"TYPE_MISMATCH: {what}")
        source = {column: f"c{place}" for place, column in enumerate(names, start=1)}
        casts = ", ".join(f"{_insert_sql(source.get(column, 'NULL'), kind)} AS {quote(column)}" for column, kind in targets.items())
        rows = f"SELECT {casts} FROM ({translation.sql})"
        files = self.writer.write(execution.connection, rows, table.storage["Location"], list(table.keys), table.format, "SNAPPY")
        self.catalog.register_folders(database, name)
        return Outcome(manifest=self.writer.write_manifest(execution, files))

    def _create_view(self, execution: Execution, translation: Translation) -> Outcome:
        database, name = execution.target()
        columns = _named_once(translation.columns)
        about = {
            "originalSql": execution.statement.words["query"],
            "catalog": "awsdatacatalog",
            "schema": execution.database,
            "columns": [{"name": column, "type": str(kind)} for column, kind in columns],
        }
        view = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": f"{VIEW_MARK}{base64.b64encode(json.dumps(about).encode()).decode()} */",
            "ViewExpandedText": "/* Presto View */",
            "PartitionKeys": [],
            "Parameters": {"presto_view": "true"},
            "StorageDescriptor": {
                "Columns": [{"Name": column, "Type": _shown_in_catalog(kind)} for column, kind in columns],
                "Location": "",
                "SerdeInfo": {},
            },
        }
        if not execution.statement.replace:
            self._refuse_existing(database, name)
        there = self.catalog.has(database, name)
        self.catalog.glue("UpdateTable" if there else "CreateTable", {"DatabaseName": database, "TableInput": view})
        write_lines(self.catalog.store.local_path(execution.output), [])
        return Outcome()

    def _refuse_existing(self, database: str, name: str) -> None:
        if self.catalog.has(database, name):
            raise ServiceError("InvalidRequestException", f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")


def _named_once(columns: Columns) -> Columns:
    """Return the columns of a table to be made. Raises ServiceError for a name that is missing or comes twice, and for a bare NULL."""
    names = [name.lower() for name, _ in columns]
    for place, (name, kind) in enumerate(columns, start=1):
        if name.startswith("_col"):
            raise ServiceError("InvalidRequestException", f"MISSING_COLUMN_NAME: line 1:1: Column name not specified at position {place}")
        if names.count(name.lower()) > 1:
            raise ServiceError("InvalidRequestException", f"DUPLICATE_COLUMN_NAME: line 1:1: Column name '{name}' specified more than once")
        if kind == UNKNOWN:
            raise ServiceError("InvalidRequestException", f"COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position {place}")
    return [(name.lower(), kind) for name, kind in columns]


def _as_table(translation: Translation, columns: Columns, limit: str = "") -> str:
    casts = ", ".join(f"CAST(c{place} AS {duckdb_type(kind)}) AS {quote(name)}" for place, (name, kind) in enumerate(columns, start=1))
    return f"SELECT {casts} FROM ({translation.sql}){limit}"


def _may_insert(source: Kind, target: Kind) -> bool:
    """Say whether a column takes values of a type: those that become its own without a cast, and texts of any length."""
    return becomes(source, target) or (source.name == target.name == "varchar")


def _insert_sql(words: str, kind: Kind) -> str:
    """Return a value as its column's type; a text that is too long fails, where CAST would cut it."""
    if kind.name != "varchar" or not kind.numbers:
        return f"CAST({words} AS {duckdb_type(kind)})"
    fault = failure(f"'INVALID_CAST_ARGUMENT: Cannot truncate characters on INSERT into {kind}'", kind)
    return f"CASE WHEN length(CAST({words} AS VARCHAR)) > {kind.numbers[0]} THEN {fault} ELSE CAST({words} AS VARCHAR) END"


def _shown_in_catalog(kind: Kind) -> str:
    """Return a view column's type as the catalog holds it; types that no table has are shown as texts."""
    try:
        return hive_type(kind)
    except ServiceError:
        return hive_type(VARCHAR)
