"""What a query leaves: a CSV, pages of rows, descriptions of columns, and reasons why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from athena_lake import LABS, Answers, Lake

from infra.local.athena.failures import reason
from infra.local.athena.service import AthenaService
from infra.local.athena.trino.java_text import java_number
from infra.local.control.plane import ControlPlane
from infra.local.errors import ServiceError
from infra.local.s3.object_store import ObjectStore


def test_a_query_reads_the_files_and_leaves_a_csv_as_athena_writes_it(lake: Lake) -> None:
    execution = lake.run("SELECT * FROM speeds ORDER BY video_id")

    address = execution["ResultConfiguration"]["OutputLocation"]
    assert address == f"s3://athena-results/{execution['QueryExecutionId']}.csv"
    content = (lake.endpoint.root / address.removeprefix("s3://")).read_text()
    assert content == (
        '"video_id","speed","note","lab_id"\n"1","1.5","says ""hi"", twice","CRIM13"\n"2",,,"CRIM13"\n"3","2.5E7","","Rat Pairs"\n'
    )


def test_results_come_in_pages_with_nulls_and_quotes_intact(lake: Lake) -> None:
    query_id = lake.run("SELECT note, video_id FROM speeds ORDER BY video_id")["QueryExecutionId"]

    pages = lake.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id, PaginationConfig={"PageSize": 2})
    found = [[[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]] for page in pages]

    assert found == [[["note", "video_id"], ['says "hi", twice', "1"]], [[None, "2"], ["", "3"]]]


def test_a_query_that_fails_says_why_in_athenas_words(lake: Lake) -> None:
    faults = {
        "SELECT nope FROM speeds": "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved",
        "SELECT 1\nFROM nope": "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.mabe.nope' does not exist",
        "SELECT nope(1)": "FUNCTION_NOT_FOUND: line 1:8: Function 'nope' not registered",
        "SELECT CAST(note AS bigint) FROM speeds": "INVALID_CAST_ARGUMENT: ",
        "SELECT 1 / 0": "DIVISION_BY_ZERO",
        "DROP TABLE nope": "FAILED: SemanticException",
        "CREATE TABLE speeds AS SELECT 1 AS a": "TABLE_ALREADY_EXISTS",
    }
    for sql, told in faults.items():
        assert told in lake.why_not(sql)


def test_a_file_whose_type_is_not_the_declared_one_is_bad_data(lake: Lake) -> None:
    folder = lake.endpoint.root / "curated-zone" / "speeds"
    for lab in LABS:
        pq.write_table(pa.table({"video_id": ["one"], "speed": [1.0], "note": ["x"]}), folder / f"lab_id={lab}" / "part.parquet")

    assert "HIVE_BAD_DATA: Field video_id's type VARCHAR" in lake.why_not("SELECT video_id FROM speeds")


def test_results_and_records_can_be_read_by_another_process_later(lake: Lake, control_plane: Callable[[Path], ControlPlane]) -> None:
    query_id = lake.run("SELECT 7 AS seven")["QueryExecutionId"]

    later = AthenaService(ObjectStore(lake.endpoint.root), control_plane(lake.endpoint.root))
    assert later.handle("GetQueryExecution", {"QueryExecutionId": query_id})["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
    rows = later.handle("GetQueryResults", {"QueryExecutionId": query_id})["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "seven"}]}, {"Data": [{"VarCharValue": "7"}]}]
    later.close()
    assert query_id in lake.athena.list_query_executions(WorkGroup="w")["QueryExecutionIds"]


def test_values_are_written_as_athena_writes_them(lake: Lake) -> None:
    sql = (
        "SELECT ARRAY[1, NULL] AS a, MAP(ARRAY['k'], ARRAY[1.5E0]) AS m, CAST(ROW(1, 'z') AS ROW(x bigint, y varchar)) AS r, true AS b, "
        "TIMESTAMP '2026-01-02 03:04:05' AS t, DATE '2026-01-02' AS d, CAST(1.25 AS decimal(10, 3)) AS c, 1E0 AS one, nan() AS n, "
        "X'00ff' AS v"
    )

    assert lake.rows(sql)[1] == [
        "[1, null]",
        "{k=1.5}",
        "{x=1, y=z}",
        "true",
        "2026-01-02 03:04:05.000",
        "2026-01-02",
        "1.250",
        "1.0",
        "NaN",
        "00 ff",
    ]


@pytest.mark.parametrize(
    ("shortest", "shown"),
    [
        ("0.001", "0.001"),
        ("0.0001", "1.0E-4"),
        ("9999999", "9999999.0"),
        ("10000000", "1.0E7"),
        ("-1.25e+20", "-1.25E20"),
        ("-0", "-0.0"),
        ("inf", "Infinity"),
    ],
)
def test_floats_are_printed_as_java_prints_them(shortest: str, shown: str) -> None:
    assert java_number(shortest) == shown


def test_an_error_of_our_own_is_told_as_it_is() -> None:
    assert reason(ServiceError("NoSuchBucket", "Expected a bucket, but got none.")) == "Expected a bucket, but got none."


def test_unnamed_outputs_are_numbered_by_position(lake: Lake) -> None:
    header, _ = lake.rows("SELECT video_id, 1, max(speed) AS m, count(*) FROM speeds WHERE video_id = 1 GROUP BY video_id")

    assert header == ["video_id", "_col1", "m", "_col3"]


def test_two_columns_may_have_one_name(lake: Lake) -> None:
    assert lake.rows("SELECT 1 AS a, 2 AS a") == [["a", "a"], ["1", "2"]]


def test_columns_are_described_with_athenas_types(lake: Lake) -> None:
    sql = (
        "SELECT NULL AS nothing, 'abc' AS short, note, CAST(1 AS real) AS r, 1.50 AS d, ARRAY[1] AS a, MAP() AS m, ROW(1) AS w, "
        "now() AS n, localtimestamp AS t, json_parse('1') AS j, X'00' AS v FROM speeds LIMIT 1"
    )
    query_id = lake.run(sql)["QueryExecutionId"]

    columns = lake.athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Type"] for column in columns] == [
        "unknown", "varchar", "varchar", "float", "decimal", "array", "map", "row", "timestamp with time zone", "timestamp", "json",
        "varbinary",
    ]  # fmt: skip
    assert [(column["Precision"], column["Scale"]) for column in columns[1:5]] == [(3, 0), (2147483647, 0), (17, 0), (3, 2)]


def test_a_bare_null_is_answered(lake: Lake) -> None:
    assert lake.rows("SELECT NULL x") == [["x"], [None]]


def test_moments_are_read_from_files_to_the_millisecond(lake: Lake) -> None:
    folder = lake.endpoint.root / "curated-zone" / "moments"
    folder.mkdir()
    moments = pa.array([1_600_000_000_123_499, 1_600_000_000_123_500], pa.timestamp("us"))
    pq.write_table(pa.table({"at": moments}), folder / "part.parquet")
    lake.run("CREATE EXTERNAL TABLE moments (at timestamp) STORED AS PARQUET LOCATION 's3://curated-zone/moments/'")

    assert lake.rows("SELECT at FROM moments ORDER BY 1")[1:] == [["2020-09-13 12:26:40.123"], ["2020-09-13 12:26:40.124"]]
    assert lake.rows("SELECT count(*) FROM moments WHERE at = TIMESTAMP '2020-09-13 12:26:40.123'")[1] == ["1"]


def test_nested_values_are_printed_by_their_types(athena: Answers) -> None:
    assert athena.value("ARRAY[CAST(0.1 AS real), NULL]") == "[0.1, null]"
    assert athena.value("ARRAY[TIMESTAMP '2026-01-02 03:04:05']") == "[2026-01-02 03:04:05.000]"
    assert athena.value("ARRAY[ROW(1, true)]") == "[{field0=1, field1=true}]"
    assert athena.value("MAP(ARRAY['a'], ARRAY[ARRAY[1e7]])") == "{a=[1.0E7]}"
    assert athena.value("MAP()") == "{}"
