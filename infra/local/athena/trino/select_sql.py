"""SELECT in DuckDB's SQL: its columns named c1, c2, ..., each with its type, and its groups."""

from __future__ import annotations

from dataclasses import replace

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.grouping import check_grouped, holds_aggregate
from infra.local.athena.trino.kinds import INTEGER
from infra.local.athena.trino.relation_sql import note_conditions
from infra.local.athena.trino.scopes import Body, Column, Scope, use_column
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value

Item = tuple[str, Value, Node]
"""A column of the answer: its name, its value, and the node that the value came from."""


def select_sql(translator: Translator, node: query_syntax.Select, outer: Scope | None) -> Body:
    """Return a SELECT. Raises Refusal."""
    source, columns = translator.relation(node.source, outer) if node.source is not None else ("", [])
    parts = [f" FROM {source}" if source else ""]
    if node.where is not None:
        scope = Scope(columns, outer, clause="WHERE clause")
        parts.append(f" WHERE {translator.condition(node.where, scope, 'WHERE clause').sql}")
        note_conditions(translator, node.where, scope)
    values = Scope(columns, outer, clause="SELECT", aggregates=True, windows=dict(node.windows))
    items = _items(translator, node, values)
    groups, group_sql = _groups(translator, node, Scope(columns, outer, clause="GROUP BY clause"), items)
    parts.append(group_sql)
    origins = [origin for _, _, origin in items]
    if node.having is not None:
        parts.append(f" HAVING {translator.condition(node.having, values, 'HAVING clause').sql}")
        origins.append(node.having)
    grouped = bool(group_sql) or node.having is not None or any(map(holds_aggregate, origins))
    if grouped:
        check_grouped(translator, origins, groups, values)
    outputs = ", ".join(f"{value.sql} AS c{place}" for place, (_, value, _) in enumerate(items, start=1))
    sql = f"SELECT {'DISTINCT ' if node.distinct else ''}{outputs}{''.join(parts)}"
    aliases = {name.lower(): value for name, value, _ in reversed(items) if name}
    order = replace(values, aliases=aliases, clause="ORDER BY clause")
    return Body(sql, [(name, value.kind) for name, value, _ in items], order, groups if grouped else None, node.distinct)


def _items(translator: Translator, node: query_syntax.Select, scope: Scope) -> list[Item]:
    items: list[Item] = []
    for item in node.items:
        if isinstance(item, query_syntax.AllColumns):
            items += [_of_star(translator, column, item.at) for column in _all(item, scope)]
            continue
        assert isinstance(item, query_syntax.Item)
        value = translator.value(item.value, scope)
        name = item.alias or (item.value.name if isinstance(item.value, syntax.Name | syntax.Dotted) else "")
        items.append((name, value, item.value))
    return items


def _of_star(translator: Translator, column: Column, at: int) -> Item:
    value, origin = use_column(column, at), syntax.Name(column.name, at=at)
    translator.remember(origin, value)
    return column.name, value, origin


def _all(item: query_syntax.AllColumns, scope: Scope) -> list[Column]:
    columns = [column for column in scope.columns if not column.hidden and item.table in (None, column.table)]
    if not columns:
        what = f"Table '{item.table}' not found" if item.table else "SELECT * not allowed in queries without FROM clause"
        raise Refusal("TABLE_NOT_FOUND" if item.table else "COLUMN_NOT_FOUND", item.at, what)
    return columns


def _groups(translator: Translator, node: query_syntax.Select, scope: Scope, items: list[Item]) -> tuple[set[str], str]:
    """Return DuckDB's SQL for each value of GROUP BY, and for the whole of it; nothing where there is none."""
    values_of_groups: set[str] = set()
    parts = []
    for grouping in node.groups or ():
        sets = [[_group_value(translator, each, scope, items) for each in values] for values in grouping.sets]
        values_of_groups |= {value for values in sets for value in values}
        if grouping.sort:
            parts.append(f"{grouping.sort} ({', '.join(map(_parenthesize, sets))})")
        else:
            parts += sets[0] or ["()"]
    return values_of_groups, f" GROUP BY {', '.join(parts)}" if parts else ""


def _group_value(translator: Translator, node: Node, scope: Scope, items: list[Item]) -> str:
    if isinstance(node, syntax.Literal) and node.kind == INTEGER and isinstance(node.value, int):
        if not 1 <= node.value <= len(items):
            raise Refusal("INVALID_COLUMN_REFERENCE", node.at, f"GROUP BY position {node.value} is not in select list")
        _, value, origin = items[node.value - 1]
        if holds_aggregate(origin):
            what = "GROUP BY clause cannot contain aggregations, window functions or grouping operations"
            raise Refusal("EXPRESSION_NOT_SCALAR", node.at, what)
        return value.sql
    return translator.value(node, scope).sql


def _parenthesize(values: list[str]) -> str:
    return f"({', '.join(values)})"
