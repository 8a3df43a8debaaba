"""Tables of the lake in the catalog: how they come to be, change, and are refused."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import boto3
import pyarrow as pa
import pytest

from aws_pipeline import iceberg
from aws_pipeline.glue_catalog import connect
from aws_pipeline.iceberg import CommitConflictError, open_tables
from aws_pipeline.lake import encode, write_parquet
from aws_pipeline.manifests import change_of
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


def test_threads_that_look_for_removed_objects_do_not_mislead_each_other():
    """pyiceberg looks through several manifests at once; if it overlooks one, the commit fails."""
    table, labs = opened(LINEAGE), ("LoudHeron", "QuietOtter")
    data = encode(pa.Table.from_pylist([{}], schema=LINEAGE.schema), table.column_ids)
    for lab in labs:
        table = table.commit([write_parquet(ZONE, LINEAGE, lab_key(LINEAGE, lab, f"{1:016x}"), data)], [], f"run-{lab}")
    change = change_of(table.handle.transaction(), {})
    change.delete_data_file(table.entries[lab_key(LINEAGE, "LoudHeron", f"{1:016x}")])
    change._build_delete_files_partition_predicate()
    may_list = change._build_manifest_evaluator(table.handle.spec().spec_id)
    manifests = {one: one.partitions[0].lower_bound == b"LoudHeron" for one in table.handle.current_snapshot().manifests(table.handle.io)}
    assert sorted(manifests.values()) == [False, True]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            asked = [*manifests] * 1500
            assert list(pool.map(may_list, asked)) == [manifests[one] for one in asked]
    finally:
        sys.setswitchinterval(interval)


def one_object(table, name, rows=2):
    data = encode(pa.Table.from_pylist([{}] * rows, schema=LINEAGE.schema), table.column_ids)
    return write_parquet(ZONE, LINEAGE, lab_key(LINEAGE, "QuietOtter", f"{name:016x}"), data)


@pytest.mark.parametrize("overtaken", [False, True], ids=["alone", "another run commits before it looks"])
def test_a_commit_whose_answer_is_lost_counts_when_the_client_asks_again(monkeypatch, overtaken):
    """boto3 repeats a request whose answer it did not get; the second one finds a newer version of the table: its own."""
    table = opened(LINEAGE).commit([one_object(opened(LINEAGE), 1)], [], "run-1")
    update, asked = connect().glue.update_table, []

    def lost(**request):
        update(**request)
        asked.append(request)
        if len(asked) == 1:
            if overtaken:
                opened(LINEAGE).commit([one_object(table, 3)], [], "run-3")
            update(**request)

    monkeypatch.setattr(connect().glue, "update_table", lost)
    table.commit([one_object(table, 2)], [], "run-2")
    there = opened(LINEAGE, create=False)
    assert there.handle.scan().count() == (6 if overtaken else 4)
    assert {"run-1", "run-2"} < there.handle.metadata.refs.keys()


def test_a_tag_alone_is_refused_if_another_run_has_committed():
    table = opened(LINEAGE).commit([one_object(opened(LINEAGE), 1)], [], "run-1")
    assert table.commit([], [], "run-2").snapshot_id == table.snapshot_id
    opened(LINEAGE).commit([one_object(table, 2)], [], "run-3")
    with pytest.raises(CommitConflictError):
        table.commit([], [], "run-4")


def test_two_runs_that_add_a_column_at_once_both_have_it_and_see_what_was_committed_between(monkeypatch):
    wider = replace(LINEAGE, schema=LINEAGE.schema.append(pa.field("c", pa.float64())))
    first = opened(LINEAGE)
    load, made = iceberg._load, []

    def overtaken(*arguments, **named):
        found = load(*arguments, **named)
        if not made:
            made.append(found)
            opened(wider).commit([one_object(first, 1)], [], "run-1")
        return found

    monkeypatch.setattr(iceberg, "_load", overtaken)
    assert len(opened(wider).entries) == 1
