"""Queries in DuckDB's SQL: WITH, set operations, VALUES, and the order and number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.calls import direction
from infra.local.athena.trino.functions.group_functions import share_digests
from infra.local.athena.trino.grouping import check_grouped, holds_aggregate
from infra.local.athena.trino.kinds import INTEGER, UNKNOWN, Kind, common
from infra.local.athena.trino.operators import require_orderable
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.relation_sql import renamed_columns
from infra.local.athena.trino.scopes import Body, Outputs, Scope
from infra.local.athena.trino.select_sql import select_sql
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.two_steps import in_two_steps
from infra.local.athena.trino.values import Refusal, Value, coerce, mismatch


def query_sql(translator: Translator, query: Query, outer: Scope | None) -> tuple[str, Outputs]:
    """Return a query in DuckDB's SQL, whose columns are c1, c2, ..., and the names and types of its columns."""
    outer_tables = dict(translator.common_tables)
    tables = []
    for table in query.tables:
        sql, outputs = translator.query(table.query, None)
        outputs = renamed_columns(outputs, table.columns, table.at)
        name = translator.fresh("w")
        tables.append(f"{name} AS ({sql})")
        translator.common_tables[table.name] = (name, outputs)
    query = in_two_steps(query)
    body = _body(translator, query.body, outer)
    sql = body.sql + _order_sql(translator, query, body)
    if query.limit is not None:
        sql += f" LIMIT {query.limit}"
    if query.offset is not None:
        sql += f" OFFSET {query.offset}"
    sql = _whole(replace(body, sql=sql))
    translator.common_tables = outer_tables
    return with_common_tables(tables, sql), body.outputs


def with_common_tables(tables: Sequence[str], sql: str) -> str:
    """Return a query that names tables, such as `t AS (SELECT 1)`, in front of those that it names itself."""
    if not tables:
        return sql
    more = f", {sql.removeprefix('WITH ')}" if sql.startswith("WITH ") else f" {sql}"
    return f"WITH {', '.join(tables)}{more}"


def _body(translator: Translator, node: Node, outer: Scope | None) -> Body:
    if isinstance(node, query_syntax.Select):
        return select_sql(translator, node, outer)
    if isinstance(node, query_syntax.SetOperation):
        return _set_operation(translator, node, outer)
    if isinstance(node, query_syntax.ValueRows):
        return _value_rows(translator, node, outer)
    assert isinstance(node, query_syntax.Query)
    sql, outputs = translator.query(node, outer)
    return Body(f"SELECT * FROM ({sql})", outputs)


def _set_operation(translator: Translator, node: query_syntax.SetOperation, outer: Scope | None) -> Body:
    sides = [_body(translator, side, outer) for side in (node.left, node.right)]
    if len(sides[0].outputs) != len(sides[1].outputs):
        mismatch(node.at, f"{node.operator} query has different number of fields: {len(sides[0].outputs)}, {len(sides[1].outputs)}")
    kinds = []
    for place, ((_, one), (_, other)) in enumerate(zip(sides[0].outputs, sides[1].outputs, strict=True), start=1):
        kind = common(one, other)
        if kind is None:
            mismatch(node.at, f"column {place} in {node.operator} query has incompatible types: {one}, {other}")
        kinds.append(kind)
    left, right = (_as_kinds(translator, _whole(side), side.outputs, kinds) for side in sides)
    names = [name for name, _ in sides[0].outputs]
    operator = node.operator if node.distinct else f"{node.operator} ALL"
    return Body(f"({left}) {operator} ({right})", list(zip(names, kinds, strict=True)))


def _whole(body: Body) -> str:
    return share_digests(body.sql, body.order_scope.digests if body.order_scope is not None else {})


def _as_kinds(translator: Translator, sql: str, outputs: Outputs, kinds: list[Kind]) -> str:
    names = [f"c{place}" for place in range(1, len(kinds) + 1)]
    pairs = zip(names, outputs, kinds, strict=True)
    columns = ", ".join(f"{coerce(Value(name, kind, 0), target).sql} AS {name}" for name, (_, kind), target in pairs)
    return f"SELECT {columns} FROM ({sql}) AS {translator.fresh('r')}({', '.join(names)})"


