"""The job, in Spark, started through Glue's API."""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_zone import HERON, ODD, OTTER, PLAIN, TEST, Zone, walk

from aws_pipeline import curation_run, glue_etl, glue_job, lake
from aws_pipeline.config import Settings
from aws_pipeline.curation_plan import plan_work
from aws_pipeline.glue_catalog import connect
from aws_pipeline.job_code import glue_code
from behavior.contract import ContractError
from behavior.curation import curate, from_table, to_table
from behavior.tables import ANNOTATIONS_ENRICHED, CURATED_TABLES, METADATA_TRAIN

ROOT = Path(__file__).resolve().parents[2]
SORTED = ["lab_id", "split", "video_id", "mouse_id", "bodypart", "video_frame"]


def test_a_job_that_is_refused_ends_with_the_contracts_exit_code_and_its_sentences(monkeypatch, capsys):
    def refused(options):
        raise ContractError(["a: Expected this.", "b: Expected that."])

    monkeypatch.setattr(curation_run, "run_curation", refused)
    arguments = [
        "--JOB_NAME",
        "j",
        "--RAW_URI",
        "s3://r",
        "--CURATED_URI",
        "s3://c",
        "--DATABASE",
        "d",
        "--DUE_BYTES",
        "0",
        "--enable-metrics",
        "true",
    ]
    monkeypatch.setattr(sys, "argv", ["glue_etl.py", *arguments])
    monkeypatch.setattr(gc, "freeze", lambda: None)  # it is for a process that ends
    with pytest.raises(SystemExit) as ended:
        glue_etl.main()
    assert ended.value.code == 4
    assert "ContractError: a: Expected this.\nb: Expected that." in str(ended.value)
    assert "b: Expected that." in capsys.readouterr().err


VERSION = re.compile(r"-[0-9a-f]{16}(?=\.parquet$)")
LISTED = {
    "tracking_curated/lab_id=QuietOtter/train-7.parquet",
    f"tracking_curated/lab_id={ODD}/train-9.parquet",
    "tracking_curated/lab_id=QuietOtter/test-500.parquet",
    "annotations_enriched/lab_id=QuietOtter/train-7.parquet",
    "metadata_train/metadata_train.parquet",
    "metadata_test/metadata_test.parquet",
    "class_distribution_stats/class_distribution_stats.parquet",
    "data_quality/data_quality.parquet",
    "lineage/lab_id=QuietOtter/lineage.parquet",
    f"lineage/lab_id={ODD}/lineage.parquet",
    "runs/runs.parquet",
}
OF_HERON = {
    "tracking_curated/lab_id=LoudHeron/train-8.parquet",
    "annotations_enriched/lab_id=LoudHeron/train-8.parquet",
    "lineage/lab_id=LoudHeron/lineage.parquet",
}


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

    def names(self):
        """Keys of the objects without the versions."""
        return {VERSION.sub("", key) for key in self.objects()}

    def read(self, name):
        """Read the one object with this key but for its version."""
        (file,) = [self.curated / key for key in self.objects() if VERSION.sub("", key) == name]
        return pq.ParquetFile(file).read()

    def table(self, name):
        return connect().load_table(f"mabe.{name}")

    def snapshot(self):
        return lake.read_snapshot("s3://curated-zone")


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glue_job, "LITTLE_BYTES", 0)  # little as it is, Spark curates it
        return Lake(settings, raw, glue_job.run_job(settings)[0])


spark = pytest.mark.spark


@spark
def test_the_job_leaves_these_objects_and_no_others(first):
    assert first.names() == LISTED | OF_HERON


