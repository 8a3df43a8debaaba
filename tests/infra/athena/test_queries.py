"""Queries mean what they mean in Trino: joins, UNNEST, WITH, groups, set operations, orders, names."""

from __future__ import annotations

from athena_lake import Answers, Lake

SPEEDS = "(VALUES (1, 'fast', 3e0), (2, 'slow', 1e0), (3, NULL, NULL)) AS s(id, word, speed)"


def test_unnest_puts_arrays_of_unequal_lengths_side_by_side(athena: Answers) -> None:
    rows = athena.rows("SELECT * FROM UNNEST(ARRAY[1, 2, 3], ARRAY['a']) AS v(n, t)")

    assert rows == [("1", "a"), ("2", None), ("3", None)]


def test_unnest_numbers_its_rows(athena: Answers) -> None:
    assert athena.rows("SELECT n, o FROM UNNEST(ARRAY[7, 8]) WITH ORDINALITY AS v(n, o)") == [("7", "1"), ("8", "2")]
    assert athena.rows("SELECT o FROM UNNEST(ARRAY[7], ARRAY[1, 2]) WITH ORDINALITY AS v(n, m, o)") == [("1",), ("2",)]
    assert athena.rows("SELECT n FROM UNNEST(CAST(NULL AS array(bigint))) AS v(n)") == []


def test_unnest_makes_columns_of_maps_and_rows(athena: Answers) -> None:
    assert athena.rows("SELECT k, v FROM UNNEST(MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS m(k, v)") == [("a", "1"), ("b", "2")]
    rows = "UNNEST(ARRAY[CAST(ROW(1, 'x') AS ROW(n bigint, t varchar))])"
    assert athena.rows(f"SELECT n, t FROM {rows}") == [("1", "x")]
    assert athena.rows(f"SELECT b FROM {rows} AS v(a, b)") == [("x",)]


def test_unnest_sees_the_columns_before_it(athena: Answers) -> None:
    lists = "(VALUES (1, ARRAY[10, 20]), (2, ARRAY[]), (3, NULL)) AS l(id, items)"

    assert athena.rows(f"SELECT id, item FROM {lists} CROSS JOIN UNNEST(items) AS u(item) ORDER BY item") == [("1", "10"), ("1", "20")]
    assert athena.rows(f"SELECT id, item FROM {lists}, UNNEST(items) AS u(item) ORDER BY item") == [("1", "10"), ("1", "20")]
    joined = f"SELECT id, item FROM {lists} LEFT JOIN UNNEST(items) AS u(item) ON true ORDER BY id, item"
    assert athena.rows(joined) == [("1", "10"), ("1", "20"), ("2", None), ("3", None)]


def test_joins_keep_the_rows_that_they_keep_in_sql(athena: Answers) -> None:
    left, right = "(VALUES 1, 2) AS a(x)", "(VALUES 2, 3) AS b(x)"

    assert athena.rows(f"SELECT a.x, b.x FROM {left} JOIN {right} ON a.x = b.x") == [("2", "2")]
    assert athena.rows(f"SELECT a.x, b.x FROM {left} LEFT JOIN {right} ON a.x = b.x ORDER BY 1") == [("1", None), ("2", "2")]
    assert athena.rows(f"SELECT a.x, b.x FROM {left} FULL JOIN {right} ON a.x = b.x ORDER BY 1, 2") == [
        ("1", None),
        ("2", "2"),
        (None, "3"),
    ]
    assert athena.rows(f"SELECT x FROM {left} FULL JOIN {right} USING (x) ORDER BY 1") == [("1",), ("2",), ("3",)]
    assert athena.rows(f"SELECT x FROM {left} RIGHT JOIN {right} USING (x) ORDER BY 1") == [("2",), ("3",)]


