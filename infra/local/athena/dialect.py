"""Athena's SQL in DuckDB's words: statements parsed and rewritten, types named in both ways, and errors told as Athena tells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import sqlglot
from sqlglot import exp

from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DUCKDB_SETTINGS: dict[str, str | bool] = {
    "integer_division": True,  # 7 / 2 is 3, as in Athena
    "error_on_division_by_zero": True,
    "preserve_insertion_order": False,  # without ORDER BY, Athena promises no order either
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_MACROS = (
    "map_agg(k, v) AS map(list(k), list(v))",
    "json_format(j) AS CAST(j AS VARCHAR)",
    "width_bucket(x, low, high, n) AS CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 "
    "ELSE CAST(floor((x - low) * 1.0 / (high - low) * n) AS BIGINT) + 1 END",
    "infinity() AS CAST('Infinity' AS DOUBLE)",
    "nan() AS CAST('NaN' AS DOUBLE)",
    "e() AS exp(1.0)",
)
_HIVE_TO_DUCKDB = {"string": "VARCHAR", "int": "INTEGER", "binary": "BLOB", "timestamp": "TIMESTAMP", "float": "FLOAT", "double": "DOUBLE"}
_DUCKDB_TO_ATHENA = {
    "VARCHAR": "varchar", "JSON": "json", "BLOB": "varbinary", "BOOLEAN": "boolean", "DATE": "date", "TIME": "time",
    "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "bigint",
    "UTINYINT": "smallint", "USMALLINT": "integer", "UINTEGER": "bigint", "UBIGINT": "bigint", "FLOAT": "float", "DOUBLE": "double",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", '"NULL"': "unknown", "INTERVAL": "interval day to second",
}  # fmt: skip
_ATHENA_TO_HIVE = {"varchar": "string", "json": "string", "varbinary": "binary", "integer": "int", "unknown": "string"}
_ERROR_CODES: dict[type[Exception], str] = {
    duckdb.ConversionException: "INVALID_CAST_ARGUMENT",
    duckdb.OutOfRangeException: "NUMERIC_VALUE_OUT_OF_RANGE",
    duckdb.InvalidInputException: "HIVE_BAD_DATA",
    duckdb.IOException: "HIVE_CANNOT_OPEN_SPLIT",
    duckdb.BinderException: "SYNTAX_ERROR",
    duckdb.ParserException: "SYNTAX_ERROR",
    duckdb.OutOfMemoryException: "EXCEEDED_LOCAL_MEMORY_LIMIT",
}
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)


def bare(sql: str) -> str:
    """Return a statement without leading comments and without its closing semicolon."""
    return sql[_LEADING_COMMENTS.match(sql).end() :].rstrip().removesuffix(";").rstrip()  # type: ignore[union-attr]


def parse(sql: str) -> exp.Expr:
    """Parse one statement of Athena SQL. Raises InvalidRequestException, as StartQueryExecution does for what it cannot parse."""
    try:
        trees = [tree for tree in sqlglot.parse(sql, read="athena") if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        told = error.errors[0] if isinstance(error, sqlglot.errors.ParseError) and error.errors else {}
        place = f"line {told.get('line', 1)}:{told.get('col', 1)}: "
        raise ServiceError("InvalidRequestException", place + str(told.get("description") or error)) from None
    if len(trees) != 1:
        raise ServiceError("InvalidRequestException", f"Only one sql statement is allowed. Got: {len(trees)}. Send them one by one.")
    return trees[0]


def prepare(connection: DuckDBPyConnection) -> None:
    """Teach a connection the functions of Athena that sqlglot does not translate."""
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    for macro in _MACROS:
        connection.execute(f"CREATE OR REPLACE MACRO {macro}")


def to_duckdb(tree: exp.Expr) -> str:
    """Translate a query; what both engines name alike but mean differently is rewritten first, the innermost before the outer."""
    tree = tree.copy()
    for node in reversed(list(tree.walk())):
        rewritten = _rewrite(node)
        if rewritten is not node:
            node.replace(rewritten)
    _share_digests(tree)
    return tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)


def _rewrite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.DateDiff):  # Athena counts whole units that passed, DuckDB's date_diff boundaries that were crossed
        unit = exp.Literal.string(str(node.args.get("unit") or "day").strip("'").lower())
        return exp.Anonymous(this="date_sub", expressions=[unit, node.expression.copy(), node.this.copy()])
    if isinstance(node, exp.ArraySize):  # cardinality() takes a map as well
        return exp.Anonymous(this="cardinality", expressions=[node.this.copy()])
    if isinstance(node, exp.DateAdd | exp.Add | exp.Sub) and _is_date(node.this) and _is_day_step(node):
        return exp.cast(node.copy(), exp.DType.DATE)  # DuckDB makes a timestamp of it
    return node


def _share_digests(tree: exp.Expr) -> None:
    """Ask for all percentiles of one value at once: DuckDB would build the digest, which is what takes long, for each anew."""
    groups: dict[tuple[int, str], list[exp.ApproxQuantile]] = {}
    for node in tree.find_all(exp.ApproxQuantile):
        if isinstance(node.args["quantile"], exp.Literal) and not isinstance(node.parent, exp.Filter | exp.Window):
            groups.setdefault((id(node.parent_select), node.this.sql()), []).append(node)
    for nodes in groups.values():
        levels = sorted({node.args["quantile"].name for node in nodes}, key=float)
        for node in nodes if len(levels) > 1 else []:
            position = exp.Literal.number(levels.index(node.args["quantile"].name) + 1)
            together = exp.ApproxQuantile(this=node.this.copy(), quantile=exp.array(*levels))
            node.replace(exp.Anonymous(this="list_extract", expressions=[together, position]))


def _is_date(node: exp.Expr) -> bool:
    return isinstance(node, exp.CurrentDate | exp.Date | exp.TsOrDsToDate) or (
        isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE
    )


def _is_day_step(node: exp.Expr) -> bool:
    return isinstance(node, exp.DateAdd) or isinstance(node.expression, exp.Interval)


def named_columns(tree: exp.Query) -> exp.Query:
    """Name the outputs that a query leaves unnamed as Athena does: `_col0`, `_col1`, ... by position."""
    first: exp.Expr = tree
    while isinstance(first, exp.SetOperation):
        first = first.this
    first = first.unnest() if isinstance(first, exp.Subquery) else first
    if isinstance(first, exp.Select) and not any(projection.is_star for projection in first.expressions):
        named = [
            projection if projection.alias or isinstance(projection, exp.Column) else exp.alias_(projection, f"_col{position}")
            for position, projection in enumerate(first.expressions)
        ]
        first.set("expressions", named)
    return tree


def duckdb_type(hive_type: str) -> str:
    """Return DuckDB's name of a catalog type such as `array<struct<a:int>>`."""
    kind = hive_type.strip().lower()
    if kind in _HIVE_TO_DUCKDB:
        return _HIVE_TO_DUCKDB[kind]
    return sqlglot.exp.DataType.build(kind, dialect="hive").sql(dialect="duckdb")