@spark
def test_the_summary_counts_rows_and_bytes(first):
    tracked = [content for key, content in first.objects().items() if key.startswith(("tracking", "annotations"))]
    expected = {
        "videos": 4,
        "curated_anew": 4,
        "rows_in": 4 + 18 + 3 + 5,
        "rows_out": 7 + 24 + 3 + 5,
        "removed": 0,
        "bytes_out": sum(map(len, tracked)),
    }
    assert {name: first.summary[name] for name in expected} == expected
    assert set(first.summary["seconds"]) == {"session", "tracking", "tables"}
    assert first.summary["notes"] == {"bout-empty": 1, "bout-repeated": 1, "bout-short": 2, "pose-doubled": 1}


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
    assert [(field.name, field.type) for field in rows.schema] == [(field.name, field.type) for field in ANNOTATIONS_ENRICHED.schema]
    assert first.read("annotations_enriched/lab_id=LoudHeron/train-8.parquet").schema.equals(rows.schema)
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
    assert first.read("metadata_train/metadata_train.parquet").schema.equals(METADATA_TRAIN.schema, check_metadata=False)
    assert {video: (row["frame_count"], row["mice_tracked"]) for video, row in rows.items()} == {7: (7, 1), 8: (12, 2), 9: (3, 1)}
    assert rows[8]["seen_share"] == pytest.approx(18 / 24)
    assert {row["bodyparts"] for row in rows.values()} == {'["nose"]'}
    assert {row["first_frame"] for row in rows.values()} == {0}
    assert {video: row["content_group"] for video, row in rows.items()} == {7: 7, 8: 8, 9: 9}
    assert (rows[9]["lab_id"], rows[9]["behaviors_labeled"], rows[9]["frames_per_second"]) == (ODD, None, 25.0)
    assert first.read("metadata_test/metadata_test.parquet").column("frame_count").to_pylist() == [5]


@spark
def test_the_quality_of_each_recording_is_a_row(first):
    rows = {row["video_id"]: row for row in first.read("data_quality/data_quality.parquet").to_pylist()}
    assert set(rows) == {7, 8, 9, 500}
    assert rows[7]["missing_share"] == pytest.approx(3 / 7)
    assert (rows[8]["mice_tracked"], rows[8]["doubled_frames"], rows[9]["bouts"]) == (2, 1, None)


@spark
def test_labs_are_partitions_and_readers_of_the_catalog_and_of_the_folder_see_the_same_rows(first):
    tracking = first.table("tracking_curated")
    assert {row["partition"]["lab_id"] for row in tracking.inspect.files().to_pylist()} == {"QuietOtter", "LoudHeron", ODD}
    rows = tracking.scan().to_arrow().to_pandas().sort_values(SORTED).reset_index(drop=True)
    plain = pd.read_parquet(first.curated / "tracking_curated").astype({"lab_id": str}).sort_values(SORTED).reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, plain[rows.columns], check_dtype=False)


@spark
def test_the_list_of_the_run_names_every_object_with_rows_and_digest(first):
    snapshot = first.snapshot()
    assert snapshot.run == first.summary["run"]
    listed = {each.key: (each.n_bytes, each.sha256) for table in snapshot.tables.values() for each in table.objects}
    assert listed == {key: (len(content), sha256(content).hexdigest()) for key, content in first.objects().items()}
    empty = [name for name, table in snapshot.tables.items() if table.snapshot_id is None]
    assert empty == ["video_manifest", "film_labels"], "there are no films"
    for name, table in ((name, table) for name, table in snapshot.tables.items() if name not in empty):
        assert table.snapshot_id == first.table(name).snapshot_by_name(f"run-{snapshot.run}").snapshot_id
        assert sum(each.rows for each in table.objects) == first.table(name).scan().count()


@spark
def test_lineage_leads_from_a_recording_to_its_raw_objects_and_to_the_run(first):
    rows = {row["video_id"]: row for row in first.table("lineage").scan().to_arrow().to_pylist()}
    otter, runs = rows[7], first.table("runs").scan().to_arrow().to_pylist()
    assert otter["tracking_key"] == "train_tracking/lab_id=QuietOtter/7.parquet"
    assert otter["tracking_sha256"] == sha256(first.raw.file("train_tracking", OTTER).read_bytes()).hexdigest()
    assert otter["curated_sha256"] == sha256(first.objects()[otter["curated_key"]]).hexdigest()
    assert (rows[9]["annotation_key"], rows[9]["bouts_key"]) == (None, None)
    assert [run["run"] for run in runs] == [otter["run"]] == [first.summary["run"]]
    assert runs[0]["code"] == glue_code(first.settings).digest


