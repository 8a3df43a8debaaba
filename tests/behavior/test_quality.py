"""The row of data quality, worked out by hand, and the flags that it raises."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from behavior.annotations import enrich
from behavior.contract import SEVERITY, Severity
from behavior.curation import curate
from behavior.quality import quality_of
from behavior.quality_flags import quality_flags
from behavior.recording import Triple, recordings_from_rows
from behavior.tables import DATA_QUALITY, RAW_ANNOTATION


def body(frames, number=1, nose_px=100, tail_px=180, speed_px=1.0, lost=()):
    """A mouse of (tail - nose) pixels that walks right."""
    rows = []
    for frame in range(frames):
        x = nose_px + speed_px * frame
        rows += [(frame, number, "nose", x, 50)] if frame not in lost else []
        rows += [(frame, number, "tail_base", x + tail_px - nose_px, 50)]
    return rows


@pytest.fixture
def row_of(tracking_rows, recording):
    return lambda rows, bouts=None, one=None: quality_of(one or recording, "train", curate(tracking_rows(rows), one or recording), bouts)


def bouts_of(recording, *rows):
    columns = dict(zip(RAW_ANNOTATION.keys, zip(*rows, strict=True), strict=True))
    return enrich(pa.table({name: list(values) for name, values in columns.items()}), recording)


def test_a_row_has_every_column_of_the_table_and_its_types(row_of, recording):
    row = row_of(body(90), bouts_of(recording, (1, 1, "rear", 0, 30)))
    assert list(row) == DATA_QUALITY.schema.names
    assert DATA_QUALITY.check(pa.Table.from_pylist([row], DATA_QUALITY.schema), "row").num_rows == 1


def test_missing_points_are_shares_of_all_and_of_each_bodypart(row_of):
    row = row_of(body(40, lost=range(10, 20)))
    assert row["missing_share"] == pytest.approx(10 / 80)
    assert json.loads(row["missing_by_bodypart"]) == {"nose": 0.25, "tail_base": 0.0}
    assert row["absent_share"] == 0
    assert row["longest_gap_s"] == pytest.approx(1 / 3)
    assert row["gaps_per_minute"] == pytest.approx(0.5 * 60 / (40 / 30))  # one gap in one of two keypoints


def test_length_and_speed_are_those_of_the_body(row_of):
    row = row_of(body(90, nose_px=100, tail_px=180, speed_px=1.0))
    assert row["body_length_cm"] == pytest.approx(8.0)
    assert row["median_speed_cm_per_s"] == pytest.approx(3.0)


def test_without_a_nose_or_a_head_the_length_is_unknown(row_of, tracking_rows):
    rows = [(frame, 1, part, 50, 50) for frame in range(9) for part in ("ear_left", "tail_base")]
    assert row_of(rows)["body_length_cm"] is None


def test_without_a_scale_the_picture_and_the_length_say_nothing(row_of, recording):
    row = row_of(body(30), None, replace(recording, pix_per_cm=None))
    assert row["points_outside"] is row["outside_share"] is row["body_length_cm"] is row["pix_per_cm_approx"] is None
    assert quality_flags(row, "x") == []


def test_labels_are_covered_once_however_many_bouts_overlap(row_of, recording):
    annotated = replace(recording, annotated=(Triple(1, 1, "rear"),))
    bouts = bouts_of(recording, (1, 1, "rear", 0, 30), (1, 1, "dig", 20, 40), (1, 1, "rear", 60, 63))
    row = row_of(body(80), bouts, annotated)
    assert (row["triples_annotated"], row["bouts"], row["short_bouts"]) == (1, 3, 1)
    assert row["labeled_share"] == pytest.approx(43 / 80)
    assert row["last_label_share"] == pytest.approx(63 / 80)


def test_without_an_annotation_labels_are_unknown_not_none(row_of):
    row = row_of(body(30))
    assert row["bouts"] is row["labeled_share"] is row["short_bouts"] is None
    assert row_of(body(30), RAW_ANNOTATION.schema.empty_table())["labeled_share"] == 0


def test_frames_of_a_clip_keep_the_numbers_of_the_film(tracking_rows, recording):
    places = [(200, 50)] * 3 + [(20, 150)] * 3
    rows = [(9_000 + frame, 1, "nose", x, y) for frame, (x, y) in enumerate(places)]
    row = quality_of(recording, "train", curate(tracking_rows(rows), recording), bouts_of(recording, (1, 1, "rear", 9_001, 9_004)))
    assert json.loads(row["teleport_frames"]) == [9_003]
    assert row["labeled_share"] == pytest.approx(0.5)


def test_a_sound_recording_raises_no_flag(row_of, recording):
    sound = replace(recording, stated_s=3.0)
    assert quality_flags(row_of(body(90), bouts_of(recording, (1, 1, "rear", 0, 30)), sound), "x") == []


def test_each_fault_raises_its_own_flag(row_of, recording):
    """A row in which everything is doubtful; the same row without one fault lacks that flag only."""
    sound = {**row_of(body(900, speed_px=0.2)), "bouts": 10, "short_bouts": 0}
    faults = {
        "bodypart-unseen": {"bodyparts_never_seen": '["mouse1 nose"]'},
        "point-outside": {"points_outside": 30, "outside_share": 0.02},
        "pose-doubled": {"doubled_frames": 10},
        "teleport": {"teleports": 3, "teleport_frames": "[8, 9, 10]"},
        "swap-suspect": {"swap_suspects": 2, "swap_suspect_frames": "[8, 9]"},
        "bout-short": {"short_bouts": 2},
        "frames-stated": {"stated_frames_ratio": 1.2},
        "body-length": {"body_length_cm": 1.1},
    }
    assert quality_flags(sound, "x") == []
    for code, change in faults.items():
        (flag,) = quality_flags({**sound, **change}, "lab, video 7")
        assert flag.code == code
        assert flag.severity is SEVERITY[code] is Severity.FLAG
        assert str(flag).startswith("lab, video 7: Expected ")
    everything = {name: value for change in faults.values() for name, value in change.items()}
    assert [flag.code for flag in quality_flags({**sound, **everything}, "x")] == list(faults)


@pytest.mark.parametrize(("stated", "flagged"), [(30.9, False), (33.0, True), (27.0, True)])
def test_a_stated_duration_may_be_a_second_off(row_of, recording, stated, flagged):
    flags = quality_flags(row_of(body(900, speed_px=0.2), None, replace(recording, stated_s=stated)), "x")
    assert [flag.code for flag in flags] == ["frames-stated"] * flagged


def test_the_stated_duration_comes_from_the_metadata_and_may_be_missing():
    row = {"lab_id": "A", "video_id": 1, "frames_per_second": 30, "pix_per_cm_approx": 10, "video_width_pix": 400, "video_height_pix": 200}
    stated = [recordings_from_rows([{**row, "video_duration_sec": value}])[0].stated_s for value in (12.5, None, float("nan"), "long", 0)]
    assert stated == [12.5, None, None, None, None]


@pytest.mark.realdata
def test_few_good_real_recordings_are_flagged(real_data):
    """Recordings of one mouse, tracked well, raise no flag except for labels; of 41 pairs of rats, which swap, fewer than half do."""
    import pyarrow.parquet as pq

    from behavior.keys import file_of
    from behavior.tables import RAW_TRACKING, parse_metadata

    metadata = recordings_from_rows(parse_metadata((real_data / "train.csv").read_bytes(), "train.csv").to_pylist())
    good = [one for one in metadata if one.lab_id in ("AdultJuvenile", "OpenfieldClip", "SubtleField", "OftRaterA")]
    for one in good:
        rows = pq.read_table(real_data / file_of(RAW_TRACKING, "train", one), partitioning=None)
        assert quality_flags(quality_of(one, "train", curate(rows, one)), "x") == []
