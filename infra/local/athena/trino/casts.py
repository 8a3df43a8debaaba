"""CAST: which type becomes which, what a text must say to become a number or a day, and how numbers are rounded."""

from __future__ import annotations

from infra.local.athena.trino.kinds import (
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOATING,
    INSTANT,
    JSON,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    WHOLE,
    Kind,
    becomes,
    duckdb_type,
    is_decimal,
    is_number,
    is_text,
    named_fields,
    quote,
)
from infra.local.athena.trino.values import Value, absent, coerce, failure, mismatch, text

_WHOLE_TEXT = r"[+-]?\d+"
_FLOAT_TEXT = r"[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_DECIMAL_TEXT = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_DATE_TEXT = r"\d{4}-\d{1,2}-\d{1,2}"
_MOMENT_TEXT = _DATE_TEXT + r"(?: \d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,3})?)?)?"
_TIMES = ("date", "timestamp", "timestamp with time zone")


def cast(value: Value, kind: Kind, at: int) -> Value:
    """Return a value cast to a type. Raises Refusal where Trino has no such cast, or where this disk cannot do it as Trino does."""
    sql = _cast_sql(value, kind, at)
    if is_text(kind) and kind.numbers:
        sql = _cut(sql, value.kind, kind)
    literal = value.literal if is_text(kind) and is_text(value.kind) else None
    return Value(sql, kind, at, literal, certain=kind == DOUBLE and (value.certain or value.kind in WHOLE or is_decimal(value.kind)))


def _cast_sql(value: Value, kind: Kind, at: int) -> str:
    source = value.kind
    if source in (kind, UNKNOWN) or (is_text(source) and is_text(kind)):
        return coerce(value, kind).sql
    if JSON in (source, kind):
        return _json_cast(value, kind, at)
    if source.inside and source.name == kind.name and len(source.inside) == len(kind.inside):
        return _nested_cast(value, kind, at)
    if (kind in WHOLE and is_number(source)) or (kind in FLOATING and is_number(source)) or (is_decimal(kind) and is_number(source)):
        return _number_cast(value, kind)
    if is_text(source) and (is_number(kind) or kind == BOOLEAN or kind.name in _TIMES):
        return _read(value, kind)
    if is_text(kind):
        return _as_text(value, at)
    if source == BOOLEAN and is_number(kind) and not is_decimal(kind):
        return f"CAST({value.sql} AS {duckdb_type(kind)})"
    if kind == BOOLEAN and is_number(source):
        return f"({value.sql} <> 0)"
    if is_text(source) and kind == VARBINARY:
        return f"encode({value.sql})"
    if source.name in _TIMES and kind.name in _TIMES:
        return f"CAST({value.sql} AS {duckdb_type(kind)})"
    mismatch(at, f"Cannot cast {source} to {kind}")


def _number_cast(value: Value, kind: Kind) -> str:
    if kind in WHOLE and value.kind in FLOATING:
        return f"CAST(round({value.sql}) AS {duckdb_type(kind)})"  # DuckDB alone would round halves to the even number
    if value.kind in FLOATING and is_decimal(kind):
        return f"CAST(CAST({value.sql} AS VARCHAR) AS {duckdb_type(kind)})"  # by its shortest digits, as Java does
    if is_decimal(value.kind) and kind in FLOATING:
        return coerce(value, kind).sql
    return f"CAST({value.sql} AS {duckdb_type(kind)})"


def _read(value: Value, kind: Kind) -> str:
    """Return what a text says; DuckDB alone would also read ' 1', '1.5' as a whole number, or 'yes'."""
    sql = value.sql
    if kind == BOOLEAN:
        true, false = f"lower({sql}) IN ('t', 'true', '1')", f"lower({sql}) IN ('f', 'false', '0')"
        return f"CASE WHEN {true} THEN true WHEN {false} THEN false WHEN {sql} IS NOT NULL THEN {_unreadable(sql, kind)} END"
    matches = f"regexp_full_match({sql}, {text(_pattern(kind))})"
    plain = f"CAST({sql} AS {duckdb_type(kind)})"
    return f"CASE WHEN {matches} THEN {plain} WHEN {sql} IS NOT NULL THEN {_unreadable(sql, kind)} END"


