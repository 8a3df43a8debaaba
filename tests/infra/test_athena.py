"""Athena on this disk: unmodified clients, real execution, and the catalog's word on what is visible."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from infra.local.athena.dialect import named_columns, parse, reason, to_duckdb
from infra.local.athena.results import _java_number
from infra.local.athena.service import AthenaService
from infra.local.athena.statements import read_statement
from infra.local.control.plane import ControlPlane
from infra.local.errors import ServiceError
from infra.local.s3.object_store import ObjectStore

COLUMNS = [{"Name": "video_id", "Type": "bigint"}, {"Name": "speed", "Type": "double"}, {"Name": "note", "Type": "string"}]
PARQUET = {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}}
LABS = {"CRIM13": ([1, 2], [1.5, None], ['says "hi", twice', None]), "Rat Pairs": ([3], [2.5e7], [""])}


@dataclass
class Lake:
    """One partitioned table `speeds` of two labs, both registered, and a workgroup."""

    endpoint: Any
    athena: Any
    glue: Any

    def run(self, sql: str, **request: Any) -> dict[str, Any]:
        asked = {"QueryString": sql, "WorkGroup": "w", "QueryExecutionContext": {"Database": "mabe"}, **request}
        query_id = self.athena.start_query_execution(**asked)["QueryExecutionId"]
        while True:
            found = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return found

    def rows(self, sql: str, **request: Any) -> list[list[str | None]]:
        execution = self.run(sql, **request)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        results = self.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in results["ResultSet"]["Rows"]]

    def why_not(self, sql: str) -> str:
        status = self.run(sql)["Status"]
        assert status["State"] == "FAILED"
        assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]
        return status["StateChangeReason"]


@pytest.fixture
def lake(endpoint: Any) -> Lake:
    s3, glue, athena = boto3.client("s3"), boto3.client("glue"), boto3.client("athena")
    for bucket in ("curated-zone", "athena-results"):
        s3.create_bucket(Bucket=bucket)
    glue.create_database(DatabaseInput={"Name": "mabe"})
    storage = {"Columns": COLUMNS, "Location": "s3://curated-zone/speeds/", **PARQUET}
    table = {"Name": "speeds", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    glue.create_table(DatabaseName="mabe", TableInput={**table, "PartitionKeys": [{"Name": "lab_id", "Type": "string"}]})
    for lab, columns in LABS.items():
        folder = endpoint.root / "curated-zone" / "speeds" / f"lab_id={lab}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table(dict(zip(("video_id", "speed", "note"), columns, strict=True))), folder / "part.parquet")
    output = {"OutputLocation": "s3://athena-results/"}
    athena.create_work_group(Name="w", Configuration={"ResultConfiguration": output, "EnforceWorkGroupConfiguration": True})
    lake = Lake(endpoint, athena, glue)
    lake.run("MSCK REPAIR TABLE speeds")
    return lake


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


def test_only_registered_partitions_are_visible_until_the_table_is_repaired(lake: Lake) -> None:
    lake.glue.delete_partition(DatabaseName="mabe", TableName="speeds", PartitionValues=["CRIM13"])
    assert lake.rows("SELECT count(*) AS n FROM speeds") == [["n"], ["1"]]

    lake.run("MSCK REPAIR TABLE speeds")
    assert lake.rows("SELECT count(*) AS n FROM speeds") == [["n"], ["3"]]
    assert lake.rows("SHOW PARTITIONS speeds") == [["lab_id=CRIM13"], ["lab_id=Rat Pairs"]]


def test_a_partition_may_lie_in_a_folder_that_does_not_name_its_value(lake: Lake) -> None:
    lake.run("ALTER TABLE speeds ADD PARTITION (lab_id = 'elsewhere') LOCATION 's3://curated-zone/speeds/lab_id=CRIM13/'")

    assert lake.rows("SELECT lab_id, count(*) FROM speeds GROUP BY lab_id ORDER BY lab_id") == [
        ["lab_id", "_col1"],
        ["CRIM13", "2"],
        ["Rat Pairs", "1"],
        ["elsewhere", "2"],
    ]


def test_a_projected_table_sees_every_folder_without_registration(lake: Lake) -> None:
    lake.run(
        "CREATE EXTERNAL TABLE projected (video_id bigint) PARTITIONED BY (lab_id string) STORED AS PARQUET "
        "LOCATION 's3://curated-zone/speeds/' TBLPROPERTIES ('projection.enabled' = 'true')"
    )

    assert lake.rows("SELECT sum(video_id) AS s FROM projected") == [["s"], ["6"]]


def test_the_hidden_path_is_an_s3_address_and_no_part_of_a_star(lake: Lake) -> None:
    header, row = lake.rows("""SELECT "$path" AS p, * FROM speeds WHERE video_id = 3""")

    assert header == ["p", "video_id", "speed", "note", "lab_id"]
    assert row[0] == "s3://curated-zone/speeds/lab_id=Rat Pairs/part.parquet"


def test_the_bytes_scanned_are_those_of_the_columns_used_in_the_partitions_left(lake: Lake) -> None:
    def chunk(lab: str, *columns: str) -> int:
        metadata = pq.read_metadata(lake.endpoint.root / "curated-zone" / "speeds" / f"lab_id={lab}" / "part.parquet").row_group(0)
        chunks = [metadata.column(number) for number in range(metadata.num_columns)]
        return sum(each.total_compressed_size for each in chunks if each.path_in_schema in columns)

    def scanned(sql: str) -> int:
        return lake.run(sql)["Statistics"]["DataScannedInBytes"]

    assert scanned("SELECT count(*) FROM speeds") == 0
    assert scanned("SELECT avg(speed) FROM speeds") == chunk("CRIM13", "speed") + chunk("Rat Pairs", "speed")
    assert scanned("SELECT avg(speed) FROM speeds WHERE lab_id IN ('CRIM13', 'x')") == chunk("CRIM13", "speed")
    assert scanned("SELECT * FROM speeds s WHERE s.lab_id = 'Rat Pairs'") == chunk("Rat Pairs", "video_id", "speed", "note")


def test_a_filter_on_the_empty_side_of_an_outer_join_changes_no_row(lake: Lake) -> None:
    sql = "SELECT a.video_id FROM speeds a LEFT JOIN speeds b ON a.video_id = b.video_id WHERE b.lab_id IS NULL"

    assert lake.rows(sql) == [["video_id"]]


def test_a_query_over_the_scan_limit_of_its_workgroup_is_cancelled(lake: Lake) -> None:
    limit = {"BytesScannedCutoffPerQuery": 10_000_000}
    lake.athena.update_work_group(WorkGroup="w", ConfigurationUpdates=limit)
    assert lake.run("SELECT * FROM speeds")["Status"]["State"] == "SUCCEEDED"

    big = lake.endpoint.root / "curated-zone" / "speeds" / "lab_id=CRIM13" / "big.parquet"
    numbers = pa.array(range(1_500_000), pa.int64())
    columns = {"video_id": numbers, "speed": pa.nulls(len(numbers), pa.float64()), "note": pa.nulls(len(numbers), pa.string())}
    pq.write_table(pa.table(columns), big, use_dictionary=False, compression="none")
    status = lake.run("SELECT max(video_id) FROM speeds")["Status"]
    assert status["State"] == "CANCELLED"
    assert "Bytes scanned limit was exceeded" in status["StateChangeReason"]


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


def test_a_view_remembers_its_query_and_follows_the_data(lake: Lake) -> None:
    lake.run("CREATE OR REPLACE VIEW per_lab AS SELECT lab_id, count(*) AS n FROM speeds GROUP BY lab_id")
    lake.glue.delete_partition(DatabaseName="mabe", TableName="speeds", PartitionValues=["CRIM13"])

    assert lake.rows("SELECT * FROM per_lab") == [["lab_id", "n"], ["Rat Pairs", "1"]]


def test_results_and_records_can_be_read_by_another_process_later(lake: Lake, control_plane: Callable[[Path], ControlPlane]) -> None:
    query_id = lake.run("SELECT 7 AS seven")["QueryExecutionId"]

    later = AthenaService(ObjectStore(lake.endpoint.root), control_plane(lake.endpoint.root))
    assert later.handle("GetQueryExecution", {"QueryExecutionId": query_id})["QueryExecution"]["Status"]["State"] == "SUCCEEDED"
    rows = later.handle("GetQueryResults", {"QueryExecutionId": query_id})["ResultSet"]["Rows"]
    assert rows == [{"Data": [{"VarCharValue": "seven"}]}, {"Data": [{"VarCharValue": "7"}]}]
    later.close()
    assert query_id in lake.athena.list_query_executions(WorkGroup="w")["QueryExecutionIds"]


def test_a_running_query_can_be_stopped(lake: Lake) -> None:
    sql = "SELECT count(*) FROM UNNEST(sequence(1, 100000)) AS a(x) CROSS JOIN UNNEST(sequence(1, 1000000)) AS b(y) WHERE x * y % 7 = 3"
    query_id = lake.athena.start_query_execution(QueryString=sql, WorkGroup="w")["QueryExecutionId"]
    until(lambda: lake.athena.batch_get_query_execution(QueryExecutionIds=[query_id])["QueryExecutions"][0]["Status"]["State"] == "RUNNING")
    time.sleep(0.3)
    lake.athena.stop_query_execution(QueryExecutionId=query_id)

    until(lambda: lake.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]["State"] == "CANCELLED")


def test_the_same_request_token_starts_one_query(lake: Lake) -> None:
    token = "x" * 40
    first, second = (lake.run("SELECT 1", ClientRequestToken=token)["QueryExecutionId"] for _ in range(2))
    assert first == second


@pytest.mark.filterwarnings("ignore:The \\w+ keyword:DeprecationWarning")  # awswrangler, of pandas 3
def test_awswrangler_reads_and_writes_unchanged(lake: Lake) -> None:
    import awswrangler as wr
    import pandas as pd

    frame = pd.DataFrame({"video_id": [7, 8], "when": pd.to_datetime(["2026-01-02 03:04:05.678"] * 2), "lab_id": ["A", "B"]})
    wr.s3.to_parquet(frame, "s3://curated-zone/written/", dataset=True, database="mabe", table="written", partition_cols=["lab_id"])
    where = {"database": "mabe", "workgroup": "w"}
    for approach in ({"ctas_approach": False}, {"ctas_approach": True}, {"ctas_approach": False, "unload_approach": True}):
        output = "s3://athena-results/unloaded/" if "unload_approach" in approach else None
        read = wr.athena.read_sql_query("SELECT * FROM written ORDER BY video_id", s3_output=output, **where, **approach)
        assert read.video_id.tolist() == [7, 8]
        assert read.lab_id.tolist() == ["A", "B"]
        assert read.when.dt.strftime("%H:%M:%S.%f").tolist() == ["03:04:05.678000"] * 2
    assert set(wr.catalog.tables(database="mabe").Table) == {"speeds", "written"}
    described = wr.athena.describe_table(table="written", **where)
    assert described["Partition"].tolist() == [False, False, True]


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


def test_functions_mean_what_they_mean_in_athena(lake: Lake) -> None:
    answers = {
        "7 / 2": "3",
        "date_diff('hour', TIMESTAMP '2026-01-01 10:59:00', TIMESTAMP '2026-01-01 11:01:00')": "0",
        "DATE '2026-01-31' + INTERVAL '1' DAY": "2026-02-01",
        "date_add('day', date_diff('day', DATE '2026-01-01', DATE '2026-01-03'), DATE '2026-01-01')": "2026-01-03",
        "day_of_week(DATE '2026-11-19')": "4",
        "cardinality(MAP(ARRAY[1, 2], ARRAY[3, 4]))": "2",
        "cardinality(ARRAY[1, 2, 3])": "3",
        "width_bucket(5.0, 0, 10, 4)": "3",
        "json_extract_scalar('[\"nose\"]', '$[0]')": "nose",
        "json_format(json_extract('{\"a\": [1]}', '$.a'))": "[1]",
        "split_part('mouse1,mouse2,sniff', ',', 3)": "sniff",
        "sum(x) FROM (VALUES 1, 2) AS t(x)": "3",
        "count_if(x > 1) FROM (VALUES 1, 2) AS t(x)": "1",
        "max_by(y, x) FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y)": "b",
        "try_cast('x' AS bigint)": None,
    }
    for expression, answer in answers.items():
        assert lake.rows(f"SELECT {expression}")[1] == [answer], expression


def test_unnamed_outputs_are_numbered_by_position() -> None:
    query = named_columns(parse("SELECT a, 1, max(b) AS m, count(*) FROM t"))

    assert query.named_selects == ["a", "_col1", "m", "_col3"]


def test_percentiles_of_one_value_share_one_digest(lake: Lake) -> None:
    several = "SELECT approx_percentile(x, 0.9), approx_percentile(x, 0.5), approx_percentile(-x, 0.5)"

    assert to_duckdb(parse(f"{several} FROM t")).count("[0.5, 0.9]") == 2
    assert lake.rows(f"{several} FROM UNNEST(sequence(1, 101)) AS t(x)")[1] == ["91", "51", "-51"]


def test_nested_rewrites_reach_the_innermost_expression() -> None:
    sql = to_duckdb(parse("SELECT date_add('day', cardinality(a), CAST(x AS date)) FROM t"))

    assert "CARDINALITY(a)" in sql
    assert sql.startswith("SELECT CAST(CAST(x AS DATE) +")


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
    assert _java_number(shortest) == shown


def test_statements_are_told_apart_under_comments_and_quotes() -> None:
    assert read_statement("-- why\nMSCK REPAIR TABLE `mabe`.`t`;").kind == "MSCK REPAIR TABLE"
    assert read_statement("/* a */ SELECT 1").kind == "SELECT"
    assert read_statement("UNLOAD (SELECT (1)) TO 's3://b/x/' WITH (format = 'JSON')").options == {
        "external_location": "s3://b/x/",
        "format": "JSON",
    }
    assert read_statement('CREATE TABLE "m"."T" AS SELECT 1 AS a').name == "t"


def test_an_error_of_our_own_is_told_as_it_is() -> None:
    assert reason(ServiceError("NoSuchBucket", "Expected a bucket, but got none."), "SELECT 1") == "Expected a bucket, but got none."


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
