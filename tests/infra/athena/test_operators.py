"""Operators, casts and comparisons: digits, signs, rounding, NULL, NaN, and the order of NULLs."""

from __future__ import annotations

import pytest
from athena_lake import Answers

VALUES = {
    # whole numbers stay whole
    "7 / 2": "3",
    "-7 / 2": "-3",
    "-7 % 3": "-1",
    "7 % -3": "1",
    "2 + 3 * 4": "14",
    "-(3)": "-3",
    "- -3": "3",
    "5 - -3": "8",
    "-9223372036854775808": "-9223372036854775808",
    # decimals have the digits that Trino gives them
    "1.0 / 3": "0.3",
    "2.0 / 3": "0.7",
    "-2.0 / 3": "-0.7",
    "100.0 * 1 / 3": "33.3",
    "1 / 4.00": "0.25",
    "2.50 * 1.5": "3.750",
    "1.5 + 2.25": "3.75",
    "0.1 + 0.2": "0.3",
    "5.5 % 2": "1.5",
    "1.005 = 1.0050": "true",
    # floating numbers
    "1e0 / 0": "Infinity",
    "-1e0 / 0": "-Infinity",
    "0e0 / 0": "NaN",
    "7e0 / 2": "3.5",
    "7e0 % 2": "1.0",
    "CAST(1 AS real) / 3": "0.33333334",
    "0.1e0 + 0.2e0": "0.30000000000000004",
    # NaN is neither more nor less nor equal
    "nan() = nan()": "false",
    "nan() <> nan()": "true",
    "nan() > 1e0": "false",
    "nan() < 1e0": "false",
    "1e0 < nan()": "false",
    "nan() >= nan()": "false",
    "nan() IN (nan(), 1e0)": "false",
    "nan() BETWEEN 0e0 AND infinity()": "false",
    "nan() IS DISTINCT FROM nan()": "false",
    # NULL
    "NULL = 1": None,
    "NULL IS NULL": "true",
    "NULL IS DISTINCT FROM 1": "true",
    "1 IS NOT DISTINCT FROM NULL": "false",
    "1 IN (2, NULL)": None,
    "NOT (1 = NULL)": None,
    "false AND NULL": "false",
    "true OR NULL": "true",
    "'a' || NULL": None,
    # texts
    "'a' || 'b'": "ab",
    "'a' < 'B'": "false",
    "'it''s'": "it's",
    "'abc' LIKE 'a%'": "true",
    "'a_c' LIKE 'a\\_c'": "false",  # without ESCAPE no character is special
    "'a_c' LIKE 'a#_c' ESCAPE '#'": "true",
    "U&'\\0041b'": "Ab",
    # arrays, maps, rows
    "ARRAY[1, 2] || ARRAY[3]": "[1, 2, 3]",
    "ARRAY[1] || 2": "[1, 2]",
    "0 || ARRAY[1]": "[0, 1]",
    "ARRAY[1, 2][2]": "2",
    "MAP(ARRAY['k'], ARRAY[1])['k']": "1",
    "ROW(5, 6)[2]": "6",
    "CAST(ROW(1, 'z') AS ROW(x bigint, y varchar)).y": "z",
    "(1, 2) = (1, 2)": "true",
    "(1, NULL) = (1, 2)": None,
    "(1, 2) IN ((3, 4), (1, 2))": "true",
    # moments
    "DATE '2026-01-31' + INTERVAL '1' DAY": "2026-02-01",
    "DATE '2026-01-31' + INTERVAL '1' MONTH": "2026-02-28",
    "DATE '2026-03-31' - INTERVAL '1' MONTH": "2026-02-28",
    "TIMESTAMP '2026-01-01 00:00:00' + INTERVAL '90' MINUTE": "2026-01-01 01:30:00.000",
    "INTERVAL '2' DAY * 2 + DATE '2026-01-01'": "2026-01-05",
    "DATE '2026-01-02' - DATE '2026-01-01' = INTERVAL '1' DAY": "true",
    "DATE '2026-01-02' > TIMESTAMP '2026-01-01 23:59:59'": "true",
    "CAST(now() AT TIME ZONE 'UTC' AS date) = current_date": "true",
    # casts
    "CAST(2.5e0 AS bigint)": "3",
    "CAST(-2.5e0 AS bigint)": "-3",
    "CAST(3.5e0 AS integer)": "4",
    "CAST(2.5 AS bigint)": "3",
    "CAST('12' AS bigint)": "12",
    "CAST('-1.5e3' AS double)": "-1500.0",
    "CAST('NaN' AS double)": "NaN",
    "CAST('1.25' AS decimal(3,1))": "1.3",
    "CAST(1.005e0 AS decimal(4,2))": "1.01",
    "CAST(0.1 AS double)": "0.1",
    "CAST(true AS bigint)": "1",
    "CAST(0 AS boolean)": "false",
    "CAST('T' AS boolean)": "true",
    "CAST(1.50 AS varchar)": "1.50",
    "CAST(12 AS varchar)": "12",
    "CAST(true AS varchar)": "true",
    "CAST('hello' AS varchar(2))": "he",
    "CAST(DATE '2026-01-02' AS varchar)": "2026-01-02",
    "CAST(TIMESTAMP '2026-01-02 03:04:05' AS varchar)": "2026-01-02 03:04:05.000",
    "CAST('2026-1-2' AS date)": "2026-01-02",
    "CAST('2026-01-02 03:04:05.678' AS timestamp)": "2026-01-02 03:04:05.678",
    "CAST(TIMESTAMP '2026-01-02 23:59:59' AS date)": "2026-01-02",
    "CAST(DATE '2026-01-02' AS timestamp)": "2026-01-02 00:00:00.000",
    "CAST(ARRAY['1', '2'] AS array(bigint))": "[1, 2]",
    "CAST(ARRAY[1.5e0] AS array(bigint))": "[2]",
    "CAST(NULL AS bigint)": None,
    "CAST('a' AS varbinary)": "61",
    "TRY_CAST('x' AS bigint)": None,
    "TRY_CAST('2026-02-30' AS date)": None,
    "CAST(json_parse('[\"a\", 1, null, true]') AS array(varchar))": "[a, 1, null, true]",
    'CAST(json_parse(\'{"a": 1, "b": null}\') AS map(varchar, bigint))': "{a=1, b=null}",
    "CAST(json_parse('1.5') AS bigint)": "2",
    "CAST(json_parse('\"2.5\"') AS double)": "2.5",
    "CAST(json_parse('true') AS boolean)": "true",
    "json_format(CAST('a\"b' AS json))": '"a\\"b"',
    "json_format(CAST(ARRAY[1, NULL] AS json))": "[1,null]",
    # CASE
    "CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END": "b",
    "CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END": "b",
    "CASE NULL WHEN NULL THEN 'a' ELSE 'b' END": "b",
    "CASE WHEN true THEN 1 ELSE 2.5 END": "1.0",
}