def athena_type(duckdb_name: str) -> str:
    """Return the type that a result column's description names."""
    if duckdb_name in _DUCKDB_TO_ATHENA:
        return _DUCKDB_TO_ATHENA[duckdb_name]
    if duckdb_name.endswith("]"):
        return "array"
    head = duckdb_name.partition("(")[0]
    return {"MAP": "map", "STRUCT": "row", "DECIMAL": "decimal", "ENUM": "varchar"}.get(
        head, "timestamp" if head.startswith("TIMESTAMP") else "varchar"
    )


def hive_type(duckdb_name: str) -> str:
    """Return the catalog's name of a DuckDB type."""
    kind = athena_type(duckdb_name)
    if kind in ("array", "map", "row", "decimal"):
        return sqlglot.exp.DataType.build(duckdb_name, dialect="duckdb").sql(dialect="hive").lower().replace(": ", ":").replace(", ", ",")
    return "timestamp" if kind.startswith("timestamp") else _ATHENA_TO_HIVE.get(kind, kind)


def reason(error: Exception, sql: str) -> str:
    """Tell why a query failed in Athena's words, with DuckDB's hints behind them."""
    if isinstance(error, ServiceError):
        return error.message
    text = str(error).partition("\n\nLINE ")[0]
    detail = text.partition("Error: ")[2] or text
    if match := re.search(r'(?:Referenced column|Table ".*?" does not have a column named) "([^"]+)"', text):
        hint = re.search(r"Candidate bindings: (.*)", text)
        known = f" Near to it: {hint[1]}." if hint else ""
        denied = "cannot be resolved or requester is not authorized to access requested resources."
        return f"COLUMN_NOT_FOUND: {place(sql, match[1])}Column '{match[1]}' {denied}{known}"
    if match := re.search(r"Function with name \"?(\w+)\"? does not exist", text):
        return f"FUNCTION_NOT_FOUND: {place(sql, match[1])}Function '{match[1]}' not registered"
    if "Division by zero" in text:
        return "DIVISION_BY_ZERO: Division by zero"
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), "GENERIC_INTERNAL_ERROR")
    return f"{code}: {detail.strip()}"


def place(sql: str, word: str) -> str:
    """Return `line L:C: ` of a name's first mention in a statement, or nothing."""
    found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", sql, re.IGNORECASE)
    if not found:
        return ""
    before = sql[: found.start()]
    return f"line {before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
