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


def test_a_frame_number_from_nowhere_does_not_fill_the_memory():
    rows = pa.table({"video_frame": [0, 2_000_000_000], "mouse_id": [1, 1], "bodypart": ["nose"] * 2, "x": [1.0, 1.0], "y": [1.0, 1.0]})
    with pytest.raises(ContractError, match="but got frame 2000000000"):
        to_pose(rows)