@pytest.mark.parametrize("expression", VALUES)
def test_an_operator_answers_as_in_trino(athena: Answers, expression: str) -> None:
    assert athena.value(expression) == VALUES[expression]


FAILURES = {
    "1 / 0": "DIVISION_BY_ZERO: Division by zero",
    "1 % 0": "DIVISION_BY_ZERO: Division by zero",
    "1.5 / 0": "DIVISION_BY_ZERO: Division by zero",
    "2147483647 + 1": "NUMERIC_VALUE_OUT_OF_RANGE: ",
    "9223372036854775807 * 2": "NUMERIC_VALUE_OUT_OF_RANGE: ",
    "CAST(300 AS tinyint)": "NUMERIC_VALUE_OUT_OF_RANGE: ",
    "CAST('1.5' AS bigint)": "INVALID_CAST_ARGUMENT: Cannot cast '1.5' to BIGINT",
    "CAST('1e3' AS integer)": "INVALID_CAST_ARGUMENT: Cannot cast '1e3' to INT",
    "CAST('yes' AS boolean)": "INVALID_CAST_ARGUMENT: Cannot cast 'yes' to BOOLEAN",
    "CAST('2026/01/02' AS date)": "INVALID_CAST_ARGUMENT: Cannot cast '2026/01/02' to DATE",
    "CAST('' AS double)": "INVALID_CAST_ARGUMENT: Cannot cast '' to DOUBLE",
    "CAST(nan() AS bigint)": "INVALID_CAST_ARGUMENT: ",
    "CAST(123 AS varchar(2))": "INVALID_CAST_ARGUMENT: Value 123 cannot be represented as varchar(2)",
    "CAST(json_parse('[1]') AS varchar)": "INVALID_CAST_ARGUMENT: Cannot cast '[1]' to varchar",
    "ARRAY[1][2]": "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 2 > 1",
    "ARRAY[1][0]": "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1",
    "MAP(ARRAY['k'], ARRAY[1])['z']": "INVALID_FUNCTION_ARGUMENT: Key not present in map",
    "DATE '2026-01-01' + INTERVAL '1' HOUR": "INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date",
    "DATE '2026-02-30'": "line 1:8: INVALID_LITERAL: '2026-02-30' is not a valid date literal",
}


@pytest.mark.parametrize("expression", FAILURES)
def test_an_operator_fails_where_it_fails_in_trino(athena: Answers, expression: str) -> None:
    assert athena.why_not(f"SELECT {expression}").startswith(FAILURES[expression])


def test_nulls_come_last_in_both_directions(athena: Answers) -> None:
    rows = "FROM (VALUES 2, NULL, 1) AS v(x) ORDER BY x"

    assert athena.rows(f"SELECT x {rows}") == [("1",), ("2",), (None,)]
    assert athena.rows(f"SELECT x {rows} DESC") == [("2",), ("1",), (None,)]
    assert athena.rows(f"SELECT x {rows} DESC NULLS FIRST") == [(None,), ("2",), ("1",)]


def test_nan_is_the_largest_in_an_order_and_one_group(athena: Answers) -> None:
    rows = "FROM (VALUES nan(), 1e0, nan(), infinity()) AS v(x) GROUP BY x ORDER BY x"

    assert athena.rows(f"SELECT x, count(*) {rows}") == [("1.0", "1"), ("Infinity", "1"), ("NaN", "2")]


def test_a_join_on_nan_finds_nothing(athena: Answers) -> None:
    assert athena.rows("SELECT 1 FROM (VALUES nan()) AS a(x) JOIN (VALUES nan()) AS b(x) ON a.x = b.x") == []
    assert athena.rows("SELECT 1 FROM (VALUES nan()) AS a(x) JOIN (VALUES nan()) AS b(x) USING (x)") == []


def test_a_branch_that_is_not_taken_does_not_fail(athena: Answers) -> None:
    assert athena.rows("SELECT if(x = 0, 0, 10 / x) FROM (VALUES 0, 5) AS v(x) ORDER BY 1") == [("0",), ("2",)]
    assert athena.rows("SELECT CASE WHEN x <> 'a' THEN CAST(x AS bigint) END FROM (VALUES 'a', '7') AS v(x) ORDER BY 1") == [
        ("7",),
        (None,),
    ]
