"""Statements that read rows, executed by DuckDB: SELECT, CREATE TABLE AS, UNLOAD, INSERT, and views, which only remember their query."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from infra.local.athena import dialect
from infra.local.athena.binding import VIEW_MARK, Binder
from infra.local.athena.catalog import Catalog
from infra.local.athena.results import column_info, write_csv, write_lines
from infra.local.athena.statements import Job, Outcome, QueryCancelled
from infra.local.athena.writing import FileWriter, serde
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class QueryRunner:
    """Runs statements that read rows."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.writer = FileWriter(catalog.store)

    def run(self, job: Job) -> Outcome:
        """Execute a statement that holds a query."""
        query = dialect.named_columns(cast("exp.Query", job.statement.query).copy())
        scanned_bytes = self._binder(job).bind(query)
        if job.cutoff_bytes and scanned_bytes > job.cutoff_bytes:
            what = f"Bytes scanned limit was exceeded: {scanned_bytes} bytes of at most {job.cutoff_bytes}"
            raise QueryCancelled(f"{what}. Name the columns and partitions you need.")
        sql = dialect.to_duckdb(query)
        actions = {"CREATE TABLE AS": self._create_table, "UNLOAD": self._unload, "INSERT": self._insert, "CREATE VIEW": self._create_view}
        if job.statement.kind in actions:
            outcome = actions[job.statement.kind](job, _with_plain_integers(job.connection, sql))
        else:
            outcome = self._select(job, sql)
        return dataclasses.replace(outcome, scanned_bytes=scanned_bytes)

    def _binder(self, job: Job) -> Binder:
        return Binder(self.catalog, job.connection, job.database, job.statement.sql)

    def _select(self, job: Job, sql: str) -> Outcome:
        relation = job.connection.sql(sql)
        columns = [column_info(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
        write_csv(self.catalog.store.local_path(job.output), relation.columns, relation.to_arrow_reader(65_536))
        return Outcome(columns)

    def _create_table(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        options = job.statement.options
        keys = list(options.get("partitioned_by") or [])
        location = str(options.get("external_location") or f"{job.output}/")
        kinds = _described(job.connection, sql)
        if keys and list(kinds)[-len(keys) :] != keys:
            what = f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table: {keys}"
            raise ServiceError("InvalidRequestException", what)
        self._refuse_existing(database, name)
        files = self.writer.write_new(job, sql, location, keys)
        columns = [{"Name": column, "Type": dialect.hive_type(kind)} for column, kind in kinds.items()]
        plain, split = ([column for column in columns if (column["Name"] in keys) == split] for split in (False, True))
        storage = {"Columns": plain, "Location": location, **serde(str(options.get("format") or "PARQUET"))}
        record = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": split}
        self.catalog.glue("CreateTable", {"DatabaseName": database, "TableInput": {**record, "Parameters": {"EXTERNAL": "TRUE"}}})
        self.catalog.register_folders(database, name)
        return Outcome(manifest=self.writer.write_manifest(job, files))

    def _unload(self, job: Job, sql: str) -> Outcome:
        options = job.statement.options
        files = self.writer.write_new(job, sql, str(options["external_location"]), list(options.get("partitioned_by") or []))
        return Outcome(manifest=self.writer.write_manifest(job, files))

    def _insert(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        table = self._binder(job).find(database, name)
        kinds = _described(job.connection, sql)
        if len(kinds) != len(table.columns):
            what = f"Insert query has mismatched column types: Table has {len(table.columns)} columns, query has {len(kinds)}"
            raise ServiceError("InvalidRequestException", f"TYPE_MISMATCH: {what}")
        pairs = zip(kinds, table.columns.items(), strict=True)
        casts = ", ".join(f'CAST("{given}" AS {dialect.duckdb_type(kind)}) AS "{column}"' for given, (column, kind) in pairs)
        rows = f"SELECT {casts} FROM ({sql})"
        files = self.writer.write(job.connection, rows, table.storage["Location"], list(table.keys), table.format, "SNAPPY")
        self.catalog.register_folders(database, name)
        return Outcome(manifest=self.writer.write_manifest(job, files))

    def _create_view(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        columns = [{"Name": column, "Type": dialect.hive_type(kind)} for column, kind in _described(job.connection, sql).items()]
        about = {
            "originalSql": cast("exp.Query", job.statement.query).sql(dialect="athena"),
            "catalog": "awsdatacatalog",
            "schema": job.database,
            "columns": [{"name": column["Name"], "type": column["Type"]} for column in columns],
        }
        view = {
            "Name": name,
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": f"{VIEW_MARK}{base64.b64encode(json.dumps(about).encode()).decode()} */",
            "ViewExpandedText": "/* Presto View */",
            "PartitionKeys": [],
            "Parameters": {"presto_view": "true"},
            "StorageDescriptor": {"Columns": columns, "Location": "", "SerdeInfo": {}},
        }
        if not job.statement.replace:
            self._refuse_existing(database, name)
        there = self.catalog.has(database, name)
        self.catalog.glue("UpdateTable" if there else "CreateTable", {"DatabaseName": database, "TableInput": view})
        write_lines(self.catalog.store.local_path(job.output), [])
        return Outcome()

    def _refuse_existing(self, database: str, name: str) -> None:
        if self.catalog.has(database, name):
            raise ServiceError("InvalidRequestException", f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")


def _described(connection: DuckDBPyConnection, sql: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()}


def _with_plain_integers(connection: DuckDBPyConnection, sql: str) -> str:
    """Narrow DuckDB's 128-bit sums to the bigint that Athena's are, for rows that go to files; their order is nobody's promise."""
    kinds = _described(connection, sql)
    if "HUGEINT" not in kinds.values():
        return sql
    columns = [f'CAST("{name}" AS BIGINT) AS "{name}"' if kind == "HUGEINT" else f'"{name}"' for name, kind in kinds.items()]
    return f"SELECT {', '.join(columns)} FROM ({sql})"
