"""Values written as a type and a text: DATE '2026-01-31', TIMESTAMP '2026-01-31 12:00:00', DECIMAL '1.50'."""

from __future__ import annotations

import datetime
import re

from infra.local.athena.trino.json_text import json_canonical
from infra.local.athena.trino.kinds import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INSTANT,
    INTEGER,
    JSON,
    REAL,
    SMALLINT,
    TIMESTAMP,
    TINYINT,
    decimal,
)
from infra.local.athena.trino.lexer import refusal
from infra.local.athena.trino.syntax import Literal

_MOMENT = re.compile(r"(\d{4,})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?)?\s*(.*)")
_WHOLE = {"TINYINT": TINYINT, "SMALLINT": SMALLINT, "INTEGER": INTEGER, "INT": INTEGER, "BIGINT": BIGINT}


def read_typed_text(sql: str, kind: str, text: str, at: int) -> Literal:
    """Return the value. Raises ServiceError if the text says none of its type, or says more than this disk can hold."""
    if kind == "DATE":
        return Literal(f"DATE '{_moment(sql, text, at, day=True)}'", DATE, at=at)
    if kind == "TIMESTAMP":
        moment = _moment(sql, text, at, day=False)
        return Literal(f"TIMESTAMP '{moment}'", TIMESTAMP, at=at) if not moment.endswith("Z") else _instant(moment, at)
    if kind == "DECIMAL" and re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)", text):
        whole, _, fraction = text.lstrip("+-").partition(".")
        kind_of_text = decimal(max(len(whole.lstrip("0")) + len(fraction), 1), len(fraction))
        return Literal(f"CAST('{text}' AS DECIMAL({kind_of_text.numbers[0]},{kind_of_text.scale}))", kind_of_text, at=at)
    if kind in _WHOLE and re.fullmatch(r"[+-]?\d+", text):
        return Literal(f"CAST('{text}' AS {_WHOLE[kind].name.upper()})", _WHOLE[kind], at=at)
    if kind in ("DOUBLE", "REAL") and re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]?Infinity", text):
        return Literal(f"CAST('{text}' AS {'DOUBLE' if kind == 'DOUBLE' else 'FLOAT'})", DOUBLE if kind == "DOUBLE" else REAL, at=at)
    if kind == "BOOLEAN" and text.lower() in ("true", "false"):
        return Literal(text.lower(), BOOLEAN, at=at)
    if kind == "JSON":
        return Literal("'" + _canonical(sql, text, at).replace("'", "''") + "'", JSON, at=at)
    if kind in ("TIME", "CHAR", "VARCHAR", "UUID", "IPADDRESS"):
        raise refusal(sql, at, f"NOT_SUPPORTED: a {kind} literal is not on this disk")
    if kind in ("DECIMAL", "DOUBLE", "REAL", "BOOLEAN", *_WHOLE):
        raise refusal(sql, at, f"INVALID_LITERAL: '{text}' is not a valid {kind.lower()} literal")
    raise refusal(sql, at, f"TYPE_NOT_FOUND: Unknown type: {kind}")


def _moment(sql: str, text: str, at: int, *, day: bool) -> str:
    """Return a day or a moment in full; a moment with a time zone ends in Z."""
    match = _MOMENT.fullmatch(text.strip())
    faulty = refusal(sql, at, f"INVALID_LITERAL: '{text}' is not a valid {'date' if day else 'timestamp'} literal")
    if match is None or (day and (match[4] or match[8])):
        raise faulty
    zone, fraction = match[8], (match[7] or "")
    if zone not in ("", "UTC", "Z", "+00:00"):
        raise refusal(sql, at, f"NOT_SUPPORTED: the time zone {zone!r} is not on this disk, which knows UTC")
    if len(fraction) > 3:
        raise refusal(sql, at, "NOT_SUPPORTED: a timestamp of a precision other than 3 is not on this disk")
    try:
        year, month, day_of_month, hour, minute, second = (int(match[place] or 0) for place in range(1, 7))
        moment = datetime.datetime(year, month, day_of_month, hour, minute, second, int(fraction.ljust(6, "0")))
    except ValueError:
        raise faulty from None
    return f"{moment:%Y-%m-%d}" if day else f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}{'Z' if zone else ''}"


def _instant(moment: str, at: int) -> Literal:
    return Literal(f"TIMESTAMPTZ '{moment[:-1]}+00'", INSTANT, at=at)


def _canonical(sql: str, text: str, at: int) -> str:
    try:
        return json_canonical(text)
    except ValueError:
        raise refusal(sql, at, f"INVALID_LITERAL: '{text}' is not a valid JSON literal") from None
