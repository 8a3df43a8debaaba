"""Statements that change or show the catalog, done by calls to Glue; each leaves plain text, one line per row."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlglot
from sqlglot import exp

from infra.local.athena.catalog import Catalog
from infra.local.athena.statements import Execution
from infra.local.athena.writing import serde
from infra.local.errors import ServiceError

Lines = list[str]
_DELIMITERS = {"fields": "field.delim", "escaped": "escape.delim", "null": "serialization.null.format"}
"""Parts of ROW FORMAT DELIMITED -> the SerDe's options."""


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
            "DROP TABLE": (self._drop_table, ()),
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
        added = self.catalog.register_folders(database, name)
        missing = [f"Partitions not in metastore:\t{' '.join(f'{name}:{below}' for below in added)}"] if added else []
        return missing + [f"Repair: Added partition to metastore {name}:{below}" for below in added]

    def _show_tables(self, execution: Execution) -> Lines:
        return _like(execution, self._tables(execution.statement.database or execution.database))

    def _show_views(self, execution: Execution) -> Lines:
        tables = self._tables(execution.statement.database or execution.database)
        return _like(execution, (table for table in tables if table.get("TableType") == "VIRTUAL_VIEW"))

    def _show_databases(self, execution: Execution) -> Lines:
        found = [database["Name"] for database in self.glue("GetDatabases", {})["DatabaseList"]]
        return sorted(name for name in found if fnmatch.fnmatch(name, execution.statement.words.get("like", "*")))

    def _show_partitions(self, execution: Execution) -> Lines:
        database, name = execution.target()
        keys = [key["Name"] for key in self.catalog.record(database, name).get("PartitionKeys") or []]
        if not keys:
            raise ServiceError("InvalidRequestException", f"FAILED: SemanticException Table {database}.{name} is not a partitioned table")
        values = sorted(partition["Values"] for partition in self.catalog.registered(database, name))
        return ["/".join(f"{key}={value}" for key, value in zip(keys, each, strict=True)) for each in values]

    def _show_columns(self, execution: Execution) -> Lines:
        return [column["Name"] for column in _columns(self.catalog.record(*execution.target()))]

    def _describe(self, execution: Execution) -> Lines:
        record = self.catalog.record(*execution.target())
        lines = [_described(column) for column in _columns(record)]
        keys = record.get("PartitionKeys") or []
        if keys:
            lines += ["\t \t ", "# Partition Information\t \t ", "# col_name\tdata_type\tcomment", "\t \t ", *map(_described, keys)]
        return lines

    def _drop_table(self, execution: Execution) -> Lines:
        database, name = execution.target()
        self.glue("DeleteTable", {"DatabaseName": database, "Name": name})
        return []

    def _create_database(self, execution: Execution) -> Lines:
        located = re.search(r"LOCATION\s+'([^']+)'", execution.statement.words.get("rest", ""), re.IGNORECASE)
        self.glue(
            "CreateDatabase", {"DatabaseInput": {"Name": execution.statement.name, **({"LocationUri": located[1]} if located else {})}}
        )
        return []

    def _drop_database(self, execution: Execution) -> Lines:
        self.glue("DeleteDatabase", {"Name": execution.statement.name})
        return []

    def _add_partitions(self, execution: Execution) -> Lines:
        database, name = execution.target()
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
        record = self.catalog.record(database, name)
        for values, _ in _partition_clauses(execution.statement.words["rest"], record):
            self.glue("DeletePartition", {"DatabaseName": database, "TableName": name, "PartitionValues": values})
        return []

    def _create_table(self, execution: Execution) -> Lines:
        database, name = execution.target()
        tree = _hive_tree(execution.statement.sql)
        declared = tree.find(exp.Schema)
        given = (tree.args.get("properties") or exp.Properties(expressions=[])).expressions
        properties = {type(item): item for item in given}
        location = properties.get(exp.LocationProperty)
        if declared is None or location is None:
            raise ServiceError("InvalidRequestException", "FAILED: SemanticException Expected columns and a LOCATION. Add them.")
        split = properties.get(exp.PartitionedByProperty)
        storage = {
            "Columns": [_column(each) for each in declared.expressions if isinstance(each, exp.ColumnDef)],
            "Location": location.this.name,
            **_storage_format(properties),
        }
        parameters = {item.name: item.args["value"].name for item in given if type(item) is exp.Property}
        keys = [_column(each) for each in split.this.expressions] if split else []
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "PartitionKeys": keys}
        self.glue("CreateTable", {"DatabaseName": database, "TableInput": {**table, "Parameters": {"EXTERNAL": "TRUE", **parameters}}})
        return []

    def _tables(self, database: str) -> Iterator[dict[str, Any]]:
        request = {"DatabaseName": database}
        while True:
            answer = self.glue("GetTables", request)
            yield from answer["TableList"]
            if not answer.get("NextToken"):
                return
            request["NextToken"] = answer["NextToken"]


