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
from infra.local.athena.trino.typed import Typed, absent, coerced, failure, mismatch

_INTERVALS = (DAYS, MONTHS)
_UNORDERED = frozenset({"map", "json", "row", "array", "function"})


def arithmetic(operator: str, left: Typed, right: Typed, at: int) -> Typed:
    """Return `left operator right`."""
    if operator == "||":
        return concatenation(left, right, at)
    kind = common(left.kind, right.kind)
    if kind == UNKNOWN:
        kind = INTEGER
    if kind is not None and is_number(kind):
        if is_decimal(kind):
            first, second = (coerced(side, as_decimal(side.kind)) for side in _known(left, right))
            return decimal_arithmetic(operator, first, second, at)
        return _plain_arithmetic(operator, coerced(left, kind), coerced(right, kind), at)
    return _moved(operator, left, right, at)


def negative(value: Typed, at: int) -> Typed:
    """Return `-value`."""
    if value.kind == DAYS or value.kind == MONTHS or is_number(value.kind):
        return Typed(f"(-{value.sql})", value.kind, at, certain=value.certain)
    mismatch(at, f"Cannot apply operator: -{value.kind}")


def concatenation(left: Typed, right: Typed, at: int) -> Typed:
    """Return `left || right`: texts, bytes, arrays, or an array and an element."""
    if (is_text(left.kind) or left.kind == UNKNOWN) and (is_text(right.kind) or right.kind == UNKNOWN):
        return Typed(f"({coerced(left, VARCHAR).sql} || {coerced(right, VARCHAR).sql})", VARCHAR, at)
    if left.kind.name == right.kind.name == "varbinary":
        return Typed(f"({left.sql} || {right.sql})", left.kind, at)
    for one, other, swapped in ((left, right, False), (right, left, True)):
        if one.kind.name == "array":
            kind = common(one.kind, other.kind) or common(one.kind, array(other.kind))
            if kind is not None:
                element = other if other.kind.name == "array" and common(one.kind, other.kind) else None
                said = coerced(other, kind).sql if element else f"[{coerced(other, kind.inside[0]).sql}]"
                pair = (said, coerced(one, kind).sql) if swapped else (coerced(one, kind).sql, said)
                return Typed(_joined_arrays(*pair), kind, at)
    mismatch(at, f"Cannot apply operator: {left.kind} || {right.kind}")


def comparison(operator: str, left: Typed, right: Typed, at: int) -> Typed:
    """Return `left operator right` as Trino compares: never a text with a number, and NaN is neither more nor less nor equal."""
    kind = common(left.kind, right.kind)
    if kind is None:
        mismatch(at, f"Cannot apply operator: {left.kind} {operator} {right.kind}")
    left, right = coerced(left, kind), coerced(right, kind)
    if operator in ("IS DISTINCT FROM", "IS NOT DISTINCT FROM"):
        return Typed(f"({left.sql} {operator} {right.sql})", BOOLEAN, at)
    if kind.name in ("array", "map", "row"):
        absent(at, f"comparing values of type {kind} by {operator}")
    if kind.name in _UNORDERED and operator not in ("=", "<>"):
        mismatch(at, f"Cannot apply operator: {left.kind} {operator} {right.kind}")
    if kind in FLOATING:
        return Typed(_compared_floats(operator, left, right), BOOLEAN, at)
    return Typed(f"({left.sql} {operator} {right.sql})", BOOLEAN, at)


def shared_kind(values: list[Typed], at: int, rule: str) -> Kind:
    """Return the type that all values become. Raises Refused with a rule where there is none."""
    kind = UNKNOWN
    for value in values:
        shared = common(kind, value.kind)
        if shared is None:
            kinds = ", ".join(dict.fromkeys(str(each.kind) for each in values if each.kind != UNKNOWN))
            pair = f"Cannot find common type between {kind} and {value.kind}, all types (without duplicates): [{kinds}]"
            mismatch(value.at, f"{rule}. {pair}")
        kind = shared
    return kind


def require_orderable(kind: Kind, at: int, where: str) -> None:
    """Refuse to order what has no order."""
    if kind.name in ("map", "json", "function"):
        mismatch(at, f"Type {kind} is not orderable, and therefore cannot be used in {where}")


def _known(left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """Give a bare NULL the type of the other side."""
    return (coerced(left, right.kind) if left.kind == UNKNOWN else left, coerced(right, left.kind) if right.kind == UNKNOWN else right)


def _plain_arithmetic(operator: str, left: Typed, right: Typed, at: int) -> Typed:
    kind = left.kind
    if kind in WHOLE and operator == "/":
        return Typed(f"({left.sql} // {right.sql})", kind, at)
    said = f"({left.sql} {operator} {right.sql})"
    return Typed(f"CAST({said} AS FLOAT)" if kind == REAL else said, kind, at)


def _moved(operator: str, left: Typed, right: Typed, at: int) -> Typed:
    """Return a moment an interval later or earlier, the time between two moments, or an interval so many times."""
    kinds = (left.kind, right.kind)
    if operator == "+" and left.kind in _INTERVALS and right.kind not in _INTERVALS:
        left, right = right, left
    if operator in "+-" and right.kind in _INTERVALS:
        if left.kind == right.kind:
            return Typed(f"({left.sql} {operator} {right.sql})", left.kind, at)
        if left.kind == DATE:
            return _moved_date(operator, left, right, at)
        if left.kind.name in ("timestamp", "timestamp with time zone"):
            return Typed(f"({left.sql} {operator} {right.sql})", left.kind, at)
    if operator == "-" and left.kind == right.kind == DATE:
        return Typed(f"to_days(CAST({left.sql} - {right.sql} AS INTEGER))", DAYS, at)
    if operator == "-" and left.kind == right.kind and left.kind.name.startswith("timestamp"):
        return Typed(f"({left.sql} - {right.sql})", DAYS, at)
    if operator == "*" and right.kind in _INTERVALS:
        left, right = right, left
    if operator == "*" and left.kind in _INTERVALS and right.kind in WHOLE:
        return Typed(f"({left.sql} * {coerced(right, BIGINT).sql})", left.kind, at)
    if operator in "*/" and left.kind in _INTERVALS and is_number(right.kind):
        absent(at, f"{left.kind} {operator} {right.kind}")
    mismatch(at, f"Cannot apply operator: {kinds[0]} {operator} {kinds[1]}")


def _moved_date(operator: str, left: Typed, right: Typed, at: int) -> Typed:
    """Return a date some whole days or months later or earlier, where DuckDB would make a timestamp of it."""
    moved = f"({left.sql} {operator} {right.sql})"
    if right.kind == MONTHS:
        return Typed(f"CAST({moved} AS DATE)", DATE, at)
    fault = failure("'INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date'", DATE)
    return Typed(f"CASE WHEN CAST({moved} AS DATE) <> {moved} THEN {fault} ELSE CAST({moved} AS DATE) END", DATE, at)


def _joined_arrays(first: str, second: str) -> str:
    return f"CASE WHEN {first} IS NULL OR {second} IS NULL THEN NULL ELSE list_concat({first}, {second}) END"


def _compared_floats(operator: str, left: Typed, right: Typed) -> str:
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
