"""Functions mean what they mean in Trino, and every function that the stand-in knows is tried."""

from __future__ import annotations

import re

import athena_functions as cases
import pytest
from athena_lake import Answers

from infra.local.athena.trino.functions.catalog_of_functions import ABSENT, functions
from infra.local.athena.trino.functions.special_functions import SPECIAL

VALUES = {**cases.NUMBERS, **cases.TEXTS, **cases.MOMENTS, **cases.COLLECTIONS, **cases.JSON_VALUES, **cases.CHOICES}


@pytest.mark.parametrize("call", VALUES)
def test_a_function_answers_as_in_trino(athena: Answers, call: str) -> None:
    assert athena.value(call) == VALUES[call]


@pytest.mark.parametrize("call", cases.AGGREGATES)
def test_an_aggregate_answers_as_in_trino(athena: Answers, call: str) -> None:
    assert athena.rows(f"SELECT {call} FROM {cases.ROWS}") == [(cases.AGGREGATES[call],)]


@pytest.mark.parametrize("call", cases.WINDOWS)
def test_a_window_function_answers_as_in_trino(athena: Answers, call: str) -> None:
    assert [value for value, _ in athena.rows(f"SELECT {call}, x FROM {cases.ROWS} ORDER BY x")] == cases.WINDOWS[call]


def test_grouping_tells_which_columns_a_set_leaves_out(athena: Answers) -> None:
    rows = athena.rows("SELECT grouping(a, b), a, b, sum(n) FROM (VALUES (1, 'x', 5)) AS v(a, b, n) GROUP BY ROLLUP (a, b) ORDER BY 1")

    assert rows == [("0", "1", "x", "5"), ("1", "1", None, "5"), ("3", None, None, "5")]


def test_every_function_of_the_stand_in_is_tried() -> None:
    tried = " ".join([*VALUES, *cases.AGGREGATES, *cases.WINDOWS]).lower()
    tried = re.sub(r"extract\((\w+) from", r"extract_\1(", tried)
    for keyword, name in (("current_timestamp", "now"), ("current_date", "current_date"), ("localtimestamp", "localtimestamp")):
        tried = tried.replace(keyword, f"{name}(")
    called = set(re.findall(r"(\w+)\(", tried))

    assert {*functions(), *SPECIAL} - called == {"grouping"}, "grouping has a test of its own"
    assert not ABSENT & {*functions(), *SPECIAL}


def test_aggregates_over_no_rows_are_null_or_zero(athena: Answers) -> None:
    calls = "count(*), sum(n), max(n), array_agg(n), listagg(t, ',') WITHIN GROUP (ORDER BY t), bool_or(true), histogram(n), map_agg(n, t)"

    assert athena.rows(f"SELECT {calls} FROM {cases.ROWS} WHERE false") == [("0", None, None, None, None, None, None, None)]


FAILURES = {
    "element_at(ARRAY[1], 0)": "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1",
    "slice(ARRAY[1], 0, 1)": "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1",
    "split('a', '')": "INVALID_FUNCTION_ARGUMENT: The delimiter may not be the empty string",
    "split_part('a', ',', 0)": "INVALID_FUNCTION_ARGUMENT: Index must be greater than zero",
    "lpad('a', -1, 'x')": "INVALID_FUNCTION_ARGUMENT: Target length must be in the range",
    "codepoint('ab')": "INVALID_FUNCTION_ARGUMENT: Input string must be a single character string",
    "hamming_distance('a', 'bc')": "INVALID_FUNCTION_ARGUMENT: ",
    "sequence(1, 10001)": "INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries",
    "sequence(1, 5, -1)": "INVALID_FUNCTION_ARGUMENT: sequence stop value",
    "sequence(1, 5, 0)": "INVALID_FUNCTION_ARGUMENT: sequence stop value",
    "repeat(1, -1)": "INVALID_FUNCTION_ARGUMENT: count argument of repeat function",
    "random(0)": "INVALID_FUNCTION_ARGUMENT: bound must be positive",
    "lag(x, -1) OVER () FROM (VALUES 1) AS v(x)": "INVALID_FUNCTION_ARGUMENT: Offset must be at least 0",
    "nth_value(x, 0) OVER () FROM (VALUES 1) AS v(x)": "INVALID_FUNCTION_ARGUMENT: Offset must be at least 1",
    "width_bucket(1, 2, 2, 3)": "INVALID_FUNCTION_ARGUMENT: width_bucket",
    "MAP(ARRAY['a', 'a'], ARRAY[1, 2])": "INVALID_FUNCTION_ARGUMENT: ",
    "MAP(ARRAY['a'], ARRAY[1, 2])": "INVALID_FUNCTION_ARGUMENT: ",
    "json_parse('{')": "INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON",
    "json_extract('{}', 'a')": "INVALID_FUNCTION_ARGUMENT: line 1:8: Invalid JSON path: 'a'",
    "date_parse('x', '%Y')": 'INVALID_FUNCTION_ARGUMENT: Invalid format: "x"',
    "date_parse('2026-13-01', '%Y-%m-%d')": "INVALID_FUNCTION_ARGUMENT: Invalid format",
    "date_trunc('fortnight', DATE '2026-01-01')": "INVALID_FUNCTION_ARGUMENT: line 1:8: 'fortnight' is not a valid DATE field",
    "date_add('hour', 1, DATE '2026-01-01')": "INVALID_FUNCTION_ARGUMENT: line 1:8: 'hour' is not a valid DATE field",
    "from_iso8601_date('2026')": "INVALID_FUNCTION_ARGUMENT: ",
    "format('%d', 1.5)": "INVALID_FUNCTION_ARGUMENT: Invalid format string: %d (IllegalFormatConversion",
    "format('%s %s', 1)": "INVALID_FUNCTION_ARGUMENT: Invalid format string: %s %s (MissingFormatArgument",
    "format('%0d', 1)": "INVALID_FUNCTION_ARGUMENT: Invalid format string: %0d (IllegalFormatFlags",
    "regexp_extract('a', '(a)', 2)": "INVALID_FUNCTION_ARGUMENT: line 1:8: Pattern has 1 groups. Cannot access group 2",
    "abs(-9223372036854775808)": "NUMERIC_VALUE_OUT_OF_RANGE: ",
    "sum(x) FROM (VALUES 9223372036854775807, 1) AS v(x)": "NUMERIC_VALUE_OUT_OF_RANGE: ",
}


