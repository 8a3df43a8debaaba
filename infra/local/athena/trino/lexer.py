"""The words of a statement: names, numbers, texts and marks, each with its place; what is no word of Trino is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.local.errors import ServiceError

_WORD = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?\*/)
  | (?P<bytes>[xX]'[^']*')
  | (?P<unicode>[uU]&'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")+")
  | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)(?![A-Za-z_0-9])
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<mark><>|!=|<=|>=|\|\||->|=>|[<>=+\-*/%()\[\],.?;])
    """,
    re.VERBOSE | re.DOTALL,
)
RESERVED = frozenset(
    [
        "ALTER",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CAST",
        "CONSTRAINT",
        "CREATE",
        "CROSS",
        "CUBE",
        "CURRENT_CATALOG",
        "CURRENT_DATE",
        "CURRENT_PATH",
        "CURRENT_ROLE",
        "CURRENT_SCHEMA",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "CURRENT_USER",
        "DEALLOCATE",
        "DELETE",
        "DESCRIBE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "END",
        "ESCAPE",
        "EXCEPT",
        "EXECUTE",
        "EXISTS",
        "EXTRACT",
        "FALSE",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "GROUPING",
        "HAVING",
        "IN",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTO",
        "IS",
        "JOIN",
        "JSON_ARRAY",
        "JSON_EXISTS",
        "JSON_OBJECT",
        "JSON_QUERY",
        "JSON_TABLE",
        "JSON_VALUE",
        "LEFT",
        "LIKE",
        "LISTAGG",
        "LOCALTIME",
        "LOCALTIMESTAMP",
        "NATURAL",
        "NORMALIZE",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PREPARE",
        "RECURSIVE",
        "RIGHT",
        "ROLLUP",
        "SELECT",
        "SKIP",
        "TABLE",
        "THEN",
        "TRIM",
        "TRUE",
        "UESCAPE",
        "UNION",
        "UNNEST",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
    ]
)
"""Words that no column, table or alias may have for a name unless it is quoted."""


@dataclass(frozen=True)
class Word:
    """One word: its sort (name, quoted, text, bytes, number, mark or end), what it says, and where it begins and ends."""

    sort: str
    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """Return a name or a mark in capitals, and nothing for every other sort."""
        return self.text.upper() if self.sort in ("name", "mark") else ""


def words(sql: str) -> list[Word]:
    """Split a statement into words, the last one an end. Raises ServiceError where Athena reads no word."""
    result, position = [], 0
    while position < len(sql):
        match = _WORD.match(sql, position)
        if match is None:
            raise refusal(sql, position, _complaint(sql, position))
        sort = str(match.lastgroup)
        if sort != "space":
            result.append(Word(sort if sort != "unicode" else "text", _cast_sql(sql, sort, match), match.start(), match.end()))
        position = match.end()
    return [*result, Word("end", "<EOF>", len(sql), len(sql))]


def place(sql: str, position: int) -> str:
    """Return `line L:C: ` of a position in a statement."""
    before = sql[:position]
    return f"line {before.count(chr(10)) + 1}:{position - before.rfind(chr(10))}: "


def refusal(sql: str, position: int, what: str) -> ServiceError:
    """Return the error of a statement that Athena cannot parse, which refuses it at the start."""
    return ServiceError("InvalidRequestException", place(sql, position) + what)


def _cast_sql(sql: str, sort: str, match: re.Match[str]) -> str:
    text = match.group()
    if sort == "text":
        return text[1:-1].replace("''", "'")
    if sort == "quoted":
        return text[1:-1].replace('""', '"')
    if sort == "bytes":
        digits = re.sub(r"\s", "", text[2:-1])
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", digits):
            raise refusal(sql, match.start(), "Expected pairs of hexadecimal digits in a binary literal")
        return digits
    if sort == "unicode":
        return _unescape(sql, text[3:-1].replace("''", "'"), match.start())
    return text


def _unescape(sql: str, text: str, position: int) -> str:
    r"""Replace `\XXXX` and `\+XXXXXX` by the characters they name."""
    plain = re.sub(
        r"\\(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))", lambda result: chr(int(result[1] or result[2], 16)), text.replace("\\\\", "\0")
    )
    if "\\" in plain:
        raise refusal(sql, position, "Invalid escape sequence in a Unicode literal")
    return plain.replace("\0", "\\")


def _complaint(sql: str, position: int) -> str:
    first = sql[position]
    if first == "`":
        return "backquoted identifiers are not supported; use double quotes to quote identifiers"
    if first.isdigit():
        return "identifiers must not start with a digit; surround the identifier with double quotes"
    return f"mismatched input '{first}'. Expecting: a name, a number, a text or an operator of SQL"