def _like(execution: Execution, tables: Iterable[dict[str, Any]]) -> Lines:
    """Return the names of the tables that match one of the patterns of LIKE, sorted."""
    patterns = execution.statement.words.get("like", "*").split("|")
    return sorted(table["Name"] for table in tables if any(fnmatch.fnmatch(table["Name"], each) for each in patterns))


def _hive_tree(sql: str) -> exp.Expr:
    """Parse a statement of Hive's. Raises ServiceError."""
    try:
        return sqlglot.parse_one(sql, read="athena")
    except sqlglot.errors.SqlglotError as error:
        first = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        what = f"line {first.get('line', 1)}:{first.get('col', 1)}: {first.get('description') or error}"
        raise ServiceError("InvalidRequestException", f"FAILED: ParseException {what}") from None


def _columns(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(record["StorageDescriptor"].get("Columns") or []), *(record.get("PartitionKeys") or [])]


def _described(column: dict[str, Any]) -> str:
    return f"{column['Name']:<20}\t{column.get('Type') or '':<20}\t{column.get('Comment') or '':<20}"


def _column(definition: exp.ColumnDef) -> dict[str, str]:
    comment = definition.find(exp.CommentColumnConstraint)
    kind = definition.args["kind"].sql(dialect="hive").lower().replace(": ", ":").replace(", ", ",")
    return {"Name": definition.name.lower(), "Type": kind, **({"Comment": comment.this.name} if comment else {})}


def _storage_format(properties: dict[type, exp.Expr]) -> dict[str, Any]:
    """Return the SerDe that ROW FORMAT or STORED AS names; without either it is text. Raises ServiceError for other files."""
    named = properties.get(exp.RowFormatSerdeProperty)
    if named is not None:
        given = named.args.get("serde_properties")
        options = {item.name: item.args["value"].name for item in (given.expressions if given is not None else [])}
        return {"SerdeInfo": {"SerializationLibrary": named.name, "Parameters": options}}
    stored = properties.get(exp.FileFormatProperty)
    form = stored.name.upper() if stored is not None else "TEXTFILE"
    if form == "PARQUET":
        described = serde("PARQUET")
        return {**described, "SerdeInfo": {**described["SerdeInfo"], "Parameters": {"serialization.format": "1"}}}
    if form != "TEXTFILE":
        raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: STORED AS {form} is not on this disk. Use PARQUET or TEXTFILE.")
    delimited = properties.get(exp.RowFormatDelimitedProperty)
    parts = delimited.args if delimited is not None else {}
    options = {option: parts[part].name for part, option in _DELIMITERS.items() if parts.get(part) is not None}
    return {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": options}}


def _partition_clauses(text: str, record: dict[str, Any]) -> list[tuple[list[str], str | None]]:
    """Read `PARTITION (a = 'x', b = 1) LOCATION 's3://...' PARTITION ...`."""
    keys = [key["Name"] for key in record.get("PartitionKeys") or []]
    found = []
    for clause in re.finditer(r"PARTITION\s*\(([^)]*)\)\s*(?:LOCATION\s+'([^']+)')?", text, re.IGNORECASE):
        pairs = {
            key.lower(): single or plain for key, single, plain in re.findall(r"[`\"]?(\w+)[`\"]?\s*=\s*(?:'([^']*)'|([^,\s]+))", clause[1])
        }
        if sorted(pairs) != sorted(keys):
            raise ServiceError(
                "InvalidRequestException", f"FAILED: SemanticException Expected partition keys {keys}, but got {sorted(pairs)}."
            )
        found.append(([pairs[key] for key in keys], clause[2]))
    return found
