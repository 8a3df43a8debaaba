"""What a statement of Athena SQL asks for: its kind, its target, and the query inside it; and what goes with it while it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.athena.trino.lexer import refusal, words
from infra.local.athena.trino.query_grammar import QueryGrammar
from infra.local.athena.trino.query_syntax import Query
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
_UTILITY = frozenset({"SHOW TABLES", "SHOW DATABASES", "SHOW PARTITIONS", "SHOW COLUMNS", "DESCRIBE", "EXPLAIN"})
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)

Options = dict[str, str | list[str]]


@dataclass(frozen=True)
class Statement:
    """One statement; `query` is there for those that read rows, `words` for those that name things."""

    kind: str
    sql: str
    query: Query | None = None
    database: str | None = None
    name: str = ""
    words: dict[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    """The columns that INSERT names, in the order of the query's."""
    replace: bool = False
    with_data: bool = True

    @property
    def type(self) -> str:
        """Return the StatementType that a query execution shows."""
        return "UTILITY" if self.kind in _UTILITY else "DML" if self.kind in ("SELECT", "UNLOAD", "INSERT") else "DDL"

    @property
    def if_exists(self) -> bool:
        """Say whether the statement has IF EXISTS or IF NOT EXISTS."""
        return bool(self.words.get("exists"))


@dataclass(frozen=True)
class Execution:
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
    sql = _bare(text)
    for kind, pattern in _PLAIN_PATTERNS.items():
        if match := pattern.match(sql):
            found = {name: value for name, value in match.groupdict().items() if value}
            return Statement(kind, sql, database=found.get("db"), name=found.get("name", "").lower(), words=found)
    return _StatementGrammar(_filled(text, parameters)).statement()


def read_query(sql: str) -> Query:
    """Read a query. Raises ServiceError for what Athena cannot parse."""
    reader = QueryGrammar(sql)
    query = reader.query()
    reader.end()
    return query


class _StatementGrammar(QueryGrammar):
    """Reads the statements that hold a query."""

    def statement(self) -> Statement:
        """Read a statement. Raises ServiceError for every other."""
        if self.word.key in ("SELECT", "WITH", "VALUES", "TABLE", "("):
            found = Statement("SELECT", self.sql, self.query())
        elif self.take("INSERT", "INTO"):
            found = self._insert()
        elif self.comes("UNLOAD", "("):
            found = self._unload()
        elif self.take("EXPLAIN"):
            found = self._explain()
        elif self.take("CREATE"):
            found = self._create()
        else:
            self._refuse()
        self.end()
        return found

    def _refuse(self) -> None:
        if self.word.sort == "end":
            self.mismatch("a statement")
        if self.word.key in ("PREPARE", "EXECUTE", "DEALLOCATE", "UPDATE", "DELETE", "MERGE", "ALTER", "SHOW", "VACUUM", "OPTIMIZE"):
            what = f"{self.word.key} is not on this disk"
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: line 1:1: {what}. Use SELECT, INSERT, UNLOAD or CREATE.")
        what = f"mismatched input '{self.word.text}'. Expecting: 'SELECT', 'WITH', 'VALUES', 'INSERT', 'UNLOAD', 'CREATE', 'EXPLAIN'"
        raise refusal(self.sql, self.word.start, f"Queries of this type are not supported: {what}")

    def _insert(self) -> Statement:
        *schema, name = self.dotted_name()
        columns = self.names() if self.comes("(") and not self._query_comes() else ()
        return Statement("INSERT", self.sql, self.query(), schema[-1] if schema else None, name, columns=columns)

    def _unload(self) -> Statement:
        self.expect("UNLOAD", "(")
        query = self.query()
        self.expect(")", "TO")
        location = self.text()
        options = self._options() if self.take("WITH") else {}
        return Statement("UNLOAD", self.sql, query, options={**options, "external_location": location})

    def _explain(self) -> Statement:
        """Read EXPLAIN (TYPE VALIDATE): a plan of Trino's own making is not on this disk."""
        start = self.word.start
        if not self.take("(", "TYPE", "VALIDATE", ")"):
            advice = "Use EXPLAIN (TYPE VALIDATE) to check a query"
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: line 1:1: EXPLAIN with a plan is not on this disk. {advice}.")
        inner = _StatementGrammar(self.sql)
        inner.position = self.position
        checked = inner.statement()
        self.position = inner.position
        if checked.kind != "SELECT":
            raise refusal(self.sql, start, f"NOT_SUPPORTED: EXPLAIN of {checked.kind} is not on this disk")
        return Statement("EXPLAIN", self.sql, checked.query)

    def _create(self) -> Statement:
        replace = self.take("OR", "REPLACE")
        if self.take("VIEW"):
            *schema, name = self.dotted_name()
            self.expect("AS")
            start = self.word.start
            query = self.query()
            text = self.sql[start : self.words[self.position - 1].end]
            return Statement("CREATE VIEW", self.sql, query, schema[-1] if schema else None, name, {"query": text}, replace=replace)
        if replace or not self.take("TABLE"):
            self.mismatch("'TABLE', 'VIEW', 'EXTERNAL TABLE'")
        exists = {"exists": "yes"} if self.take("IF", "NOT", "EXISTS") else {}
        *schema, name = self.dotted_name()
        options = self._options() if self.take("WITH") else {}
        self.expect("AS")
        query = self.query()
        empty = self.take("WITH", "NO", "DATA")
        if not empty:
            self.take("WITH", "DATA")
        database = schema[-1] if schema else None
        return Statement("CREATE TABLE AS", self.sql, query, database, name, exists, options, with_data=not empty)

    def _options(self) -> Options:
        """Read `(format = 'PARQUET', partitioned_by = ARRAY['a', 'b'])`."""
        found: Options = {}
        self.expect("(")
        while True:
            name = self.name().lower()
            self.expect("=")
            found[name] = self._option()
            if not self.take(","):
                break
        self.expect(")")
        return found

    def _option(self) -> str | list[str]:
        if not self.take("ARRAY", "["):
            return self.text() if self.word.sort == "text" else self.advance().text
        found = [] if self.comes("]") else [self.text()]
        while self.take(","):
            found.append(self.text())
        self.expect("]")
        return found


def _bare(sql: str) -> str:
    """Return a statement without leading comments and without its closing semicolon."""
    return sql[_LEADING_COMMENTS.match(sql).end() :].rstrip().removesuffix(";").rstrip()  # type: ignore[union-attr]


def _filled(sql: str, parameters: Sequence[str]) -> str:
    """Put execution parameters in the place of the `?` of a statement, in order."""
    marks = [word for word in words(sql) if word.key == "?"] if "?" in sql else []
    if len(marks) != len(parameters):
        what = f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}"
        raise ServiceError("InvalidRequestException", what)
    for mark, value in reversed(list(zip(marks, parameters, strict=True))):
        sql = sql[: mark.start] + value + sql[mark.end :]
    return sql
