"""Statements that change or show the catalog, done by calls to Glue; each leaves plain text, one line per row."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from infra.local.athena.catalog import Catalog, columns_of, is_iceberg
from infra.local.athena.reading import view_query
from infra.local.athena.statements import Execution
from infra.local.athena.table_texts import create_table
from infra.local.errors import ServiceError

Lines = list[str]


class CatalogStatements:
    """Runs DDL and SHOW statements."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.glue = catalog.glue
        self._actions: dict[str, tuple[Callable[[Execution], Lines], tuple[str, ...]]] = {
            "MSCK REPAIR TABLE": (self._repair, ()),
            "SHOW TABLES": (self._show_tables, ("tab_name",)),
            "SHOW VIEWS": (self._show_views, ("views",)),
            "SHOW DATABASES": (self._show_databases, ("database_name",)),
            "SHOW PARTITIONS": (self._show_partitions, ("partition",)),
            "SHOW COLUMNS": (self._show_columns, ("field",)),
            "DESCRIBE": (self._describe, ("col_name", "data_type", "comment")),
            "SHOW TBLPROPERTIES": (self._show_properties, ("prpt_name", "prpt_value")),
            "SHOW CREATE TABLE": (self._show_create_table, ("createtab_stmt",)),
            "SHOW CREATE VIEW": (self._show_create_view, ("Create View",)),
            "DROP TABLE": (self._drop_table, ()),
            "DROP VIEW": (self._drop_view, ()),
            "CREATE DATABASE": (self._create_database, ()),
            "DROP DATABASE": (self._drop_database, ()),
            "ADD PARTITION": (self._add_partitions, ()),
            "DROP PARTITION": (self._drop_partitions, ()),
            "CREATE TABLE": (self._create_table, ()),
        }

    def run(self, execution: Execution) -> tuple[Lines, tuple[str, ...]]:
        """Execute a statement; return its lines and the names of their tab-separated columns."""
        action, columns = self._actions[execution.statement.kind]
        try:
            return action(execution), columns
        except ServiceError as error:
            if error.code not in ("EntityNotFoundException", "AlreadyExistsException"):
                raise
            if execution.statement.if_exists:
                return [], columns
            raise ServiceError(error.code, f"FAILED: SemanticException {error.message}", error.status) from None

    def _repair(self, execution: Execution) -> Lines:
        database, name = execution.target()
        self._refuse_iceberg(execution)
        added = self.catalog.register_folders(database, name)
        missing = [f"Partitions not in metastore:\t{' '.join(f'{name}:{below}' for below in added)}"] if added else []
        return missing + [f"Repair: Added partition to metastore {name}:{below}" for below in added]

    def _show_tables(self, execution: Execution) -> Lines:
        return _like(execution, self.catalog.tables(execution.statement.database or execution.database))

    def _show_views(self, execution: Execution) -> Lines:
        tables = self.catalog.tables(execution.statement.database or execution.database)
        return _like(execution, (table for table in tables if _is_view(table)))

    def _show_databases(self, execution: Execution) -> Lines:
        found = [database["Name"] for database in self.glue("GetDatabases", {})["DatabaseList"]]
        return sorted(name for name in found if fnmatch.fnmatch(name, execution.statement.words.get("like", "*")))

    def _show_partitions(self, execution: Execution) -> Lines:
        database, name = execution.target()
        self._refuse_iceberg(execution)
        keys = [key["Name"] for key in self.catalog.record(database, name).get("PartitionKeys") or []]
        if not keys:
            raise _semantic_error(f"Table {database}.{name} is not a partitioned table")
        values = sorted(partition["Values"] for partition in self.catalog.registered(database, name))
        return ["/".join(f"{key}={value}" for key, value in zip(keys, each, strict=True)) for each in values]

    def _show_columns(self, execution: Execution) -> Lines:
        return [column["Name"] for column in columns_of(self.catalog.record(*execution.target()))]

    def _show_properties(self, execution: Execution) -> Lines:
        parameters = self.catalog.record(*execution.target()).get("Parameters") or {}
        return [f"{name}\t{value}" for name, value in sorted(parameters.items())]

    def _show_create_table(self, execution: Execution) -> Lines:
        database, name = execution.target()
        record = self.catalog.record(database, name)
        if _is_view(record):
            raise _semantic_error(f"{database}.{name} is a view. Use SHOW CREATE VIEW")
        fields = self.catalog.iceberg.partition_fields(database, name, record) if is_iceberg(record) else []
        return create_table(database, record, fields)

    def _show_create_view(self, execution: Execution) -> Lines:
        database, name = execution.target()
        record = self.catalog.record(database, name)
        if not _is_view(record):
            raise _semantic_error(f"{database}.{name} is not a view. Use SHOW CREATE TABLE")
        return [f"CREATE VIEW {database}.{name} AS", *view_query(record)[0].splitlines()]

    def _describe(self, execution: Execution) -> Lines:
        record = self.catalog.record(*execution.target())
        if is_iceberg(record):
            columns = (f"{column['Name']}\t{column['Type']}\t{column.get('Comment') or ''}" for column in columns_of(record))
            spec = map("\t".join, self.catalog.iceberg.partition_fields(*execution.target(), record))
            heads = ("# Partition spec:\t\t", "# field_name\tfield_transform\tcolumn_name")
            return ["# Table schema:\t\t", "# col_name\tdata_type\tcomment", *columns, "\t\t", *heads, *spec]
        lines = [_described(column) for column in columns_of(record)]
        keys = record.get("PartitionKeys") or []
        if keys:
            lines += ["\t \t ", "# Partition Information\t \t ", "# col_name\tdata_type\tcomment", "\t \t ", *map(_described, keys)]
        return lines

    def _drop_table(self, execution: Execution) -> Lines:
        """Drop a table; of an Iceberg table, which Athena manages, every object goes with it."""
        database, name = execution.target()
        record = self.catalog.record(database, name)
        if _is_view(record):
            raise ServiceError(
                "InvalidRequestException", f"FAILED: SemanticException Cannot drop a view with DROP TABLE: {database}.{name}"
            )
        objects = list(self.catalog.iceberg.addresses(database, name, record)) if is_iceberg(record) else []
        self.glue("DeleteTable", {"DatabaseName": database, "Name": name})
        for address in objects:
            bucket, _, key = address.partition("://")[2].partition("/")
            self.catalog.store.delete(bucket, key)
        return []

    def _drop_view(self, execution: Execution) -> Lines:
        database, name = execution.target()
        if not _is_view(self.catalog.record(database, name)):
            raise _semantic_error(f"Cannot drop a base table with DROP VIEW: {database}.{name}")
        self.glue("DeleteTable", {"DatabaseName": database, "Name": name})
        return []

    def _create_database(self, execution: Execution) -> Lines:
        located = re.search(r"LOCATION\s+'([^']+)'", execution.statement.words.get("rest", ""), re.IGNORECASE)
        self.glue(
            "CreateDatabase", {"DatabaseInput": {"Name": execution.statement.name, **({"LocationUri": located[1]} if located else {})}}
        )
        return []

    def _drop_database(self, execution: Execution) -> Lines:
        database = execution.statement.name
        records = list(self.catalog.tables(database))
        if records and not execution.statement.words.get("cascade"):
            what = "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask"
            why = f"InvalidOperationException(message:Database {database} is not empty. One or more tables exist.)"
            raise ServiceError("InvalidRequestException", f"{what}. {why}")
        for record in records:
            drop = self._drop_view if _is_view(record) else self._drop_table
            drop(replace(execution, statement=replace(execution.statement, database=database, name=record["Name"])))
        self.glue("DeleteDatabase", {"Name": database})
        return []

    def _add_partitions(self, execution: Execution) -> Lines:
        database, name = execution.target()
        self._refuse_iceberg(execution)
        record = self.catalog.record(database, name)
        storage = record["StorageDescriptor"]
        for values, location in _partition_clauses(execution.statement.words["rest"], record):
            below = "/".join(f"{key['Name']}={value}" for key, value in zip(record["PartitionKeys"], values, strict=True))
            place = location or f"{storage['Location'].rstrip('/')}/{below}/"
            entry = {"Values": values, "StorageDescriptor": {**storage, "Location": place}}
            self.glue("CreatePartition", {"DatabaseName": database, "TableName": name, "PartitionInput": entry})
        return []

    def _drop_partitions(self, execution: Execution) -> Lines:
        database, name = execution.target()
        self._refuse_iceberg(execution)
        record = self.catalog.record(database, name)
        for values, _ in _partition_clauses(execution.statement.words["rest"], record):
            self.glue("DeletePartition", {"DatabaseName": database, "TableName": name, "PartitionValues": values})
        return []

    def _create_table(self, execution: Execution) -> Lines:
        from infra.local.athena.hive_declarations import declared_table  # with sqlglot, which nothing else needs

        database, name = execution.target()
        self.glue("CreateTable", {"DatabaseName": database, "TableInput": declared_table(execution.statement.sql, name)})
        return []

    def _refuse_iceberg(self, execution: Execution) -> None:
        database, name = execution.target()
        if is_iceberg(self.catalog.record(database, name)):
            what = f"{execution.statement.kind} is not supported for Iceberg tables, such as {database}.{name}"
            raise ServiceError("InvalidRequestException", f'NOT_SUPPORTED: {what}. Ask "{name}$partitions" for its partitions.')


