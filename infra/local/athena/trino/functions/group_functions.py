"""Aggregates whose words depend on more than their types: percentiles that share a digest, the n largest, GROUPING."""

from __future__ import annotations

import json

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import BIGINT, DOUBLE, INTEGER, REAL, Kind, array, common
from infra.local.athena.trino.operators import require_orderable
from infra.local.athena.trino.syntax import ArrayOf, Literal
from infra.local.athena.trino.values import Refusal, Value, absent, coerce

_PERCENTILES = "approx_percentile(bigint, double), approx_percentile(double, double), and either with array(double)"


def _approx_percentile(site: CallSite) -> Value:
    """One percentile, or several.

    Levels that are written out are gathered by value, for `share_digests` to ask for all at once: the digest is what takes long.
    """
    if site.count > 2:
        absent(site.at, "approx_percentile with weights or an accuracy")
    site.need(2, 2, _PERCENTILES)
    value = site.argument(0)
    kind = REAL if value.kind == REAL else BIGINT if common(value.kind, BIGINT) == BIGINT else DOUBLE
    if common(value.kind, kind) != kind:
        site.refuse(_PERCENTILES)
    sql = coerce(value, kind).sql
    behind = site.marks["w"]
    levels_node = site.node.arguments[1]
    if isinstance(levels_node, ArrayOf):
        levels = ", ".join(_level(site.translator.value(each, site.scope)) for each in levels_node.items)
        return Value(f"approx_quantile({sql}, [{levels}]) {behind}".rstrip(), array(kind), site.at)
    level = site.argument(1)
    if common(level.kind, DOUBLE) != DOUBLE:
        site.refuse(_PERCENTILES)
    level_sql = _level(level)
    if behind or not isinstance(levels_node, Literal):
        return Value(f"approx_quantile({sql}, {level_sql}) {behind}".rstrip(), kind, site.at)
    digest = site.scope.digests.setdefault(sql, [])
    if level_sql not in digest:
        digest.append(level_sql)
    return Value(f"\0{json.dumps([sql, level_sql])}\0", kind, site.at)


def _level(value: Value) -> str:
    return f"CAST({value.sql} AS FLOAT)"


def share_digests(sql: str, digests: dict[str, list[str]]) -> str:
    """Put DuckDB's SQL for percentiles in the place of what `approx_percentile` left, one digest for each value."""
    parts = sql.split("\0")
    for place in range(1, len(parts), 2):
        value, level = json.loads(parts[place])
        levels = digests[value]
        if len(levels) == 1:
            parts[place] = f"approx_quantile({value}, {level})"
        else:
            parts[place] = f"list_extract(approx_quantile({value}, [{', '.join(levels)}]), {levels.index(level) + 1})"
    return "".join(parts)


def _several(site: CallSite) -> Value | None:
    """MAX and MIN of so many values; those of one go by their signatures."""
    if site.count != 2:
        return None
    value, number = site.arguments()
    require_orderable(value.kind, site.at, site.node.name)
    if common(number.kind, BIGINT) != BIGINT:
        site.refuse(f"{site.node.name}(T, bigint)")
    if value.kind in (DOUBLE, REAL):
        absent(site.at, f"{site.node.name}({value.kind}, n)")
    return Value(f"{site.node.name}({value.sql}, {coerce(number, BIGINT).sql}) {site.marks['w']}".rstrip(), array(value.kind), site.at)


def _by(site: CallSite) -> Value | None:
    if site.count == 3:
        absent(site.at, f"{site.node.name} with three arguments")
    return None


def _grouping(site: CallSite) -> Value:
    """Return a number whose bits are the columns that a grouping set leaves out."""
    values = site.arguments()
    if not values:
        raise Refusal("INVALID_ARGUMENTS", site.at, "Expected columns of GROUP BY in grouping()")
    kind: Kind = INTEGER if len(values) <= 31 else BIGINT
    return Value(f"CAST(grouping({', '.join(value.sql for value in values)}) AS {kind.name.upper()})", kind, site.at)


GROUP_FUNCTIONS: dict[str, Special] = {
    "approx_percentile": _approx_percentile,
    "max": _several,
    "min": _several,
    "max_by": _by,
    "min_by": _by,
    "grouping": _grouping,
}
SPECIAL_AGGREGATES = frozenset({*GROUP_FUNCTIONS, "sum", "avg"})
