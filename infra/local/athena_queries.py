"""Queries executed: table names bound to files, partitions pruned, bytes counted, and rows written where the statement wants them."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from sqlglot import exp

from infra.local import athena_dialect as dialect
from infra.local.athena_results import column_info, write_csv, write_lines
from infra.local.athena_statements import Statement
from infra.local.athena_tables import Catalog, CatalogTable, Partition, key_folders
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PARQUET_SERDE = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
_COMPRESSIONS = {"GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd", "NONE": "uncompressed", "UNCOMPRESSED": "uncompressed"}
_VIEW_MARK = "/* Presto View: "


class QueryCancelled(Exception):
    """The query went over a limit of its workgroup."""


@dataclass
class Outcome:
    """What a statement left: the description of its columns, and what reading took."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    scanned_bytes: int = 0
    manifest: str | None = None


@dataclass(frozen=True)
class Job:
    """One statement on its way: where it runs and what it may read."""

    statement: Statement
    database: str
    output: str
    """s3:// address of the result, without suffix for statements that write data files."""
    cutoff_bytes: int | None
    connection: DuckDBPyConnection

    def target(self) -> tuple[str, str]:
        """Return the database and the table that the statement makes or fills."""
        return self.statement.database or self.database, self.statement.name


class QueryRunner:
    """Runs statements that read rows."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.store = catalog.store
        self.glue: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda operation, request: catalog.control.invoke("glue", operation, request)

    def run(self, job: Job) -> Outcome:
        """Execute a statement that holds a query."""
        query = dialect.named_columns(cast("exp.Query", job.statement.query).copy())
        bound = _Binder(self.catalog, job).bind(query)
        if job.cutoff_bytes and bound.scanned_bytes > job.cutoff_bytes:
            what = f"Bytes scanned limit was exceeded: {bound.scanned_bytes} bytes of at most {job.cutoff_bytes}"
            raise QueryCancelled(f"{what}. Name the columns and partitions you need.")
        sql = _with_plain_integers(job.connection, dialect.to_duckdb(query))
        actions = {"CREATE TABLE AS": self._create_table, "UNLOAD": self._unload, "INSERT": self._insert, "CREATE VIEW": self._create_view}
        action = actions.get(job.statement.kind, self._select)
        outcome = action(job, sql)
        outcome.scanned_bytes = bound.scanned_bytes
        return outcome

    def _select(self, job: Job, sql: str) -> Outcome:
        relation = job.connection.sql(sql)
        columns = [column_info(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
        write_csv(self.store.local_path(job.output), relation.columns, relation.to_arrow_reader(65_536))
        return Outcome(columns)

    def _create_table(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        options = job.statement.options
        keys = list(options.get("partitioned_by") or [])
        location = str(options.get("external_location") or f"{job.output}/")
        kinds = _described(job.connection, sql)
        if keys and list(kinds)[-len(keys) :] != keys:
            raise ServiceError("InvalidRequestException", f"HIVE_COLUMN_ORDER_MISMATCH: Partition keys must be the last columns in the table: {keys}")
        if self._exists(database, name):
            raise ServiceError("InvalidRequestException", f"TABLE_ALREADY_EXISTS: Table 'awsdatacatalog.{database}.{name}' already exists")
        files = self._write_new(job, sql, location, keys)
        columns = [{"Name": column, "Type": dialect.hive_type(kind)} for column, kind in kinds.items()]
        plain = [column for column in columns if column["Name"] not in keys]
        storage = {"Columns": plain, "Location": location, **_serde(str(options.get("format") or "PARQUET"))}
        record = {"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage, "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false"}}
        self.glue("CreateTable", {"DatabaseName": database, "TableInput": {**record, "PartitionKeys": [c for c in columns if c["Name"] in keys]}})
        self.register_folders(database, name)
        return Outcome(manifest=self._manifest(job, files))

    def _unload(self, job: Job, sql: str) -> Outcome:
        options = job.statement.options
        files = self._write_new(job, sql, str(options["external_location"]), list(options.get("partitioned_by") or []))
        return Outcome(manifest=self._manifest(job, files))

    def _insert(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        table = _find(self.catalog, job, database, name)
        kinds = _described(job.connection, sql)
        if len(kinds) != len(table.columns):
            what = f"Insert query has mismatched column types: Table has {len(table.columns)} columns, query has {len(kinds)}"
            raise ServiceError("InvalidRequestException", f"TYPE_MISMATCH: {what}")
        casts = ", ".join(
            f'CAST("{given}" AS {dialect.duckdb_type(kind)}) AS "{column}"' for given, (column, kind) in zip(kinds, table.columns.items(), strict=True)
        )
        files = self._write(job, f"SELECT {casts} FROM ({sql})", table.storage["Location"], list(table.keys), table.format, "SNAPPY")
        self.register_folders(database, name)
        return Outcome(manifest=self._manifest(job, files))

    def _create_view(self, job: Job, sql: str) -> Outcome:
        database, name = job.target()
        original = cast("exp.Query", job.statement.query).sql(dialect="athena")
        columns = [{"Name": column, "Type": dialect.hive_type(kind)} for column, kind in _described(job.connection, sql).items()]
        about = {"originalSql": original, "catalog": "awsdatacatalog", "schema": job.database, "columns": [{"name": c["Name"], "type": c["Type"]} for c in columns]}
        text = f"{_VIEW_MARK}{base64.b64encode(json.dumps(about).encode()).decode()} */"
        view = {"Name": name, "TableType": "VIRTUAL_VIEW", "ViewOriginalText": text, "ViewExpandedText": "/* Presto View */", "PartitionKeys": []}
        record = {**view, "Parameters": {"presto_view": "true"}, "StorageDescriptor": {"Columns": columns, "Location": "", "SerdeInfo": {}}}
        there = self._exists(database, name)
        if there and not job.statement.replace:
            raise ServiceError("InvalidRequestException", f"TABLE_ALREADY_EXISTS: View already exists: 'awsdatacatalog.{database}.{name}'")
        self.glue("UpdateTable" if there else "CreateTable", {"DatabaseName": database, "TableInput": record})
        write_lines(self.store.local_path(job.output), [])
        return Outcome()

    def register_folders(self, database: str, name: str) -> list[str]:
        """Register the partitions whose folders exist but which the catalog lacks; return their folder names."""
        record = self.catalog.record(database, name)
        keys = [key["Name"] for key in record.get("PartitionKeys") or []]
        if not keys:
            return []
        storage = record["StorageDescriptor"]
        location = storage["Location"].rstrip("/")
        top = self.store.local_path(location)
        known = {tuple(partition["Values"]) for partition in self.catalog.registered(database, name)}
        fresh = [(values, folder.relative_to(top).as_posix()) for values, folder in key_folders(top, keys) if values not in known]
        entries = [{"Values": list(values), "StorageDescriptor": {**storage, "Location": f"{location}/{below}/"}} for values, below in fresh]
        for start in range(0, len(entries), 100):
            request = {"DatabaseName": database, "TableName": name, "PartitionInputList": entries[start : start + 100]}
            self.glue("BatchCreatePartition", request)
        return [below for _, below in fresh]

    def _exists(self, database: str, name: str) -> bool:
        try:
            self.catalog.record(database, name)
        except ServiceError as error:
            if error.code != "EntityNotFoundException":
                raise
            return False
        return True

    def _write_new(self, job: Job, sql: str, location: str, keys: list[str]) -> list[str]:
        folder = self.store.local_path(location)
        if folder.exists() and any(folder.iterdir()):
            raise ServiceError("InvalidRequestException", f"HIVE_PATH_ALREADY_EXISTS: Target directory already exists: {location}")
        options = job.statement.options
        compression = options.get("write_compression") or options.get("parquet_compression") or options.get("compression") or "GZIP"
        return self._write(job, sql, location, keys, str(options.get("format") or "PARQUET").lower(), str(compression).upper())

    def _write(self, job: Job, sql: str, location: str, keys: list[str], form: str, compression: str) -> list[str]:
        """Write rows below a location, first elsewhere and then moved, and return the addresses of the files."""
        if form not in ("parquet", "json", "csv", "textfile"):
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: {form.upper()} is written on AWS only. Use PARQUET or JSON.")
        draft = self.store.root / ".aws" / "drafts" / uuid.uuid4().hex
        draft.mkdir(parents=True)
        options = {"parquet": f"FORMAT parquet, COMPRESSION {_COMPRESSIONS.get(compression, 'gzip')}", "json": "FORMAT json"}.get(form, "FORMAT csv, HEADER false, DELIMITER '\x01'")
        if keys:
            options += ", PARTITION_BY (" + ", ".join(f'"{key}"' for key in keys) + "), FILENAME_PATTERN 'part-{uuid}'"
        into = draft if keys else draft / f"part-{uuid.uuid4()}.{'parquet' if form == 'parquet' else form}"
        job.connection.execute(f"COPY ({sql}) TO '{_escaped(into)}' ({options})")
        target, written = self.store.local_path(location), []
        for file in sorted(path for path in draft.rglob("*") if path.is_file()):
            below = file.relative_to(draft)
            (target / below).parent.mkdir(parents=True, exist_ok=True)
            file.replace(target / below)
            written.append(f"{location.rstrip('/')}/{below.as_posix()}")
        return written

    def _manifest(self, job: Job, files: list[str]) -> str:
        address = f"{job.output}-manifest.csv"
        write_lines(self.store.local_path(address), files)
        return address


@dataclass
class _Bound:
    scanned_bytes: int = 0


class _Binder:
    """Puts a view over files in the place of every table that a query names."""

    def __init__(self, catalog: Catalog, job: Job) -> None:
        self.catalog = catalog
        self.job = job
        self.bound = _Bound()

    def bind(self, query: exp.Query) -> _Bound:
        """Rewrite the query in place."""
        self._expand_views(query, depth=0)
        for table in _named_tables(query):
            self._bind(table, self._table(table))
        return self.bound

    def _table(self, table: exp.Table) -> CatalogTable:
        return _find(self.catalog, self.job, table.db or self.job.database, table.name)

    def _expand_views(self, query: exp.Query, depth: int) -> None:
        if depth > 20:
            raise ServiceError("InvalidRequestException", "VIEW_IS_RECURSIVE: A view reads itself")
        for table in _named_tables(query):
            text = self._table(table).record.get("ViewOriginalText") or ""
            if text.startswith(_VIEW_MARK):
                about = json.loads(base64.b64decode(text.removeprefix(_VIEW_MARK).removesuffix(" */")))
                inner = cast("exp.Query", dialect.parse(about["originalSql"]))
                for named in _named_tables(inner):
                    named.set("db", exp.to_identifier(named.db or about["schema"]))
                self._expand_views(inner, depth + 1)
                table.replace(inner.subquery(table.alias_or_name, copy=False))

    def _bind(self, table: exp.Table, found: CatalogTable) -> None:
        select = table.find_ancestor(exp.Select)
        alias = table.alias_or_name
        with_path = select is not None and any(column.name == "$path" for column in select.find_all(exp.Column))
        if with_path and select is not None:
            _hide_path(select, alias)
        view = f"table_{uuid.uuid4().hex}"
        connection = self.job.connection
        connection.execute(f'CREATE TEMP VIEW "{view}" AS {found.relation(connection, with_path=with_path)}')
        kept = found.partitions if select is None else _kept_partitions(connection, select, alias, found)
        self.bound.scanned_bytes += found.scanned_bytes(kept, _used_columns(select, alias, table))
        renamed = exp.to_table(view, quoted=True) if False else exp.Table(this=exp.to_identifier(view, quoted=True))
        renamed.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        for extra in ("joins", "sample"):
            if table.args.get(extra):
                renamed.set(extra, table.args[extra])
        table.replace(renamed)


def _find(catalog: Catalog, job: Job, database: str, name: str) -> CatalogTable:
    try:
        return catalog.table(database.lower(), name.lower())
    except ServiceError as error:
        if error.code != "EntityNotFoundException":
            raise
        known = dialect.place(job.statement.sql, name)
        message = f"TABLE_NOT_FOUND: {known}Table 'awsdatacatalog.{database}.{name}' does not exist"
        raise ServiceError("InvalidRequestException", message) from None


def _named_tables(query: exp.Query) -> list[exp.Table]:
    """Return the tables of the catalog that a query names: not its WITH names, not functions."""
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    named = [table for table in query.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    return [table for table in named if table.db or table.name.lower() not in own]


def _hide_path(select: exp.Select, alias: str) -> None:
    """Keep `*` from showing the hidden column `$path`."""
    for projection in select.expressions:
        star = projection if isinstance(projection, exp.Star) else projection.this if projection.is_star else None
        if star is not None and getattr(projection, "table", "") in ("", alias) and not star.args.get("except_"):
            star.set("except_", [exp.to_identifier("$path", quoted=True)])


def _used_columns(select: exp.Select | None, alias: str, table: exp.Table) -> set[str] | None:
    """Return the column names that a query mentions, lower case; None for all, where it says `*`."""
    if select is None or any(each.is_star and getattr(each, "table", "") in ("", alias) for each in select.expressions):
        return None
    whole = cast("exp.Expr", table.root())
    return {column.name.lower() for column in whole.find_all(exp.Column)} | {
        name.name.lower() for join in whole.find_all(exp.Join) for name in join.args.get("using") or []
    }


def _kept_partitions(connection: DuckDBPyConnection, select: exp.Select, alias: str, table: CatalogTable) -> list[Partition]:
    """Return the partitions that conditions on partition keys alone leave to be read. Only the bytes counted depend on it, never the rows."""
    where = select.args.get("where")
    if where is None or not table.keys or not table.partitions or not _filters_directly(select, alias):
        return table.partitions
    alone = len(select.args.get("joins") or []) == 0
    conditions = [each for each in where.this.flatten() if _on_keys(each, table.keys, alias, alone)] if isinstance(where.this, exp.And) else (
        [where.this] if _on_keys(where.this, table.keys, alias, alone) else []
    )
    if not conditions:
        return table.partitions
    kept = exp.and_(*[_unqualified(each) for each in conditions])
    names = ", ".join(f'"{key}"' for key in table.keys)
    marks = ", ".join(f"CAST(? AS {dialect.duckdb_type(kind)})" for kind in table.keys.values())
    rows = ", ".join(f"({number}, {marks})" for number in range(len(table.partitions)))
    values = [value for partition in table.partitions for value in partition.values]
    sql = f"SELECT number FROM (VALUES {rows}) AS t(number, {names}) WHERE {dialect.to_duckdb(kept)}"
    return [table.partitions[number] for (number,) in sorted(connection.execute(sql, values).fetchall())]


def _filters_directly(select: exp.Select, alias: str) -> bool:
    """Say whether WHERE sees this table's own rows: a table on the empty side of an outer join has rows of nulls as well."""
    joins = select.args.get("joins") or []
    if any(join.side in ("RIGHT", "FULL") for join in joins):
        return False
    own = next((join for join in joins if join.this.alias_or_name == alias), None)
    return own is None or own.side == ""


