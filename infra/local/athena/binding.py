"""The names in a query bound to files: catalog views expanded, tables replaced by readers, partitions pruned, bytes counted."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING, cast

from sqlglot import exp

from infra.local.athena import dialect
from infra.local.athena.catalog import Catalog
from infra.local.athena.files import Partition
from infra.local.athena.tables import CatalogTable
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VIEW_MARK = "/* Presto View: "


class Binder:
    """Puts a view over files in the place of every table that a query names."""

    def __init__(self, catalog: Catalog, connection: DuckDBPyConnection, database: str, sql: str) -> None:
        self.catalog = catalog
        self.connection = connection
        self.database = database
        self.sql = sql
        """The statement as it was sent, for places in messages."""

    def bind(self, query: exp.Query) -> int:
        """Rewrite the query in place and return the bytes that Athena would read for it."""
        self._expand_views(query, depth=0)
        return sum(self._bind(table, self.find(table.db, table.name)) for table in _named_tables(query))

    def find(self, database: str | None, name: str) -> CatalogTable:
        """Look a table up. Raises ServiceError in Athena's words."""
        chosen = database or self.database
        try:
            return self.catalog.table(chosen.lower(), name.lower())
        except ServiceError as error:
            if error.code != "EntityNotFoundException":
                raise
            message = f"TABLE_NOT_FOUND: {dialect.place(self.sql, name)}Table 'awsdatacatalog.{chosen}.{name}' does not exist"
            raise ServiceError("InvalidRequestException", message) from None

    def _expand_views(self, query: exp.Query, depth: int) -> None:
        if depth > 20:
            raise ServiceError("InvalidRequestException", "VIEW_IS_RECURSIVE: A view reads itself")
        for table in _named_tables(query):
            text = self.find(table.db, table.name).record.get("ViewOriginalText") or ""
            if text.startswith(VIEW_MARK):
                about = json.loads(base64.b64decode(text.removeprefix(VIEW_MARK).removesuffix(" */")))
                inner = cast("exp.Query", dialect.parse(about["originalSql"]))
                for named in _named_tables(inner):
                    named.set("db", exp.to_identifier(named.db or about["schema"]))
                self._expand_views(inner, depth + 1)
                table.replace(inner.subquery(table.alias_or_name, copy=False))

    def _bind(self, table: exp.Table, found: CatalogTable) -> int:
        select = table.find_ancestor(exp.Select)
        alias = table.alias_or_name
        with_path = select is not None and any(column.name == "$path" for column in select.find_all(exp.Column))
        if with_path and select is not None:
            _hide_path(select, alias)
        view = f"table_{uuid.uuid4().hex}"
        self.connection.execute(f'CREATE TEMP VIEW "{view}" AS {found.relation(self.connection, with_path=with_path)}')
        kept = found.partitions if select is None else _kept_partitions(self.connection, select, alias, found)
        scanned = found.scanned_bytes(kept, _used_columns(select, alias, table))
        table.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(view, quoted=True))
        for level in ("db", "catalog"):
            table.set(level, None)
        return scanned


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
    whole = table.root()
    return {column.name.lower() for column in whole.find_all(exp.Column)} | {
        name.name.lower() for join in whole.find_all(exp.Join) for name in join.args.get("using") or []
    }


def _kept_partitions(connection: DuckDBPyConnection, select: exp.Select, alias: str, table: CatalogTable) -> list[Partition]:
    """Return the partitions that conditions on partition keys alone leave; only the bytes counted depend on it, never the rows."""
    where = select.args.get("where")
    if where is None or not table.keys or not table.partitions or not _filters_directly(select, alias):
        return table.partitions
    alone = len(select.args.get("joins") or []) == 0
    parts = where.this.flatten() if isinstance(where.this, exp.And) else [where.this]
    conditions = [part for part in parts if _on_keys(part, table.keys, alias, alone)]
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