def _value_rows(translator: Translator, node: query_syntax.ValueRows, outer: Scope | None) -> Body:
    scope = Scope(outer=outer, clause="VALUES")
    rows = [[translator.value(each, scope) for each in (row.items if isinstance(row, syntax.RowOf) else (row,))] for row in node.rows]
    if len({len(row) for row in rows}) > 1:
        mismatch(node.at, f"Values rows have mismatched types: rows of {' and '.join(sorted({str(len(row)) for row in rows}))} columns")
    kinds = []
    for column in zip(*rows, strict=True):
        kind = UNKNOWN
        for value in column:
            common_kind = common(kind, value.kind)
            if common_kind is None:
                mismatch(value.at, f"Values rows have mismatched types: {kind} vs {value.kind}")
            kind = common_kind
        kinds.append(kind)
    sql = ", ".join(
        f"({', '.join(coerce(value, kind).sql for value, kind in zip(row, kinds, strict=True))})" for row in rows
    )  # fmt: skip
    names = ", ".join(f"c{place}" for place in range(1, len(kinds) + 1))
    return Body(f"SELECT * FROM (VALUES {sql}) AS {translator.fresh('r')}({names})", [("", kind) for kind in kinds])


def _order_sql(translator: Translator, query: Query, body: Body) -> str:
    if not query.order:
        if query.ties:
            raise Refusal("MISSING_ORDER_BY", query.at, "FETCH FIRST WITH TIES clause requires ORDER BY")
        return ""
    if query.ties:
        raise Refusal("NOT_SUPPORTED", query.at, "FETCH FIRST WITH TIES is not on this disk")
    keys = [f"{_order_key(translator, sort, body)} {direction(sort)}" for sort in query.order]
    return f" ORDER BY {', '.join(keys)}"


def _order_key(translator: Translator, sort: syntax.Sort, body: Body) -> str:
    node = sort.value
    if isinstance(node, syntax.Literal) and node.kind == INTEGER and isinstance(node.value, int):
        if not 1 <= node.value <= len(body.outputs):
            raise Refusal("INVALID_COLUMN_REFERENCE", node.at, f"ORDER BY position {node.value} is not in select list")
        require_orderable(body.outputs[node.value - 1][1], node.at, "ORDER BY")
        return str(node.value)
    names = [name.lower() for name, _ in body.outputs]
    if isinstance(node, syntax.Name) and node.name in names:
        if names.count(node.name) > 1 and len({body.outputs[place] for place, name in enumerate(names) if name == node.name}) > 1:
            raise Refusal("AMBIGUOUS_NAME", node.at, f"Column '{node.name}' is ambiguous")
        place = names.index(node.name)
        require_orderable(body.outputs[place][1], node.at, "ORDER BY")
        return str(place + 1)
    if body.order_scope is None:
        what = "ORDER BY with more than a column's name or position behind a set operation"
        raise Refusal("NOT_SUPPORTED", node.at, f"{what} is not on this disk")
    return _key_of_select(translator, node, body, body.order_scope)


def _key_of_select(translator: Translator, node: Node, body: Body, scope: Scope) -> str:
    value = translator.value(node, scope)
    require_orderable(value.kind, node.at, "ORDER BY")
    outputs = {each.sql for each in scope.aliases.values()}
    if body.grouped_by is not None:
        check_grouped(translator, [node], body.grouped_by | outputs, scope)
    elif holds_aggregate(node):
        raise Refusal("EXPRESSION_NOT_SCALAR", node.at, "ORDER BY cannot contain an aggregate where SELECT has none")
    if body.distinct and value.sql not in outputs:
        raise Refusal("EXPRESSION_NOT_IN_DISTINCT", node.at, "For SELECT DISTINCT, ORDER BY expressions must appear in select list")
    return f"({value.sql})"