def _on_keys(condition: exp.Expr, keys: dict[str, str], alias: str, alone: bool) -> bool:
    columns = list(condition.find_all(exp.Column))
    if not columns or condition.find(exp.Query):
        return False
    return all(column.name.lower() in keys and (column.table == alias or (not column.table and alone)) for column in columns)


def _unqualified(condition: exp.Expr) -> exp.Expr:
    condition = condition.copy()
    for column in condition.find_all(exp.Column):
        column.set("table", None)
    return condition


def _described(connection: DuckDBPyConnection, sql: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {sql}").fetchall()}


def _with_plain_integers(connection: DuckDBPyConnection, sql: str) -> str:
    """Narrow DuckDB's 128-bit sums to the bigint that Athena's are."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    if all(kind != "HUGEINT" for _, kind, *_ in described):
        return sql
    columns = [f'CAST("{name}" AS BIGINT) AS "{name}"' if kind == "HUGEINT" else f'"{name}"' for name, kind, *_ in described]
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def _serde(form: str) -> dict[str, Any]:
    if form.upper() == "PARQUET":
        return _PARQUET_SERDE
    library = "org.openx.data.jsonserde.JsonSerDe" if form.upper() == "JSON" else "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    return {"SerdeInfo": {"SerializationLibrary": library, "Parameters": {"field.delim": "\x01"}}}


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