def test_a_comma_binds_less_than_a_join(athena: Answers) -> None:
    sql = "SELECT a.x, b.x, c.x FROM (VALUES 1, 2) AS a(x), (VALUES 5) AS b(x) RIGHT JOIN (VALUES 6) AS c(x) ON b.x = c.x ORDER BY 1"

    assert athena.rows(sql) == [("1", None, "6"), ("2", None, "6")]


def test_with_names_queries_for_what_follows(athena: Answers) -> None:
    sql = "WITH a AS (SELECT 1 AS x), b(y) AS (SELECT x + 1 FROM a) SELECT x, y FROM a CROSS JOIN b"

    assert athena.rows(sql) == [("1", "2")]
    assert athena.rows("WITH t AS (SELECT 'mine' AS a) SELECT a FROM t") == [("mine",)]
    assert athena.rows("SELECT a FROM (WITH t AS (SELECT 'inner' AS a) SELECT a FROM t) AS v, (SELECT b FROM t) AS w") == [("inner",)]


def test_a_subquery_sees_the_query_around_it(athena: Answers) -> None:
    sql = "SELECT x, (SELECT max(y) FROM (VALUES 1, 5) AS b(y) WHERE y < x) FROM (VALUES 3, 9) AS a(x) ORDER BY x"

    assert athena.rows(sql) == [("3", "1"), ("9", "5")]
    assert athena.rows("SELECT x FROM (VALUES 3, 9) AS a(x) WHERE EXISTS (SELECT 1 FROM (VALUES 9) AS b(y) WHERE y = x)") == [("9",)]
    assert athena.rows("SELECT x FROM (VALUES 1, 2) AS a(x) WHERE x IN (SELECT 2.0)") == [("2",)]
    assert athena.rows("SELECT x FROM (VALUES 1, 2) AS a(x) WHERE x NOT IN (SELECT NULL)") == []
    assert athena.rows("SELECT x FROM (VALUES 1, 2) AS a(x) WHERE x >= ALL (SELECT 2)") == [("2",)]


def test_groups_go_by_values_positions_and_sets(athena: Answers) -> None:
    values = "(VALUES ('a', 1), ('a', 2), ('b', 3)) AS v(k, n)"

    assert athena.rows(f"SELECT upper(k), sum(n) FROM {values} GROUP BY upper(k) ORDER BY 1") == [("A", "3"), ("B", "3")]
    assert athena.rows(f"SELECT k, sum(n) AS n FROM {values} GROUP BY 1 HAVING sum(v.n) > 2 ORDER BY k DESC") == [("b", "3"), ("a", "3")]
    assert athena.rows(f"SELECT k, sum(n) FROM {values} GROUP BY ROLLUP (k) ORDER BY 1") == [("a", "3"), ("b", "3"), (None, "6")]
    assert athena.rows(f"SELECT sum(n) FROM {values} GROUP BY ()") == [("6",)]
    assert athena.rows(f"SELECT k || '!' FROM {values} GROUP BY k ORDER BY count(*) DESC") == [("a!",), ("b!",)]


def test_set_operations_find_a_type_for_both_sides(athena: Answers) -> None:
    assert athena.rows("SELECT 1 AS n UNION ALL SELECT 2.5 ORDER BY n DESC") == [("2.5",), ("1.0",)]
    assert athena.rows("SELECT 1 UNION SELECT 1") == [("1",)]
    assert athena.rows("SELECT 1 EXCEPT SELECT 1") == []
    assert athena.rows("VALUES 1, 2 INTERSECT VALUES 2, 3") == [("2",)]
    assert athena.rows("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3") == [("1",)], "INTERSECT comes first"
    assert athena.rows("SELECT NULL UNION ALL SELECT 'x' ORDER BY 1") == [("x",), (None,)]


