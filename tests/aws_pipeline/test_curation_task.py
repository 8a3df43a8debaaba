from dataclasses import replace
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_zone import OTTER, PLAIN, TYPES, walk

from aws_pipeline import lake
from aws_pipeline.curation_plan import plan_work
from aws_pipeline.curation_task import curate_part
from aws_pipeline.publication import spanning_tables
from behavior.content import content_of
from behavior.curation import curate
from behavior.parquet_file import read_rows
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED

PER_RECORDING = (TRACKING_CURATED, ANNOTATIONS_ENRICHED)
IDS = {table.name: {name: number for number, name in enumerate(table.schema.names, start=1)} for table in PER_RECORDING}


def curated(zone, *, write=True):
    target = zone.uri.replace("raw-zone", "curated-zone")
    return list(curate_part(plan_work(zone.uri).work, zone.uri, target, "run", IDS if write else None)), target


def keys(result):
    return [one.key for one in result.objects]


def stored(target):
    return set(lake.list_objects(target, ["tracking_curated", "annotations_enriched"]))


def rows_of(target, one, table):
    return read_rows(table, lake.read_object(target, one.key), one.key)


def test_a_task_writes_whole_objects_and_returns_numbers(zone):
    zone.tracking(OTTER, walk([0, 1, 5, 6]))
    (result,), target = curated(zone)
    assert keys(result) == [f"tracking_curated/lab_id=QuietOtter/train-7-{result.fingerprint}.parquet"]
    assert (result.rows_in, result.rows_out, result.frames, result.mice) == (4, 7, 7, 1)
    assert result.seen_share == pytest.approx(4 / 7)
    (one,) = result.objects
    content = lake.read_object(target, one.key).to_pybytes()
    assert (one.n_bytes, one.sha256, one.rows) == (len(content), sha256(content).hexdigest(), 7)
    assert stored(target) == {one.key}
    raw = zone.file("train_tracking", OTTER).read_bytes()
    assert result.digests == {"train_tracking/lab_id=QuietOtter/7.parquet": sha256(raw).hexdigest()}


def test_columns_without_nulls_are_written_as_required(zone):
    (result,), target = curated(zone)
    schema = pq.read_schema(pa.BufferReader(lake.read_object(target, keys(result)[0])))
    assert {field.name for field in schema if not field.nullable} == set(TRACKING_CURATED.keys)


def test_the_same_inputs_give_the_same_object_and_other_inputs_another_one(zone):
    (first,), target = curated(zone)
    content = lake.read_object(target, keys(first)[0]).to_pybytes()
    (again,), _ = curated(zone)
    assert keys(again) == keys(first)
    assert lake.read_object(target, keys(first)[0]).to_pybytes() == content
    zone.tracking(OTTER, walk(range(4)))
    (longer,), _ = curated(zone)
    zone.metadata(replace(OTTER, pix_per_cm=20.0))
    (smaller,), _ = curated(zone)
    assert len({first.fingerprint, longer.fingerprint, smaller.fingerprint}) == 3


def test_a_tracking_that_was_copied_over_itself_is_the_same_recording(zone):
    (first,), _ = curated(zone)
    file = zone.file("train_tracking", OTTER)
    file.write_bytes(file.read_bytes())
    (again,), _ = curated(zone)
    assert again.fingerprint == first.fingerprint


def test_an_object_holds_no_schema_of_arrow_but_the_numbers_of_its_columns(zone):
    (result,), target = curated(zone)
    schema = pq.read_schema(pa.BufferReader(lake.read_object(target, keys(result)[0])))
    assert schema.metadata is None or b"ARROW:schema" not in schema.metadata
    assert [int(field.metadata[b"PARQUET:field_id"]) for field in schema] == list(IDS["tracking_curated"].values())
    assert schema.field("bodypart").type == pa.string()


def test_a_recording_without_bouts_has_no_object_of_bouts(zone):
    zone.annotation(OTTER, [(1, 1, "rear", 0, 0)])
    (result,), target = curated(zone)
    assert stored(target) == {keys(result)[0]}


def test_what_tells_a_recording_from_others_knows_annotated_bouts_only(zone):
    zone.annotation(OTTER, [(1, 1, "rear", 0, 1), (1, 1, "run", 1, 2), (1, 1, "rear", 2, 3), (1, 1, "dig", 0, 2)])
    (result,) = curate_part(plan_work(zone.uri).work, zone.uri, "s3://curated-zone/content", "run", None)
    rows = [(1, 1, "rear", 0, 1), (1, 1, "run", 1, 2), (1, 1, "rear", 2, 3)]
    names = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    annotated = pa.table(dict(zip(names, zip(*((7, *row) for row in rows), strict=True), strict=True)))
    expected = content_of(7, curate(pq.read_table(zone.file("train_tracking", OTTER), partitioning=None), OTTER), annotated)
    assert result.content.timeline == expected.timeline is not None
    assert result.content.pose == expected.pose


def test_one_video_under_two_ids_is_told_by_the_smaller_one(zone):
    twin = replace(OTTER, video_id=77)
    zone.metadata(OTTER, PLAIN, twin)
    zone.tracking(twin, walk(range(3)))
    zone.tracking(PLAIN, walk(range(3)))  # the same pixels, but twice as many to a centimeter
    plan = plan_work(zone.uri)
    results = list(curate_part(plan.work, zone.uri, "s3://curated-zone/groups", "run", None))
    metadata = spanning_tables(plan, results)[METADATA_TRAIN]
    assert metadata.select(["video_id", "content_group"]).to_pydict() == {"video_id": [7, 9, 77], "content_group": [7, 9, 7]}


