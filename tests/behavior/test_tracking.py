from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from behavior.contract import ContractError
from behavior.tracking import to_pose


def test_rows_in_any_order_become_a_dense_pose(tracking_rows):
    pose = to_pose(tracking_rows([(2, 3, "tail", 7, 8), (0, 1, "nose", 1, 2), (0, 3, "nose", 5, 6), (2, 1, "tail", 3, 4)]))
    assert pose.mice == (1, 3)
    assert pose.bodyparts == ("nose", "tail")
    assert pose.xy.shape == (2, 2, 2, 3)
    assert pose.xy[:, 0, 0, 0].tolist() == [1, 2]
    assert pose.xy[:, 1, 1, 2].tolist() == [7, 8]
    assert pose.seen.sum() == 4
    assert np.isnan(pose.xy[:, 0, 0, 1]).all()


def test_a_frame_without_rows_is_a_frame_all_the_same(tracking_rows):
    pose = to_pose(tracking_rows([(0, 1, "nose", 1, 1), (3, 1, "nose", 2, 2)]))
    assert pose.frames == 4
    assert pose.seen[0, 0].tolist() == [True, False, False, True]


def test_nan_null_and_infinite_points_are_not_seen():
    rows = pa.table(
        {"video_frame": [0, 1, 2, 3], "mouse_id": [1] * 4, "bodypart": ["nose"] * 4, "x": [1.0, None, np.nan, np.inf], "y": [1.0] * 4}
    )
    assert to_pose(rows).seen[0, 0].tolist() == [True, False, False, False]


def test_rows_repeated_word_for_word_fall_together_and_contradictions_do_not(tracking_rows):
    same = [(0, 1, "nose", 1, 1), (0, 1, "nose", 1, 1), (1, 1, "nose", 2, 2)]
    assert to_pose(tracking_rows(same)).seen.sum() == 2
    with pytest.raises(ContractError, match="one place per keypoint and frame"):
        to_pose(tracking_rows([*same, (1, 1, "nose", 99, 2)]))


def test_a_contradiction_is_found_whichever_row_comes_last(tracking_rows):
    with pytest.raises(ContractError, match="one place"):
        to_pose(tracking_rows([(0, 1, "nose", 99, 2), (0, 1, "nose", 1, 1), (1, 1, "nose", 1, 1)]))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([], "Expected tracking rows, but got none"),
        ([(-1, 1, "nose", 1, 1)], "Expected frames from 0"),
        ([(0, 0, "nose", 1, 1)], "Expected mice numbered from 1"),
    ],
)
def test_impossible_rows_are_refused(tracking_rows, rows, fault):
    with pytest.raises(ContractError, match=fault):
        to_pose(tracking_rows(rows), where="lab A, video 7")


def test_a_frame_number_from_nowhere_does_not_fill_the_memory(recording):
    rows = pa.table({"video_frame": [0, 2_000_000_000], "mouse_id": [1, 1], "bodypart": ["nose"] * 2, "x": [1.0, 1.0], "y": [1.0, 1.0]})
    with pytest.raises(ContractError, match="but got frame 2000000000"):
        to_pose(rows)
    with pytest.raises(ContractError, match="but got frame 2000000000"):
        to_pose(rows.slice(1), "a", recording)  # no clip either


# Clips that are cut out of a film


def test_tracking_that_begins_in_the_midst_of_a_film_is_dense_from_there(tracking_rows, recording):
    rows = tracking_rows([(20_000, 1, "nose", 1, 1), (20_003, 1, "nose", 2, 2)])
    pose = to_pose(rows, "lab A, video 7", recording)
    assert (pose.first_frame, pose.frames, pose.film_frames) == (20_000, 4, range(20_000, 20_004))
    assert pose.seen[0, 0].tolist() == [True, False, False, True]
    assert pose.xy[:, 0, 0, 3].tolist() == [2, 2]
    (note,) = pose.notes
    assert (note.code, note.severity, note.where) == ("film-clip", "flag", "lab A, video 7")
    assert "but got the first at frame 20000" in note.text


