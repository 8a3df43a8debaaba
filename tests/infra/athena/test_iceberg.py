"""Iceberg tables of the Glue catalog on the local Athena, at three versions: all recordings, one of them changed, one removed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from athena_lake import Lake, make_lake
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iceberg_lake import catalog, commit, create_table, data_file, files, write
from pyiceberg.manifest import DATA_FILE_TYPE, DataFile, DataFileContent, ManifestContent, ManifestWriterV2
from pyiceberg.table import Table
from pyiceberg.typedef import Record
from pyiceberg.types import LongType

Place = tuple[str, int, float | None]
"""Lab, recording, x in cm."""
FIRST: list[Place] = [("01001", 1, 1.5), ("01001", 1, None), ("01001", 2, 2.0), ("2A001", 3, 3.0), ("2A001", 3, 3.5)]
CHANGED: list[Place] = [("01001", 1, 1.5), ("01001", 1, None), ("01001", 2, -2.0), ("2A001", 3, 3.0), ("2A001", 3, 3.5)]
REMOVED: list[Place] = [("01001", 1, 1.5), ("01001", 1, None), ("01001", 2, -2.0)]


@dataclass
class Versions:
    """The table after its last commit, the ids of its snapshots, and the moments between them."""

    table: Table
    ids: list[int]
    moments: list[datetime]

    def clauses(self, number: int) -> list[str]:
        moment = f"TIMESTAMP '{self.moments[number]:%Y-%m-%d %H:%M:%S}.{self.moments[number].microsecond // 1000:03d} UTC'"
        return [f"FOR VERSION AS OF {self.ids[number]}", f"FOR TIMESTAMP AS OF {moment}"]


def after_this_millisecond() -> datetime:
    time.sleep(0.005)
    moment = datetime.now(UTC)
    time.sleep(0.005)
    return moment


def make_versions(name: str) -> Versions:
    table = create_table(name)
    ids, moments = [commit(table, first_files(table), tag="run-1")], [after_this_millisecond()]
    ids.append(commit(table, [write(table, "01001", 2, "bbbb", [-2.0])], [file for file in files(table) if "train-2-" in file.file_path]))
    moments.append(after_this_millisecond())
    ids.append(commit(table, [], [file for file in files(table) if "train-3-" in file.file_path]))
    moments.append(after_this_millisecond())
    return Versions(table, ids, moments)


def first_files(table: Table) -> list[DataFile]:
    one, two = write(table, "01001", 1, "aaaa", [1.5, None]), write(table, "01001", 2, "aaaa", [2.0])
    return [one, two, write(table, "2A001", 3, "aaaa", [3.0, 3.5])]


def replace_content(file: DataFile, content: DataFileContent) -> DataFile:
    names = [field.name for field in DATA_FILE_TYPE[2].fields]
    return DataFile.from_args(**{**dict(zip(names, file._data, strict=True)), "content": content})


@pytest.fixture(scope="module")
def lake(shared_endpoint: Any) -> Lake:
    """Return one lake for all tests here; each names its tables otherwise."""
    return make_lake(shared_endpoint)


@pytest.fixture(scope="module")
def versions(lake: Lake) -> Versions:
    """Return the versions of the table `tracking`, which no test changes."""
    return make_versions("tracking")


def answers(lake: Lake, sql: str) -> list[list[str | None]]:
    return lake.rows(sql)[1:]


def places(lake: Lake, clause: str = "", where: str = "", table: str = "tracking") -> list[Place]:
    rows = answers(lake, f"SELECT lab_id, video_id, x_cm FROM {table} {clause} AS t {where} ORDER BY video_id, video_frame")
    return [(str(lab), int(str(video)), None if x is None else float(x)) for lab, video, x in rows]


def places_of(frame: Any) -> list[Place]:
    """Return the places of a pandas frame, of which some tools make numbers of labs or a category."""
    rows = frame.sort_values(["video_id", "video_frame"])[["lab_id", "video_id", "x_cm"]].itertuples(index=False)
    return [(str(lab), int(video), None if pd.isna(x) else float(x)) for lab, video, x in rows]


def test_every_version_is_read_as_pyiceberg_reads_it(lake: Lake, versions: Versions) -> None:
    for number, expected in enumerate([FIRST, CHANGED, REMOVED]):
        assert places_of(versions.table.scan(snapshot_id=versions.ids[number]).to_pandas()) == expected
        for clause in versions.clauses(number):
            assert places(lake, clause) == expected, clause
    assert places(lake) == REMOVED


def test_plain_readers_agree_once_superseded_objects_are_gone(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each commit the pipeline deletes what it superseded: then Iceberg, a glob over the folder and pandas tell the same."""
    import polars

    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    table = create_table("plain")
    folder = lake.endpoint.root / "curated-zone" / "plain"
    commit(table, first_files(table))
    labs_are_texts = pyarrow.dataset.partitioning(pa.schema([("lab_id", pa.string())]), flavor="hive")
    changes: list[tuple[list[str], str, list[Place]]] = [([], "none", FIRST), (["bbbb"], "train-2-", CHANGED), ([], "train-3-", REMOVED)]
    for new, gone, expected in changes:
        superseded = [file for file in files(table) if gone in file.file_path]
        if superseded:
            commit(table, [write(table, "01001", 2, version, [-2.0]) for version in new], superseded)
        for file in superseded:
            (lake.endpoint.root / file.file_path.removeprefix("s3://")).unlink()
        glob = f"SELECT * FROM read_parquet('{folder}/**/*.parquet', hive_types={{'lab_id': VARCHAR}})"
        with duckdb.connect() as connection:
            assert places_of(connection.sql(glob).to_arrow_table().to_pandas()) == expected
        assert places_of(pd.read_parquet(folder, partitioning=labs_are_texts)) == expected
        options = {"s3.endpoint": lake.endpoint.url, "s3.region": "us-east-1"}
        assert places_of(polars.scan_iceberg(table.metadata_location, storage_options=options).collect().to_arrow().to_pandas()) == expected
        assert places(lake, table="plain") == expected


