"""One query on its way into DuckDB's SQL: what was said so far, and which part of the language translates what."""

from __future__ import annotations

import itertools
from typing import Protocol

from infra.local.athena.trino.kinds import BOOLEAN, UNKNOWN, Kind
from infra.local.athena.trino.lexer import place
from infra.local.athena.trino.query_grammar import QueryGrammar
from infra.local.athena.trino.query_sql import query_sql
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.relation_sql import relation_sql
from infra.local.athena.trino.scopes import Column, Outputs, Scope, TableUse
from infra.local.athena.trino.syntax import AnyQuery, Node
from infra.local.athena.trino.value_sql import VALUES
from infra.local.athena.trino.values import Refusal, Value, coerce, mismatch
from infra.local.errors import ServiceError

_DEEPEST_VIEW = 20


class Tables(Protocol):
    """The catalog, as queries need it."""

    def columns(self, database: str | None, name: str, at: int) -> tuple[str, dict[str, Kind], list[str]]:
        """Return a table's database, its columns by name, and which of them are partition keys. Raises Refusal if there is none."""

    def view(self, database: str | None, name: str, at: int) -> tuple[str, str, list[str]] | None:
        """Return a view's SQL, the database of its names, and its columns; None for a table. Raises Refusal if there is neither."""

    def of(self, database: str) -> Tables:
        """Return the catalog, plain names looked up in another database."""


class Translator:
    """Translates one query; the parts of the language ask it for what stands inside of them."""

    def __init__(self, tables: Tables, outer: Translator | None = None) -> None:
        self.tables = tables
        self.common_tables: dict[str, tuple[str, Outputs]] = {}
        """Names of WITH in reach -> DuckDB's name, and the columns."""
        self.uses: list[TableUse] = outer.uses if outer is not None else []
        self.keys: dict[int, list[str]] = {}
        """Partition keys of each mention of a table."""
        self.meanings: dict[int, Value] = {}
        """What each node that was translated became."""
        self._kept: list[Node] = []
        self._memory: dict[tuple[int, int], tuple[Scope, Value]] = {}
        self._numbers: itertools.count[int] = outer._numbers if outer is not None else itertools.count(1)
        self._depth: int = outer._depth + 1 if outer is not None else 0

    def translate(self, query: Query, sql: str) -> tuple[str, Outputs]:
        """Translate a whole query. Raises ServiceError, in Athena's words, with the place in its text."""
        try:
            return self.query(query, None)
        except Refusal as refused:
            raise ServiceError("InvalidRequestException", f"{refused.code}: {place(sql, refused.at)}{refused.what}") from None

    def value(self, node: Node, scope: Scope) -> Value:
        """Return a value in DuckDB's SQL. Raises Refusal."""
        key = (id(node), id(scope))
        if key not in self._memory:  # the scope is kept with the answer, so that no other comes to have its id
            self._memory[key] = (scope, VALUES[type(node)](self, node, scope))
        self.meanings[id(node)] = self._memory[key][1]
        return self.meanings[id(node)]

    def condition(self, node: Node, scope: Scope, where: str) -> Value:
        """Return a value that must be true or false. Raises Refusal for any other type."""
        value = self.value(node, scope)
        if value.kind not in (BOOLEAN, UNKNOWN):
            mismatch(node.at, f"{where} must evaluate to a boolean: actual type {value.kind}")
        return coerce(value, BOOLEAN)

    def remember(self, node: Node, value: Value) -> None:
        """Take note of what a node means that no statement wrote."""
        self._kept.append(node)
        self.meanings[id(node)] = value

    def query(self, query: AnyQuery, outer: Scope | None) -> tuple[str, Outputs]:
        """Return a query, whose columns DuckDB knows as c1, c2, ...; it may name columns of the scope around it. Raises Refusal."""
        assert isinstance(query, Query)
        return query_sql(self, query, outer)

    def relation(self, node: Node, outer: Scope | None) -> tuple[str, list[Column]]:
        """Return what stands in FROM, and its columns. Raises Refusal."""
        return relation_sql(self, node, outer)

    def view(self, sql: str, database: str) -> tuple[str, Outputs]:
        """Return a view's own query, whose names are looked up where the view was made."""
        if self._depth >= _DEEPEST_VIEW:
            raise ServiceError("InvalidRequestException", "VIEW_IS_RECURSIVE: A view reads itself")
        reader = QueryGrammar(sql)
        query = reader.query()
        reader.end()
        return Translator(self.tables.of(database), self).translate(query, sql)

    def fresh(self, letter: str) -> str:
        """Return a name that nothing else in this query has."""
        return f"{letter}{next(self._numbers)}"
