"""Statements that change or show the catalog, done by calls to Glue; each leaves plain text, one line per row."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp

from infra.local.athena.catalog import Catalog
from infra.local.athena.dialect import parse
from infra.local.athena.statements import Job
from infra.local.errors import ServiceError

Lines = list[str]


class CatalogStatements:
    """Runs DDL and SHOW statements."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.glue = catalog.glue
        self._actions: dict[str, tuple[Callable[[Job], Lines], tuple[str, ...]]] = {
            "MSCK REPAIR TABLE": (self._repair, ()),
            "SHOW TABLES": (self._show_tables, ("tab_name",)),
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

    def run(self, job: Job) -> tuple[Lines, tuple[str, ...]]:
        """Execute a statement; return its lines and the names of their tab-separated columns."""
        action, columns = self._actions[job.statement.kind]
        try:
            return action(job), columns
        except ServiceError as error:
            if error.code not in ("EntityNotFoundException", "AlreadyExistsException"):
                raise
            if job.statement.if_exists:
                return [], columns
            raise ServiceError(error.code, f"FAILED: SemanticException {error.message}", error.status) from None

    def _repair(self, job: Job) -> Lines:
        database, name = job.target()
        added = self.catalog.register_folders(database, name)
        missing = [f"Partitions not in metastore:\t{' '.join(f'{name}:{below}' for below in added)}"] if added else []
        return missing + [f"Repair: Added partition to metastore {name}:{below}" for below in added]

    def _show_tables(self, job: Job) -> Lines:
        pattern = job.statement.words.get("like", "*")
        names = [table["Name"] for table in self._tables(job.statement.database or job.database)]
        return sorted(name for name in names if any(fnmatch.fnmatch(name, each) for each in pattern.split("|")))

    def _show_databases(self, job: Job) -> Lines:
        found = [database["Name"] for database in self.glue("GetDatabases", {})["DatabaseList"]]
        return sorted(name for name in found if fnmatch.fnmatch(name, job.statement.words.get("like", "*")))

    def _show_partitions(self, job: Job) -> Lines:
        database, name = job.target()
        keys = [key["Name"] for key in self.catalog.record(database, name).get("PartitionKeys") or []]
        if not keys:
            raise ServiceError("InvalidRequestException", f"FAILED: SemanticException Table {database}.{name} is not a partitioned table")
        values = sorted(partition["Values"] for partition in self.catalog.registered(database, name))
        return ["/".join(f"{key}={value}" for key, value in zip(keys, each, strict=True)) for each in values]

    def _show_columns(self, job: Job) -> Lines:
        return [column["Name"] for column in _columns(self.catalog.record(*job.target()))]

    def _describe(self, job: Job) -> Lines:
        record = self.catalog.record(*job.target())
        lines = [_described(column) for column in _columns(record)]
        keys = record.get("PartitionKeys") or []
        if keys:
            lines += ["\t \t ", "# Partition Information\t \t ", "# col_name\tdata_type\tcomment", "\t \t ", *map(_described, keys)]
        return lines

    def _drop_table(self, job: Job) -> Lines:
        database, name = job.target()
        self.glue("DeleteTable", {"DatabaseName": database, "Name": name})
        return []

    def _create_database(self, job: Job) -> Lines:
        located = re.search(r"LOCATION\s+'([^']+)'", job.statement.words.get("rest", ""), re.IGNORECASE)
        self.glue("CreateDatabase", {"DatabaseInput": {"Name": job.statement.name, **({"LocationUri": located[1]} if located else {})}})
        return []

    def _drop_database(self, job: Job) -> Lines:
        self.glue("DeleteDatabase", {"Name": job.statement.name})
        return []

    def _add_partitions(self, job: Job) -> Lines:
        database, name = job.target()
        record = self.catalog.record(database, name)
        storage = record["StorageDescriptor"]
        for values, location in _partition_clauses(job.statement.words["rest"], record):
            below = "/".join(f"{key['Name']}={value}" for key, value in zip(record["PartitionKeys"], values, strict=True))
            place = location or f"{storage['Location'].rstrip('/')}/{below}/"
            entry = {"Values": values, "StorageDescriptor": {**storage, "Location": place}}
            self.glue("CreatePartition", {"DatabaseName": database, "TableName": name, "PartitionInput": entry})
        return []

    def _drop_partitions(self, job: Job) -> Lines:
        database, name = job.target()
        record = self.catalog.record(database, name)
        for values, _ in _partition_clauses(job.statement.words["rest"], record):
            self.glue("DeletePartition", {"DatabaseName": database, "TableName": name, "PartitionValues": values})
        return []

    def _create_table(self, job: Job) -> Lines:
        database, name = job.target()
        tree = parse(job.statement.sql)
        declared = tree.find(exp.Schema)
        properties = {type(item): item for item in (tree.args.get("properties") or exp.Properties(expressions=[])).expressions}
        location = properties.get(exp.LocationProperty)
        if declared is None or location is None:
            raise ServiceError("InvalidRequestException", "FAILED: SemanticException Expected columns and a LOCATION. Add them.")
        split = properties.get(exp.PartitionedByProperty)
        storage = {
            "Columns": [_column(each) for each in declared.expressions if isinstance(each, exp.ColumnDef)],
            "Location": location.this.name,
            **_storage_format(properties),
        }
        parameters = {item.name: item.args["value"].name for item in tree.find_all(exp.Property) if type(item) is exp.Property}
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


def _columns(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(record["StorageDescriptor"].get("Columns") or []), *(record.get("PartitionKeys") or [])]


def _described(column: dict[str, Any]) -> str:
    return f"{column['Name']:<20}\t{column.get('Type') or '':<20}\t{column.get('Comment') or '':<20}"


def _column(definition: exp.ColumnDef) -> dict[str, str]:
    comment = definition.find(exp.CommentColumnConstraint)
    kind = definition.args["kind"].sql(dialect="hive").lower().replace(": ", ":").replace(", ", ",")
    return {"Name": definition.name.lower(), "Type": kind, **({"Comment": comment.this.name} if comment else {})}


def _storage_format(properties: dict[type, exp.Expr]) -> dict[str, Any]:
    """Return the SerDe that STORED AS or ROW FORMAT names; without either it is text."""
    stored = properties.get(exp.FileFormatProperty)
    if stored is not None and stored.name.upper() == "PARQUET":
        hive = "org.apache.hadoop.hive.ql.io.parquet"
        return {
            "InputFormat": f"{hive}.MapredParquetInputFormat",
            "OutputFormat": f"{hive}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe", "Parameters": {"serialization.format": "1"}},
        }
    serde = properties.get(exp.RowFormatSerdeProperty)
    delimited = properties.get(exp.RowFormatDelimitedProperty)
    library = serde.name if serde is not None else "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    options = {item.this.name: item.expression.name for item in (serde.find_all(exp.EQ) if serde is not None else [])}
    if delimited is not None and delimited.args.get("fields"):
        options["field.delim"] = delimited.args["fields"].name
    return {"SerdeInfo": {"SerializationLibrary": library, "Parameters": options}}


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