def test_a_check_writes_nothing(zone):
    (result,), target = curated(zone, write=False)
    assert (result.objects, result.rows_in) == ((), 3)
    assert stored(target) == set()


def test_faults_of_both_objects_of_a_recording_are_told_and_neither_is_written(zone):
    zone.file("train_tracking", OTTER).write_bytes(b"PAR1 cut off")
    zone.annotation(OTTER, [(1, 1, "rear", 5, 4)])
    (result,), target = curated(zone)
    assert [(fault.where, fault.code) for fault in result.faults] == [
        ("train_annotation/lab_id=QuietOtter/7.parquet", "bout-reversed"),
        ("train_tracking/lab_id=QuietOtter/7.parquet", "file-unreadable"),
    ]
    assert stored(target) == set()


def test_what_was_mended_and_what_looks_strange_comes_with_the_result(zone):
    zone.tracking(OTTER, [*walk(range(3)), (3, 1, "nose", 1e30, 100), *walk([4]), *walk([4])])
    zone.annotation(OTTER, [(1, 1, "rear", 1, 9), (1, 1, "run", 2, 2), (1, 1, "run", 0, 1), (1, 1, "run", 0, 1), (1, 1, "run", 7, 9)])
    (result,), target = curated(zone)
    assert {note.code: note.count for note in result.notes} == {
        "point-far": 1,
        "row-repeated": 1,
        "bout-beyond": 2,
        "bout-empty": 1,
        "bout-repeated": 1,
    }
    assert {behavior: lengths.tolist() for behavior, lengths in result.bouts.items()} == {("rear", "self"): [4], ("run", "self"): [1]}
    bouts = rows_of(target, result.objects[1], ANNOTATIONS_ENRICHED)
    assert bouts.select(["action", "start_frame", "stop_frame"]).to_pylist() == [
        {"action": "rear", "start_frame": 1, "stop_frame": 5},
        {"action": "run", "start_frame": 0, "stop_frame": 1},
    ]


def test_a_clip_out_of_a_film_keeps_the_films_frames_in_tracking_and_in_bouts(zone):
    zone.tracking(OTTER, [(frame + 30_000, *rest) for frame, *rest in walk(range(4))])
    zone.annotation(OTTER, [(1, 1, "rear", 30_001, 30_003)], frames=pa.int32())
    (result,), target = curated(zone)
    assert (result.first_frame, result.frames, result.seen_share) == (30_000, 4, 1.0)
    assert [note.code for note in result.notes] == ["film-clip"]
    tracking, bouts = (rows_of(target, one, table) for one, table in zip(result.objects, PER_RECORDING, strict=True))
    assert tracking.column("video_frame").to_pylist() == [30_000, 30_001, 30_002, 30_003]
    assert bouts.column("start_frame").to_pylist() == [30_001]
    metadata = spanning_tables(plan_work(zone.uri), [result])[METADATA_TRAIN]
    assert metadata.select(["first_frame", "frame_count"]).to_pylist() == [{"first_frame": 30_000, "frame_count": 4}]


def test_an_object_that_left_after_planning_is_told(zone):
    work = plan_work(zone.uri).work
    zone.file("train_tracking", OTTER).unlink()
    (result,) = curate_part(work, zone.uri, "s3://curated-zone/left", "run", IDS)
    assert [fault.code for fault in result.faults] == ["file-missing"]


def test_a_column_twice_is_named(zone):
    file = zone.file("train_tracking", OTTER)
    table = pq.ParquetFile(file).read()
    pq.write_table(table.append_column("x", table["x"]), file)
    (result,), _ = curated(zone)
    assert [str(fault) for fault in result.faults] == [
        "train_tracking/lab_id=QuietOtter/7.parquet: Expected a column x once, but got it 2 times. Remove all but one of them."
    ]


def test_a_flipped_byte_inside_a_page_is_found(zone):
    file = zone.file("train_tracking", OTTER)
    rows = walk(range(500))
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)]
    table = pa.table(columns, names=["video_frame", "mouse_id", "bodypart", "x", "y"])
    pq.write_table(table, file, compression="none", use_dictionary=False, write_page_checksum=True)
    content = bytearray(file.read_bytes())
    content[content.index(np.float32(200 + 2 * 250).tobytes())] ^= 1
    file.write_bytes(content)
    (result,), _ = curated(zone)
    assert "Expected a Parquet file" in str(result.faults[0])


@pytest.mark.parametrize("column", ["y", "bodypart"])
def test_a_missing_column_is_named(zone, column):
    file = zone.file("train_tracking", OTTER)
    pq.write_table(pq.ParquetFile(file).read().drop_columns([column]), file)
    (result,), _ = curated(zone)
    assert f"Expected a column {column}, but got only" in str(result.faults[0])


def test_a_column_of_another_kind_is_named(zone):
    file = zone.file("train_tracking", OTTER)
    table = pq.ParquetFile(file).read()
    pq.write_table(table.set_column(2, "bodypart", pa.array([1] * len(table))), file)
    (result,), _ = curated(zone)
    assert "Expected column bodypart to hold text, but got int64" in str(result.faults[0])
