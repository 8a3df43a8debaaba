"""A statement's query translated as a whole: its words for DuckDB, its columns, and the tables it reads."""

from __future__ import annotations

from dataclasses import dataclass

from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.scopes import TableUse
from infra.local.athena.trino.translator import Tables, Translator


@dataclass(frozen=True)
class Translation:
    """A query as DuckDB runs it. Its columns there are c1, c2, ...; here they have the names and types that Athena shows."""

    sql: str
    columns: list[tuple[str, Kind]]
    uses: list[TableUse]


def translate(query: Query, sql: str, tables: Tables) -> Translation:
    """Translate a query. Raises ServiceError, in Athena's words, for what Athena would refuse and for what this disk cannot do."""
    translator = Translator(tables)
    sql, outputs = translator.translate(query, sql)
    columns = [(name or f"_col{position}", kind) for position, (name, kind) in enumerate(outputs)]
    return Translation(sql, columns, translator.uses)
