import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aws_pipeline import glue_etl, glue_job, lake
from aws_pipeline.config import Settings, endpoint
from aws_pipeline.curation_plan import Work, in_parts, plan_work
from aws_pipeline.curation_task import curate_part
from aws_pipeline.publication import spanning_tables
from behavior.content import content_of
from behavior.contract import ContractError
from behavior.curation import curate, from_table, to_table
from behavior.recording import Recording, Triple
from behavior.tables import ANNOTATIONS_ENRICHED, CURATED_TABLES, METADATA_TRAIN, TRACKING_CURATED

ROOT = Path(__file__).resolve().parents[2]
HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
ODD = "Lab 4.b+c_d-e"

OTTER = Recording("QuietOtter", 7, 30.0, 10.0, 400, 200, annotated=(Triple(1, 1, "rear"), Triple(1, 1, "run")))
HERON = Recording("LoudHeron", 8, 120.0, 10.0, 400, 200, annotated=(Triple(1, 2, "sniff"),))
PLAIN = Recording(ODD, 9, 25.0, 20.0, 400, 200)
TEST = Recording("QuietOtter", 500, 30.0, 10.0, 400, 200)


@dataclass(frozen=True)
class Zone:
    """The raw zone of a test, as plain files."""

    folder: Path
    uri: str

    def tracking(self, recording, rows, split="train"):
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)]
        self._write(f"{split}_tracking", recording, pa.table(columns, names=["video_frame", "mouse_id", "bodypart", "x", "y"]))

    def annotation(self, recording, rows, frames=None):
        kinds = (pa.int8(), pa.int8(), pa.string(), frames or pa.int16(), frames or pa.int16())
        columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        names = ["agent_id", "target_id", "action", "start_frame", "stop_frame"]
        self._write("train_annotation", recording, pa.table(columns, names=names))

    def metadata(self, *recordings, split="train"):
        file = self.folder / "metadata" / f"{split}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([HEADER, *map(_row, recordings)]) + "\n")
        return file

    def file(self, folder, recording):
        return self.folder / folder / f"lab_id={recording.lab_id}" / f"{recording.video_id}.parquet"

    def _write(self, folder, recording, table):
        file = self.file(folder, recording)
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)


PER_RECORDING = (TRACKING_CURATED, ANNOTATIONS_ENRICHED)
TYPES = (pa.int16(), pa.int8(), pa.string(), pa.float32(), pa.float32())


def _row(recording):
    names = {1: "mouse1", 2: "mouse2"}
    triples = [f"{names[a]},{'self' if a == t else names[t]},{what}" for a, t, what in recording.annotated]
    listed = json.dumps(triples).replace('"', '""') if triples else ""
    numbers = (recording.fps, recording.pix_per_cm, int(recording.width_px), int(recording.height_px))
    return ",".join([recording.lab_id, str(recording.video_id), *map(str, numbers), f'"{listed}"'])


