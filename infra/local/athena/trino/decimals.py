"""Decimals: how many digits a result has, and division that rounds half up, which DuckDB lacks."""

from __future__ import annotations

from infra.local.athena.trino.kinds import MOST_DIGITS, decimal, duckdb_type
from infra.local.athena.trino.values import Refusal, Value, failure


def decimal_arithmetic(operator: str, left: Value, right: Value, at: int) -> Value:
    """Return `left operator right` of two decimals; digits as in Trino's `DecimalOperators`."""
    (digits1, scale1), (digits2, scale2) = left.kind.numbers, right.kind.numbers
    scale = max(scale1, scale2)
    if operator in "+-":
        kind = decimal(scale + max(digits1 - scale1, digits2 - scale2) + 1, scale)
    elif operator == "*":
        if scale1 + scale2 > MOST_DIGITS:
            raise Refusal("INVALID_FUNCTION_ARGUMENT", at, f"DECIMAL scale must be in range [0, precision (38)]: {scale1 + scale2}")
        kind = decimal(digits1 + digits2, scale1 + scale2)
    elif operator == "%":
        kind = decimal(min(digits1 - scale1, digits2 - scale2) + scale, scale)
    else:
        kind = decimal(digits1 + scale2 + max(scale2 - scale1, 0), scale)
        return Value(_quotient(left, right, scale), kind, at)
    return Value(f"CAST({left.sql} {operator} {right.sql} AS {duckdb_type(kind)})", kind, at)


def whole_digits(value: Value, more_digits: int = 0) -> str:
    """Return a decimal without its point, as a 128-bit whole number, with some zeros more behind it."""
    scale = value.kind.scale
    shifted = f"CAST({value.sql} * CAST('{10**scale}' AS DECIMAL({scale + 1},0)) AS HUGEINT)" if scale else f"CAST({value.sql} AS HUGEINT)"
    return f"({shifted} * CAST('{10**more_digits}' AS HUGEINT))" if more_digits else shifted


def with_point(whole: str, scale: int, name: str) -> str:
    """Return a 128-bit whole number with its point put back, as a decimal that DuckDB names so."""
    if not scale:
        return f"CAST({whole} AS {name})"
    return f"CAST(CAST({whole} AS DECIMAL({MOST_DIGITS - scale},0)) * CAST('{10**-scale:.{scale}f}' AS DECIMAL({scale},{scale})) AS {name})"


def half_up(numerator: str, denominator: str) -> str:
    """Return the quotient of two 128-bit whole numbers, halves rounded away from zero."""
    sign = f"(sign({numerator}) * sign({denominator}))"
    return f"({sign} * ((2 * abs({numerator}) + abs({denominator})) // (2 * abs({denominator}))))"


def _quotient(left: Value, right: Value, scale: int) -> str:
    numerator = whole_digits(left, scale - left.kind.scale + right.kind.scale)
    divisor = whole_digits(right)
    kind = decimal(left.kind.numbers[0] + right.kind.scale + max(right.kind.scale - left.kind.scale, 0), scale)
    quotient = with_point(half_up(numerator, divisor), scale, duckdb_type(kind))
    fault = failure("'DIVISION_BY_ZERO: Division by zero'", kind)
    return f"CASE WHEN {right.sql} = 0 THEN {fault} ELSE {quotient} END"