def _pattern(kind: Kind) -> str:
    """Return the texts that say a value of a type."""
    if kind in WHOLE:
        return _WHOLE_TEXT
    if kind in FLOATING:
        return _FLOAT_TEXT
    if is_decimal(kind):
        return _DECIMAL_TEXT
    return _DATE_TEXT if kind == DATE else _MOMENT_TEXT


def _unreadable(sql: str, kind: Kind) -> str:
    name = "INT" if kind.name == "integer" else str(kind).upper()
    return failure(f"'INVALID_CAST_ARGUMENT: Cannot cast ''' || {sql} || ''' to {name}'", kind)


def _as_text(value: Value, at: int) -> str:
    kind = value.kind
    if kind in FLOATING:
        absent(at, f"CAST of {kind} to varchar, whose text differs between versions (say format('%s', x) or cast to a decimal first)")
    if kind.name == "timestamp":
        return f"strftime({value.sql}, '%Y-%m-%d %H:%M:%S.%g')"
    if kind == INSTANT:
        return f"strftime(CAST({value.sql} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g UTC')"
    if kind in WHOLE or is_decimal(kind) or kind in (BOOLEAN, DATE):
        return f"CAST({value.sql} AS VARCHAR)"
    mismatch(at, f"Cannot cast {kind} to varchar")


def _cut(sql: str, source: Kind, kind: Kind) -> str:
    """Return a text cut to its length; what stands for a number or a day must fit."""
    (length,) = kind.numbers
    if is_text(source):
        return sql if source.numbers and source.numbers[0] <= length else f"substring({sql}, 1, {length})"
    fault = failure(f"'INVALID_CAST_ARGUMENT: Value ' || {sql} || ' cannot be represented as {kind}'", VARCHAR)
    return f"CASE WHEN length({sql}) <= {length} THEN {sql} WHEN {sql} IS NOT NULL THEN {fault} END"


def _nested_cast(value: Value, kind: Kind, at: int) -> str:
    """Cast each element, key, value or field by itself."""
    if becomes(value.kind, kind):
        return coerce(value, kind).sql
    if kind.name == "array":
        element = cast(Value("element", value.kind.inside[0], at), kind.inside[0], at)
        return f"list_transform({value.sql}, lambda element: {element.sql})"
    if kind.name == "row":
        fields = zip(named_fields(value.kind), named_fields(kind), strict=True)
        parts = [
            f"{quote(name)} := {cast(Value(f'struct_extract({value.sql}, {text(former)})', own, at), target, at).sql}"
            for (former, own), (name, target) in fields
        ]
        return f"CASE WHEN {value.sql} IS NOT NULL THEN struct_pack({', '.join(parts)}) END"
    absent(at, f"CAST of {value.kind} to {kind}")


def _json_cast(value: Value, kind: Kind, at: int) -> str:
    source = value.kind
    if kind == JSON:
        plain = source.inside[0] if source.name == "array" else source
        if is_text(plain) or plain in WHOLE or plain == BOOLEAN:
            return f"CASE WHEN {value.sql} IS NOT NULL THEN CAST(to_json({value.sql}) AS VARCHAR) END"
        absent(at, f"CAST of {source} to json")
    readers = {"varchar": "json_as_varchar", "bigint": "json_as_bigint", "double": "json_as_double", "boolean": "json_as_boolean"}
    if kind.name in readers:
        return f"{readers[kind.name]}({value.sql})"
    if kind in WHOLE:
        return f"CAST(json_as_bigint({value.sql}) AS {duckdb_type(kind)})"
    if kind.name == "array" and kind.inside[0].name in (*readers, "json"):
        element = "element" if kind.inside[0] == JSON else f"{readers[kind.inside[0].name]}(element)"
        return f"list_transform(json_elements({value.sql}), lambda element: {element})"
    if kind.name == "map" and is_text(kind.inside[0]) and kind.inside[1].name in (*readers, "json"):
        keys = f"json_names({value.sql})"
        values = f"list_transform(json_values({value.sql}), lambda element: {readers.get(kind.inside[1].name, '')}(element))"
        return f"CASE WHEN {keys} IS NOT NULL THEN map({keys}, {values}) END"
    absent(at, f"CAST of json to {kind}")
