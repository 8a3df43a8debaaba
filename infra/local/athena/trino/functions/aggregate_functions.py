"""Aggregates and window functions: signature -> DuckDB's SQL.

`{d}` is DISTINCT, `{o}` the ORDER BY inside the parentheses, `{n}` IGNORE NULLS, `{w}` FILTER and OVER behind each of them.
"""

from __future__ import annotations

from infra.local.athena.trino.kinds import BIGINT
from infra.local.athena.trino.values import failure

_OFFSET_TEXT = "'INVALID_FUNCTION_ARGUMENT: Offset must be at least {}'"
_NAN = "CAST('nan' AS {0_type})"
_ENTRIES = "list(struct_pack(k := {0}, v := {1}){o}) {w}"
_KEYED = f"list_filter({_ENTRIES}, lambda item: item.k IS NOT NULL)"
_KEYS = f"list_transform({_KEYED}, lambda item: item.k)"
_FIRST_KEYS = f"list_filter({_KEYS}, lambda item, place: list_position({_KEYS}, item) = place)"


def _of_finite(sql: str) -> str:
    """Trino answers NULL where the formula leaves the numbers."""
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"


AGGREGATES = {
    "count() -> bigint": "count(*) {w}",
    "count(T) -> bigint": "count({d}{0}) {w}",
    "count_if(boolean) -> bigint": "CAST(coalesce(count_if({d}{0}) {w}, 0) AS BIGINT)",
    "sum(bigint) -> bigint": "CAST(sum({d}{0}) {w} AS BIGINT)",
    "sum(double) -> double": "sum({d}{0}) {w}",
    "sum(real) -> real": "CAST(sum({d}{0}) {w} AS FLOAT)",
    "avg(double) -> double": "avg({d}{0}) {w}",
    "avg(real) -> real": "CAST(avg({d}{0}) {w} AS FLOAT)",
    "max(double) -> double": f"coalesce(max(nullif({{0}}, {_NAN})) {{w}}, max({{0}}) {{w}})",
    "max(real) -> real": f"coalesce(max(nullif({{0}}, {_NAN})) {{w}}, max({{0}}) {{w}})",
    "max(O) -> O": "max({0}) {w}",
    "min(O) -> O": "min({0}) {w}",  # to DuckDB NaN is the largest, so it is the least only of NaN alone, as in Trino
    "max_by(V, O) -> V": "struct_extract(arg_max(struct_pack(v := {0}), {1}) {w}, 'v')",
    "min_by(V, O) -> V": "struct_extract(arg_min(struct_pack(v := {0}), {1}) {w}, 'v')",
    "any_value(T) -> T": "any_value({0}) {w}",
    "arbitrary(T) -> T": "any_value({0}) {w}",
    "bool_and(boolean) -> boolean": "bool_and({0}) {w}",
    "every(boolean) -> boolean": "bool_and({0}) {w}",
    "bool_or(boolean) -> boolean": "bool_or({0}) {w}",
    "array_agg(T) -> array(T)": "list({d}{0}{o}) {w}",
    "listagg(varchar, varchar) -> varchar": "string_agg({d}{0}, {1}{o}) {w}",
    "approx_distinct(T) -> bigint": "count(DISTINCT {0}) {w}",
    "approx_distinct(T, double) -> bigint": "count(DISTINCT {0}) {w}",
    "stddev(double) -> double": "stddev_samp({d}{0}) {w}",
    "stddev_samp(double) -> double": "stddev_samp({d}{0}) {w}",
    "stddev_pop(double) -> double": "stddev_pop({d}{0}) {w}",
    "variance(double) -> double": "var_samp({d}{0}) {w}",
    "var_samp(double) -> double": "var_samp({d}{0}) {w}",
    "var_pop(double) -> double": "var_pop({d}{0}) {w}",
    "corr(double, double) -> double": _of_finite("corr({0}, {1}) {w}"),
    "covar_pop(double, double) -> double": "covar_pop({0}, {1}) {w}",
    "covar_samp(double, double) -> double": "covar_samp({0}, {1}) {w}",
    "regr_slope(double, double) -> double": _of_finite("regr_slope({0}, {1}) {w}"),
    "regr_intercept(double, double) -> double": _of_finite("regr_intercept({0}, {1}) {w}"),
    "geometric_mean(double) -> double": "exp(avg({d}ln({0})) {w})",
    "bitwise_and_agg(bigint) -> bigint": "bit_and({0}) {w}",
    "bitwise_or_agg(bigint) -> bigint": "bit_or({0}) {w}",
    "histogram(T) -> map(T, bigint)": "CAST(histogram({0}) {w} AS MAP({0_type}, BIGINT))",
    "map_agg(K, V) -> map(K, V)": (
        f"map({_FIRST_KEYS}, list_transform({_FIRST_KEYS}, lambda key: list_extract({_KEYED}, list_position({_KEYS}, key)).v))"
    ),
    "multimap_agg(K, V) -> map(K, array(V))": (
        f"map({_FIRST_KEYS}, list_transform({_FIRST_KEYS}, lambda key: "
        f"list_transform(list_filter({_KEYED}, lambda item: item.k = key), lambda item: item.v)))"
    ),
}

_OFFSET = f"CASE WHEN {{1}} < 0 THEN {failure(_OFFSET_TEXT.format(0), BIGINT)} ELSE {{1}} END"
_PLACE = f"CASE WHEN {{1}} < 1 THEN {failure(_OFFSET_TEXT.format(1), BIGINT)} ELSE {{1}} END"

WINDOW_FUNCTIONS = {
    "row_number() -> bigint": "row_number() {w}",
    "rank() -> bigint": "rank() {w}",
    "dense_rank() -> bigint": "dense_rank() {w}",
    "percent_rank() -> double": "percent_rank() {w}",
    "cume_dist() -> double": "cume_dist() {w}",
    "ntile(bigint) -> bigint": "ntile({0}) {w}",
    "lag(T) -> T": "lag({0}{n}) {w}",
    "lag(T, bigint) -> T": f"lag({{0}}, {_OFFSET}{{n}}) {{w}}",
    "lag(T, bigint, T) -> T": f"lag({{0}}, {_OFFSET}, {{2}}{{n}}) {{w}}",
    "lead(T) -> T": "lead({0}{n}) {w}",
    "lead(T, bigint) -> T": f"lead({{0}}, {_OFFSET}{{n}}) {{w}}",
    "lead(T, bigint, T) -> T": f"lead({{0}}, {_OFFSET}, {{2}}{{n}}) {{w}}",
    "first_value(T) -> T": "first_value({0}{n}) {w}",
    "last_value(T) -> T": "last_value({0}{n}) {w}",
    "nth_value(T, bigint) -> T": f"nth_value({{0}}, {_PLACE}{{n}}) {{w}}",
}
