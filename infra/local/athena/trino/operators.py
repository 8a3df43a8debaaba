"""Operators: counting, joining texts and arrays, moving in time, comparing. Whole numbers stay whole, NaN equals nothing."""

from __future__ import annotations

from infra.local.athena.trino.decimals import decimal_arithmetic
from infra.local.athena.trino.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DAYS,
    FLOATING,
    INTEGER,
    MONTHS,
    REAL,
    UNKNOWN,
    VARCHAR,
    WHOLE,
    Kind,
    array,
    as_decimal,
    common,
    is_decimal,
    is_number,
    is_text,
)
from infra.local.athena.trino.values import Value, absent, coerce, failure, mismatch

_INTERVALS = (DAYS, MONTHS)
_UNORDERED = frozenset({"map", "json", "row", "array", "function"})


def arithmetic(operator: str, left: Value, right: Value, at: int) -> Value:
    """Return `left operator right`."""
    if operator == "||":
        return concatenation(left, right, at)
    kind = common(left.kind, right.kind)
    if kind == UNKNOWN:
        kind = INTEGER
    if kind is not None and is_number(kind):
        if is_decimal(kind):
            first, second = (coerce(side, as_decimal(side.kind)) for side in _with_types(left, right))
            return decimal_arithmetic(operator, first, second, at)
        return _plain_arithmetic(operator, coerce(left, kind), coerce(right, kind), at)
    return _move(operator, left, right, at)


def negative(value: Value, at: int) -> Value:
    """Return `-value`."""
    if value.kind == DAYS or value.kind == MONTHS or is_number(value.kind):
        return Value(f"(-{value.sql})", value.kind, at, certain=value.certain)
    mismatch(at, f"Cannot apply operator: -{value.kind}")


def concatenation(left: Value, right: Value, at: int) -> Value:
    """Return `left || right`: texts, bytes, arrays, or an array and an element."""
    if (is_text(left.kind) or left.kind == UNKNOWN) and (is_text(right.kind) or right.kind == UNKNOWN):
        return Value(f"({coerce(left, VARCHAR).sql} || {coerce(right, VARCHAR).sql})", VARCHAR, at)
    if left.kind.name == right.kind.name == "varbinary":
        return Value(f"({left.sql} || {right.sql})", left.kind, at)
    for one, other, swapped in ((left, right, False), (right, left, True)):
        if one.kind.name == "array":
            kind = common(one.kind, other.kind) or common(one.kind, array(other.kind))
            if kind is not None:
                element = other if other.kind.name == "array" and common(one.kind, other.kind) else None
                sql = coerce(other, kind).sql if element else f"[{coerce(other, kind.inside[0]).sql}]"
                pair = (sql, coerce(one, kind).sql) if swapped else (coerce(one, kind).sql, sql)
                return Value(_concatenate_arrays(*pair), kind, at)
    mismatch(at, f"Cannot apply operator: {left.kind} || {right.kind}")


def comparison(operator: str, left: Value, right: Value, at: int) -> Value:
    """Return `left operator right` as Trino compares: never a text with a number, and NaN is neither more nor less nor equal."""
    kind = common(left.kind, right.kind)
    if kind is None:
        mismatch(at, f"Cannot apply operator: {left.kind} {operator} {right.kind}")
    left, right = coerce(left, kind), coerce(right, kind)
    if operator in ("IS DISTINCT FROM", "IS NOT DISTINCT FROM"):
        return Value(f"({left.sql} {operator} {right.sql})", BOOLEAN, at)
    if kind.name in ("array", "map", "row"):
        absent(at, f"comparing values of type {kind} by {operator}")
    if kind.name in _UNORDERED and operator not in ("=", "<>"):
        mismatch(at, f"Cannot apply operator: {left.kind} {operator} {right.kind}")
    if kind in FLOATING:
        return Value(_compare_floats(operator, left, right), BOOLEAN, at)
    return Value(f"({left.sql} {operator} {right.sql})", BOOLEAN, at)


