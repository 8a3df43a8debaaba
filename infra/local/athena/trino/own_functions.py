"""The functions of this package that DuckDB calls, told to a connection; where it has none that mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.local.athena.trino import java_text, json_text, moment_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FUNCTIONS: tuple[tuple[Callable[..., Any], tuple[str, ...], str], ...] = (
    (java_text.java_number, ("DOUBLE",), "VARCHAR"),
    (java_text.cube_root, ("DOUBLE",), "DOUBLE"),
    (java_text.java_upper, ("VARCHAR",), "VARCHAR"),
    (java_text.java_lower, ("VARCHAR",), "VARCHAR"),
    (java_text.reversed_text, ("VARCHAR",), "VARCHAR"),
    (java_text.levenshtein_points, ("VARCHAR", "VARCHAR"), "BIGINT"),
    (java_text.hamming_points, ("VARCHAR", "VARCHAR"), "BIGINT"),
    (json_text.json_canonical, ("VARCHAR",), "VARCHAR"),
    (json_text.json_found, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    (json_text.json_found_scalar, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    (json_text.json_found_size, ("VARCHAR", "VARCHAR"), "BIGINT"),
    (json_text.json_list_length, ("VARCHAR",), "BIGINT"),
    (json_text.json_as_varchar, ("VARCHAR",), "VARCHAR"),
    (json_text.json_as_bigint, ("VARCHAR",), "BIGINT"),
    (json_text.json_as_double, ("VARCHAR",), "DOUBLE"),
    (json_text.json_as_boolean, ("VARCHAR",), "BOOLEAN"),
    (json_text.json_elements, ("VARCHAR",), "VARCHAR[]"),
    (json_text.json_names, ("VARCHAR",), "VARCHAR[]"),
    (json_text.json_values, ("VARCHAR",), "VARCHAR[]"),
    (moment_text.moment_by_pattern, ("VARCHAR", "VARCHAR"), "TIMESTAMP"),
    (moment_text.day_of_iso8601, ("VARCHAR",), "DATE"),
    (moment_text.moment_of_iso8601, ("VARCHAR",), "TIMESTAMP WITH TIME ZONE"),
)


def teach(connection: DuckDBPyConnection) -> None:
    """Tell a connection the functions; all of its cursors know them."""
    for function, arguments, result in _FUNCTIONS:
        _teach(connection, function.__name__, _of_values(function), arguments, result)
    _teach(connection, "java_format", java_text.java_format, ("VARCHAR", "VARCHAR", "VARCHAR[]"), "VARCHAR")


def _teach(connection: DuckDBPyConnection, name: str, function: Callable[..., Any], arguments: tuple[str, ...], result: str) -> None:
    from duckdb.func import FunctionNullHandling

    connection.create_function(name, function, list(arguments), result, null_handling=FunctionNullHandling.SPECIAL)


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is None where an argument is, and knows no keyword."""
    if function.__code__.co_argcount == 1:
        return lambda value: None if value is None else function(value)
    return lambda value, other: None if value is None or other is None else function(value, other)
