"""What the parts of a translation ask of the whole: the catalog, the values inside of theirs, and names that are free."""

from __future__ import annotations

from typing import Protocol

from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.scopes import Column, Outputs, Scope, TableUse, TableVersion
from infra.local.athena.trino.syntax import AnyQuery, Node
from infra.local.athena.trino.values import Value


class Tables(Protocol):
    """The catalog, as queries need it."""

    def columns(
        self, database: str | None, name: str, at: int, version: TableVersion | None = None
    ) -> tuple[str, dict[str, Kind], list[str]]:
        """Return a table's database, its columns by name, and which of them are partition keys. Raises Refusal if there is none."""

    def constant(self, sql: str) -> object:
        """Return the value that DuckDB gives to an expression without columns. Raises DuckDB's errors."""

    def view(self, database: str | None, name: str, at: int) -> tuple[str, str, list[str]] | None:
        """Return a view's SQL, the database of its names, and its columns; None for a table. Raises Refusal if there is neither."""

    def of(self, database: str) -> Tables:
        """Return the catalog, plain names looked up in another database."""


class Translator(Protocol):
    """One query on its way into DuckDB's SQL."""

    tables: Tables
    common_tables: dict[str, tuple[str, Outputs]]
    """Names of WITH in reach -> DuckDB's name, and the columns."""
    uses: list[TableUse]
    """The tables of the catalog that the query reads."""
    keys: dict[int, list[str]]
    """Partition keys of each of them, by its id."""
    meanings: dict[int, Value]
    """What each node that was translated became, by its id."""

    def value(self, node: Node, scope: Scope) -> Value:
        """Return a value in DuckDB's SQL. Raises Refusal."""

    def condition(self, node: Node, scope: Scope, where: str) -> Value:
        """Return a value that must be true or false. Raises Refusal for any other type."""

    def remember(self, node: Node, value: Value) -> None:
        """Take note of what a node means that no statement wrote."""

    def query(self, query: AnyQuery, outer: Scope | None) -> tuple[str, Outputs]:
        """Return a query, whose columns DuckDB knows as c1, c2, ...; it may name columns of the scope around it. Raises Refusal."""

    def relation(self, node: Node, outer: Scope | None) -> tuple[str, list[Column]]:
        """Return what stands in FROM, and its columns. Raises Refusal."""

    def view(self, sql: str, database: str) -> tuple[str, Outputs]:
        """Return a view's own query, whose names are looked up where the view was made. Raises ServiceError."""

    def fresh(self, letter: str) -> str:
        """Return a name that nothing else in this query has."""
