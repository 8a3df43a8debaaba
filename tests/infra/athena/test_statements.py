"""Statements beside SELECT, execution parameters, and queries that are stopped."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from athena_lake import Lake

from infra.local.athena.statement_reader import read_statement


def test_what_cannot_be_parsed_is_refused_at_the_start(lake: Lake) -> None:
    for sql in ("SELEC 1", "SELECT 1; SELECT 2", "DELETE FROM speeds", "SELECT ?"):
        with pytest.raises(lake.athena.exceptions.InvalidRequestException):
            lake.run(sql)
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="WorkGroup nope is not found"):
        lake.run("SELECT 1", WorkGroup="nope")


def test_execution_parameters_take_the_place_of_question_marks_in_order(lake: Lake) -> None:
    sql = "SELECT '?' AS q, video_id FROM speeds WHERE lab_id = ? AND video_id > ?"

    assert lake.rows(sql, ExecutionParameters=["'CRIM13'", "1"]) == [["q", "video_id"], ["?", "2"]]


def test_a_table_made_by_a_query_can_be_queried_extended_and_dropped(lake: Lake) -> None:
    lake.run("CREATE TABLE fast WITH (format = 'PARQUET', partitioned_by = ARRAY['lab_id']) AS SELECT video_id, speed, lab_id FROM speeds")
    lake.run("INSERT INTO fast SELECT 9, 0.5, 'New'")

    assert lake.rows("SELECT lab_id, sum(video_id) AS s FROM fast GROUP BY 1 ORDER BY 1") == [
        ["lab_id", "s"],
        ["CRIM13", "3"],
        ["New", "9"],
        ["Rat Pairs", "3"],
    ]
    types = {
        column["Name"]: column["Type"]
        for column in lake.glue.get_table(DatabaseName="mabe", Name="fast")["Table"]["StorageDescriptor"]["Columns"]
    }
    assert types == {"video_id": "bigint", "speed": "double"}
    lake.run("DROP TABLE fast")
    assert lake.rows("SHOW TABLES") == [["speeds"]]


def test_show_views_names_no_tables(lake: Lake) -> None:
    lake.run("CREATE VIEW slow AS SELECT 1 AS n")
    lake.run("CREATE VIEW quick AS SELECT 2 AS n")
    assert lake.rows("SHOW VIEWS") == [["quick"], ["slow"]]
    assert lake.rows("SHOW VIEWS IN mabe LIKE 'q*'") == [["quick"]]
    assert lake.rows("SHOW TABLES LIKE 's*'") == [["slow"], ["speeds"]]


def test_a_view_remembers_its_query_and_follows_the_data(lake: Lake) -> None:
    lake.run("CREATE OR REPLACE VIEW per_lab AS SELECT lab_id, count(*) AS n FROM speeds GROUP BY lab_id")
    lake.glue.delete_partition(DatabaseName="mabe", TableName="speeds", PartitionValues=["CRIM13"])

    assert lake.rows("SELECT * FROM per_lab") == [["lab_id", "n"], ["Rat Pairs", "1"]]


def test_a_running_query_can_be_stopped(lake: Lake) -> None:
    sql = (
        "WITH n AS (SELECT x FROM UNNEST(sequence(1, 10000)) AS t(x)) "
        "SELECT count(*) FROM n AS a CROSS JOIN n AS b CROSS JOIN n AS c WHERE a.x * b.x * c.x % 7 = 3"
    )
    query_id = lake.athena.start_query_execution(QueryString=sql, WorkGroup="w")["QueryExecutionId"]
    until(lambda: lake.athena.batch_get_query_execution(QueryExecutionIds=[query_id])["QueryExecutions"][0]["Status"]["State"] == "RUNNING")
    time.sleep(0.3)
    lake.athena.stop_query_execution(QueryExecutionId=query_id)

    until(lambda: lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] == "CANCELLED")


def test_the_same_request_token_starts_one_query(lake: Lake) -> None:
    token = "x" * 40
    first, second = (lake.run("SELECT 1", ClientRequestToken=token)["QueryExecutionId"] for _ in range(2))
    assert first == second


def test_statements_are_told_apart_under_comments_and_quotes() -> None:
    assert read_statement("-- why\nMSCK REPAIR TABLE `mabe`.`t`;").kind == "MSCK REPAIR TABLE"
    assert read_statement("/* a */ SELECT 1").kind == "SELECT"
    assert read_statement("UNLOAD (SELECT (1)) TO 's3://b/x/' WITH (format = 'JSON')").options == {
        "external_location": "s3://b/x/",
        "format": "JSON",
    }
    assert read_statement('CREATE TABLE "m"."T" AS SELECT 1 AS a').name == "t"


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def test_insert_puts_values_into_the_columns_that_it_names(lake: Lake) -> None:
    lake.run("CREATE TABLE small AS SELECT 1 AS n, 'a' AS word")
    lake.run("INSERT INTO small (word, n) SELECT 'b', 2")
    lake.run("INSERT INTO small (n) VALUES 3")

    assert lake.rows("SELECT n, word FROM small ORDER BY n")[1:] == [["1", "a"], ["2", "b"], ["3", None]]


def test_insert_refuses_types_that_would_need_a_cast(lake: Lake) -> None:
    for query in ("SELECT '9', 0.5e0, 'x', 'New'", "SELECT 9, 0.5e0", "SELECT 9, true, 'x', 'New'", "SELECT 9, 0.5e0, 7, 'New'"):
        assert (
            "TYPE_MISMATCH: Insert query has mismatched column types: Table: [bigint, double, varchar, varchar], Query: ["
            in lake.why_not(f"INSERT INTO speeds {query}")
        )
    assert "Insert column name does not exist in target table: nope" in lake.why_not("INSERT INTO speeds (nope) SELECT 1")
    assert lake.rows("SELECT count(*) AS n FROM speeds") == [["n"], ["3"]]


def test_a_table_needs_a_name_and_a_type_for_each_column(lake: Lake) -> None:
    faults = {
        "SELECT 1": "MISSING_COLUMN_NAME: line 1:1: Column name not specified at position 1",
        "SELECT 1 AS a, 2 AS A": "DUPLICATE_COLUMN_NAME: line 1:1: Column name 'a' specified more than once",
        "SELECT NULL AS a": "COLUMN_TYPE_UNKNOWN: line 1:1: Column type is unknown at position 1",
        "SELECT INTERVAL '1' DAY AS a": "NOT_SUPPORTED: Unsupported Hive type: interval day to second",
        "SELECT now() AS a": "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone",
    }
    for query, reason in faults.items():
        assert reason in lake.why_not(f"CREATE TABLE made AS {query}")
    assert lake.rows("SHOW TABLES") == [["speeds"]]


def test_a_table_can_be_made_without_rows_and_only_once(lake: Lake) -> None:
    lake.run("CREATE TABLE IF NOT EXISTS made AS SELECT 1 AS n, CAST('a' AS varchar(5)) AS word WITH NO DATA")
    lake.run("CREATE TABLE IF NOT EXISTS made AS SELECT 2 AS n")

    columns = lake.glue.get_table(DatabaseName="mabe", Name="made")["Table"]["StorageDescriptor"]["Columns"]
    assert {column["Name"]: column["Type"] for column in columns} == {"n": "int", "word": "varchar(5)"}
    assert lake.rows("SELECT * FROM made") == [["n", "word"]]


def test_an_option_that_this_disk_does_not_know_is_refused(lake: Lake) -> None:
    for option in ("field_delimiter = ','", "bucketed_by = ARRAY['n']", "table_type = 'ICEBERG'", "format = 'ORC'"):
        assert "is not on this disk" in lake.why_not(f"CREATE TABLE made WITH ({option}) AS SELECT 1 AS n")


def test_a_query_that_is_nested_too_deeply_is_refused(lake: Lake) -> None:
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="statement is too large"):
        lake.run("SELECT " + "(" * 2000 + "1" + ")" * 2000)
    assert "statement is too large" in lake.why_not("SELECT " + " + ".join(["1"] * 3000))


def test_explain_says_whether_a_query_is_valid(lake: Lake) -> None:
    assert lake.rows("EXPLAIN (TYPE VALIDATE) SELECT speed FROM speeds") == [["true"]]
    assert "COLUMN_NOT_FOUND" in lake.why_not("EXPLAIN (TYPE VALIDATE) SELECT nope FROM speeds")
    with pytest.raises(lake.athena.exceptions.InvalidRequestException, match="is not on this disk"):
        lake.run("EXPLAIN ANALYZE SELECT 1")


def test_explain_shows_the_plan_of_this_disk_and_says_so(lake: Lake) -> None:
    lines = [str(row[0]) for row in lake.rows("EXPLAIN SELECT max(speed) FROM speeds WHERE lab_id = 'CRIM13'")]
    assert lines[0] == "The plan of DuckDB, which runs queries on this disk; Athena plans otherwise."
    assert any("max" in line for line in lines[1:])
    assert lake.rows("EXPLAIN (FORMAT TEXT) SELECT 1")[0] == [lines[0]]


def test_a_sample_leaves_each_row_in_with_the_same_chance(lake: Lake) -> None:
    numbers = "(SELECT n FROM UNNEST(sequence(1, 10000)) AS u(n)) AS v TABLESAMPLE BERNOULLI"
    ((count,),) = lake.rows(f"SELECT count(*) AS c FROM {numbers} (20)")[1:]
    assert 1600 < int(str(count)) < 2400  # ten standard deviations around 2000
    assert lake.rows("SELECT count(*) AS c FROM speeds TABLESAMPLE BERNOULLI (100)") == [["c"], ["3"]]
    assert lake.rows("SELECT count(*) AS c FROM speeds AS s TABLESAMPLE BERNOULLI (0) WHERE s.speed > 0") == [["c"], ["0"]]


def test_information_schema_tells_what_the_catalog_holds(lake: Lake) -> None:
    lake.run("CREATE VIEW slow AS SELECT speed FROM speeds")
    tables = lake.rows("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'mabe' ORDER BY 1")
    assert tables == [["table_name", "table_type"], ["slow", "VIEW"], ["speeds", "BASE TABLE"]]
    query = "SELECT column_name, ordinal_position, data_type, extra_info FROM information_schema.columns WHERE table_name = 'speeds'"
    assert lake.rows(f"{query} ORDER BY 2")[1:] == [
        ["video_id", "1", "bigint", None],
        ["speed", "2", "double", None],
        ["note", "3", "varchar", None],
        ["lab_id", "4", "varchar", "partition key"],
    ]
    assert ["mabe"] in lake.rows("SELECT schema_name FROM awsdatacatalog.information_schema.schemata")
    assert "not on this disk" in lake.why_not("SELECT * FROM information_schema.views")


def test_show_create_table_makes_the_same_table_again(lake: Lake) -> None:
    before = lake.glue.get_table(DatabaseName="mabe", Name="speeds")["Table"]
    shown = "\n".join(str(row[0]) for row in lake.rows("SHOW CREATE TABLE speeds"))
    assert shown.startswith("CREATE EXTERNAL TABLE `mabe.speeds`(\n  `video_id` bigint, \n  `speed` double, \n")
    lake.run("DROP TABLE speeds")
    assert lake.run(shown.replace("`mabe.speeds`", "`mabe`.`speeds`"))["Status"]["State"] == "SUCCEEDED"
    after = lake.glue.get_table(DatabaseName="mabe", Name="speeds")["Table"]
    for part in ("Columns", "Location"):
        assert after["StorageDescriptor"][part] == before["StorageDescriptor"][part]
    assert after["PartitionKeys"] == before["PartitionKeys"]


def test_show_create_view_is_its_query(lake: Lake) -> None:
    lake.run("CREATE VIEW slow AS SELECT speed\nFROM speeds")
    assert lake.rows("SHOW CREATE VIEW slow") == [["CREATE VIEW mabe.slow AS"], ["SELECT speed"], ["FROM speeds"]]
    assert "is a view" in lake.why_not("SHOW CREATE TABLE slow")
    assert "is not a view" in lake.why_not("SHOW CREATE VIEW speeds")


def test_a_view_looks_names_up_where_it_was_made(lake: Lake) -> None:
    lake.run("CREATE VIEW total AS SELECT count(*) AS n FROM speeds")
    lake.run("CREATE DATABASE other")

    assert lake.rows("SELECT n FROM mabe.total", QueryExecutionContext={"Database": "other"}) == [["n"], ["3"]]
    assert lake.rows("SELECT total.n + 1 AS m FROM total WHERE n > 1") == [["m"], ["4"]]
    assert "TABLE_ALREADY_EXISTS" in lake.why_not("CREATE VIEW total AS SELECT 1 AS n")


def test_a_view_that_reads_itself_is_refused(lake: Lake) -> None:
    lake.run("CREATE VIEW circle AS SELECT 1 AS n")
    lake.run("CREATE OR REPLACE VIEW circle AS SELECT n FROM circle")

    assert "VIEW_IS_RECURSIVE" in lake.why_not("SELECT n FROM circle")


def test_queries_at_once_do_not_meet(lake: Lake) -> None:
    ids = [
        lake.athena.start_query_execution(
            QueryString=f"SELECT count(*) + {number} AS n FROM speeds", WorkGroup="w", QueryExecutionContext={"Database": "mabe"}
        )["QueryExecutionId"]
        for number in range(6)
    ]
    for number, query_id in enumerate(ids):
        until(
            lambda query_id=query_id: (
                lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
            )
        )
        rows = lake.athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        assert rows[1]["Data"][0]["VarCharValue"] == str(3 + number)
