"""Which files a table shows, and how many of their bytes a query reads."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from athena_lake import Lake


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
