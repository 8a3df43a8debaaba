"""count(DISTINCT x) beside other aggregates is worked out in two steps, and gives what one step gives."""

from __future__ import annotations

import pytest
from athena_lake import Answers

from infra.local.athena.statement_reader import read_statement
from infra.local.athena.trino import query_sql
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.two_steps import in_two_steps

ROWS = """(VALUES ('a', 1, 1.5e0, true), ('a', 1, nan(), false), ('a', 2, NULL, NULL), ('b', NULL, 2.5e0, true), ('b', NULL, nan(), true),
    (NULL, 3, -1e0, false), (NULL, 3, 0e0, true), ('c', 4, nan(), NULL)) AS v(k, x, d, seen)"""
TWO_STEPS = [
    "SELECT k, count(DISTINCT x), count(*), count(d), count_if(seen) FROM {} GROUP BY k ORDER BY k",
    "SELECT k AS Lab, min(d), max(d), count(DISTINCT x), count(*) * 1e0 / count(d) FROM {} WHERE k IS NOT NULL GROUP BY k ORDER BY lab",
    "SELECT seen, round(count_if(d > 1) * 1e0 / count(*), 2), count(DISTINCT x), k FROM {} GROUP BY k, seen ORDER BY 4, 1",
    "SELECT max(k), count(DISTINCT d), x FROM {} GROUP BY x ORDER BY x DESC",
    "SELECT k, count(*) FROM (SELECT k, count(DISTINCT x), count(*) FROM {} GROUP BY k) GROUP BY k ORDER BY 1",
]
ONE_STEP = [
    "SELECT k, count(DISTINCT x) FROM {} GROUP BY k",
    "SELECT count(DISTINCT x), count(*) FROM {}",
    "SELECT count(DISTINCT x), count(*) FROM {} GROUP BY ()",
    "SELECT k, count(DISTINCT x), count(DISTINCT d), count(*) FROM {} GROUP BY k",
    "SELECT k, count(DISTINCT x), sum(d) FROM {} GROUP BY k",
    "SELECT k, count(DISTINCT x), count(*) FROM {} GROUP BY k HAVING count(*) > 1",
    "SELECT k, count(DISTINCT x), count(*) FROM {} GROUP BY k ORDER BY count(*)",
    "SELECT k, count(DISTINCT x), count(*) FROM {} GROUP BY k, k",
    "SELECT k, count(DISTINCT k), count(*) FROM {} GROUP BY k",
    "SELECT v.k, count(DISTINCT x), count(*) FROM {} GROUP BY v.k",
    "SELECT k, count(DISTINCT x), count(*) FILTER (WHERE seen) FROM {} GROUP BY k",
    "SELECT k, count(DISTINCT x), count(*) FROM {} GROUP BY ROLLUP (k)",
    "SELECT lower(k), count(DISTINCT x), count(*) FROM {} GROUP BY lower(k)",
    "SELECT k, count(DISTINCT x), count(*), d FROM {} GROUP BY k",
    "SELECT DISTINCT k, count(DISTINCT x), count(*) FROM {} GROUP BY k",
]


def query_of(sql: str) -> Query:
    query = read_statement(sql.format(ROWS)).query
    assert query is not None
    return query


@pytest.mark.parametrize("sql", TWO_STEPS)
def test_two_steps_give_what_one_gives(athena: Answers, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = athena.words(sql.format(ROWS))
    found = athena.rows(sql.format(ROWS))
    assert len(found) >= 3
    monkeypatch.setattr(query_sql, "in_two_steps", lambda query: query)
    assert "count(DISTINCT" in athena.words(sql.format(ROWS))
    assert "count(DISTINCT" not in words
    assert athena.rows(sql.format(ROWS)) == found


@pytest.mark.parametrize("sql", ONE_STEP)
def test_what_does_not_add_up_for_certain_stays_one_step(sql: str) -> None:
    query = query_of(sql)
    assert in_two_steps(query) is query


def test_faults_are_told_at_their_own_place(athena: Answers) -> None:
    assert athena.why_not("SELECT b, count(DISTINCT a), count(nope) FROM t GROUP BY b").startswith("COLUMN_NOT_FOUND: line 1:36: ")
    told = athena.why_not("SELECT b, count(DISTINCT a), count_if(a) FROM t GROUP BY b")
    assert "Unexpected parameters (bigint) for function count_if" in told