def test_labs_stay_texts(lake: Lake, versions: Versions) -> None:
    clause = versions.clauses(0)[0]
    assert answers(lake, f"SELECT lab_id, typeof(lab_id), count(*) FROM tracking {clause} GROUP BY 1, 2 ORDER BY 1") == [
        ["01001", "varchar", "3"],
        ["2A001", "varchar", "2"],
    ]
    assert places(lake, clause, "WHERE lab_id = '01001'") == FIRST[:3]
    assert "Cannot apply operator: varchar = integer" in lake.why_not("SELECT * FROM tracking WHERE lab_id = 1001")


@pytest.mark.parametrize(
    ("where", "recordings"),
    [
        ("lab_id = '2A001'", [3]),
        ("lab_id LIKE '2%'", [3]),
        ("lab_id IN ('01001', 'none')", [1, 2]),
        ("video_id = 2", [2]),
        ("2 < video_id", [3]),
        ("video_id BETWEEN 2 AND 3", [2, 3]),
        ("video_id IN (1, 3) AND lab_id < '2'", [1]),
        ("video_id = 1 OR (lab_id = '2A001' AND video_frame = 1)", [1, 3]),
        ("video_id = 1 OR x_cm > 1e9", [1]),
        ("bodypart = 'nose'", [1, 3]),
        ("video_id = 3000000000", []),
    ],
)
def test_conditions_leave_out_objects(lake: Lake, versions: Versions, where: str, recordings: list[int]) -> None:
    """Objects that cannot hold a row are neither read nor counted; `x_cm > 1e9` says nothing of objects, as numbers are rounded."""
    clause = versions.clauses(0)[0]
    run = lake.run(f"SELECT x_cm FROM tracking {clause} WHERE {where}")
    asked = lake.run(f"SELECT x_cm, lab_id, video_id, bodypart, video_frame FROM tracking {clause}")
    rows = {int(str(row[0])) for row in answers(lake, f"SELECT DISTINCT video_id FROM tracking {clause} WHERE {where}")}
    assert rows == set(recordings)
    read, whole = (each["Statistics"]["DataScannedInBytes"] for each in (run, asked))
    if "1e9" not in where:
        assert read < whole
    if not recordings:
        assert read == 0


