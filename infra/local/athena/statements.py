"""What a statement of Athena SQL asks for: its kind, its target, and the query inside it; and what goes with it while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.local.athena.trino.query_syntax import Query

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_UTILITY = frozenset({"DESCRIBE", "EXPLAIN"})

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
        return (
            "UTILITY"
            if self.kind in _UTILITY or self.kind.startswith("SHOW ")
            else "DML"
            if self.kind in ("SELECT", "UNLOAD", "INSERT")
            else "DDL"
        )

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
