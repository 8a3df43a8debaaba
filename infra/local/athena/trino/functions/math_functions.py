"""Functions of numbers: signature -> DuckDB's SQL, `{0}` the first argument."""

from __future__ import annotations

from infra.local.athena.trino.values import failure

_BUCKET_FAULT = failure("'INVALID_FUNCTION_ARGUMENT: width_bucket needs a value, two finite bounds that differ, and 1 bucket or more'")
_BOUND_FAULT = failure("'INVALID_FUNCTION_ARGUMENT: bound must be positive'")
_LOW, _HIGH = "least({1}, {2})", "greatest({1}, {2})"
_BUCKET = (
    f"(CASE WHEN {{0}} < {_LOW} THEN 0 WHEN {{0}} >= {_HIGH} THEN {{3}} + 1 "
    f"ELSE CAST(floor({{3}} * ({{0}} - {_LOW}) / ({_HIGH} - {_LOW}) + 1) AS BIGINT) END)"
)
_BUCKET_OK = "{3} > 0 AND NOT isnan({0}) AND isfinite({1}) AND isfinite({2}) AND {1} <> {2}"

MATH_FUNCTIONS = {
    "abs(N) -> N": "abs({0})",
    "sign(bigint) -> bigint": "CAST(sign({0}) AS BIGINT)",
    "sign(integer) -> integer": "CAST(sign({0}) AS INTEGER)",
    "sign(double) -> double": "CASE WHEN isnan({0}) THEN {0} ELSE CAST(sign({0}) AS DOUBLE) END",
    "sqrt(double) -> double": "sqrt({0})",
    "cbrt(double) -> double": "cube_root({0})",
    "exp(double) -> double": "exp({0})",
    "ln(double) -> double": "ln({0})",
    "log2(double) -> double": "(ln({0}) / ln(CAST(2 AS DOUBLE)))",
    "log10(double) -> double": "log10({0})",
    "log(double, double) -> double": "(ln({1}) / ln({0}))",
    "power(double, double) -> double": "pow({0}, {1})",
    "pow(double, double) -> double": "pow({0}, {1})",
    "truncate(double) -> double": "trunc({0})",
    "round(double, integer) -> double": "round({0}, {1})",
    "round(real, integer) -> real": "CAST(round({0}, {1}) AS FLOAT)",
    "sin(double) -> double": "sin({0})",
    "cos(double) -> double": "cos({0})",
    "tan(double) -> double": "tan({0})",
    "atan(double) -> double": "atan({0})",
    "atan2(double, double) -> double": "atan2({0}, {1})",
    "asin(double) -> double": "CASE WHEN {0} BETWEEN -1 AND 1 THEN asin({0}) WHEN {0} IS NOT NULL THEN CAST('nan' AS DOUBLE) END",
    "acos(double) -> double": "CASE WHEN {0} BETWEEN -1 AND 1 THEN acos({0}) WHEN {0} IS NOT NULL THEN CAST('nan' AS DOUBLE) END",
    "sinh(double) -> double": "sinh({0})",
    "cosh(double) -> double": "cosh({0})",
    "tanh(double) -> double": "tanh({0})",
    "degrees(double) -> double": "degrees({0})",
    "radians(double) -> double": "radians({0})",
    "pi() -> double": "pi()",
    "e() -> double": "exp(CAST(1 AS DOUBLE))",
    "infinity() -> double": "CAST('inf' AS DOUBLE)",
    "nan() -> double": "CAST('nan' AS DOUBLE)",
    "is_nan(double) -> boolean": "isnan({0})",
    "is_nan(real) -> boolean": "isnan({0})",
    "is_finite(double) -> boolean": "isfinite({0})",
    "is_infinite(double) -> boolean": "isinf({0})",
    "random() -> double": "random()",
    "rand() -> double": "random()",
    "random(integer) -> integer": f"CASE WHEN {{0}} <= 0 THEN {_BOUND_FAULT} ELSE CAST(floor(random() * {{0}}) AS INTEGER) END",
    "random(bigint) -> bigint": f"CASE WHEN {{0}} <= 0 THEN {_BOUND_FAULT} ELSE CAST(floor(random() * {{0}}) AS BIGINT) END",
    "width_bucket(double, double, double, bigint) -> bigint": (
        f"CASE WHEN {_BUCKET_OK} THEN CASE WHEN {{1}} > {{2}} THEN {{3}} + 1 - {_BUCKET} ELSE {_BUCKET} END "
        f"WHEN {{0}} IS NOT NULL AND {{1}} IS NOT NULL AND {{2}} IS NOT NULL AND {{3}} IS NOT NULL THEN {_BUCKET_FAULT} END"
    ),
    "bitwise_and(bigint, bigint) -> bigint": "({0} & {1})",
    "bitwise_or(bigint, bigint) -> bigint": "({0} | {1})",
    "bitwise_xor(bigint, bigint) -> bigint": "xor({0}, {1})",
    "bitwise_not(bigint) -> bigint": "(~{0})",
    "to_base(bigint, bigint) -> varchar": "lower(to_base({0}, CAST({1} AS INTEGER)))",
}
