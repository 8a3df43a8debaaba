"""What GROUP BY asks of the values beside it: each column stands in an aggregate, or in a value that rows are grouped by."""

from __future__ import annotations

from infra.local.athena.trino import syntax
from infra.local.athena.trino.functions.catalog_of_functions import functions
from infra.local.athena.trino.functions.group_functions import SPECIAL_AGGREGATES
from infra.local.athena.trino.scopes import Scope
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal


def is_aggregate(node: syntax.Call) -> bool:
    """Say whether a call makes one value of many rows."""
    return node.name in SPECIAL_AGGREGATES or any(form.aggregate for form in functions().get(node.name, ()))


def holds_aggregate(node: Node) -> bool:
    """Say whether a value holds an aggregate outside of a window."""
    calls = (each for each in syntax.walk(node) if isinstance(each, syntax.Call) and each.over is None)
    return any(map(is_aggregate, calls))


def check_grouped(translator: Translator, nodes: list[Node], groups: set[str], scope: Scope) -> None:
    """Refuse values with a column that is neither grouped by nor inside of an aggregate; `groups` are DuckDB's SQL for what is."""
    for node in nodes:
        if (loose := _loose(translator, node, groups, scope)) is not None:
            what = f"'{loose}' must be an aggregate expression or appear in GROUP BY clause"
            raise Refusal("EXPRESSION_NOT_AGGREGATE", node.at, what)


def _loose(translator: Translator, node: Node, groups: set[str], scope: Scope) -> str | None:
    """Return the name of a column that stands outside of every aggregate and of every value of GROUP BY."""
    meaning = translator.meanings.get(id(node))
    if meaning is not None and meaning.sql in groups:
        return None
    if isinstance(node, syntax.Name | syntax.Dotted):
        inside = meaning is not None and any(column.sql in meaning.sql for column in scope.columns)
        return _column_text(node) if inside else None
    if isinstance(node, syntax.Call) and node.over is None and is_aggregate(node):
        return None
    for child in syntax.children(node):
        if (loose := _loose(translator, child, groups, scope)) is not None:
            return loose
    return None


def _column_text(node: Node) -> str:
    """Return a column's name as a query writes it."""
    if isinstance(node, syntax.Dotted):
        return f"{_column_text(node.base)}.{node.name}"
    return node.name if isinstance(node, syntax.Name) else ""