def shared_kind(values: list[Value], at: int, rule: str) -> Kind:
    """Return the type that all values become. Raises Refusal with a rule where there is none."""
    kind = UNKNOWN
    for value in values:
        common_kind = common(kind, value.kind)
        if common_kind is None:
            kinds = ", ".join(dict.fromkeys(str(each.kind) for each in values if each.kind != UNKNOWN))
            pair = f"Cannot find common type between {kind} and {value.kind}, all types (without duplicates): [{kinds}]"
            mismatch(value.at, f"{rule}. {pair}")
        kind = common_kind
    return kind


def require_orderable(kind: Kind, at: int, where: str) -> None:
    """Refuse to order what has no order."""
    if kind.name in ("map", "json", "function"):
        mismatch(at, f"Type {kind} is not orderable, and therefore cannot be used in {where}")


def _with_types(left: Value, right: Value) -> tuple[Value, Value]:
    """Give a bare NULL the type of the other side."""
    return (coerce(left, right.kind) if left.kind == UNKNOWN else left, coerce(right, left.kind) if right.kind == UNKNOWN else right)


def _plain_arithmetic(operator: str, left: Value, right: Value, at: int) -> Value:
    kind = left.kind
    if kind in WHOLE and operator == "/":
        return Value(f"({left.sql} // {right.sql})", kind, at)
    sql = f"({left.sql} {operator} {right.sql})"
    return Value(f"CAST({sql} AS FLOAT)" if kind == REAL else sql, kind, at)


def _move(operator: str, left: Value, right: Value, at: int) -> Value:
    """Return a moment an interval later or earlier, the time between two moments, or an interval so many times."""
    kinds = (left.kind, right.kind)
    if operator == "+" and left.kind in _INTERVALS and right.kind not in _INTERVALS:
        left, right = right, left
    if operator in "+-" and right.kind in _INTERVALS:
        if left.kind == right.kind:
            return Value(f"({left.sql} {operator} {right.sql})", left.kind, at)
        if left.kind == DATE:
            return _move_date(operator, left, right, at)
        if left.kind.name in ("timestamp", "timestamp with time zone"):
            return Value(f"({left.sql} {operator} {right.sql})", left.kind, at)
    if operator == "-" and left.kind == right.kind == DATE:
        return Value(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAYS, at)
    if operator == "-" and left.kind == right.kind and left.kind.name.startswith("timestamp"):
        return Value(f"({left.sql} - {right.sql})", DAYS, at)
    if operator == "*" and right.kind in _INTERVALS:
        left, right = right, left
    if operator == "*" and left.kind in _INTERVALS and right.kind in WHOLE:
        return Value(f"({left.sql} * {coerce(right, BIGINT).sql})", left.kind, at)
    if operator in "*/" and left.kind in _INTERVALS and is_number(right.kind):
        absent(at, f"{left.kind} {operator} {right.kind}")
    mismatch(at, f"Cannot apply operator: {kinds[0]} {operator} {kinds[1]}")


def _move_date(operator: str, left: Value, right: Value, at: int) -> Value:
    """Return a date some whole days or months later or earlier, where DuckDB would make a timestamp of it."""
    moved = f"({left.sql} {operator} {right.sql})"
    if right.kind == MONTHS:
        return Value(f"CAST({moved} AS DATE)", DATE, at)
    fault = failure("'INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date'", DATE)
    return Value(f"CASE WHEN CAST({moved} AS DATE) <> {moved} THEN {fault} ELSE CAST({moved} AS DATE) END", DATE, at)


def _concatenate_arrays(first: str, second: str) -> str:
    return f"CASE WHEN {first} IS NULL OR {second} IS NULL THEN NULL ELSE list_concat({first}, {second}) END"


def _compare_floats(operator: str, left: Value, right: Value) -> str:
    """DuckDB holds NaN for the largest number and equal to itself; to Trino it is neither."""
    plain = f"({left.sql} {operator} {right.sql})"
    if operator in ("=", "<>"):
        if left.certain or right.certain:
            return plain
        return f"({plain} AND NOT isnan({left.sql}))" if operator == "=" else f"({plain} OR isnan({left.sql}))"
    larger = left if operator in (">", ">=") else right
    if larger.certain:
        return plain
    guarded = f"CASE WHEN isnan({larger.sql}) THEN CAST('-inf' AS DOUBLE) ELSE {larger.sql} END"
    return f"({guarded} {operator} {right.sql})" if larger is left else f"({left.sql} {operator} {guarded})"
