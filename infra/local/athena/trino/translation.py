"""A statement's query translated as a whole: its SQL for DuckDB, its columns, and the tables it reads."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from infra.local.athena.trino.kinds import BOOLEAN, UNKNOWN, Kind
from infra.local.athena.trino.lexer import place
from infra.local.athena.trino.query_grammar import QueryGrammar
from infra.local.athena.trino.query_sql import query_sql
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.relation_sql import relation_sql
from infra.local.athena.trino.scopes import Column, Outputs, Scope, TableUse
from infra.local.athena.trino.syntax import AnyQuery, Node
from infra.local.athena.trino.translator import Tables
from infra.local.athena.trino.value_sql import VALUES
from infra.local.athena.trino.values import Refusal, Value, coerce, mismatch
from infra.local.errors import ServiceError

_DEEPEST_VIEW = 20


@dataclass(frozen=True)
class Translation:
    """A query as DuckDB runs it. Its columns there are c1, c2, ...; here they have the names and types that Athena shows."""

    sql: str
    columns: list[tuple[str, Kind]]
    uses: list[TableUse]


def translate(query: Query, sql: str, tables: Tables) -> Translation:
    """Translate a query. Raises ServiceError, in Athena's words, for what Athena would refuse and for what this disk cannot do."""
    translator = _QueryTranslator(tables)
    duckdb_sql, outputs = translator.translate(query, sql)
    columns = [(name or f"_col{position}", kind) for position, (name, kind) in enumerate(outputs)]
    return Translation(duckdb_sql, columns, translator.uses)


class _QueryTranslator:
    """Translates one query; `Translator` says what each of its methods does."""

    def __init__(self, tables: Tables, outer: _QueryTranslator | None = None) -> None:
        self.tables = tables
        self.common_tables: dict[str, tuple[str, Outputs]] = {}
        self.uses: list[TableUse] = outer.uses if outer is not None else []
        self.keys: dict[int, list[str]] = {}
        self.meanings: dict[int, Value] = {}
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
        key = (id(node), id(scope))
        if key not in self._memory:  # the scope is kept with the answer, so that no other comes to have its id
            self._memory[key] = (scope, VALUES[type(node)](self, node, scope))
        self.meanings[id(node)] = self._memory[key][1]
        return self.meanings[id(node)]

    def condition(self, node: Node, scope: Scope, where: str) -> Value:
        value = self.value(node, scope)
        if value.kind not in (BOOLEAN, UNKNOWN):
            mismatch(node.at, f"{where} must evaluate to a boolean: actual type {value.kind}")
        return coerce(value, BOOLEAN)

    def remember(self, node: Node, value: Value) -> None:
        self._kept.append(node)
        self.meanings[id(node)] = value

    def query(self, query: AnyQuery, outer: Scope | None) -> tuple[str, Outputs]:
        assert isinstance(query, Query)
        return query_sql(self, query, outer)

    def relation(self, node: Node, outer: Scope | None) -> tuple[str, list[Column]]:
        return relation_sql(self, node, outer)

    def view(self, sql: str, database: str) -> tuple[str, Outputs]:
        if self._depth >= _DEEPEST_VIEW:
            raise ServiceError("InvalidRequestException", "VIEW_IS_RECURSIVE: A view reads itself")
        reader = QueryGrammar(sql)
        query = reader.query()
        reader.end()
        return _QueryTranslator(self.tables.of(database), self).translate(query, sql)

    def fresh(self, letter: str) -> str:
        return f"{letter}{next(self._numbers)}"