def walk(frames, mouse=1, px_per_frame=2.0):
    """A nose moves right from the picture's middle."""
    return [(frame, mouse, "nose", 200 + px_per_frame * frame, 100) for frame in frames]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """AWS on this disk, running, for all tests of this file."""
    chosen = Settings(True, tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("s3_mock"), "us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        lake._open.cache_clear()
        with endpoint(chosen):
            yield chosen
    lake._open.cache_clear()


@pytest.fixture
def zone(settings, tmp_path):
    """A raw zone of the test's own, below a prefix, with one sound recording."""
    own = Zone(settings.mock_dir / "raw-zone" / tmp_path.name, f"s3://raw-zone/{tmp_path.name}")
    own.metadata(OTTER)
    own.tracking(OTTER, walk(range(3)))
    return own


def faults_of(zone):
    return tuple(str(fault) for one in plan_work(zone.uri).put_aside for fault in one.faults)


# Planning


def test_a_recording_is_planned_with_its_tracking_and_its_annotation(zone):
    zone.annotation(OTTER, [(1, 1, "rear", 0, 1)])
    plan = plan_work(zone.uri)
    (work,) = plan.work
    assert plan.faults == ()
    assert (work.split, work.recording) == ("train", OTTER)
    assert (work.tracking, work.annotation) == (
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
    )
    assert work.n_bytes == zone.file("train_tracking", OTTER).stat().st_size


def test_an_empty_zone_says_what_to_do(settings):
    (fault,) = plan_work("s3://raw-zone/nothing").faults
    assert fault.code == "file-missing"
    assert str(fault) == "s3://raw-zone/nothing: Expected an object metadata/train.csv, but got none. Run python aws_pipeline/s3_upload.py."


def test_recordings_that_no_metadata_names_are_left_out_and_counted(zone):
    zone.tracking(PLAIN, walk([0]))
    zone.tracking(TEST, walk([0]), split="test")
    plan = plan_work(zone.uri)
    assert plan.faults == ()
    assert [work.recording for work in plan.work] == [OTTER]
    assert plan.ignored == (f"train_tracking/lab_id={ODD}/9.parquet", "test_tracking/lab_id=QuietOtter/500.parquet")


def test_a_row_without_tracking_is_told(zone):
    zone.metadata(OTTER, HERON)
    assert faults_of(zone) == (
        "metadata/train.csv: Expected an object train_tracking/lab_id=LoudHeron/8.parquet, but got none. Upload it or remove the row.",
    )


def test_a_recording_that_lies_in_another_labs_folder_is_told_once(zone):
    zone.tracking(replace(HERON, lab_id=ODD), walk([0]))
    zone.metadata(OTTER, HERON)
    (fault,) = faults_of(zone)
    assert fault.startswith(f"train_tracking/lab_id={ODD}/8.parquet: Expected lab LoudHeron as metadata/train.csv says, but got {ODD}.")


def test_two_objects_of_one_recording_and_a_key_that_names_none_are_told(zone):
    zone.tracking(replace(OTTER, lab_id="LoudHeron"), walk([0]))
    (zone.folder / "train_tracking" / "notes.txt").write_text("x")
    assert {fault.split(": ")[0] for fault in faults_of(zone)} >= {
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "train_tracking/notes.txt",
    }


def test_unusable_metadata_is_told_and_the_other_recordings_are_planned_all_the_same(zone):
    zone.metadata(OTTER, replace(HERON, fps=0.0), replace(PLAIN, pix_per_cm=float("nan")))
    zone.tracking(HERON, walk([0]))
    zone.tracking(PLAIN, walk([0]))
    plan = plan_work(zone.uri)
    assert [work.recording for work in plan.work] == [OTTER]
    assert plan.faults == ()
    assert [(one.name, one.lab) for one in plan.put_aside] == [("train-8", "LoudHeron"), ("train-9", ODD)]
    rate, scale = (fault for one in plan.put_aside for fault in one.faults)
    assert "Expected frames_per_second to be a number from 1 to 2,000" in str(rate)
    assert "Expected pix_per_cm_approx to be a number from 0.1 to 10,000" in str(scale)


def test_parts_are_of_about_equal_size_and_hold_everything_once():
    work = [Work("train", replace(OTTER, video_id=n), "k", n_bytes) for n, n_bytes in enumerate([90 << 20, *[10 << 20] * 9])]
    parts = in_parts(work, cores=1)
    assert sorted(one.recording.video_id for part in parts for one in part) == list(range(10))
    assert sorted(sum(one.n_bytes for one in part) >> 20 for part in parts) == [90, 90]
    assert in_parts([], cores=2) == []
    assert len(in_parts(work[:1], cores=8)) == 1


# The task


def curated(zone, *, write=True):
    target = zone.uri.replace("raw-zone", "curated-zone")
    return list(curate_part(plan_work(zone.uri).work, zone.uri, target, "run" if write else None)), target


def test_a_task_writes_whole_objects_where_no_reader_looks_and_hands_back_numbers(zone):
    zone.tracking(OTTER, walk([0, 1, 5, 6]))
    (result,), target = curated(zone)
    assert result.keys == ("tracking_curated/lab_id=QuietOtter/train-7.parquet",)
    assert (result.rows_in, result.rows_out, result.frames, result.mice) == (4, 7, 7, 1)
    assert result.seen_share == pytest.approx(4 / 7)
    assert lake.list_objects(target, ["tracking_curated"]) == {}
    assert lake.list_objects(target, ["_staging"]) == {f"_staging/run/{result.keys[0]}": result.bytes_out}


def test_what_tells_a_recording_from_others_knows_annotated_bouts_only(zone):
    zone.annotation(OTTER, [(1, 1, "rear", 0, 1), (1, 1, "run", 1, 2), (1, 1, "rear", 2, 3), (1, 1, "dig", 0, 2)])
    (result,) = curate_part(plan_work(zone.uri).work, zone.uri, "s3://curated-zone/content", None)
    rows = [(1, 1, "rear", 0, 1), (1, 1, "run", 1, 2), (1, 1, "rear", 2, 3)]
    annotated = pd.DataFrame(
        [(7, *row) for row in rows], columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    )
    expected = content_of(7, curate(pq.read_table(zone.file("train_tracking", OTTER), partitioning=None), OTTER), annotated)
    assert result.content.timeline == expected.timeline is not None
    assert result.content.pose == expected.pose


def test_one_video_under_two_ids_is_told_by_the_smaller_one(zone):
    twin = replace(OTTER, video_id=77)
    zone.metadata(OTTER, PLAIN, twin)
    zone.tracking(twin, walk(range(3)))
    zone.tracking(PLAIN, walk(range(3)))  # the same pixels, but twice as many to a centimeter
    plan = plan_work(zone.uri)
    results = list(curate_part(plan.work, zone.uri, "s3://curated-zone/groups", None))
    metadata = spanning_tables(plan, results)[METADATA_TRAIN]
    assert metadata.select(["video_id", "content_group"]).to_pydict() == {"video_id": [7, 9, 77], "content_group": [7, 9, 7]}


def test_a_check_writes_nothing(zone):
    (result,), target = curated(zone, write=False)
    assert (result.keys, result.rows_in) == ((), 3)
    assert lake.list_objects(target, ["tracking_curated", "_staging"]) == {}


def test_faults_of_both_objects_of_a_recording_are_told_and_neither_is_written(zone):
    zone.file("train_tracking", OTTER).write_bytes(b"PAR1 cut off")
    zone.annotation(OTTER, [(1, 1, "rear", 5, 4)])
    (result,), target = curated(zone)
    assert [(fault.where, fault.code) for fault in result.faults] == [
        ("train_annotation/lab_id=QuietOtter/7.parquet", "bout-reversed"),
        ("train_tracking/lab_id=QuietOtter/7.parquet", "file-unreadable"),
    ]
    assert lake.list_objects(target, ["tracking_curated", "annotations_enriched", "_staging"]) == {}


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
    bouts = lake.read_table(target, f"_staging/run/{result.keys[1]}", ANNOTATIONS_ENRICHED)
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
    tracking, bouts = (lake.read_table(target, f"_staging/run/{key}", table) for key, table in zip(result.keys, PER_RECORDING, strict=True))
    assert tracking.column("video_frame").to_pylist() == [30_000, 30_001, 30_002, 30_003]
    assert bouts.column("start_frame").to_pylist() == [30_001]
    metadata = spanning_tables(plan_work(zone.uri), [result])[METADATA_TRAIN]
    assert metadata.select(["first_frame", "frame_count"]).to_pylist() == [{"first_frame": 30_000, "frame_count": 4}]


def test_an_object_that_left_after_planning_is_told(zone):
    work = plan_work(zone.uri).work
    zone.file("train_tracking", OTTER).unlink()
    (result,) = curate_part(work, zone.uri, "s3://curated-zone/left", "run")
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


def test_a_job_that_is_refused_ends_with_the_contracts_exit_code_and_its_sentences(monkeypatch, capsys):
    def refused(options):
        raise ContractError(["a: Expected this.", "b: Expected that."])

    monkeypatch.setattr(glue_etl, "run_curation", refused)
    arguments = ["--JOB_NAME", "j", "--RAW_URI", "s3://r", "--CURATED_URI", "s3://c", "--DATABASE", "d", "--enable-metrics", "true"]
    monkeypatch.setattr(sys, "argv", ["glue_etl.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        glue_etl.main()
    assert ended.value.code == 4
    assert "ContractError: a: Expected this.\nb: Expected that." in str(ended.value)
    assert "b: Expected that." in capsys.readouterr().err


# The job, in Spark, started through Glue's API


@dataclass(frozen=True)
class Lake:
    """A lake after a run of the job."""

    settings: Settings
    raw: Zone
    summary: dict

    @property
    def curated(self):
        return self.settings.mock_dir / "curated-zone"

    def objects(self):
        folders = [self.curated / table.name for table in CURATED_TABLES]
        return {
            str(path.relative_to(self.curated)): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
        }

    def everything(self):
        return {str(path.relative_to(self.curated)): path.read_bytes() for path in self.curated.rglob("*") if path.is_file()}

    def read(self, key):
        return pq.ParquetFile(self.curated / key).read()

    def partitions(self, table):
        pages = boto3.client("glue").get_paginator("get_partitions").paginate(DatabaseName="mabe", TableName=table)
        return {each["Values"][0]: each["StorageDescriptor"]["Location"] for page in pages for each in page["Partitions"]}


@pytest.fixture(scope="module")
def first(settings):
    """Mouse 1 of QuietOtter walks right at 6 cm/s and is lost for three frames; LoudHeron films a pair at 120 frames a second."""
    raw = Zone(settings.mock_dir / "raw-zone", "s3://raw-zone")
    raw.metadata(OTTER, HERON, PLAIN)
    raw.tracking(OTTER, walk([0, 1, 5, 6]))
    raw.tracking(HERON, walk(range(12)) + walk(range(6), mouse=2, px_per_frame=-1.0))
    raw.tracking(PLAIN, walk(range(3)))
    raw.annotation(OTTER, [(1, 1, "rear", 1, 3), (1, 1, "rear", 4, 4), (1, 1, "dig", 0, 2), (1, 1, "dig", 0, 2)])
    raw.annotation(HERON, [(1, 2, "sniff", 0, 12)], frames=pa.int32())
    raw.metadata(TEST, split="test")
    raw.tracking(TEST, walk(range(5)), split="test")
    return Lake(settings, raw, glue_job.run_job(settings))


spark = pytest.mark.spark


@spark
def test_the_job_leaves_these_objects_and_no_others(first):
    assert set(first.objects()) == {
        "tracking_curated/lab_id=QuietOtter/train-7.parquet",
        "tracking_curated/lab_id=LoudHeron/train-8.parquet",
        f"tracking_curated/lab_id={ODD}/train-9.parquet",
        "tracking_curated/lab_id=QuietOtter/test-500.parquet",
        "annotations_enriched/lab_id=QuietOtter/train-7.parquet",
        "annotations_enriched/lab_id=LoudHeron/train-8.parquet",
        "metadata_train/metadata_train.parquet",
        "metadata_test/metadata_test.parquet",
        "class_distribution_stats/class_distribution_stats.parquet",
    }


@spark
def test_the_summary_counts_rows_and_bytes(first):
    tracked = [content for key, content in first.objects().items() if key.startswith(("tracking", "annotations"))]
    expected = {"videos": 4, "rows_in": 4 + 18 + 3 + 5, "rows_out": 7 + 24 + 3 + 5, "removed": 0, "bytes_out": sum(map(len, tracked))}
    assert {name: first.summary[name] for name in expected} == expected
    assert set(first.summary["seconds"]) == {"session", "tracking", "tables"}
    assert first.summary["notes"] == {"bout-empty": 1, "bout-repeated": 1}


@spark
def test_lost_frames_are_rows_again_and_no_velocity_spike(first):
    rows = first.read("tracking_curated/lab_id=QuietOtter/train-7.parquet")
    assert rows.column("video_frame").to_pylist() == list(range(7))
    assert rows.column("seen").to_pylist() == [True, True, False, False, False, True, True]
    assert rows.column("x_cm").to_pylist() == pytest.approx([0, 0.2, 0.2, 0.2, 0.2, 1.0, 1.2])
    assert rows.column("vx_cm_per_s").to_pylist() == pytest.approx([0, 6, 0, 0, 0, 6, 6])


@spark
@pytest.mark.parametrize(("recording", "split"), [(OTTER, "train"), (HERON, "train"), (PLAIN, "train"), (TEST, "test")])
def test_what_spark_wrote_is_what_serving_computes(first, recording, split):
    raw = pq.ParquetFile(first.raw.file(f"{split}_tracking", recording)).read()
    served = curate(raw, recording)
    written = first.read(f"tracking_curated/lab_id={recording.lab_id}/{split}-{recording.video_id}.parquet")
    stored = from_table(written)
    assert (stored.mice, stored.bodyparts) == (served.mice, served.bodyparts)
    for name in ("xy", "velocity", "seen"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(served, name), err_msg=name)
    assert written.to_pylist() == to_table(served, recording, split).to_pylist()


@spark
def test_annotations_are_enriched_whatever_the_width_of_their_frames(first):
    rows = first.read("annotations_enriched/lab_id=QuietOtter/train-7.parquet")
    assert rows.schema.equals(ANNOTATIONS_ENRICHED.schema)
    assert first.read("annotations_enriched/lab_id=LoudHeron/train-8.parquet").schema.equals(ANNOTATIONS_ENRICHED.schema)
    assert rows.column("duration_s").to_pylist() == pytest.approx([2 / 30, 2 / 30])
    assert rows.column("annotated").to_pylist() == [True, False]


@spark
def test_statistics_know_zero_from_unknown(first):
    rows = {
        (row["lab_id"], row["action"]): row for row in first.read("class_distribution_stats/class_distribution_stats.parquet").to_pylist()
    }
    assert set(rows) == {("QuietOtter", "rear"), ("QuietOtter", "run"), ("LoudHeron", "sniff")}
    rear = rows["QuietOtter", "rear"]
    assert (rear["bouts"], rear["frames"], rows["QuietOtter", "run"]["bouts"]) == (1, 2, 0)
    assert rear["share"] == pytest.approx(2 / 7)
    assert rear["median_bout_s"] == pytest.approx(2 / 30)
    assert rows["LoudHeron", "sniff"]["share"] == pytest.approx(1.0)


@spark
def test_metadata_knows_what_tracking_holds(first):
    rows = {row["video_id"]: row for row in first.read("metadata_train/metadata_train.parquet").to_pylist()}
    assert first.read("metadata_train/metadata_train.parquet").schema.equals(METADATA_TRAIN.schema)
    assert {video: (row["frame_count"], row["mice_tracked"]) for video, row in rows.items()} == {7: (7, 1), 8: (12, 2), 9: (3, 1)}
    assert rows[8]["seen_share"] == pytest.approx(18 / 24)
    assert {row["bodyparts"] for row in rows.values()} == {'["nose"]'}
    assert {row["first_frame"] for row in rows.values()} == {0}
    assert {video: row["content_group"] for video, row in rows.items()} == {7: 7, 8: 8, 9: 9}
    assert (rows[9]["lab_id"], rows[9]["behaviors_labeled"], rows[9]["frames_per_second"]) == (ODD, None, 25.0)
    assert first.read("metadata_test/metadata_test.parquet").column("frame_count").to_pylist() == [5]


@spark
def test_partitions_are_in_the_catalog(first):
    assert first.partitions("tracking_curated") == {
        lab: f"s3://curated-zone/tracking_curated/lab_id={lab}/" for lab in ("QuietOtter", "LoudHeron", ODD)
    }
    assert set(first.partitions("annotations_enriched")) == {"QuietOtter", "LoudHeron"}


@pytest.fixture(scope="module")
def second(first):
    """The same lake after LoudHeron's recording left it and the job ran again."""
    before = first.objects()
    for folder in ("train_tracking", "train_annotation"):
        shutil.rmtree(first.raw.file(folder, HERON).parent)
    first.raw.metadata(OTTER, PLAIN)
    return before, replace(first, summary=glue_job.run_job(first.settings))


@spark
def test_a_recording_that_left_disappears_everywhere_and_the_rest_stays_byte_for_byte(second):
    before, lake_now = second
    after = lake_now.objects()
    gone = {"tracking_curated/lab_id=LoudHeron/train-8.parquet", "annotations_enriched/lab_id=LoudHeron/train-8.parquet"}
    assert set(before) - set(after) == gone
    assert set(after) <= set(before)
    assert lake_now.summary["removed"] == 2
    same = [key for key in after if key.startswith(("tracking", "annotations", "metadata_test"))]
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert set(lake_now.partitions("tracking_curated")) == {"QuietOtter", ODD}
    assert lake_now.read("metadata_train/metadata_train.parquet").column("video_id").to_pylist() == [7, 9]


@spark
def test_what_is_broken_is_put_aside_with_exit_code_3_and_what_is_sound_is_curated(second):
    """A scale of zero, a row without tracking and a cut off file beside one sound recording, whose tracking has grown."""
    _, lake_now = second
    with spoiled(lake_now.raw):
        told = subprocess.run(
            [sys.executable, ROOT / "aws_pipeline/glue_etl.py", "--json"],
            env=os.environ | {"S3_MOCK_DIR": str(lake_now.settings.mock_dir)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert told.returncode == 3, told.stderr
        summary = json.loads(told.stdout)
        assert {key for key in lake_now.objects() if key.startswith("tracking")} == {
            "tracking_curated/lab_id=LoudHeron/train-80.parquet",
            "tracking_curated/lab_id=QuietOtter/test-500.parquet",
        }
        assert lake_now.read("metadata_train/metadata_train.parquet").column("video_id").to_pylist() == [80]
        assert set(lake_now.partitions("tracking_curated")) == {"LoudHeron", "QuietOtter"}
    assert "Traceback" not in told.stderr
    assert summary["balances"] == {
        "recordings": {"in": 5, "accepted": 2, "quarantined": 3, "excluded": 0, "repeated": 0},
        "files": {"in": 5, "accepted": 2, "quarantined": 3, "excluded": 0, "of no recording": 0},
        "tracking rows": {"in": 38, "accepted": 35, "quarantined": 3, "excluded": 0},
    }
    reasons = {one["name"]: one["faults"] for one in summary["put_aside"]}
    assert set(reasons) == {"train-7", "train-8", "train-9"}
    assert reasons["train-7"][0].startswith("train_tracking/lab_id=QuietOtter/7.parquet: Expected a Parquet file, but got")
    assert reasons["train-8"] == [
        "metadata/train.csv: Expected an object train_tracking/lab_id=LoudHeron/8.parquet, but got none. Upload it or remove the row."
    ]
    assert "Expected pix_per_cm_approx to be a number from 0.1 to 10,000" in reasons["train-9"][0]
    kept = json.loads((lake_now.curated / "quarantine/reasons/train-7.json").read_text())
    assert (kept["run"], kept["contract"], kept["name"], kept["lab"]) == (summary["run"], 2, "train-7", "QuietOtter")
    assert kept["keys"] == ["train_tracking/lab_id=QuietOtter/7.parquet", "train_annotation/lab_id=QuietOtter/7.parquet"]
    assert kept["faults"][0]["code"] == "file-unreadable"


@spark
def test_when_all_is_mended_the_lake_is_as_if_nothing_had_been(second):
    _, lake_now = second
    (lake_now.curated / "quarantine" / "reasons").mkdir(parents=True, exist_ok=True)
    (lake_now.curated / "quarantine/reasons/train-7.json").write_text("{}")
    again = glue_job.run_job(lake_now.settings)
    assert again["put_aside"] == []
    assert set(lake_now.objects()) == {
        "tracking_curated/lab_id=QuietOtter/train-7.parquet",
        f"tracking_curated/lab_id={ODD}/train-9.parquet",
        "tracking_curated/lab_id=QuietOtter/test-500.parquet",
        "annotations_enriched/lab_id=QuietOtter/train-7.parquet",
        "metadata_train/metadata_train.parquet",
        "metadata_test/metadata_test.parquet",
        "class_distribution_stats/class_distribution_stats.parquet",
    }
    assert not list((lake_now.curated / "quarantine").rglob("*.json"))


@spark
def test_a_run_without_one_sound_recording_is_refused_with_all_faults_and_leaves_all_as_it_was(second):
    """Planning sees nothing wrong with either file, and the test recording has changed: only its new rows could be seen."""
    _, lake_now = second
    raw, before = lake_now.raw, lake_now.everything()
    files = [raw.file("train_tracking", OTTER), raw.file("train_tracking", PLAIN), raw.file("test_tracking", TEST)]
    contents = {file: file.read_bytes() for file in files}
    raw.tracking(TEST, walk(range(30)), split="test")
    for file in files[:2]:
        file.write_bytes(contents[file][:-20])
    try:
        assert len(plan_work(raw.uri).work) == 3
        with pytest.raises(ContractError) as refused:
            glue_job.run_job(lake_now.settings)
        assert [(fault.code, fault.where) for fault in refused.value.faults] == [
            ("table-empty", "s3://raw-zone"),
            ("file-unreadable", f"train_tracking/lab_id={ODD}/9.parquet"),
            ("file-unreadable", "train_tracking/lab_id=QuietOtter/7.parquet"),
        ]
        assert "2 put aside, 0 excluded" in str(refused.value)
        assert lake_now.everything() == before
    finally:
        for file, content in contents.items():
            file.write_bytes(content)


@spark
def test_metadata_that_cannot_be_read_refuses_the_run_and_leaves_all_as_it_was(second):
    _, lake_now = second
    before, file = lake_now.everything(), lake_now.raw.folder / "metadata" / "train.csv"
    content = file.read_bytes()
    file.write_bytes(b"\x00\xff" * 50)
    try:
        with pytest.raises(ContractError) as refused:
            glue_job.run_job(lake_now.settings)
        assert {fault.where for fault in refused.value.faults} == {"metadata/train.csv"}
        assert lake_now.everything() == before
    finally:
        file.write_bytes(content)


@spark
def test_what_a_killed_run_left_waiting_is_gone_after_the_next(second):
    _, lake_now = second
    before = lake_now.everything()
    left = lake_now.curated / "_staging" / "killed" / "tracking_curated" / "lab_id=QuietOtter" / "train-7.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half of it")
    glue_job.run_job(lake_now.settings)
    assert lake_now.everything() == before


GROWN = replace(HERON, video_id=80)


@contextmanager
def spoiled(raw):
    """A scale of zero, a row without tracking, a broken file, and a sound recording of 30 frames, for a while."""
    file = raw.file("train_tracking", OTTER)
    content = file.read_bytes()
    raw.metadata(OTTER, replace(PLAIN, pix_per_cm=0.0), HERON, GROWN)
    raw.tracking(GROWN, walk(range(30)))
    file.write_bytes(content[:-20])
    try:
        yield
    finally:
        file.write_bytes(content)
        raw.file("train_tracking", GROWN).unlink()
        raw.metadata(OTTER, PLAIN)
