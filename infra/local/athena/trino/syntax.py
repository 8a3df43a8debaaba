"""The tree of a value, as Trino's grammar draws it. Two nodes are equal when they say the same, wherever they stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.local.athena.trino.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of a statement, and where it begins there."""

    at: int = field(compare=False)


Nodes = tuple[Node, ...]


@dataclass(frozen=True)
class AnyQuery(Node):
    """A query; whoever walks over a value stays out of it."""


@dataclass(frozen=True)
class Null(Node):
    """NULL."""


@dataclass(frozen=True)
class Literal(Node):
    """A value written out, as DuckDB reads it, and the text or the number that it is."""

    sql: str
    kind: Kind
    value: str | int | None = None


@dataclass(frozen=True)
class Interval(Node):
    """INTERVAL '3' DAY."""

    amount: int
    unit: str


@dataclass(frozen=True)
class Name(Node):
    """A column, or the first part of a dotted name; lower case."""

    name: str


@dataclass(frozen=True)
class Dotted(Node):
    """`base.name`: a column of a table, or a field of a row."""

    base: Node
    name: str


@dataclass(frozen=True)
class Sort(Node):
    """One key of an order."""

    value: Node
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True)
class Bound(Node):
    """One end of a frame: UNBOUNDED PRECEDING, CURRENT ROW, or an amount PRECEDING or FOLLOWING."""

    words: str
    amount: Node | None = None


@dataclass(frozen=True)
class Window(Node):
    """What stands behind OVER."""

    name: str | None = None
    partition: Nodes = ()
    order: tuple[Sort, ...] = ()
    unit: str = ""
    start: Bound | None = None
    stop: Bound | None = None


@dataclass(frozen=True)
class Call(Node):
    """A function with its arguments; `star` is that of `count(*)`."""

    name: str
    arguments: Nodes = ()
    star: bool = False
    distinct: bool = False
    order: tuple[Sort, ...] = ()
    where: Node | None = None
    over: Window | None = None
    ignore_nulls: bool = False


@dataclass(frozen=True)
class Lambda(Node):
    """`(x, y) -> body`."""

    names: tuple[str, ...]
    body: Node


@dataclass(frozen=True)
class Cast(Node):
    """CAST, or TRY_CAST where `safe`."""

    value: Node
    kind: Kind
    safe: bool = False


@dataclass(frozen=True)
class Case(Node):
    """CASE; without an operand each condition is a boolean."""

    operand: Node | None
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@dataclass(frozen=True)
class Sign(Node):
    """`-x` or `+x`."""

    sign: str
    value: Node


@dataclass(frozen=True)
class Arithmetic(Node):
    """`+ - * / %` and `||`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Comparison(Node):
    """`= <> < <= > >=`, and IS DISTINCT FROM and its opposite."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Logic(Node):
    """AND or OR over two or more conditions."""

    operator: str
    terms: Nodes


@dataclass(frozen=True)
class Not(Node):
    """NOT."""

    value: Node


@dataclass(frozen=True)
class Between(Node):
    """`value BETWEEN low AND high`."""

    value: Node
    low: Node
    high: Node


@dataclass(frozen=True)
class InList(Node):
    """`value IN (a, b)`."""

    value: Node
    items: Nodes


@dataclass(frozen=True)
class InQuery(Node):
    """`value IN (SELECT ...)`."""

    value: Node
    query: AnyQuery


@dataclass(frozen=True)
class QuantifiedComparison(Node):
    """`value = ANY (SELECT ...)`."""

    operator: str
    quantifier: str
    value: Node
    query: AnyQuery


@dataclass(frozen=True)
class Like(Node):
    """`value LIKE pattern ESCAPE escape`."""

    value: Node
    pattern: Node
    escape: Node | None


@dataclass(frozen=True)
class IsNull(Node):
    """`value IS NULL`."""

    value: Node


@dataclass(frozen=True)
class Exists(Node):
    """`EXISTS (SELECT ...)`."""

    query: AnyQuery


@dataclass(frozen=True)
class ScalarQuery(Node):
    """A query in place of a value."""

    query: AnyQuery


@dataclass(frozen=True)
class ArrayOf(Node):
    """`ARRAY[a, b]`."""

    items: Nodes


@dataclass(frozen=True)
class RowOf(Node):
    """`ROW(a, b)` or `(a, b)`."""

    items: Nodes


@dataclass(frozen=True)
class Subscript(Node):
    """`base[index]`."""

    base: Node
    index: Node


@dataclass(frozen=True)
class AtTimeZone(Node):
    """`value AT TIME ZONE 'UTC'`."""

    value: Node
    zone: str


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below one, those inside of queries of its own left out."""
    for each in dataclasses.fields(node):
        yield from _nodes(getattr(node, each.name))


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, those inside of queries of its own left out."""
    yield node
    for child in children(node):
        yield from walk(child)


def _nodes(value: object) -> Iterator[Node]:
    if isinstance(value, Node) and not isinstance(value, AnyQuery):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _nodes(each)
