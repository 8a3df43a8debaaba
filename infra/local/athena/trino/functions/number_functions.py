"""Functions of numbers whose type depends on digits: rounding, remainders, and sums and means of decimals."""

from __future__ import annotations

from infra.local.athena.trino.decimals import half_up, whole_digits, with_point
from infra.local.athena.trino.functions.call_site import CallSite, Special
from infra.local.athena.trino.kinds import DOUBLE, REAL, WHOLE, decimal, duckdb_type, is_decimal, is_number
from infra.local.athena.trino.operators import arithmetic
from infra.local.athena.trino.values import Value, absent

_FORMS = "bigint, double, decimal(p,s)"


def _to_whole(site: CallSite) -> Value | None:
    """CEIL, FLOOR and ROUND of one argument; whole numbers stay as they are."""
    if site.count != 1:
        return _round_digits(site) if site.node.name == "round" else site.refuse(f"{site.node.name}({_FORMS})")
    value, name = site.argument(0), site.node.name.removesuffix("ing")
    if value.kind in WHOLE:
        return value
    if is_decimal(value.kind):
        digits, scale = value.kind.numbers
        kind = decimal(digits - scale + min(scale, 1), 0)
        if name == "round":
            return Value(f"CAST({value.sql} AS {duckdb_type(kind)})", kind, site.at)
        return Value(f"CAST({name}({value.sql}) AS {duckdb_type(kind)})", kind, site.at)
    if value.kind == REAL:
        return Value(f"CAST({name}({value.sql}) AS FLOAT)", REAL, site.at)
    if value.kind == DOUBLE:
        return Value(f"{name}({value.sql})", DOUBLE, site.at)
    site.refuse(f"{site.node.name}({_FORMS})")


def _round_digits(site: CallSite) -> Value | None:
    """ROUND to some digits: of decimals here, of floating numbers by its signature."""
    value = site.argument(0)
    if value.kind in WHOLE:
        digits = site.argument(1).literal
        return value if isinstance(digits, int) and digits >= 0 else absent(site.at, f"round({value.kind}, n) of n below 0")
    if not is_decimal(value.kind):
        return None
    places = site.argument(1).literal
    if not isinstance(places, int) or places < 0:
        absent(site.at, "round(decimal, n) of an n that is below 0 or no literal")
    digits, scale = value.kind.numbers
    kind = decimal(digits + 1, scale)
    if places >= scale:
        return Value(f"CAST({value.sql} AS {duckdb_type(kind)})", kind, site.at)
    shorter = duckdb_type(decimal(digits - scale + places + 1, places))
    return Value(f"CAST(CAST({value.sql} AS {shorter}) AS {duckdb_type(kind)})", kind, site.at)


def _modulus(site: CallSite) -> Value:
    site.need(2, 2, "mod(N, N)")
    return arithmetic("%", site.argument(0), site.argument(1), site.at)


def _truncate(site: CallSite) -> Value | None:
    if site.count != 1 or not is_number(site.argument(0).kind) or is_decimal(site.argument(0).kind):
        absent(site.at, "truncate of anything but one floating number")
    return None


def _sum(site: CallSite) -> Value | None:
    if site.count != 1 or not is_decimal(site.argument(0).kind):
        return None
    kind = decimal(38, site.argument(0).kind.scale)
    return Value(f"CAST({_sum_sql(site)} AS {duckdb_type(kind)})", kind, site.at)


def _mean(site: CallSite) -> Value | None:
    if site.count != 1 or not is_decimal(site.argument(0).kind):
        return None
    value = site.argument(0)
    total = whole_digits(Value(_sum_sql(site), decimal(38, value.kind.scale), site.at))
    rows = f"CAST(count({site.marks['d']}{value.sql}) {site.marks['w']} AS HUGEINT)"
    mean = with_point(half_up(total, rows), value.kind.scale, duckdb_type(value.kind))
    return Value(f"CASE WHEN {rows} > 0 THEN {mean} END", value.kind, site.at)


def _sum_sql(site: CallSite) -> str:
    return f"sum({site.marks['d']}{site.argument(0).sql}) {site.marks['w']}".rstrip()


NUMBER_FUNCTIONS: dict[str, Special] = {
    "ceil": _to_whole,
    "ceiling": _to_whole,
    "floor": _to_whole,
    "round": _to_whole,
    "truncate": _truncate,
    "mod": _modulus,
    "sum": _sum,
    "avg": _mean,
}
