"""What a condition says of single columns in the plainest terms, for readers that leave out whole files by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.local.athena.trino import syntax
from infra.local.athena.trino.kinds import WHOLE, Kind, is_text
from infra.local.athena.trino.syntax import Node

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Limit:
    """`column operator value`; with several values the operator is IN."""

    column: str
    operator: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class AllOf:
    """Limits that hold together."""

    parts: tuple[Limits, ...]


@dataclass(frozen=True)
class AnyOf:
    """Limits of which one holds."""

    parts: tuple[Limits, ...]


Limits = Limit | AllOf | AnyOf


def limits_of(node: Node, named: Mapping[int, str], kinds: Mapping[str, Kind]) -> Limits | None:
    """Return limits that every row passes for which a condition is true; None if the condition says nothing that plain.

    `named`: id of a node that is a column -> its name. Only whole numbers
    and texts: a floating number is rounded on its way to a comparison.
    """
    if isinstance(node, syntax.Logic):
        parts = [limits_of(term, named, kinds) for term in node.terms]
        known = tuple(part for part in parts if part is not None)
        if node.operator == "AND":
            return AllOf(known) if known else None
        return AnyOf(known) if len(known) == len(parts) else None
    if isinstance(node, syntax.Comparison) and node.operator in _MIRRORED:
        return _limit(node.left, node.operator, (node.right,), named, kinds) or _limit(
            node.right, _MIRRORED[node.operator], (node.left,), named, kinds
        )
    if isinstance(node, syntax.Between):
        ends = (_limit(node.value, ">=", (node.low,), named, kinds), _limit(node.value, "<=", (node.high,), named, kinds))
        known = tuple(end for end in ends if end is not None)
        return AllOf(known) if known else None
    if isinstance(node, syntax.InList):
        return _limit(node.value, "IN", node.items, named, kinds)
    return None


def _limit(side: Node, operator: str, values: syntax.Nodes, named: Mapping[int, str], kinds: Mapping[str, Kind]) -> Limit | None:
    column = named.get(id(side))
    if column is None:
        return None
    written: list[str | int] = []
    for value in values:
        if not isinstance(value, syntax.Literal) or value.value is None:
            return None
        if not (kinds[column] in WHOLE and value.kind in WHOLE) and not (is_text(kinds[column]) and is_text(value.kind)):
            return None
        written.append(value.value)
    return Limit(column, operator, tuple(written))
