"""Statements of Athena SQL read from their text: Hive's by their first words, those that hold a query by Trino's grammar."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from infra.local.athena.statements import Options, Statement
from infra.local.athena.trino.lexer import refusal, words
from infra.local.athena.trino.query_grammar import QueryGrammar
from infra.local.errors import ServiceError

_NAME = r"""(?:[`"]?awsdatacatalog[`"]?\s*\.\s*)?(?:[`"]?(?P<db>[\w-]+)[`"]?\s*\.\s*)?[`"]?(?P<name>[\w$-]+)[`"]?"""
_PLAIN = {
    "MSCK REPAIR TABLE": rf"MSCK\s+REPAIR\s+TABLE\s+{_NAME}$",
    "SHOW TABLES": r"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+[`\"]?(?P<db>[\w-]+)[`\"]?)?(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?$",
    "SHOW VIEWS": r"SHOW\s+VIEWS(?:\s+(?:IN|FROM)\s+[`\"]?(?P<db>[\w-]+)[`\"]?)?(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?$",
    "SHOW DATABASES": r"SHOW\s+(?:DATABASES|SCHEMAS)(?:\s+(?:LIKE\s+)?'(?P<like>[^']*)')?$",
    "SHOW PARTITIONS": rf"SHOW\s+PARTITIONS\s+{_NAME}$",
    "SHOW COLUMNS": rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_NAME}$",
    "DESCRIBE": rf"DESC(?:RIBE)?\s+(?:EXTENDED\s+|FORMATTED\s+)?{_NAME}$",
    "SHOW TBLPROPERTIES": rf"SHOW\s+TBLPROPERTIES\s+{_NAME}$",
    "SHOW CREATE TABLE": rf"SHOW\s+CREATE\s+TABLE\s+{_NAME}$",
    "SHOW CREATE VIEW": rf"SHOW\s+CREATE\s+VIEW\s+{_NAME}$",
    "DROP TABLE": rf"DROP\s+TABLE\s+(?P<exists>IF\s+EXISTS\s+)?{_NAME}$",
    "DROP VIEW": rf"DROP\s+VIEW\s+(?P<exists>IF\s+EXISTS\s+)?{_NAME}$",
    "CREATE DATABASE": r"CREATE\s+(?:DATABASE|SCHEMA)\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?[`\"]?(?P<name>[\w-]+)[`\"]?(?P<rest>.*)$",
    "DROP DATABASE": r"DROP\s+(?:DATABASE|SCHEMA)\s+(?P<exists>IF\s+EXISTS\s+)?[`\"]?(?P<name>[\w-]+)[`\"]?"
    r"(?:\s+(?:RESTRICT|(?P<cascade>CASCADE)))?$",
    "ADD PARTITION": rf"ALTER\s+TABLE\s+{_NAME}\s+ADD\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?(?P<rest>PARTITION.*)$",
    "DROP PARTITION": rf"ALTER\s+TABLE\s+{_NAME}\s+DROP\s+(?P<exists>IF\s+EXISTS\s+)?(?P<rest>PARTITION.*)$",
    "CREATE TABLE": rf"CREATE\s+EXTERNAL\s+TABLE\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?{_NAME}(?P<rest>.*)$",
}
_PLAIN_PATTERNS = {kind: re.compile(pattern, re.IGNORECASE | re.DOTALL) for kind, pattern in _PLAIN.items()}
_LEADING_COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)


def read_statement(text: str, parameters: Sequence[str] = ()) -> Statement:
    """Read one statement, its `?` filled with execution parameters. Raises InvalidRequestException for what Athena cannot parse."""
    sql = _bare(text)
    for kind, pattern in _PLAIN_PATTERNS.items():
        if match := pattern.match(sql):
            names = {group: text for group, text in match.groupdict().items() if text}
            return Statement(kind, sql, database=names.get("db"), name=names.get("name", "").lower(), words=names)
    try:
        return _StatementGrammar(_fill_parameters(text, parameters)).statement()
    except RecursionError:
        raise ServiceError("InvalidRequestException", "line 1:1: statement is too large (stack overflow while parsing)") from None


class _StatementGrammar(QueryGrammar):
    """Reads the statements that hold a query."""

    def statement(self) -> Statement:
        """Read a statement. Raises ServiceError for every other."""
        if self.word.key in ("SELECT", "WITH", "VALUES", "TABLE", "("):
            statement = Statement("SELECT", self.sql, self.query())
        elif self.take("INSERT", "INTO"):
            statement = self._insert()
        elif self.comes("UNLOAD", "("):
            statement = self._unload()
        elif self.take("EXPLAIN"):
            statement = self._explain()
        elif self.take("CREATE"):
            statement = self._create()
        else:
            self._refuse()
        self.end()
        return statement

    def _refuse(self) -> NoReturn:
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
        """Read EXPLAIN, whose plan is that of DuckDB, or EXPLAIN (TYPE VALIDATE)."""
        start = self.word.start
        words = {} if self.take("(", "TYPE", "VALIDATE", ")") else {"plan": "text"}
        self.take("(", "FORMAT", "TEXT", ")")
        if self.comes("(") or self.comes("ANALYZE"):
            advice = "Use EXPLAIN for the plan of this disk, or EXPLAIN (TYPE VALIDATE) to check a query"
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: line 1:1: this EXPLAIN is not on this disk. {advice}.")
        inner = _StatementGrammar(self.sql)
        inner.position = self.position
        statement = inner.statement()
        self.position = inner.position
        if statement.kind != "SELECT":
            raise refusal(self.sql, start, f"NOT_SUPPORTED: EXPLAIN of {statement.kind} is not on this disk")
        return Statement("EXPLAIN", self.sql, statement.query, words=words)

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
        if self.comes("("):
            self.absent("CREATE TABLE of an Iceberg table (make it with pyiceberg)")
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
        options: Options = {}
        self.expect("(")
        while True:
            name = self.name().lower()
            self.expect("=")
            options[name] = self._option()
            if not self.take(","):
                break
        self.expect(")")
        return options

    def _option(self) -> str | list[str]:
        if not self.take("ARRAY", "["):
            return self.text() if self.word.sort == "text" else self.advance().text
        texts = [] if self.comes("]") else [self.text()]
        while self.take(","):
            texts.append(self.text())
        self.expect("]")
        return texts


def _bare(sql: str) -> str:
    """Return a statement without leading comments and without its closing semicolon."""
    return sql[_LEADING_COMMENTS.match(sql).end() :].rstrip().removesuffix(";").rstrip()  # type: ignore[union-attr]


def _fill_parameters(sql: str, parameters: Sequence[str]) -> str:
    """Put execution parameters in the place of the `?` of a statement, in order."""
    marks = [word for word in words(sql) if word.key == "?"] if "?" in sql else []
    if marks and words(sql)[0].key == "PREPARE":
        return sql  # refused below, and not for its parameters
    if len(marks) != len(parameters):
        what = f"Incorrect number of parameters: expected {len(marks)} but found {len(parameters)}"
        raise ServiceError("InvalidRequestException", what)
    for mark, value in reversed(list(zip(marks, parameters, strict=True))):
        sql = sql[: mark.start] + value + sql[mark.end :]
    return sql
