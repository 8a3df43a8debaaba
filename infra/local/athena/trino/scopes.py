"""What a name may mean at a place of a query: the columns of its tables, the names of lambdas, and of what lies around it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.limits import Limits
from infra.local.athena.trino.syntax import Window
from infra.local.athena.trino.values import Refusal, Value

Outputs = list[tuple[str, Kind]]
"""Names and types of the columns that a query yields; a name is empty where the query gives none."""


@dataclass(frozen=True)
class Column:
    """A column that a query may name."""

    table: str
    """Its table's name or alias; empty where it has none."""
    name: str
    """Its own name as it is written; empty where it has none."""
    kind: Kind
    sql: str
    hidden: bool = False
    """Not a part of `*`, as `$path`."""
    source: TableUse | None = field(default=None, compare=False)
    schema: str = ""


@dataclass(frozen=True)
class TableVersion:
    """What `FOR TIMESTAMP AS OF` and `FOR VERSION AS OF` ask for."""

    sort: str
    """TIMESTAMP or VERSION."""
    value: int
    """Milliseconds since 1970, or the id of a snapshot."""


@dataclass
class TableUse:
    """One mention of a table of the catalog: under which name DuckDB finds it, which columns are used, and what is asked of them."""

    database: str
    name: str
    alias: str
    name_here: str
    """Its name in DuckDB's SQL."""
    used: set[str] = field(default_factory=set)
    prunes: bool = True
    """Its rows come through no outer join that may leave them empty."""
    conditions: list[str] = field(default_factory=list)
    """DuckDB's SQL of conditions on partition keys alone."""
    limits: list[Limits] = field(default_factory=list)
    """What conditions say of single columns: rows outside of them are not asked for."""
    version: TableVersion | None = None


@dataclass
class Scope:
    """The columns in reach, and what is allowed at this place."""

    columns: list[Column] = field(default_factory=list)
    outer: Scope | None = None
    lambdas: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, Value] = field(default_factory=dict)
    """Outputs of SELECT, which ORDER BY may name."""
    clause: str = "FROM clause"
    aggregates: bool = False
    """Aggregates and window functions may stand here."""
    around: str = ""
    """The aggregate in whose parentheses this place is."""
    windows: dict[str, Window] = field(default_factory=dict)
    digests: dict[str, list[str]] = field(default_factory=dict)
    """Percentiles asked of one value: DuckDB's SQL for the value -> the levels."""

    def inside(self, lambdas: dict[str, Value]) -> Scope:
        """Return the scope of a lambda's body."""
        return replace(self, lambdas={**self.lambdas, **lambdas}, aggregates=False, clause="lambda expression")


@dataclass
class Body:
    """A body of a query, before its order: DuckDB's SQL, its columns, and what ORDER BY may say of them."""

    sql: str
    outputs: Outputs
    order_scope: Scope | None = None
    """None where ORDER BY may name nothing but outputs."""
    grouped_by: set[str] | None = None
    """DuckDB's SQL for the values that rows are grouped by; None where they are not grouped."""
    distinct: bool = False


def use_column(column: Column, at: int) -> Value:
    """Return a column as a value, and note that it is read. Raises Refusal for a type whose values this disk cannot treat as Trino does."""
    if column.source is not None:
        column.source.used.add(column.name)
    if not _is_readable(column.kind):
        raise Refusal("NOT_SUPPORTED", at, f"the column {column.name} of type {column.kind} is not on this disk")
    return Value(column.sql, column.kind, at)


def _is_readable(kind: Kind) -> bool:
    """Say whether values of a type are treated here as Trino treats them; moments are, to the millisecond."""
    finer = kind.name.startswith("timestamp") and kind.numbers[:1] > (3,)
    return kind.name not in ("char", "time", "uuid") and not finer and all(map(_is_readable, kind.inside))


def find_column(scope: Scope, names: list[str], at: int) -> tuple[Column, list[str]] | None:
    """Return the column that a dotted name means here or further out, and the fields of a row that follow it. None if there is none."""
    here = _in_reach(scope.columns, names, at)
    if here is not None:
        return here
    return find_column(scope.outer, names, at) if scope.outer is not None else None


def _in_reach(columns: list[Column], names: list[str], at: int) -> tuple[Column, list[str]] | None:
    candidates = [
        ([column for column in columns if (column.schema, column.table, column.name.lower()) == tuple(names[:3])], names[3:]),
        ([column for column in columns if (column.table, column.name.lower()) == tuple(names[:2])], names[2:]),
        ([column for column in columns if column.name.lower() == names[0]], names[1:]),
    ]
    for matches, fields in candidates:
        if len(matches) > 1:
            raise Refusal("AMBIGUOUS_NAME", at, f"Column '{'.'.join(names[: len(names) - len(fields)])}' is ambiguous")
        if matches:
            return matches[0], fields
    return None