def _like(execution: Execution, tables: Iterable[dict[str, Any]]) -> Lines:
    """Return the names of the tables that match one of the patterns of LIKE, sorted."""
    patterns = execution.statement.words.get("like", "*").split("|")
    return sorted(table["Name"] for table in tables if any(fnmatch.fnmatch(table["Name"], each) for each in patterns))


def _semantic_error(what: str) -> ServiceError:
    return ServiceError("InvalidRequestException", f"FAILED: SemanticException {what}")


def _is_view(record: dict[str, Any]) -> bool:
    return record.get("TableType") == "VIRTUAL_VIEW"


def _described(column: dict[str, Any]) -> str:
    return f"{column['Name']:<20}\t{column.get('Type') or '':<20}\t{column.get('Comment') or '':<20}"


def _partition_clauses(text: str, record: dict[str, Any]) -> list[tuple[list[str], str | None]]:
    """Read `PARTITION (a = 'x', b = 1) LOCATION 's3://...' PARTITION ...`."""
    keys = [key["Name"] for key in record.get("PartitionKeys") or []]
    found = []
    for clause in re.finditer(r"PARTITION\s*\(([^)]*)\)\s*(?:LOCATION\s+'([^']+)')?", text, re.IGNORECASE):
        pairs = {
            key.lower(): single or plain for key, single, plain in re.findall(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'([^']*)'|([^,\s]+))", clause[1])
        }
        if sorted(pairs) != sorted(keys):
            raise _semantic_error(f"Expected partition keys {keys}, but got {sorted(pairs)}.")
        found.append(([pairs[key] for key in keys], clause[2]))
    return found
