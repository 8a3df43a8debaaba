"""Tables of the lake in the catalog: how they come to be, change, and are refused."""

from dataclasses import replace

import boto3
import pyarrow as pa
import pytest

from aws_pipeline.iceberg import connect, open_tables
from aws_pipeline.lake import encode, write_parquet
from behavior.contract import UsageError
from behavior.keys import lab_key
from behavior.table import Table
from behavior.tables import LINEAGE

TABLE = Table("made_up", "curated", "one row", pa.schema([pa.field("a", pa.int32()), pa.field("b", pa.string())]), partition="lab_id")
ZONE = "s3://curated-zone"


def opened(table=TABLE, zone=ZONE, *, create=True):
    return open_tables(zone, "mabe", [table], create=create).get(table.name)


def columns():
    return {field.name: (field.field_id, str(field.field_type)) for field in connect().load_table("mabe.made_up").schema().fields}


@pytest.fixture(autouse=True)
def _nothing_yet(settings):
    yield
    for table in boto3.client("glue").get_tables(DatabaseName="mabe")["TableList"]:
        boto3.client("glue").delete_table(DatabaseName="mabe", Name=table["Name"])


def test_a_table_is_made_once_and_only_if_asked_for():
    assert opened(create=False) is None
    assert opened().column_ids == opened().column_ids == {"a": 1, "b": 2, "lab_id": 3}


def test_a_new_column_is_added_and_the_others_keep_their_numbers():
    opened()
    wider = replace(TABLE, schema=TABLE.schema.append(pa.field("c", pa.float64())))
    assert opened(wider, create=False).column_ids == {"a": 1, "b": 2, "lab_id": 3}
    opened(wider)
    assert columns() == {"a": (1, "int"), "b": (2, "string"), "lab_id": (3, "string"), "c": (4, "double")}


def test_a_column_of_another_type_is_refused_with_the_difference():
    opened()
    other = replace(TABLE, schema=pa.schema([pa.field("a", pa.string()), pa.field("b", pa.string())]))
    with pytest.raises(UsageError, match="Expected column a of made_up to be string, but got int"):
        opened(other)
    assert columns()["a"] == (1, "int")


def test_a_table_of_another_zone_is_refused_also_if_its_metadata_are_gone(settings):
    opened(zone=f"{ZONE}/elsewhere")
    with pytest.raises(UsageError, match=r"Expected table mabe.made_up at s3://curated-zone/made_up, but got one at .*elsewhere/made_up"):
        opened()
    for file in (settings.mock_dir / "curated-zone" / "elsewhere").rglob("*.json"):
        file.unlink()
    with pytest.raises(UsageError, match="elsewhere"):
        opened()
    assert boto3.client("glue").get_table(DatabaseName="mabe", Name="made_up")


def test_a_table_of_an_earlier_version_is_refused_and_stays():
    kind = {"TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "parquet"}}
    about = {"Name": "made_up", "StorageDescriptor": {"Location": f"{ZONE}/made_up/"}, **kind}
    boto3.client("glue").create_table(DatabaseName="mabe", TableInput=about)
    with pytest.raises(UsageError, match=r"Expected mabe.made_up to be an Iceberg table, but got a table of another kind"):
        opened()


def test_a_database_that_is_not_there_says_what_to_do():
    with pytest.raises(UsageError, match=r"Expected a database nowhere in the catalog, but got none. Deploy the stack first"):
        open_tables(ZONE, "nowhere", [TABLE], create=True)


def test_after_many_changes_few_manifests_are_left_and_nothing_is_lost():
    table, there = opened(LINEAGE), list[str]()
    data = encode(pa.Table.from_pylist([{}, {}], schema=LINEAGE.schema), table.column_ids)
    for night in range(25):
        gone, key = there[:-3], lab_key(LINEAGE, "QuietOtter", f"{night:016x}")
        table = table.commit([write_parquet(ZONE, LINEAGE, key, data)], gone, f"run-{night}")
        there = [*there[len(gone) :], key]
        assert list(opened(LINEAGE, create=False).entries.keys() ^ there) == []
        assert len(table.handle.current_snapshot().manifests(table.handle.io)) <= 10
    assert len(there) == 4
    assert table.handle.scan(snapshot_id=table.handle.snapshot_by_name("run-2").snapshot_id).count() == 6
