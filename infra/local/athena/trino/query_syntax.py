"""The tree of a query, as Trino's grammar draws it."""

from __future__ import annotations

from dataclasses import dataclass

from infra.local.athena.trino.syntax import AnyQuery, Node, Nodes, Sort, Window


@dataclass(frozen=True)
class Version(Node):
    """`FOR TIMESTAMP AS OF pointer` or `FOR VERSION AS OF pointer`; `sort` is TIMESTAMP or VERSION."""

    sort: str
    pointer: Node


@dataclass(frozen=True)
class TableName(Node):
    """A table or view: its names from the outermost in, lower case, and which version of it."""

    parts: tuple[str, ...]
    version: Version | None = None


@dataclass(frozen=True)
class Sample(Node):
    """`relation TABLESAMPLE BERNOULLI (percentage)`."""

    relation: Node
    percentage: Node


@dataclass(frozen=True)
class InnerQuery(Node):
    """A query in FROM."""

    query: Query
    lateral: bool = False


@dataclass(frozen=True)
class Unnest(Node):
    """UNNEST of arrays and maps."""

    values: Nodes
    ordinality: bool = False


@dataclass(frozen=True)
class Alias(Node):
    """A relation under a name of its own."""

    relation: Node
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Join(Node):
    """Two relations; `sort` is CROSS, INNER, LEFT, RIGHT or FULL."""

    sort: str
    left: Node
    right: Node
    on: Node | None = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item(Node):
    """A value in SELECT, and its name."""

    value: Node
    alias: str | None = None


@dataclass(frozen=True)
class AllColumns(Node):
    """`*` or `table.*`."""

    table: str | None = None


@dataclass(frozen=True)
class Grouping(Node):
    """An element of GROUP BY: `sort` is empty for plain values, else ROLLUP, CUBE or GROUPING SETS."""

    sort: str
    sets: tuple[Nodes, ...]


@dataclass(frozen=True)
class Select(Node):
    """SELECT ... FROM ... WHERE ... GROUP BY ... HAVING; `source` is None without FROM."""

    items: Nodes
    distinct: bool = False
    source: Node | None = None
    where: Node | None = None
    groups: tuple[Grouping, ...] | None = None
    having: Node | None = None
    windows: tuple[tuple[str, Window], ...] = ()


@dataclass(frozen=True)
class SetOperation(Node):
    """UNION, INTERSECT or EXCEPT, of rows or (not `distinct`) of rows with their copies."""

    operator: str
    distinct: bool
    left: Node
    right: Node


@dataclass(frozen=True)
class ValueRows(Node):
    """VALUES."""

    rows: Nodes


@dataclass(frozen=True)
class CommonTable(Node):
    """`name (columns) AS (query)` of WITH."""

    name: str
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class Query(AnyQuery):
    """A whole query: its WITH, its body, its order, and how many of its rows."""

    body: Node
    tables: tuple[CommonTable, ...] = ()
    order: tuple[Sort, ...] = ()
    offset: int | None = None
    limit: int | None = None
    ties: bool = False
