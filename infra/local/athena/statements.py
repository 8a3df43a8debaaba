"""What a statement of Athena SQL asks for: its kind, its target, and the query inside it; and what goes with it while it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlglot import exp, tokenize
from sqlglot.tokens import TokenType

from infra.local.athena.dialect import bare, parse
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NAME = r"""(?:[`"]?awsdatacatalog[`"]?\s*\.\s*)?(?:[`"]?(?P<db>[\w-]+)[`"]?\s*\.\s*)?[`"]?(?P<name>[\w$-]+)[`"]?"""
_PLAIN = {
    "MSCK REPAIR TABLE": rf"MSCK\s+REPAIR\s+TABLE\s+{_NAME}$",
    "SHOW TABLES": r"SHOW\s+(?:TABLES|VIEWS)(?:\s+(?:IN|FROM)\s+[`\"]?(?P<db>[\w-]+)[`\"]?)?(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?$",
    "SHOW DATABASES": r"SHOW\s+(?:DATABASES|SCHEMAS)(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?$",
    "SHOW PARTITIONS": rf"SHOW\s+PARTITIONS\s+{_NAME}$",
    "SHOW COLUMNS": rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_NAME}$",
    "DESCRIBE": rf"DESC(?:RIBE)?\s+(?:EXTENDED\s+|FORMATTED\s+)?{_NAME}$",
    "DROP TABLE": rf"DROP\s+(?:TABLE|VIEW)\s+(?P<exists>IF\s+EXISTS\s+)?{_NAME}$",
    "CREATE DATABASE": r"CREATE\s+(?:DATABASE|SCHEMA)\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?[`\"]?(?P<name>[\w-]+)[`\"]?(?P<rest>.*)$",
    "DROP DATABASE": r"DROP\s+(?:DATABASE|SCHEMA)\s+(?P<exists>IF\s+EXISTS\s+)?[`\"]?(?P<name>[\w-]+)[`\"]?(?:\s+(?:RESTRICT|CASCADE))?$",
    "ADD PARTITION": rf"ALTER\s+TABLE\s+{_NAME}\s+ADD\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?(?P<rest>PARTITION.*)$",
    "DROP PARTITION": rf"ALTER\s+TABLE\s+{_NAME}\s+DROP\s+(?P<exists>IF\s+EXISTS\s+)?(?P<rest>PARTITION.*)$",
    "CREATE TABLE": rf"CREATE\s+EXTERNAL\s+TABLE\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?{_NAME}(?P<rest>.*)$",
}
_PLAIN_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE | re.DOTALL) for kind, pattern in _PLAIN.items()}
_UTILITY = frozenset({"SHOW TABLES", "SHOW DATABASES", "SHOW PARTITIONS", "SHOW COLUMNS", "DESCRIBE"})
_UNLOAD = re.compile(
    r"UNLOAD\s*\((?P<query>.*)\)\s*TO\s*'(?P<location>[^']+)'\s*(?:WITH\s*\((?P<options>.*)\))?$", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Statement:
    """One statement; `query` is there for those that read rows, `words` for those that name things."""

    kind: str
    sql: str
    query: exp.Query | None = None
    database: str | None = None
    name: str = ""
    words: dict[str, str] = field(default_factory=dict)
    options: dict[str, str | list[str]] = field(default_factory=dict)
    replace: bool = False

    @property
    def type(self) -> str:
        """Return the StatementType that a query execution shows."""
        return "UTILITY" if self.kind in _UTILITY else "DML" if self.kind in ("SELECT", "UNLOAD", "INSERT") else "DDL"

    @property
    def if_exists(self) -> bool:
        """Say whether the statement has IF EXISTS or IF NOT EXISTS."""
        return bool(self.words.get("exists"))


@dataclass(frozen=True)
class Job:
    """One statement on its way: where it runs, what it may read, and where its result goes."""

    statement: Statement
    database: str
    output: str
    """s3:// address of the result; of statements that write data files, the beginning of what lies beside them."""
    cutoff_bytes: int | None
    connection: DuckDBPyConnection

    def target(self) -> tuple[str, str]:
        """Return the database and the table that the statement makes or fills."""
        return self.statement.database or self.database, self.statement.name


@dataclass(frozen=True)
class Outcome:
    """What a statement left: the description of its columns, and what reading took."""

    columns: list[dict[str, Any]] = field(default_factory=list)
    scanned_bytes: int = 0
    manifest: str | None = None


class QueryCancelled(Exception):
    """The query went over a limit of its workgroup."""


def read_statement(text: str, parameters: Sequence[str] = ()) -> Statement:
    """Read one statement, its `?` filled with execution parameters. Raises InvalidRequestException for what Athena cannot parse."""
    text = _filled(text, parameters)
    sql = bare(text)
    for kind, pattern in _PLAIN_PATTERNS.items():
        if match := pattern.match(sql):
            words = {name: value for name, value in match.groupdict().items() if value}
            return Statement(kind, sql, database=words.get("db"), name=words.get("name", "").lower(), words=words)
    if match := _UNLOAD.match(sql):
        options = {"external_location": match["location"], **_options_text(match["options"] or "")}
        return Statement("UNLOAD", text, _as_query(parse(match["query"])), options=options)
    tree = parse(text)
    if isinstance(tree, exp.Create) and isinstance(tree.expression, exp.Query) and tree.kind in ("TABLE", "VIEW"):
        table = cast("exp.Table", tree.find(exp.Table))
        kind = "CREATE VIEW" if tree.kind == "VIEW" else "CREATE TABLE AS"
        query = _as_query(tree.expression)
        return Statement(
            kind, text, query, table.db or None, table.name.lower(), options=_options(tree), replace=bool(tree.args.get("replace"))
        )
    if isinstance(tree, exp.Insert) and isinstance(tree.expression, exp.Query):
        table = cast("exp.Table", tree.find(exp.Table))
        return Statement("INSERT", text, _as_query(tree.expression), table.db or None, table.name.lower())
    return Statement("SELECT", text, _as_query(tree))


def _as_query(tree: exp.Expr) -> exp.Query:
    if isinstance(tree, exp.Values):
        tree = exp.select("*").from_(tree)
    if not isinstance(tree, exp.Query):
        raise ServiceError("InvalidRequestException", f"Queries of this type are not supported: {tree.key.upper()}. Use SELECT or DDL.")
    return tree


def _filled(sql: str, parameters: Sequence[str]) -> str:
    """Put execution parameters in the place of the `?` of a statement, in order."""
    marks = [token for token in tokenize(sql, read="athena") if token.token_type == TokenType.PLACEHOLDER] if "?" in sql else []
    if len(marks) != len(parameters):
        what = f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}"
        raise ServiceError("InvalidRequestException", what)
    for mark, value in reversed(list(zip(marks, parameters, strict=True))):
        sql = sql[: mark.start] + value + sql[mark.end + 1 :]
    return sql


def _options(tree: exp.Create) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    properties = tree.args.get("properties")
    for item in properties.expressions if properties else []:
        if isinstance(item, exp.FileFormatProperty):
            found["format"] = item.this.name
        elif isinstance(item, exp.PartitionedByProperty):
            found["partitioned_by"] = [name.name for name in item.this.expressions]
        elif isinstance(item, exp.LocationProperty):
            found["external_location"] = item.this.name
        elif isinstance(item, exp.Property):
            value = item.args.get("value")
            found[item.name.lower()] = [part.name for part in value.expressions] if isinstance(value, exp.Array) else value.name  # type: ignore[union-attr]
    return found


def _options_text(text: str) -> dict[str, str | list[str]]:
    """Read `format = 'PARQUET', partitioned_by = ARRAY['a', 'b']`."""
    found: dict[str, str | list[str]] = {}
    for match in re.finditer(r"(\w+)\s*=\s*(?:'([^']*)'|ARRAY\s*\[([^\]]*)\]|(\w+))", text, re.IGNORECASE):
        found[match[1].lower()] = re.findall(r"'([^']*)'", match[3]) if match[3] is not None else match[2] or match[4] or ""
    return found