def test_the_bytes_scanned_are_those_of_the_columns_that_a_query_names(lake: Lake, versions: Versions) -> None:
    sizes = [0, 0]
    for file in files(versions.table):
        footer = pq.read_metadata(lake.endpoint.root / file.file_path.removeprefix("s3://")).row_group(0)
        for number in range(footer.num_columns):
            column = footer.column(number)
            sizes[0] += column.total_compressed_size * (column.path_in_schema in ("video_id", "x_cm"))
    assert lake.run("SELECT video_id, x_cm, lab_id FROM tracking")["Statistics"]["DataScannedInBytes"] == sizes[0]
    assert lake.run("SELECT lab_id, count(*) FROM tracking GROUP BY lab_id")["Statistics"]["DataScannedInBytes"] == 0


def test_columns_are_found_by_their_ids(lake: Lake) -> None:
    """A renamed column keeps its values, a new one is NULL, and an old version has the old columns."""
    before = make_versions("renamed")
    with before.table.update_schema() as change:
        change.rename_column("x_cm", "nose_x_cm")
    with before.table.update_schema() as change:
        change.add_column("x_cm", LongType())
    assert answers(lake, "SELECT video_id, nose_x_cm, x_cm FROM renamed WHERE video_id = 2") == [["2", "-2.0", None]]
    old = lake.rows(f"SELECT * FROM renamed {before.clauses(0)[0]} WHERE video_id = 2")
    assert old == [["video_id", "video_frame", "bodypart", "x_cm", "lab_id"], ["2", "0", "tail_base", "2.0", "01001"]]


def test_a_file_without_ids_needs_a_mapping_of_names(lake: Lake) -> None:
    table = create_table("by_name")
    path = lake.endpoint.root / "curated-zone" / "by_name" / "lab_id=01001" / "train-9-plain.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"video_id": pa.array([9], pa.int64()), "x_cm": pa.array([9.5], pa.float32())}), path)
    content = pa.py_buffer(path.read_bytes())
    commit(table, [data_file(table, "by_name/lab_id=01001/train-9-plain.parquet", content, Record("01001"))])
    assert "ICEBERG_BAD_DATA" in lake.why_not("SELECT x_cm FROM by_name")
    with table.transaction() as transaction:
        transaction.set_properties(**{"schema.name-mapping.default": table.schema().name_mapping.model_dump_json()})
    assert answers(lake, "SELECT video_id, x_cm, bodypart, lab_id FROM by_name WHERE x_cm > 9") == [["9", "9.5", None, "01001"]]


def test_a_table_that_pyiceberg_fills_itself_is_read(lake: Lake) -> None:
    """Its files hold the partition's column too; types of Iceberg are shown as Athena shows them."""
    rows = pa.table({"lab_id": ["B", None], "n": pa.array([1, 2], pa.int32()), "day": pa.array([0, None], pa.date32()), "l": [[1.5], None]})
    table = catalog().create_table("mabe.own", schema=rows.schema, location="s3://curated-zone/own")
    with table.update_spec() as spec:
        spec.add_identity("lab_id")
    table.append(rows)
    assert answers(lake, "SELECT *, typeof(n), typeof(l) FROM own ORDER BY n") == [
        ["B", "1", "1970-01-01", "[1.5]", "integer", "array(double)"],
        [None, "2", None, None, "integer", "array(double)"],
    ]
    assert answers(lake, "SELECT n FROM own WHERE lab_id IS NULL") == [["2"]]
    assert answers(lake, "SELECT n FROM own WHERE lab_id = 'B'") == [["1"]]


