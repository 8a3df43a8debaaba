"""The curated zone: what is read of it, when, and what is told if it is not there."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake

from behavior.annotations import enrich
from behavior.contract import ContractError
from behavior.curation import WRITE_OPTIONS, curate, to_table
from behavior.keys import key_of
from behavior.recording import Triple
from behavior.snapshot import snapshot_of_keys
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


def test_a_list_of_objects_says_which_of_several_versions_are_read(lake, tmp_path):
    """The folder holds the objects of two runs; the list of each names its own."""
    root = tmp_path / "zone"
    shutil.copytree(lake.curated, root)
    old = [file.relative_to(root).as_posix() for file in root.rglob("*.parquet")]
    recording = lake.recordings[0]
    key = key_of(TRACKING_CURATED, "train", recording)
    longer = lake.tracking(recording)
    shifted = longer.set_column(longer.schema.get_field_index("x"), "x", pc.add(longer.column("x"), pa.scalar(50, pa.float32())))
    new_key = key_of(TRACKING_CURATED, "train", recording, "0123456789abcdef")
    pq.write_table(to_table(curate(shifted, recording), recording, "train"), root / new_key, **WRITE_OPTIONS)
    new = [new_key if one == key else one for one in old]
    (root / "snapshots").mkdir()
    for run, keys in (("first", old), ("second", new)):
        for name in (run, "current"):
            (root / "snapshots" / f"{name}.json").write_bytes(replace(snapshot_of_keys(keys), run=run).to_json())
    first, last = (CuratedZone(place) for place in (root / "snapshots" / "first.json", root))
    assert (first.root, first.snapshot.run, last.snapshot.run) == (root, "first", "second")
    np.testing.assert_array_equal(first.tracking(recording).xy, CuratedZone(lake.curated).tracking(recording).xy)
    assert np.nanmax(np.abs(last.tracking(recording).xy - first.tracking(recording).xy)) > 1
    (root / key).unlink()
    assert "of run first" in first.data_faults([recording])[0]
    assert last.data_faults([recording]) == []


def test_a_list_that_is_none_is_a_fault_of_the_contract(lake, tmp_path):
    root = tmp_path / "zone"
    (root / "snapshots").mkdir(parents=True)
    (root / "snapshots" / "current.json").write_text("{}")
    with pytest.raises(ContractError, match=r"Expected the list of a lake's objects in .*current\.json"):
        CuratedZone(root).annotated_recordings()
