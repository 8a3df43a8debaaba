"""Conditions of Trino in DuckDB's SQL: comparisons, AND and OR, BETWEEN, IN, LIKE, EXISTS, ANY and ALL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.athena.trino import syntax
from infra.local.athena.trino.kinds import BOOLEAN, FLOATING, UNKNOWN, VARCHAR, Kind, common, duckdb_type, is_text
from infra.local.athena.trino.operators import comparison, shared_kind
from infra.local.athena.trino.scopes import Scope
from infra.local.athena.trino.syntax import AnyQuery
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Value, absent, coerce, mismatch


def one_column(translator: Translator, query: AnyQuery, scope: Scope, at: int) -> tuple[str, Kind]:
    """Return a query in place of a value, or of many: DuckDB's SQL, and the type of its only column."""
    sql, columns = translator.query(query, scope)
    if len(columns) != 1:
        absent(at, f"a subquery of {len(columns)} columns in place of a value")
    return sql, columns[0][1]


def _not(translator: Translator, node: syntax.Not, scope: Scope) -> Value:
    return Value(f"(NOT {translator.condition(node.value, scope, 'NOT').sql})", BOOLEAN, node.at)


def _is_null(translator: Translator, node: syntax.IsNull, scope: Scope) -> Value:
    return Value(f"({translator.value(node.value, scope).sql} IS NULL)", BOOLEAN, node.at)


def _exists(translator: Translator, node: syntax.Exists, scope: Scope) -> Value:
    return Value(f"EXISTS ({translator.query(node.query, scope)[0]})", BOOLEAN, node.at)


def _comparison(translator: Translator, node: syntax.Comparison, scope: Scope) -> Value:
    left, right = node.left, node.right
    if isinstance(left, syntax.RowOf) and isinstance(right, syntax.RowOf) and node.operator in ("=", "<>"):
        return _compare_rows(translator, node.operator, left, right, node.at, scope)
    return comparison(node.operator, translator.value(left, scope), translator.value(right, scope), node.at)


def _compare_rows(translator: Translator, operator: str, left: syntax.RowOf, right: syntax.RowOf, at: int, scope: Scope) -> Value:
    if len(left.items) != len(right.items):
        mismatch(at, f"Cannot apply operator: rows of {len(left.items)} and {len(right.items)} fields")
    pairs = [(translator.value(a, scope), translator.value(b, scope)) for a, b in zip(left.items, right.items, strict=True)]
    equal = " AND ".join(comparison("=", a, b, at).sql for a, b in pairs)
    return Value(f"({equal})" if operator == "=" else f"(NOT ({equal}))", BOOLEAN, at)


def _logic(translator: Translator, node: syntax.Logic, scope: Scope) -> Value:
    terms = [translator.condition(term, scope, f"Logical expression term of {node.operator}").sql for term in node.terms]
    return Value(f"({f' {node.operator} '.join(terms)})", BOOLEAN, node.at)


def _between(translator: Translator, node: syntax.Between, scope: Scope) -> Value:
    value, low, high = (translator.value(each, scope) for each in (node.value, node.low, node.high))
    if common(value.kind, low.kind) is None or common(value.kind, high.kind) is None:
        mismatch(node.at, f"Cannot check if {value.kind} is BETWEEN {low.kind} and {high.kind}")
    pair = (comparison(">=", value, low, node.at).sql, comparison("<=", value, high, node.at).sql)
    return Value(f"({pair[0]} AND {pair[1]})", BOOLEAN, node.at)


def _in_list(translator: Translator, node: syntax.InList, scope: Scope) -> Value:
    if isinstance(node.value, syntax.RowOf) and all(isinstance(item, syntax.RowOf) for item in node.items):
        rows = [
            _compare_rows(translator, "=", node.value, item, node.at, scope).sql for item in node.items if isinstance(item, syntax.RowOf)
        ]
        return Value(f"({' OR '.join(rows)})", BOOLEAN, node.at)
    value = translator.value(node.value, scope)
    items = [translator.value(item, scope) for item in node.items]
    kind = shared_kind([value, *items], node.at, "IN value and list items must be the same type or coercible to a common type")
    if kind.inside:
        absent(node.at, f"IN with values of type {kind}")
    if kind in FLOATING and not all(coerce(item, kind).certain for item in items):
        return Value(f"({' OR '.join(comparison('=', value, item, node.at).sql for item in items)})", BOOLEAN, node.at)
    sql = ", ".join(coerce(item, kind).sql for item in items)
    return Value(f"({coerce(value, kind).sql} IN ({sql}))", BOOLEAN, node.at)


def _in_query(translator: Translator, node: syntax.InQuery, scope: Scope) -> Value:
    value = translator.value(node.value, scope)
    sql, kind = one_column(translator, node.query, scope, node.at)
    common_kind = common(value.kind, kind)
    if common_kind is None:
        mismatch(node.at, f"Value expression and result of subquery must be of the same type: {value.kind} vs {kind}")
    if common_kind.inside:
        absent(node.at, f"IN with values of type {common_kind}")
    column = translator.fresh("x")
    cast_query = f"SELECT CAST({column} AS {duckdb_type(common_kind)}) FROM ({sql}) AS {translator.fresh('r')}({column})"
    return Value(f"({coerce(value, common_kind).sql} IN ({cast_query if common_kind != kind else sql}))", BOOLEAN, node.at)


def _quantified(translator: Translator, node: syntax.QuantifiedComparison, scope: Scope) -> Value:
    value = translator.value(node.value, scope)
    sql, kind = one_column(translator, node.query, scope, node.at)
    if common(value.kind, kind) is None:
        mismatch(node.at, f"Value expression and result of subquery must be of the same type: {value.kind} vs {kind}")
    if kind in FLOATING or value.kind != kind:
        absent(node.at, f"{node.operator} {node.quantifier} between {value.kind} and {kind}")
    return Value(f"({value.sql} {node.operator} {node.quantifier} ({sql}))", BOOLEAN, node.at)


def _like(translator: Translator, node: syntax.Like, scope: Scope) -> Value:
    parts = [translator.value(each, scope) for each in (node.value, node.pattern, node.escape) if each is not None]
    for part, what in zip(parts, ("Left side of LIKE expression", "Pattern for LIKE expression", "Escape"), strict=False):
        if not is_text(part.kind) and part.kind != UNKNOWN:
            mismatch(part.at, f"{what} must evaluate to a varchar: actual type {part.kind}")
    sql = f"{coerce(parts[0], VARCHAR).sql} LIKE {coerce(parts[1], VARCHAR).sql}"
    return Value(f"({sql} ESCAPE {parts[2].sql})" if len(parts) > 2 else f"({sql})", BOOLEAN, node.at)


PREDICATES: dict[type[Any], Callable[[Any, Any, Scope], Value]] = {
    syntax.Comparison: _comparison,
    syntax.Logic: _logic,
    syntax.Not: _not,
    syntax.Between: _between,
    syntax.InList: _in_list,
    syntax.InQuery: _in_query,
    syntax.QuantifiedComparison: _quantified,
    syntax.Like: _like,
    syntax.IsNull: _is_null,
    syntax.Exists: _exists,
}
"""What translates each sort of condition."""