def test_moments_finer_than_a_millisecond_are_refused(lake: Lake) -> None:
    rows = pa.table({"n": [1], "at": pa.array([1], pa.timestamp("us"))})
    catalog().create_table("mabe.moments", schema=rows.schema, location="s3://curated-zone/moments").append(rows)
    assert answers(lake, "SELECT n FROM moments") == [["1"]]
    assert "the column at of type timestamp(6) is not on this disk" in lake.why_not("SELECT at FROM moments")


def test_an_empty_table_has_columns_and_no_rows(lake: Lake) -> None:
    create_table("nothing")
    assert lake.rows('SELECT *, "$path" FROM nothing') == [["video_id", "video_frame", "bodypart", "x_cm", "lab_id", "$path"]]
    for part in ("snapshots", "history", "refs", "manifests", "files", "partitions"):
        assert len(lake.rows(f'SELECT * FROM "nothing${part}"')) == 1, part


def test_the_path_is_the_address_of_the_object(lake: Lake, versions: Versions) -> None:
    assert answers(lake, 'SELECT DISTINCT "$path" FROM tracking WHERE video_id = 2') == [
        ["s3://curated-zone/tracking/lab_id=01001/train-2-bbbb.parquet"]
    ]


@pytest.mark.parametrize(
    ("clause", "reason"),
    [
        ("FOR VERSION AS OF 12", "INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: 12"),
        ("FOR VERSION AS OF 'run-1'", "NOT_SUPPORTED: line 1:42: Unsupported type for table version: varchar(5)"),
        ("FOR VERSION AS OF NULL", "NOT_SUPPORTED: line 1:42: Unsupported type for table version: unknown"),
        ("FOR TIMESTAMP AS OF 12", "INVALID_ARGUMENTS: line 1:44: Type integer invalid"),
        ("FOR TIMESTAMP AS OF DATE '2001-01-01'", 'No version history table "mabe"."tracking" at or before 2001-01-01T00:00:00.000Z'),
        ("FOR TIMESTAMP AS OF current_timestamp + interval '1' day", "is not in the past"),
        ("FOR TIMESTAMP AS OF CAST(NULL AS timestamp)", "Pointer value cannot be NULL"),
        ("FOR VERSION AS OF video_id", "EXPRESSION_NOT_CONSTANT: line 1:42"),
    ],
)
def test_versions_that_are_none_are_refused(lake: Lake, versions: Versions, clause: str, reason: str) -> None:
    assert reason in lake.why_not(f"SELECT * FROM tracking {clause}")


def test_versions_are_worked_out(lake: Lake, versions: Versions) -> None:
    assert places(lake, "FOR TIMESTAMP AS OF (current_timestamp - interval '0' day)") == REMOVED
    assert places(lake, f"FOR VERSION AS OF {versions.ids[0] - 1} + 1") == FIRST
    old = f"tracking {versions.clauses(0)[0]} old"
    both = f"SELECT count(*) FROM tracking AS new FULL JOIN {old} ON new.x_cm = old.x_cm WHERE new.x_cm IS NULL"
    assert answers(lake, both) == [["5"]]  # 2.0, 3.0, 3.5, and the missing one of each side


def test_what_has_no_versions_is_refused(lake: Lake, versions: Versions) -> None:
    lake.run("CREATE VIEW noses AS SELECT * FROM tracking")
    assert "does not support versioned tables" in lake.why_not("SELECT * FROM speeds FOR VERSION AS OF 1")
    assert "View 'noses' does not support versions" in lake.why_not("SELECT * FROM noses FOR VERSION AS OF 1")
    with pytest.raises(ClientError, match="mismatched input 'SYSTEM_TIME'"):  # as engine version 2 wrote it
        lake.run("SELECT * FROM tracking FOR SYSTEM_TIME AS OF current_timestamp")