@pytest.mark.parametrize("call", FAILURES)
def test_a_function_fails_where_it_fails_in_trino(athena: Answers, call: str) -> None:
    assert athena.why_not(f"SELECT {call}").startswith(FAILURES[call])


NOT_HERE = [
    "approx_most_frequent(3, 1, 100)",
    "array_intersect(ARRAY[1], ARRAY[1])",
    "url_extract_host('http://a.b/')",
    "uuid()",
    "regexp_replace('ab', '(b)', x -> upper(x[1]))",
    "truncate(1.9)",
    "regexp_extract('aa', '(?=a)')",
    "regexp_extract('ab', '(x)?b', 1)",
    "regexp_replace('aa', 'a', '${name}')",
    "regexp_like('a', 'a' || 'b')",
    "format('%x', 255)",
    "format('%e', 1e0)",
    "format('%' || 's', 1)",
    "date_parse('x', '%D')",
    "date_parse('5 2026', '%j %Y')",
    "json_extract('{}', '$..a')",
    "json_extract('[]', '$[*]')",
    "CAST(1.5e0 AS varchar)",
    "CAST('a' AS char(3))",
    "TRY_CAST(json_parse('1.5') AS varchar)",
    "now() AT TIME ZONE 'Europe/Berlin'",
    "TIMESTAMP '2026-01-01 00:00:00 Europe/Berlin'",
    "max_by(1, 2, 3)",
    "strpos('aa', 'a', 2)",
    "split('a,b,c', ',', 2)",
    "array_sort(ARRAY[1, 2], (a, b) -> b - a)",
    "from_unixtime(0, 'Europe/Berlin')",
    "round(1.25, -1)",
    "INTERVAL '1-2' YEAR TO MONTH",
    "ARRAY[1] = ARRAY[1]",
    "ROW(1) IN (ROW(1)) AND (ARRAY[1] IN (ARRAY[1]))",
]


@pytest.mark.parametrize("call", NOT_HERE)
def test_what_this_disk_cannot_do_as_trino_does_is_refused_as_not_on_this_disk(athena: Answers, call: str) -> None:
    assert "is not on this disk" in athena.why_not(f"SELECT {call}")
    assert "NOT_SUPPORTED" in athena.why_not(f"SELECT {call}")


def test_the_largest_of_an_array_with_nan_is_not_on_this_disk(athena: Answers) -> None:
    assert "are not on this disk" in athena.why_not("SELECT array_max(ARRAY[1e0, nan()])")
    assert "is not on this disk" in athena.why_not("SELECT try(array_max(ARRAY[1e0, nan()]))"), "TRY would hide it"


def test_lambdas_see_the_columns_around_them_and_each_other(athena: Answers) -> None:
    assert athena.value("transform(list, x -> x + i) FROM t") == "[4, 5]"
    assert athena.value("transform(ARRAY[1, 2], x -> transform(ARRAY[10], y -> x + y))") == "[[11], [12]]"
    assert athena.value("reduce(ARRAY['b', 'c'], 'a', (s, x) -> s || x, s -> s)") == "abc"


def test_the_state_of_reduce_becomes_as_wide_as_the_elements_need(athena: Answers) -> None:
    assert athena.value("reduce(ARRAY[5000000000, 2], 0, (s, x) -> s + x, s -> s)") == "5000000002"
    assert athena.value("reduce(ARRAY[0.5e0, 2e0], 1, (s, x) -> s + x, s -> s)") == "3.5"
    assert "Expected a state of one type" in athena.why_not("SELECT reduce(ARRAY['a'], 0, (s, x) -> x, s -> s)")


def test_percentiles_of_one_value_share_one_digest(athena: Answers) -> None:
    several = "approx_percentile(x, 0.9), approx_percentile(x, 0.5), approx_percentile(-x, 0.5)"
    asked = f"SELECT {several} FROM UNNEST(sequence(1, 101)) AS v(x)"

    assert athena.rows(asked) == [("91", "51", "-51")]
    assert athena.words(asked).count("approx_quantile") == 3, "two of them ask for both levels of x at once"
    assert len(set(re.findall(r"approx_quantile\([^]]*\]\)", athena.words(asked)))) == 1
