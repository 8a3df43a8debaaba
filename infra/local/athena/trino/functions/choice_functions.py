"""Functions that choose among their arguments, or join any number of them: IF, COALESCE, NULLIF, TRY, GREATEST, CONCAT, typeof."""

from __future__ import annotations

from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import FLOATING, UNKNOWN, VARCHAR, duckdb_type
from infra.local.athena.trino.operators import comparison, concatenation, require_orderable, shared_kind
from infra.local.athena.trino.values import Value, coerce, null_on_failure, text


def _if(site: CallSite) -> Value:
    site.need(2, 3, "if(boolean, T), if(boolean, T, T)")
    condition = site.translator.condition(site.node.arguments[0], site.scope, "IF condition")
    results = [site.argument(position) for position in range(1, site.count)]
    kind = shared_kind(results, site.at, "Result types for IF must be the same")
    otherwise = f" ELSE {coerce(results[1], kind).sql}" if len(results) > 1 else ""
    return Value(f"CASE WHEN {condition.sql} THEN {coerce(results[0], kind).sql}{otherwise} END", kind, site.at)


def _coalesce(site: CallSite) -> Value:
    site.need(2, 10_000, "coalesce(T, T, ...)")
    values = site.arguments()
    kind = shared_kind(values, site.at, "All COALESCE operands must be the same type or coercible to a common type")
    return Value(f"coalesce({', '.join(coerce(value, kind).sql for value in values)})", kind, site.at)


def _nullif(site: CallSite) -> Value:
    site.need(2, 2, "nullif(T, T)")
    first, second = site.arguments()
    if UNKNOWN in (first.kind, second.kind):
        return first
    return Value(f"CASE WHEN {comparison('=', first, second, site.at).sql} THEN NULL ELSE {first.sql} END", first.kind, site.at)


def _try(site: CallSite) -> Value:
    site.need(1, 1, "try(T)")
    return null_on_failure(site.argument(0), site.at)


def _typeof(site: CallSite) -> Value:
    site.need(1, 1, "typeof(T)")
    return Value(text(str(site.argument(0).kind)), VARCHAR, site.at)


def _extreme(site: CallSite) -> Value:
    """GREATEST and LEAST: NULL if any argument is, NaN only if all are."""
    name = site.node.name
    site.need(1, 127, f"{name}(E, ...)")
    values = site.arguments()
    kind = shared_kind(values, site.at, f"All arguments of {name} must be the same type or coercible to a common type")
    require_orderable(kind, site.at, name)
    sql = [coerce(value, kind).sql for value in values]
    missing = " OR ".join(f"{each} IS NULL" for each in sql)
    answer = f"{name}({', '.join(sql)})"
    if kind in FLOATING and name == "greatest":
        answer = f"coalesce(greatest({', '.join(f'nullif({each}, {_nan(duckdb_type(kind))})' for each in sql)}), {sql[0]})"
    return Value(f"CASE WHEN {missing} THEN NULL ELSE {answer} END", kind, site.at)


def _concat(site: CallSite) -> Value:
    """NULL if any argument is."""
    site.need(2, 127, "concat(varchar, varchar, ...), concat(array(E), array(E), ...), concat(varbinary, ...)")
    values = site.arguments()
    joined = values[0]
    for value in values[1:]:
        joined = concatenation(joined, value, site.at)
    return joined


def _nan(name: str) -> str:
    return f"CAST('nan' AS {name})"


CHOICE_FUNCTIONS: dict[str, Special] = {
    "if": _if,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "try": _try,
    "typeof": _typeof,
    "greatest": _extreme,
    "least": _extreme,
    "concat": _concat,
}