def test_metadata_tables(lake: Lake, versions: Versions) -> None:
    one, two, three = (str(each) for each in versions.ids)
    summary = "element_at(summary, 'total-records')"
    snapshots = answers(lake, f'SELECT snapshot_id, parent_id, operation, {summary} FROM "tracking$snapshots" ORDER BY committed_at')
    assert snapshots == [[one, None, "append", "5"], [two, one, "overwrite", "5"], [three, two, "overwrite", "3"]]
    history = answers(lake, 'SELECT snapshot_id, parent_id, is_current_ancestor FROM "tracking$history" ORDER BY made_current_at')
    assert history == [[one, None, "true"], [two, one, "true"], [three, two, "true"]]
    refs = answers(lake, 'SELECT name, type, snapshot_id FROM "mabe"."tracking$refs" ORDER BY 1')
    assert refs == [["main", "BRANCH", three], ["run-1", "TAG", one]]
    assert "not on this disk" in lake.why_not('SELECT * FROM "tracking$files" FOR VERSION AS OF 1')
    file = "s3://curated-zone/tracking/lab_id=01001/train-1-aaaa.parquet"
    query = f"SELECT content, file_format, record_count, lower_bounds, null_value_counts FROM \"tracking$files\" WHERE file_path = '{file}'"
    assert answers(lake, query) == [["0", "PARQUET", "2", "{1=1, 2=0, 3=nose, 4=1.5}", "{1=0, 2=0, 3=0, 4=1}"]]
    (partition,) = answers(lake, 'SELECT partition, record_count, file_count, data.x_cm FROM "tracking$partitions"')
    assert partition == ["{lab_id=01001}", "3", "2", "{min=-2.0, max=1.5, null_count=1, nan_count=null}"]
    counts = "added_data_files_count + existing_data_files_count"
    live = answers(lake, f'SELECT sum({counts}), max(partitions[1].lower_bound) FROM "tracking$manifests" WHERE {counts} > 0')
    assert live == [["2", "01001"]]


def test_metadata_tables_have_the_columns_that_athena_shows(lake: Lake, versions: Versions) -> None:
    parts = ("snapshots", "history", "refs", "manifests", "files", "partitions")
    names = {part: lake.rows(f'SELECT * FROM "tracking${part}"')[0] for part in parts}
    assert names["snapshots"] == ["committed_at", "snapshot_id", "parent_id", "operation", "manifest_list", "summary"]
    assert names["history"] == ["made_current_at", "snapshot_id", "parent_id", "is_current_ancestor"]
    assert names["partitions"] == ["partition", "record_count", "file_count", "total_size", "data"]
    assert names["files"][:5] == ["content", "file_path", "file_format", "record_count", "file_size_in_bytes"]
    assert "not on this disk" in lake.why_not('SELECT * FROM "tracking$entries"')


def test_objects_and_metadata_that_are_gone_are_told(lake: Lake) -> None:
    table = make_versions("gone").table
    (lake.endpoint.root / "curated-zone/gone/lab_id=01001/train-2-bbbb.parquet").unlink()
    assert "ICEBERG_CANNOT_OPEN_SPLIT" in lake.why_not("SELECT x_cm FROM gone")
    assert answers(lake, "SELECT x_cm FROM gone WHERE video_id = 1 ORDER BY 1") == [["1.5"], [None]]
    parameters = {"table_type": "ICEBERG", "metadata_location": table.metadata_location + "x"}
    lake.glue.update_table(DatabaseName="mabe", TableInput={"Name": "gone", "Parameters": parameters})
    assert "ICEBERG_MISSING_METADATA" in lake.why_not("SELECT x_cm FROM gone")


