"""count(DISTINCT x) beside other aggregates, in two steps: grouped by x too, then summed up. DuckDB needs a quarter less time for that.

    SELECT k, count(DISTINCT x), count(*) FROM t GROUP BY k
    SELECT k, count(x), sum(n) FROM (SELECT k, x, count(*) AS n FROM t GROUP BY k, x) GROUP BY k

Only where both say the same for certain: groups are plain columns, and everything else is made of them and of aggregates whose parts add
up to the whole. Sums of floating numbers do not: they depend on the order.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.query_syntax import Item, Query, Select
from infra.local.athena.trino.syntax import Call, Literal, Name, Node

_THEN = {"count": "sum", "count_if": "sum", "min": "min", "max": "max"}
"""Aggregate of the first step -> what makes the whole of its parts in the second."""
_PLAIN = (Literal, syntax.Null, syntax.Sign, syntax.Arithmetic, syntax.Cast)
_DISTINCT = "$distinct"


def in_two_steps(query: Query) -> Query:
    """Return a query that says the same in two steps, or the query itself."""
    body = query.body
    if not isinstance(body, Select) or body.source is None or body.having is not None or body.distinct or body.windows:
        return query
    keys = [each for grouping in body.groups or () for values in grouping.sets for each in values]
    names = {key.name for key in keys if isinstance(key, Name)}
    if not keys or len(names) < len(keys) or any(grouping.sort for grouping in body.groups or ()):
        return query
    steps = _Steps(names)
    items = [steps.item(each) for each in body.items]
    known = tuple(item for item in items if item is not None)
    outputs = {_output_name(item) for item in known}
    ordered = all(_is_output(sort.value, outputs) for sort in query.order)
    if len(known) < len(items) or steps.counted is None or not steps.parts or not ordered:
        return query
    at = body.at
    parts = [Item(part, name, at=part.at) for name, part in steps.parts.items()]
    firsts = [*(Item(key, at=key.at) for key in keys), Item(steps.counted, _DISTINCT, at=at), *parts]
    groups = (*(body.groups or ()), query_syntax.Grouping("", ((steps.counted,),), at=at))
    inner = Query(dataclasses.replace(body, items=tuple(firsts), groups=groups), at=at)
    outer = Select(known, source=query_syntax.InnerQuery(inner, at=at), groups=body.groups, at=at)
    return dataclasses.replace(query, body=outer)


class _Steps:
    """Takes the items of a SELECT apart."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys
        self.counted: Name | None = None
        """What is counted without its copies."""
        self.parts: dict[str, Call] = {}
        """Name -> aggregate of the first step."""

    def item(self, item: Node) -> Item | None:
        """Return an item of the second step; None if it does not add up."""
        value = self._value(item.value) if isinstance(item, Item) else None
        return dataclasses.replace(item, value=value) if isinstance(item, Item) and value is not None else None

    def _value(self, node: Node) -> Node | None:
        if isinstance(node, Name):
            return node if node.name in self.keys else None
        if isinstance(node, Call):
            return self._call(node)
        if not isinstance(node, _PLAIN):
            return None
        changed: dict[str, Any] = {}
        for field in dataclasses.fields(node):
            inside = getattr(node, field.name)
            if isinstance(inside, Node):
                value = self._value(inside)
                if value is None:
                    return None
                changed[field.name] = value
        return dataclasses.replace(node, **changed)

    def _call(self, node: Call) -> Node | None:
        plain = not (node.order or node.where or node.over or node.ignore_nulls)
        if node.name == "round" and plain and not node.distinct:
            arguments = [self._value(each) for each in node.arguments]
            known = tuple(each for each in arguments if each is not None)
            return dataclasses.replace(node, arguments=known) if len(known) == len(arguments) else None
        if node.name not in _THEN or not plain or (node.name in ("min", "max") and len(node.arguments) != 1):
            return None
        if node.distinct:
            return self._distinct(node)
        if any(isinstance(part, Call | syntax.AnyQuery | syntax.InQuery | syntax.Exists | syntax.ScalarQuery) for part in _inside(node)):
            return None
        name = next((name for name, part in self.parts.items() if part == node), f"$part{len(self.parts)}")
        self.parts[name] = node
        return Call(_THEN[node.name], (Name(name, at=node.at),), at=node.at)

    def _distinct(self, node: Call) -> Node | None:
        column = node.arguments[0] if len(node.arguments) == 1 and node.name == "count" else None
        if not isinstance(column, Name) or column.name in self.keys or (self.counted or column) != column:
            return None
        self.counted = column
        return Call("count", (Name(_DISTINCT, at=node.at),), at=node.at)


def _output_name(item: Item) -> str:
    name = item.value.name if item.alias is None and isinstance(item.value, Name) else item.alias
    return (name or "").lower()


def _is_output(node: Node, outputs: set[str]) -> bool:
    """Say whether a key of ORDER BY names a column of the answer, by its name or its place."""
    return (isinstance(node, Name) and node.name in outputs) or (isinstance(node, Literal) and isinstance(node.value, int))


def _inside(node: Call) -> list[Node]:
    return [part for argument in node.arguments for part in syntax.walk(argument)]
