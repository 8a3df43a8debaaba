"""Limits of a query as expressions of pyiceberg, which leaves out files by their partition and by the bounds of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from pyiceberg import expressions
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, Or

from infra.local.athena.trino.limits import AllOf, AnyOf, Limit, Limits

_COMPARISONS: dict[str, Any] = {
    "=": expressions.EqualTo,
    "<": expressions.LessThan,
    "<=": expressions.LessThanOrEqual,
    ">": expressions.GreaterThan,
    ">=": expressions.GreaterThanOrEqual,
    "IN": expressions.In,
}


def row_filter(limits: Iterable[Limits], names: Mapping[str, str]) -> BooleanExpression:
    """Return limits that hold together as one expression; `names`: lower case -> name in the table's schema, for the columns it has."""
    return _together([_expression(limit, names) for limit in limits])


def _expression(limits: Limits, names: Mapping[str, str]) -> BooleanExpression:
    if isinstance(limits, AllOf):
        return _together([_expression(part, names) for part in limits.parts])
    if isinstance(limits, AnyOf):
        return reduce(Or, [_expression(part, names) for part in limits.parts])
    return _comparison(limits, names)


def _comparison(limit: Limit, names: Mapping[str, str]) -> BooleanExpression:
    if limit.column not in names:
        return AlwaysTrue()
    value = set(limit.values) if limit.operator == "IN" else limit.values[0]
    expression: BooleanExpression = _COMPARISONS[limit.operator](names[limit.column], value)
    return expression


def _together(parts: list[BooleanExpression]) -> BooleanExpression:
    whole: BooleanExpression = AlwaysTrue()
    for part in parts:
        whole = And(whole, part)
    return whole