def test_an_order_goes_by_outputs_first_then_by_columns(athena: Answers) -> None:
    assert athena.rows(f"SELECT -id AS id FROM {SPEEDS} ORDER BY id") == [("-3",), ("-2",), ("-1",)]
    assert athena.rows(f"SELECT word FROM {SPEEDS} ORDER BY speed DESC") == [("fast",), ("slow",), (None,)]
    assert athena.rows(f"SELECT id FROM {SPEEDS} ORDER BY speed NULLS FIRST LIMIT 1") == [("3",)]
    assert athena.rows(f"SELECT id FROM {SPEEDS} ORDER BY id OFFSET 1 ROW FETCH NEXT 1 ROW ONLY") == [("2",)]
    assert athena.rows(f"SELECT DISTINCT word FROM {SPEEDS} ORDER BY word") == [("fast",), ("slow",), (None,)]


def test_names_have_no_case(athena: Answers) -> None:
    assert athena.rows('SELECT T.A, "a", "T"."A" FROM T') == [("1", "1", "1")]
    assert athena.rows("SELECT X FROM (SELECT 1 AS x) AS Sub WHERE sub.X = 1") == [("1",)]


def test_words_that_trino_does_not_reserve_are_names(athena: Answers) -> None:
    assert athena.rows("SELECT date, year, first, row_number, filter, if, limit FROM (SELECT 1 AS date, 2 AS year, 3 AS first, "
                       "4 AS row_number, 5 AS filter, 6 AS if, 7 AS limit) AS v") == [("1", "2", "3", "4", "5", "6", "7")]  # fmt: skip
    assert athena.rows("SELECT 1 date, 2 offset") == [("1", "2")]


def test_columns_of_one_name_are_told_apart_by_their_tables(athena: Answers) -> None:
    assert athena.rows("SELECT b.*, a.x FROM (SELECT 1 AS x, 2 AS x) AS b CROSS JOIN (SELECT 3 AS x) AS a") == [("1", "2", "3")]


def test_named_windows_can_be_extended(athena: Answers) -> None:
    sql = f"SELECT sum(id) OVER (w ORDER BY id), count(*) OVER w FROM {SPEEDS} WINDOW w AS (PARTITION BY word IS NULL) ORDER BY id"

    assert athena.rows(sql) == [("1", "2"), ("3", "2"), ("3", "1")]


def test_parentheses_may_stand_around_queries_joins_and_values(athena: Answers) -> None:
    assert athena.rows("((SELECT 1) UNION ALL (SELECT 2)) ORDER BY 1") == [("1",), ("2",)]
    assert athena.rows("SELECT ((SELECT 1) + (SELECT 2)) * 2") == [("6",)]
    assert athena.rows("SELECT x FROM ((VALUES 1) AS a(x) CROSS JOIN (VALUES 2) AS b(y))") == [("1",)]
    assert athena.rows("TABLE t")[0][:2] == ("1", "x")


def test_comments_and_a_semicolon_are_no_part_of_a_query(athena: Answers) -> None:
    assert athena.rows("-- first\nSELECT /* ; */ 1 -- last\n;") == [("1",)]


def test_stock_queries_of_athenas_users_are_answered(lake: Lake) -> None:
    """Ask the sort of question that people copy from the manual, over the table of files."""
    assert lake.rows(
        "SELECT lab_id, format('%05d', sum(video_id)) AS padded, histogram(video_id) AS h, multimap_agg(lab_id, video_id) AS m "
        "FROM speeds WHERE lab_id = 'Rat Pairs' GROUP BY lab_id"
    ) == [["lab_id", "padded", "h", "m"], ["Rat Pairs", "00003", "{3=1}", "{Rat Pairs=[3]}"]]
    assert lake.rows(
        "SELECT lab_id, 100.0 * count(speed) / count(*) AS seen_percent FROM speeds GROUP BY lab_id ORDER BY lab_id"
    )[1:] == [["CRIM13", "50.0"], ["Rat Pairs", "100.0"]]  # fmt: skip
    assert lake.rows("SELECT max_by(lab_id, speed), approx_distinct(lab_id), bool_or(note IS NULL) FROM speeds")[1] == [
        "Rat Pairs",
        "2",
        "true",
    ]
