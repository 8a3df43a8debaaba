"""Calls of functions: the form that fits the types of the arguments, and DuckDB's SQL for it. A function in no list is refused."""

from __future__ import annotations

import dataclasses
import re

from infra.local.athena.trino import syntax
from infra.local.athena.trino.functions.call_site import CallSite
from infra.local.athena.trino.functions.catalog_of_functions import ABSENT, ABSENT_FORMS, Function, functions
from infra.local.athena.trino.functions.group_functions import SPECIAL_AGGREGATES
from infra.local.athena.trino.functions.special_functions import SPECIAL
from infra.local.athena.trino.kinds import Kind, duckdb_type
from infra.local.athena.trino.operators import require_orderable
from infra.local.athena.trino.scopes import Scope
from infra.local.athena.trino.signatures import Match, match, pattern_at, settle, substitute
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value, absent, coerce, mismatch

_LAMBDA = Kind("function")
_MARK = re.compile(r"\{(\d+|\*|d|o|n|w|result|\d+_type)\}")


def call(translator: Translator, node: syntax.Call, scope: Scope) -> Value:
    """Return a call. Raises Refusal if Trino has no such function, not for these types, or if this disk cannot do it."""
    forms = functions().get(node.name, ())
    aggregate = node.name in SPECIAL_AGGREGATES or any(form.aggregate for form in forms)
    window = any(form.window for form in forms)
    if node.name not in SPECIAL and not forms:
        if node.name in ABSENT:
            absent(node.at, f"the function {node.name}")
        raise Refusal("FUNCTION_NOT_FOUND", node.at, f"Function '{node.name}' not registered")
    _check_use(node, scope, aggregate, window)
    inner = dataclasses.replace(scope, around=node.name) if aggregate and node.over is None else scope
    marks = _marks(translator, node, inner)
    if node.name in SPECIAL and not node.star:
        result = SPECIAL[node.name](CallSite(translator, node, inner, marks))
        if result is not None:
            return result
    fit, form = best_form(translator, node, inner, forms)
    arguments = _arguments(translator, node, inner, fit)
    return Value(_fill(form.template, arguments, marks, fit), fit.result, node.at)


def best_form(translator: Translator, node: syntax.Call, scope: Scope, forms: tuple[Function, ...]) -> tuple[Match, Function]:
    """Return the form that changes the fewest types. Raises Refusal, with all forms, if none fits."""
    kinds = [_LAMBDA if isinstance(each, syntax.Lambda) else translator.value(each, scope).kind for each in node.arguments]
    if node.star:
        kinds = []
        forms = tuple(form for form in forms if form.signature.name == "count" and not form.signature.arguments)
    fits = [(fit, form) for form in forms if (fit := match(form.signature, kinds)) is not None]
    if not fits and len(kinds) in ABSENT_FORMS.get(node.name, ()):
        absent(node.at, f"the function {node.name} with {len(kinds)} arguments")
    if not fits:
        expected = ", ".join(str(form.signature) for form in forms)
        raise Refusal(
            "FUNCTION_NOT_FOUND",
            node.at,
            f"Unexpected parameters ({', '.join(map(str, kinds))}) for function {node.name}. Expected: {expected}",
        )
    return min(fits, key=lambda pair: pair[0].changes)


def _check_use(node: syntax.Call, scope: Scope, aggregate: bool, window: bool) -> None:
    if (aggregate or window) and not scope.aggregates:
        what = f"{scope.clause} cannot contain aggregations, window functions or grouping operations: [{node.name}]"
        raise Refusal("EXPRESSION_NOT_SCALAR", node.at, what)
    if (aggregate or window) and scope.around:
        what = f"Cannot nest aggregations and window functions inside aggregation '{scope.around}': [{node.name}]"
        raise Refusal("NESTED_AGGREGATION", node.at, what)
    if window and node.over is None:
        raise Refusal("MISSING_OVER", node.at, f"Window function {node.name} requires an OVER clause")
    if not aggregate and not window and (node.distinct or node.order or node.where is not None or node.over is not None):
        raise Refusal("FUNCTION_NOT_AGGREGATE", node.at, f"DISTINCT, ORDER BY, FILTER and OVER need an aggregate, not {node.name}")
    if node.over is not None and (node.distinct or node.order):
        absent(node.at, f"{node.name} with DISTINCT or ORDER BY over a window")
    if window and (node.distinct or node.order or node.where is not None):
        raise Refusal("NOT_SUPPORTED", node.at, f"DISTINCT, ORDER BY and FILTER are not for {node.name}")
    if node.ignore_nulls and node.name not in ("lag", "lead", "first_value", "last_value", "nth_value"):
        raise Refusal("NOT_SUPPORTED", node.at, f"IGNORE NULLS is not for {node.name}")
    if node.star and node.name != "count":
        raise Refusal("FUNCTION_NOT_FOUND", node.at, f"Unexpected parameters (*) for function {node.name}")


