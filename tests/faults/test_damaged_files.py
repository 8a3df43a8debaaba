"""A fuzz run over every reader of tables: damaged Parquet, CSV and TOML is read or refused in one line, and loses nobody else's data."""

import csv
import io
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damage import damaged, survives

from aws_pipeline.validate import validate
from behavior.film_labels import read_labels
from behavior.metadata_rows import judge_metadata
from behavior.parquet_file import footer_faults, read_batches, read_rows
from behavior.policy import parse_policy
from behavior.tables import RAW_ANNOTATION, RAW_TRACKING
from inference.bout_files import read_bouts

HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"
METADATA = "\n".join(
    [HEADER, *(f'QuietOtter,{video},29.97,10.5,400,200,"[""mouse1,mouse2,attack"", ""mouse2,self,rear""]"' for video in range(9))]
).encode()
FRAMES = 200


def parquet(rows: pa.Table, **options: object) -> bytes:
    target = io.BytesIO()
    pq.write_table(rows, target, **options)
    return target.getvalue()


def tracking() -> pa.Table:
    frame = np.repeat(np.arange(FRAMES, dtype=np.int32), 2)
    place = np.random.default_rng(0).normal(100, 5, (2, len(frame))).astype(np.float32)
    columns = {"video_frame": frame, "mouse_id": np.ones(len(frame), np.int8), "bodypart": ["nose", "tail"] * FRAMES}
    return pa.table({**columns, "x": place[0], "y": place[1]})


def bouts() -> pa.Table:
    start = np.arange(0, FRAMES - 5, 10, dtype=np.int32)
    who = np.ones(len(start), np.int8)
    return pa.table({"agent_id": who, "target_id": who, "action": ["rear"] * len(start), "start_frame": start, "stop_frame": start + 5})


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zstd", "write_page_checksum": True}, {"compression": "none", "use_dictionary": False}]
)
@pytest.mark.parametrize(("table", "rows"), [(RAW_TRACKING, tracking()), (RAW_ANNOTATION, bouts())], ids=["tracking", "annotation"])
def test_parquet(table, rows, options):
    content = parquet(rows, **options)

    def read(data: bytes) -> None:
        footer_faults(table, pa.py_buffer(data), "7.parquet")
        pa.concat_tables(read_batches(table, pa.py_buffer(data), "7.parquet", 50))
        read_rows(table, pa.py_buffer(data), "7.parquet")

    assert survives(read, content, str(options), 200) > 100


@pytest.mark.parametrize("split", ["train", "test"])
def test_metadata(split):
    assert survives(lambda data: judge_metadata(data, split, f"{split}.csv"), METADATA, split, 400) > 50


@pytest.mark.parametrize(
    "layout", ["start,stop,label\n0,10,walk\n10,35,rest\n", "frame,class\n" + "".join(f"{n},walk\n" for n in range(60))]
)
def test_labels_of_films(layout):
    def read(data: bytes) -> None:
        for fault in read_labels(data, "a.csv", 60, 30.0).faults:
            assert "\n" not in str(fault), fault

    survives(read, layout.encode(), layout, 300)


def test_bouts(tmp_path):
    text = "video_id,agent_id,target_id,action,start_frame,stop_frame\n" + "7,mouse1,self,rear,1,9\n" * 20
    path = tmp_path / "bouts.csv"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_bouts(path)

    assert survives(read, text.encode(), "bouts", 300) > 20


def test_policies():
    text = 'contract = 2\n[severity]\n"point-far" = "reject"\n"bout-empty" = "flag"\n'
    assert survives(lambda data: parse_policy(data.decode("latin-1"), "policy.toml"), text.encode(), "policy", 300) > 100


def test_whatever_breaks_every_recording_is_accounted_for(tmp_path):
    """One file of each of nine recordings is damaged: `validate`, which does what the ETL does, accepts or names each of them."""
    chance = random.Random(0)
    for video in range(9):
        for folder, rows in (("train_tracking", tracking()), ("train_annotation", bouts())):
            path = tmp_path / folder / "QuietOtter" / f"{video}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            content = parquet(rows, write_page_checksum=True)
            path.write_bytes(damaged(content, chance) if video and folder == ("train_tracking", "train_annotation")[video % 2] else content)
    (tmp_path / "train.csv").write_bytes(METADATA)
    listed = {row["video_id"] for row in csv.DictReader(io.StringIO(METADATA.decode()))}
    report = validate(tmp_path)
    assert report.accepted + len(report.put_aside) == len(listed) == 9
    assert report.accepted >= 1
    assert report.put_aside
    assert not report.refused