def test_rows_that_were_deleted_one_by_one_are_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyiceberg writes no manifest of deleted rows, so its writer is told to call one so."""
    table = create_table("deleted")
    commit(table, first_files(table))
    file = replace_content(first_files(table)[0], DataFileContent.POSITION_DELETES)
    monkeypatch.setattr(ManifestWriterV2, "content", lambda writer: ManifestContent.DELETES)
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as change:
        change.append_data_file(file)
    assert "NOT_SUPPORTED: row-level deletes" in lake.why_not("SELECT x_cm FROM deleted")
    assert answers(lake, 'SELECT content, count(*) FROM "deleted$files" GROUP BY 1 ORDER BY 1') == [["0", "3"], ["1", "1"]]


# Statements of the catalog


def test_the_catalog_shows_an_iceberg_table(lake: Lake) -> None:
    table = make_versions("shown").table
    with table.update_schema() as change:
        change.rename_column("x_cm", "nose_x_cm")
    assert ["shown"] in lake.rows("SHOW TABLES")
    columns = ["video_id", "video_frame", "bodypart", "nose_x_cm", "lab_id"]
    assert lake.rows("SHOW COLUMNS IN shown") == [[column] for column in columns]
    described = lake.rows("DESCRIBE shown")
    assert described[:3] == [["# Table schema:", "", ""], ["# col_name", "data_type", "comment"], ["video_id", "bigint", ""]]
    assert described[-2:] == [["# field_name", "field_transform", "column_name"], ["lab_id", "identity", "lab_id"]]
    assert ["table_type", "ICEBERG"] in lake.rows("SHOW TBLPROPERTIES shown")
    created = [str(row[0]) for row in lake.rows("SHOW CREATE TABLE shown")]
    assert created[0] == "CREATE TABLE mabe.shown("
    assert "PARTITIONED BY (`lab_id`)" in created
    assert created[-2:] == ["TBLPROPERTIES (", "  'table_type'='iceberg')"]
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'shown' ORDER BY ordinal_position"
    assert answers(lake, query) == [[column] for column in columns]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SHOW PARTITIONS tracking", "SHOW PARTITIONS is not supported for Iceberg tables"),
        ("MSCK REPAIR TABLE tracking", "MSCK REPAIR TABLE is not supported for Iceberg tables"),
        ("ALTER TABLE tracking ADD PARTITION (lab_id = 'x')", "ADD PARTITION is not supported for Iceberg tables"),
        ("ALTER TABLE tracking DROP PARTITION (lab_id = 'x')", "DROP PARTITION is not supported for Iceberg tables"),
        ("INSERT INTO tracking SELECT * FROM tracking", "INSERT into the Iceberg table mabe.tracking is not on this disk"),
        ("DROP VIEW tracking", "Cannot drop a base table with DROP VIEW"),
    ],
)
def test_what_athena_or_this_disk_cannot_do_with_an_iceberg_table_fails(lake: Lake, versions: Versions, sql: str, reason: str) -> None:
    assert reason in lake.why_not(sql)
    assert places(lake) == REMOVED


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM tracking WHERE video_id = 1",
        "UPDATE tracking SET x_cm = 0 WHERE video_id = 1",
        "MERGE INTO tracking USING tracking AS t ON false WHEN MATCHED THEN DELETE",
        "OPTIMIZE tracking REWRITE DATA USING BIN_PACK",
        "VACUUM tracking",
        "CREATE TABLE other (a bigint) LOCATION 's3://curated-zone/other/' TBLPROPERTIES ('table_type' = 'ICEBERG')",
    ],
)
def test_what_only_aws_writes_is_refused_at_once(lake: Lake, sql: str) -> None:
    with pytest.raises(ClientError, match="not on this disk"):
        lake.run(sql)


def test_dropping_an_iceberg_table_removes_its_objects_of_all_versions(lake: Lake) -> None:
    """Athena manages Iceberg tables: DROP TABLE is not about the catalog alone."""
    make_versions("dropped")
    zone = lake.endpoint.root / "curated-zone"
    other = zone / "dropped" / "note.txt"
    other.write_text("not of the table")
    assert len(list((zone / "dropped").rglob("*.parquet"))) == 4
    assert lake.run("DROP TABLE dropped")["Status"]["State"] == "SUCCEEDED"
    assert list((zone / "dropped").rglob("*")) == [other]
    assert not (zone / ".iceberg" / "dropped").exists()
    assert lake.run("DROP TABLE IF EXISTS dropped")["Status"]["State"] == "SUCCEEDED"


def test_a_database_with_tables_is_dropped_only_by_cascade(lake: Lake) -> None:
    lake.run("CREATE DATABASE brief")
    catalog().create_table("brief.t", schema=pa.schema([("n", pa.int64())]), location="s3://curated-zone/brief/t").append(
        pa.table({"n": [1]})
    )
    assert "Database brief is not empty" in lake.why_not("DROP DATABASE brief")
    assert lake.run("DROP DATABASE brief CASCADE")["Status"]["State"] == "SUCCEEDED"
    assert not (lake.endpoint.root / "curated-zone" / "brief").exists()
    assert ["brief"] not in lake.rows("SHOW DATABASES")


@pytest.mark.filterwarnings("ignore:The \\w+ keyword:DeprecationWarning")
@pytest.mark.parametrize("ctas_approach", [True, False])
def test_awswrangler_reads_iceberg_tables(lake: Lake, versions: Versions, ctas_approach: bool) -> None:
    import awswrangler as wr

    how = {"database": "mabe", "workgroup": "w", "ctas_approach": ctas_approach, "s3_output": "s3://athena-results/"}
    sql = f"SELECT * FROM tracking {versions.clauses(0)[0]}"
    assert places_of(wr.athena.read_sql_query(sql, **how)) == FIRST
    assert places_of(wr.athena.read_sql_table("tracking", **how)) == REMOVED


@pytest.mark.filterwarnings("ignore:The \\w+ keyword:DeprecationWarning")
def test_awswrangler_knows_the_catalog_of_iceberg_tables(lake: Lake, versions: Versions) -> None:
    import awswrangler as wr

    types = {"video_id": "bigint", "video_frame": "int", "bodypart": "string", "x_cm": "float", "lab_id": "string"}
    assert wr.catalog.get_table_types("mabe", "tracking") == types
    assert wr.catalog.get_table_location("mabe", "tracking") == "s3://curated-zone/tracking"
    assert wr.catalog.get_table_parameters("mabe", "tracking")["table_type"] == "ICEBERG"
    described = wr.athena.describe_table("tracking", database="mabe", workgroup="w")
    assert dict(zip(described["Column Name"], described["Partition"], strict=True))["lab_id"] is True


NUMBERS = st.integers(-1, 4)
LABS = st.sampled_from(["'01001'", "'2A001'", "'01'", "'zebra'"])
ATOMS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(["video_id", "video_frame"]), st.sampled_from(["=", "<", "<=", ">", ">=", "<>"]), NUMBERS),
    st.builds("{} {} lab_id".format, LABS, st.sampled_from(["=", "<", "<=", ">", ">=", "<>"])),
    st.builds("video_id BETWEEN {} AND {}".format, NUMBERS, NUMBERS),
    st.builds("lab_id IN ({}, {})".format, LABS, LABS),
    st.builds("video_id NOT IN ({}, {})".format, NUMBERS, NUMBERS),
    st.sampled_from(["x_cm IS NULL", "lab_id LIKE '%001'", "bodypart = 'nose'", "video_id + 1 = 3", "NULL"]),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner), st.builds("NOT ({})".format, inner)
    ),
    max_leaves=5,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=CONDITIONS)
def test_objects_that_are_left_out_hold_no_row_that_is_asked_for(lake: Lake, versions: Versions, where: str) -> None:
    """`OR 1 = 2` says nothing of a column, so every object is read."""
    query = f"SELECT lab_id, video_id, video_frame FROM tracking {versions.clauses(0)[0]} WHERE {{}} ORDER BY 2, 3"
    assert answers(lake, query.format(where)) == answers(lake, query.format(f"({where}) OR 1 = 2"))
