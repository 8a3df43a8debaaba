"""A value of Trino in DuckDB's SQL, with its type; and what is said where Trino, or this disk, refuses one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from infra.local.athena.trino.kinds import UNKNOWN, Kind, duckdb_type

_MAY_BE_ABSENT = ("NOT_SUPPORTED", "json_as_varchar")
"""What stands in the SQL of values that fail where this disk, not Trino, does not know an answer."""
_EXACT_DIGITS = 15
"""Digits of a decimal that DuckDB turns into the nearest floating number by itself."""


@dataclass(frozen=True)
class Value:
    """DuckDB's SQL for a value, its type in Trino, where it stands, and the text or number it is if it is written out."""

    sql: str
    kind: Kind
    at: int = field(compare=False)
    literal: str | int | None = None
    certain: bool = False
    """A floating number that cannot be NaN."""


class Refusal(Exception):
    """A query that Trino refuses, or that this disk cannot answer as Trino does: an error code, a place and a sentence."""

    def __init__(self, code: str, at: int, what: str) -> None:
        super().__init__(what)
        self.code, self.at, self.what = code, at, what


def mismatch(at: int, what: str) -> NoReturn:
    """Refuse types that do not go together."""
    raise Refusal("TYPE_MISMATCH", at, what)


def absent(at: int, what: str) -> NoReturn:
    """Refuse what Athena can do and this disk cannot."""
    raise Refusal("NOT_SUPPORTED", at, f"{what} is not on this disk")


def coerce(value: Value, kind: Kind) -> Value:
    """Return a value as one of a type that it becomes without a cast."""
    if value.kind == kind or (duckdb_type(value.kind) == duckdb_type(kind) and value.kind != UNKNOWN):
        return Value(value.sql, kind, value.at, value.literal, value.certain)
    if value.kind.name == "decimal" and kind.name in ("real", "double") and value.kind.numbers[0] > _EXACT_DIGITS:
        return Value(f"CAST(CAST({value.sql} AS VARCHAR) AS {duckdb_type(kind)})", kind, value.at, certain=True)
    certain = value.certain or (kind.name in ("real", "double") and value.kind.name not in ("real", "double", "unknown"))
    return Value(f"CAST({value.sql} AS {duckdb_type(kind)})", kind, value.at, value.literal, certain)


def null_on_failure(value: Value, at: int) -> Value:
    """Return a value that is NULL where it fails. Raises Refusal where that would hide what this disk cannot do."""
    if any(mark in value.sql for mark in _MAY_BE_ABSENT):
        absent(at, "TRY around a function that this disk does not know for all values")
    return Value(f"TRY({value.sql})", value.kind, at)


def failure(message: str, kind: Kind | None = None) -> str:
    """Return DuckDB's SQL for a value that fails when it is asked for: TRY can catch it, which it cannot where `error()` stands.

    `message` is a code, a colon and a sentence, said in SQL: a text in quotes, with values put in by `||`.
    """
    return f"CAST(CAST(CAST({message} AS INTEGER) AS VARCHAR) AS {duckdb_type(kind)})" if kind else f"CAST({message} AS INTEGER)"


def failure_of_result(message: str) -> str:
    """Return the same for a template of a function, with the type of its result."""
    return f"CAST(CAST(CAST({message} AS INTEGER) AS VARCHAR) AS {{result}})"


def text(value: str) -> str:
    """Return a text in DuckDB's quotes."""
    return "'" + value.replace("'", "''") + "'"
