"""The curated zone: what is read of it, when, and what is told if it is not there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake

from behavior.annotations import enrich
from behavior.curation import curate, to_table
from behavior.keys import key_of
from behavior.recording import Triple
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED
from training.material.curated_zone import CuratedZone


@pytest.fixture
def copy(lake: Lake, tmp_path: Path) -> CuratedZone:
    """A curated zone to change."""
    shutil.copytree(lake.curated, tmp_path / "curated")
    return CuratedZone(tmp_path / "curated")


def told_bodyparts(zone: CuratedZone, bodyparts: dict[int, list[str]]) -> None:
    """Have the metadata say which bodyparts some recordings track."""
    path = zone.root / key_of(METADATA_TRAIN)
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
    (copy.root / key_of(TRACKING_CURATED, "train", first)).unlink()
    assert copy.bodyparts([second, first]) == [*expected, ("nose", "tail_base")]


def test_tracking_is_read_when_it_is_first_asked_for(copy: CuratedZone) -> None:
    recording, *_ = copy.annotated_recordings()
    file = copy.root / key_of(TRACKING_CURATED, "train", recording)
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
        (copy.root / key_of(TRACKING_CURATED, "train", recording)).unlink()
    assert copy.data_faults(others) == []
    faults = copy.data_faults([first, second, *others])
    assert [f"video {recording.video_id}" in fault for recording, fault in zip((first, second), faults, strict=True)] == [True, True]


def test_bouts_of_a_clip_lie_on_the_frames_that_they_lie_on_in_the_film(tmp_path: Path, tracking_rows, recording) -> None:
    """Mouse 1 walks right in the frames 20,000 to 20,003 of a film, and rears in the middle two."""
    clip = replace(recording, annotated=(Triple(1, 1, "rear"),))
    curated = curate(tracking_rows([(20_000 + frame, 1, "nose", 2.0 * frame, 0) for frame in range(4)]), clip)
    ids = pa.array([1], pa.int8())
    raw = pa.table({"agent_id": ids, "target_id": ids, "action": ["rear"], "start_frame": [20_001], "stop_frame": [20_003]})
    row = {
        "lab_id": "QuietOtter",
        "video_id": 7,
        "frames_per_second": 30.0,
        "pix_per_cm_approx": 10.0,
        "video_width_pix": 400,
        "video_height_pix": 200,
        "behaviors_labeled": '["mouse1,self,rear"]',
        "first_frame": curated.first_frame,
    }
    for key, rows in (
        (key_of(TRACKING_CURATED, "train", clip), to_table(curated, clip, "train")),
        (key_of(ANNOTATIONS_ENRICHED, "train", clip), enrich(raw, clip)),
        (key_of(METADATA_TRAIN), pa.Table.from_pylist([row], schema=METADATA_TRAIN.schema)),
    ):
        (tmp_path / key).parent.mkdir(parents=True)
        pq.write_table(rows, tmp_path / key)
    zone = CuratedZone(tmp_path)
    (found,) = zone.annotated_recordings()
    assert zone.bouts([found])[["start_frame", "stop_frame"]].to_numpy().tolist() == [[1, 3]]
    assert zone.tracking(found).frames == 4