@pytest.mark.parametrize("first", [1, 12, 309, 1800])
def test_a_mouse_that_is_seen_late_leaves_every_frame_from_0_on(first, tracking_rows, recording):
    pose = to_pose(tracking_rows([(first, 1, "nose", 1, 1)]), "a", recording)  # 30 frames a second: 1,800 are one minute
    assert (pose.first_frame, pose.frames, pose.seen.sum(), pose.notes) == (0, first + 1, 1, ())
    assert pose.seen[0, 0, first]


def test_an_empty_minute_is_measured_by_the_clock(tracking_rows, recording):
    rows = tracking_rows([(1801, 1, "nose", 1, 1)])
    assert to_pose(rows, "a", recording).first_frame == 1801
    assert to_pose(rows, "a", replace(recording, fps=120.0)).first_frame == 0
    assert to_pose(rows).first_frame == 0, "without a clock nobody can tell"


def test_a_clip_in_batches_is_the_same_clip(tracking_rows, recording):
    rows = tracking_rows([(20_000 + frame, mouse, "nose", frame, mouse) for frame in range(9) for mouse in (1, 2)])
    whole = to_pose(rows, "a", recording)
    batches = to_pose([rows.slice(0, 5), rows.slice(5, 6), rows.slice(11)], "a", recording)
    np.testing.assert_array_equal(batches.xy, whole.xy)
    assert batches.film_frames == whole.film_frames == range(20_000, 20_009)


def test_a_wrong_frame_number_in_a_long_recording_does_not_fill_the_memory_either(recording):
    """60,000 rows, and the last one claims to be a week later at 30 frames a second: 54 million points would be empty."""
    frames = np.append(np.arange(20_000).repeat(3), 18_000_000)
    names = np.append(np.tile(["nose", "neck", "tail_base"], 20_000), "nose")
    columns = {"video_frame": frames, "mouse_id": np.ones(60_001, int), "bodypart": names, "x": frames * 0.0, "y": frames * 0.0}
    with pytest.raises(ContractError, match="Expected frames near the 60001 rows, but got frame 18000000") as refused:
        to_pose(pa.table(columns), "a", recording)
    assert [fault.code for fault in refused.value.faults] == ["frame-far"]


# Points beyond any arena


def test_a_point_beyond_any_arena_is_lost_and_counted(recording):
    """The picture is 400 x 200 pixels, so a point may be 4,000 pixels away from its middle at (200, 100)."""
    far = [4201.0, 1e30, -3801.0, 1e300, np.inf]
    near = [4200.0, -3800.0, 5.0]
    rows = pa.table({"video_frame": range(8), "mouse_id": [1] * 8, "bodypart": ["nose"] * 8, "x": [*far, *near], "y": [100.0] * 8})
    pose = to_pose(rows, "a", recording)
    assert pose.seen[0, 0].tolist() == [False] * 5 + [True] * 3
    assert np.isnan(pose.xy[:, 0, 0, :5]).all()
    (note,) = pose.notes
    assert (note.code, note.severity, note.count) == ("point-far", "repair", 5)
    upright = rows.rename_columns(["video_frame", "mouse_id", "bodypart", "y", "x"])
    assert to_pose(upright, "a", recording).seen[0, 0].tolist() == [False, False, True, False, False, False, True, True]


def test_points_outside_the_picture_are_as_good_as_any(tracking_rows, recording):
    pose = to_pose(tracking_rows([(0, 1, "nose", 1000, -500), (1, 1, "nose", -700, 600)]), "a", recording)
    assert pose.seen.all()
    assert pose.notes == ()


def test_rows_repeated_word_for_word_are_counted(tracking_rows, recording):
    (note,) = to_pose(tracking_rows([(0, 1, "nose", 1, 1)] * 3), "a", recording).notes
    assert (note.code, note.severity, note.count) == ("row-repeated", "repair", 2)
