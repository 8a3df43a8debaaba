"""The curated zone: what is read of it, when, and what is told if it is not there."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake

from behavior.tables import METADATA_TRAIN, TRACKING_CURATED
from training.material.curated_zone import CuratedZone


@pytest.fixture
def copy(lake: Lake, tmp_path: Path) -> CuratedZone:
    """A curated zone to change."""
    shutil.copytree(lake.curated, tmp_path / "curated")
    return CuratedZone(tmp_path / "curated")


def told_bodyparts(zone: CuratedZone, bodyparts: dict[int, list[str]]) -> None:
    """Have the metadata say which bodyparts some recordings track."""
    path = zone.root / METADATA_TRAIN.key("part.parquet")
    rows = pq.read_table(path)
    rows = rows.drop_columns(["bodyparts"]) if "bodyparts" in rows.column_names else rows
    told = [json.dumps(bodyparts[video]) if video in bodyparts else None for video in rows.column("video_id").to_pylist()]
    pq.write_table(rows.append_column("bodyparts", pa.array(told, pa.string())), path)


def test_bodyparts_are_those_of_the_tracking(lake: Lake) -> None:
    zone = CuratedZone(lake.curated)
    recordings = zone.annotated_recordings()
    assert zone.bodyparts(recordings) == [tuple(sorted(zone.tracking(recording).bodyparts)) for recording in recordings]


def test_bodyparts_that_the_metadata_tell_need_no_tracking_file(copy: CuratedZone) -> None:
    first, second, *_ = copy.annotated_recordings()
    expected = copy.bodyparts([second])
    told_bodyparts(copy, {first.video_id: ["nose", "tail_base"]})
    (copy.root / TRACKING_CURATED.key(f"train-{first.video_id}.parquet", first.lab_id)).unlink()
    assert copy.bodyparts([second, first]) == [*expected, ("nose", "tail_base")]


def test_tracking_is_read_when_it_is_first_asked_for(copy: CuratedZone) -> None:
    recording, *_ = copy.annotated_recordings()
    file = copy.root / TRACKING_CURATED.key(f"train-{recording.video_id}.parquet", recording.lab_id)
    whole = file.read_bytes()
    file.write_bytes(b"no parquet at all")
    material = copy.material(recording)
    file.write_bytes(whole)
    assert material.recording == recording
    frames = material.tracking.frames
    file.unlink()
    assert material.tracking.frames == frames == 600  # 20 s at 30 frames a second


def test_every_recording_without_tracking_is_a_fault(copy: CuratedZone) -> None:
    first, second, *others = copy.annotated_recordings()
    for recording in (first, second):
        (copy.root / TRACKING_CURATED.key(f"train-{recording.video_id}.parquet", recording.lab_id)).unlink()
    assert copy.missing(others) == []
    faults = copy.missing([first, second, *others])
    assert [f"video {recording.video_id}" in fault for recording, fault in zip((first, second), faults, strict=True)] == [True, True]
