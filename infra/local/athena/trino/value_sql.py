"""Values of Trino in DuckDB's SQL, each with its type: columns, literals, CASE, arithmetic, arrays, rows, and queries for values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local.athena.trino import syntax
from infra.local.athena.trino.calls import call
from infra.local.athena.trino.casts import cast
from infra.local.athena.trino.kinds import (
    BIGINT,
    DAYS,
    DOUBLE,
    MONTHS,
    REAL,
    UNKNOWN,
    Kind,
    array,
    common,
    duckdb_type,
    named_fields,
    quote,
    row,
)
from infra.local.athena.trino.operators import arithmetic, comparison, negative, shared_kind
from infra.local.athena.trino.predicate_sql import PREDICATES, one_column
from infra.local.athena.trino.scopes import Scope, find_column, use_column
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value, absent, coerce, failure, mismatch, null_on_failure, text

_INTERVALS = {
    "second": ("to_seconds", DAYS),
    "minute": ("to_minutes", DAYS),
    "hour": ("to_hours", DAYS),
    "day": ("to_days", DAYS),
    "month": ("to_months", MONTHS),
    "year": ("to_years", MONTHS),
}


def _null(translator: Translator, node: syntax.Null, scope: Scope) -> Value:
    return Value("NULL", UNKNOWN, node.at)


def _name(translator: Translator, node: syntax.Name, scope: Scope) -> Value:
    return _column(translator, node, [node.name], scope)


def _literal(translator: Translator, node: syntax.Literal, scope: Scope) -> Value:
    certain = node.kind in (DOUBLE, REAL) and "NaN" not in node.sql
    return Value(node.sql, node.kind, node.at, node.value, certain)


def _interval(translator: Translator, node: syntax.Interval, scope: Scope) -> Value:
    function, kind = _INTERVALS[node.unit]
    return Value(f"{function}({node.amount})", kind, node.at)


def _dotted(translator: Translator, node: syntax.Dotted, scope: Scope) -> Value:
    names, base = [node.name], node.base
    while isinstance(base, syntax.Dotted):
        names, base = [base.name, *names], base.base
    if isinstance(base, syntax.Name):
        return _column(translator, node, [base.name, *names], scope)
    return _field(translator.value(node.base, scope), node.name, node.at)


def _column(translator: Translator, node: Node, names: list[str], scope: Scope) -> Value:
    if names[0] in scope.lambdas:
        value = scope.lambdas[names[0]]
        return _fields(value, names[1:], node.at)
    if names[0] in scope.aliases and len(names) == 1:
        return scope.aliases[names[0]]
    place = find_column(scope, names, node.at)
    if place is None:
        reason = "cannot be resolved or requester is not authorized to access requested resources"
        raise Refusal("COLUMN_NOT_FOUND", node.at, f"Column '{'.'.join(names)}' {reason}")
    column, fields = place
    return _fields(use_column(column, node.at), fields, node.at)


def _fields(value: Value, names: list[str], at: int) -> Value:
    for name in names:
        value = _field(value, name, at)
    return value


def _field(value: Value, name: str, at: int) -> Value:
    if value.kind.name != "row":
        mismatch(at, f"Expression {value.sql} is not of type ROW")
    for place, field in enumerate(value.kind.fields):
        if field is not None and field.lower() == name:
            return Value(f"struct_extract({value.sql}, {text(field)})", value.kind.inside[place], at)
    raise Refusal("COLUMN_NOT_FOUND", at, f"Column '{name}' cannot be resolved")


def _cast(translator: Translator, node: syntax.Cast, scope: Scope) -> Value:
    value = cast(translator.value(node.value, scope), node.kind, node.at)
    return null_on_failure(value, node.at) if node.safe else value


def _case(translator: Translator, node: syntax.Case, scope: Scope) -> Value:
    operand = translator.value(node.operand, scope) if node.operand is not None else None
    conditions, results = [], []
    for condition, result in node.branches:
        if operand is None:
            conditions.append(translator.condition(condition, scope, "CASE WHEN clause").sql)
        else:
            conditions.append(comparison("=", operand, translator.value(condition, scope), condition.at).sql)
        results.append(translator.value(result, scope))
    otherwise = translator.value(node.otherwise, scope) if node.otherwise is not None else Value("NULL", UNKNOWN, node.at)
    kind = shared_kind([*results, otherwise], node.at, "All CASE results must be the same type or coercible to a common type")
    pairs = zip(conditions, results, strict=True)
    branches = " ".join(f"WHEN {condition} THEN {coerce(result, kind).sql}" for condition, result in pairs)
    return Value(f"CASE {branches} ELSE {coerce(otherwise, kind).sql} END", kind, node.at)


def _sign(translator: Translator, node: syntax.Sign, scope: Scope) -> Value:
    value = translator.value(node.value, scope)
    return negative(value, node.at) if node.sign == "-" else value


def _arithmetic(translator: Translator, node: syntax.Arithmetic, scope: Scope) -> Value:
    return arithmetic(node.operator, translator.value(node.left, scope), translator.value(node.right, scope), node.at)


def _scalar_query(translator: Translator, node: syntax.ScalarQuery, scope: Scope) -> Value:
    sql, kind = one_column(translator, node.query, scope, node.at)
    return Value(f"({sql})", kind, node.at)


def _array(translator: Translator, node: syntax.ArrayOf, scope: Scope) -> Value:
    items = [translator.value(item, scope) for item in node.items]
    kind = shared_kind(items, node.at, "All ARRAY elements must be the same type or coercible to a common type")
    sql = ", ".join(coerce(item, kind).sql for item in items)
    return Value(f"CAST([{sql}] AS {duckdb_type(kind)}[])", array(kind), node.at)


def _row(translator: Translator, node: syntax.RowOf, scope: Scope) -> Value:
    items = [translator.value(item, scope) for item in node.items]
    kind = row(tuple(item.kind for item in items))
    names = [name for name, _ in named_fields(kind)]
    sql = ", ".join(f"{quote(name)} := {coerce(item, item.kind).sql}" for name, item in zip(names, items, strict=True))
    return Value(f"struct_pack({sql})", kind, node.at)


def _subscript(translator: Translator, node: syntax.Subscript, scope: Scope) -> Value:
    base, index = translator.value(node.base, scope), translator.value(node.index, scope)
    if base.kind.name == "array" and common(index.kind, BIGINT) == BIGINT:
        return _element(base, coerce(index, BIGINT), node.at)
    if base.kind.name == "map" and common(index.kind, base.kind.inside[0]) == base.kind.inside[0]:
        key = coerce(index, base.kind.inside[0]).sql
        fault = failure("'INVALID_FUNCTION_ARGUMENT: Key not present in map'", base.kind.inside[1])
        missing = f"{base.sql} IS NOT NULL AND {key} IS NOT NULL AND NOT map_contains({base.sql}, {key})"
        return Value(f"CASE WHEN {missing} THEN {fault} ELSE {base.sql}[{key}] END", base.kind.inside[1], node.at)
    if base.kind.name == "row" and isinstance(index.literal, int) and 1 <= index.literal <= len(base.kind.inside):
        name, kind = named_fields(base.kind)[index.literal - 1]
        return Value(f"struct_extract({base.sql}, {text(name)})", kind, node.at)
    mismatch(node.at, f"Cannot apply operator: {base.kind}[{index.kind}]")


def _element(base: Value, index: Value, at: int) -> Value:
    kind = base.kind.inside[0]
    below = failure("'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1'", kind)
    beyond = failure(
        f"'INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: ' || {index.sql} || ' > ' || "
        f"len({base.sql})",
        kind,
    )
    sql = f"CASE WHEN {index.sql} <= 0 THEN {below} WHEN {index.sql} > len({base.sql}) THEN {beyond} ELSE {base.sql}[{index.sql}] END"
    return Value(sql, kind, at)


def _at_time_zone(translator: Translator, node: syntax.AtTimeZone, scope: Scope) -> Value:
    value = translator.value(node.value, scope)
    if node.zone not in ("UTC", "Z", "+00:00"):
        absent(node.at, f"the time zone {node.zone!r}")
    if not value.kind.name.startswith("timestamp"):
        mismatch(node.at, f"Type of value must be a time or timestamp with or without time zone (actual {value.kind})")
    return cast(value, Kind("timestamp with time zone", numbers=value.kind.numbers), node.at)


def _stray_lambda(translator: Translator, node: syntax.Lambda, scope: Scope) -> Value:
    raise Refusal("SYNTAX_ERROR", node.at, "Lambda expression should always be used inside a function")


VALUES: dict[type[Any], Callable[[Any, Any, Scope], Value]] = {
    **PREDICATES,
    syntax.Null: _null,
    syntax.Literal: _literal,
    syntax.Interval: _interval,
    syntax.Name: _name,
    syntax.Dotted: _dotted,
    syntax.Call: call,
    syntax.Cast: _cast,
    syntax.Case: _case,
    syntax.Sign: _sign,
    syntax.Arithmetic: _arithmetic,
    syntax.ScalarQuery: _scalar_query,
    syntax.ArrayOf: _array,
    syntax.RowOf: _row,
    syntax.Subscript: _subscript,
    syntax.AtTimeZone: _at_time_zone,
    syntax.Lambda: _stray_lambda,
}
"""What translates each sort of node."""