@spark
def test_a_second_run_starts_no_job_and_changes_nothing(first):
    before = first.everything()
    summary, needed = glue_job.run_job(first.settings)
    assert not needed
    assert summary["run"] == first.summary["run"]
    assert first.everything() == before


@spark
def test_the_driver_alone_writes_what_spark_wrote(first):
    before = first.objects()
    summary, _ = glue_job.run_job(first.settings, glue_job.Order(force=True))
    assert summary["curated_anew"] == 4
    spanning_runs = ("lineage", "runs")
    assert {key: content for key, content in first.objects().items() if not key.startswith(spanning_runs)} == {
        key: content for key, content in before.items() if not key.startswith(spanning_runs)
    }


@pytest.fixture(scope="module")
def second(first):
    """The same lake after LoudHeron's recording left it and the job ran again."""
    before = first.objects()
    for folder in ("train_tracking", "train_annotation"):
        shutil.rmtree(first.raw.file(folder, HERON).parent)
    first.raw.metadata(OTTER, PLAIN)
    return before, replace(first, summary=glue_job.run_job(first.settings)[0])


@spark
def test_a_recording_that_left_disappears_everywhere_and_the_rest_stays_byte_for_byte(second):
    before, lake_now = second
    after = lake_now.objects()
    assert lake_now.names() == LISTED
    assert lake_now.summary["curated_anew"] == 0
    same = [key for key in before if key.startswith(("tracking", "annotations", "metadata_test")) and "LoudHeron" not in key]
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert lake_now.summary["removed"] == len(before.keys() - after.keys())
    assert "lab_id=LoudHeron" not in str([task.file.file_path for task in lake_now.table("tracking_curated").scan().plan_files()])
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
        assert {key for key in lake_now.names() if key.startswith("tracking")} == {
            "tracking_curated/lab_id=LoudHeron/train-80.parquet",
            "tracking_curated/lab_id=QuietOtter/test-500.parquet",
        }
        assert lake_now.read("metadata_train/metadata_train.parquet").column("video_id").to_pylist() == [80]
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
    again, _ = glue_job.run_job(lake_now.settings)
    assert again["put_aside"] == []
    assert lake_now.names() == LISTED
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
        written = lake_now.everything().items() - before.items()  # the sound test recording: an object that no table lists
        assert [VERSION.sub("", key) for key, _ in written] == ["tracking_curated/lab_id=QuietOtter/test-500.parquet"]
        assert {key: content for key, content in lake_now.everything().items() if key in before} == before
        for key, _ in written:
            (lake_now.curated / key).unlink()
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
def test_objects_of_a_killed_run_are_unseen_and_removed_unless_another_run_may_still_need_them(second):
    _, lake_now = second
    folder = lake_now.curated / "tracking_curated" / "lab_id=QuietOtter"
    young, old = folder / "train-7-000000000000000a.parquet", folder / "train-7-000000000000000b.parquet"
    mark = lake_now.curated / "underway" / "elsewhere.json"
    count = lake_now.table("tracking_curated").scan().count()

    def run(*orphans):
        for file in orphans:
            file.write_bytes(b"half of it")
        os.utime(old, (0, 0))
        glue_job.run_job(lake_now.settings, glue_job.Order(force=True))
        assert lake_now.table("tracking_curated").scan().count() == count
        return young.exists(), old.exists()

    mark.parent.mkdir(exist_ok=True)
    mark.write_text(json.dumps({"host": "another machine", "process": 1}))
    assert run(young, old) == (True, False), "the young one may be of the run on another machine"
    os.utime(mark, (0, 0))
    assert run(old) == (False, False)
    assert not mark.exists(), "that run is dead"


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