def _marks(translator: Translator, node: syntax.Call, scope: Scope) -> dict[str, str]:
    behind = ""
    if node.where is not None:
        behind += f"FILTER (WHERE {translator.condition(node.where, scope, 'FILTER expression').sql}) "
    if node.over is not None:
        behind += f"OVER ({window_sql(translator, node.over, scope)})"
    order = f" ORDER BY {order_sql(translator, node.order, scope)}" if node.order else ""
    return {"d": "DISTINCT " if node.distinct else "", "o": order, "n": " IGNORE NULLS" if node.ignore_nulls else "", "w": behind.strip()}


def order_sql(translator: Translator, order: tuple[syntax.Sort, ...], scope: Scope) -> str:
    """Return the keys of an order; nulls come last unless the query says otherwise."""
    keys = []
    for sort in order:
        value = translator.value(sort.value, scope)
        require_orderable(value.kind, sort.at, "ORDER BY")
        keys.append(f"{value.sql} {direction(sort)}")
    return ", ".join(keys)


def direction(sort: syntax.Sort) -> str:
    """Return how a key is ordered."""
    return f"{'DESC' if sort.descending else 'ASC'} NULLS {'FIRST' if sort.nulls_first else 'LAST'}"


def window_sql(translator: Translator, window: syntax.Window, scope: Scope) -> str:
    """Return what stands in the parentheses behind OVER, a named window written out."""
    if window.name is not None:
        base = scope.windows.get(window.name)
        if base is None:
            raise Refusal("INVALID_WINDOW_REFERENCE", window.at, f"Cannot resolve WINDOW name {window.name}")
        if window.partition or (window.order and base.order):
            raise Refusal(
                "INVALID_PARTITION_BY", window.at, "A window that names another cannot have its own PARTITION BY or a second ORDER BY"
            )
        own = {key: value for key, value in window.__dict__.items() if value and key not in ("name", "at")}
        window = syntax.Window(**{**base.__dict__, **own})
        return window_sql(translator, window, scope)
    parts = []
    if window.partition:
        parts.append(f"PARTITION BY {', '.join(translator.value(each, scope).sql for each in window.partition)}")
    if window.order:
        parts.append(f"ORDER BY {order_sql(translator, window.order, scope)}")
    if window.unit and window.start is not None:
        stop = _bound(translator, window.stop, scope) if window.stop is not None else "CURRENT ROW"
        parts.append(f"{window.unit} BETWEEN {_bound(translator, window.start, scope)} AND {stop}")
    return " ".join(parts)


def _bound(translator: Translator, bound: syntax.Bound, scope: Scope) -> str:
    return f"{translator.value(bound.amount, scope).sql} {bound.words}" if bound.amount is not None else bound.words


def _arguments(translator: Translator, node: syntax.Call, scope: Scope, fit: Match) -> list[str]:
    """Return the arguments as the types that the form wants; what a lambda returns settles the letters that are still open."""
    parts: list[str] = []
    for position, each in enumerate(node.arguments):
        if not isinstance(each, syntax.Lambda):
            parts.append(coerce(translator.value(each, scope), fit.argument(position)).sql)
            continue
        pattern = pattern_at(fit.signature, position)
        *kinds, result = pattern.inside
        names = [translator.fresh("v") for _ in kinds]
        parameters = [Value(name, substitute(kind, fit.letters), each.at) for name, kind in zip(names, kinds, strict=True)]
        body = CallSite(translator, node, scope, {}).body(position, parameters)
        if not settle(result, body.kind, fit.letters):
            mismatch(each.at, f"Expected a lambda that returns {result}, but got one that returns {body.kind}")
        parts.append(f"lambda {', '.join(names)}: {coerce(body, substitute(result, fit.letters)).sql}")
    return parts


def _fill(template: str, arguments: list[str], marks: dict[str, str], fit: Match) -> str:
    def fill(mark: re.Match[str]) -> str:
        key = mark[1]
        if key == "*":
            return ", ".join(arguments)
        if key == "result":
            return duckdb_type(fit.result)
        if key.endswith("_type"):
            return duckdb_type(fit.argument(int(key.removesuffix("_type"))))
        return arguments[int(key)] if key.isdigit() else marks[key]

    return _MARK.sub(fill, template).rstrip()
