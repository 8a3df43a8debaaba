"""Why a query failed, told as Athena tells it."""

from __future__ import annotations

import re

import duckdb

from infra.local.errors import ServiceError

_CODES: dict[type[Exception], str] = {
    duckdb.ConversionException: "INVALID_CAST_ARGUMENT",
    duckdb.OutOfRangeException: "NUMERIC_VALUE_OUT_OF_RANGE",
    duckdb.InvalidInputException: "INVALID_FUNCTION_ARGUMENT",
    duckdb.IOException: "HIVE_CANNOT_OPEN_SPLIT",
    duckdb.OutOfMemoryException: "EXCEEDED_LOCAL_MEMORY_LIMIT",
}
_OWN = re.compile(r"Could not convert string '([A-Z_]+: .*)' to INT32", re.DOTALL)
"""How a failure that the translation foresaw comes back: as a text that is no number."""
_OF_PYTHON = re.compile(r"(?:ValueError|OverflowError): ([A-Z_]+: .*)", re.DOTALL)


def reason(error: Exception) -> str:
    """Tell why a query failed: Athena's code and a sentence."""
    if isinstance(error, ServiceError):
        return error.message
    if isinstance(error, RecursionError):
        return "STACK_OVERFLOW: statement is too large (stack overflow during analysis). Write it with fewer nested parts."
    text = str(error).partition("\n\nLINE ")[0]
    if own := _OWN.search(text) or _OF_PYTHON.search(text):
        return own[1].strip()
    if "Division by zero" in text:
        return "DIVISION_BY_ZERO: Division by zero"
    if "value nan can't be cast" in text:
        return f"INVALID_CAST_ARGUMENT: {_sentence(text)}"
    if "value is out of range" in text:
        return f"NUMERIC_VALUE_OUT_OF_RANGE: {_sentence(text)}"
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "GENERIC_INTERNAL_ERROR")
    return f"{code}: {_sentence(text)}"


def _sentence(text: str) -> str:
    """Return DuckDB's sentence without its advice, which is about DuckDB's own settings."""
    return (text.partition("Error: ")[2] or text).partition(" Use TRY(")[0].strip()
