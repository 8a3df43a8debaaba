"""Windows cover a recording, and stitching undoes the cutting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.views.windows import Stitching, window_starts


def stitch(scores: np.ndarray, starts: np.ndarray, frames: int, at_once: int = 1) -> np.ndarray:
    """Add windows so many at once."""
    stitching = Stitching(starts, scores.shape[1], frames)
    parts = [stitching.add(scores[first : first + at_once]) for first in range(0, len(scores), at_once)]
    assert stitching.is_complete
    return np.concatenate(parts)


def test_windows_step_on_and_the_last_one_ends_with_the_recording() -> None:
    assert window_starts(frames=10, window=4, step=3).tolist() == [0, 3, 6]
    assert window_starts(frames=11, window=4, step=3).tolist() == [0, 3, 6, 7]
    assert window_starts(frames=4, window=4, step=2).tolist() == [0]


def test_a_short_recording_gets_one_window_from_its_first_frame() -> None:
    assert window_starts(frames=3, window=8, step=4).tolist() == [0]


@pytest.mark.parametrize(("frames", "window", "step"), [(0, 4, 2), (10, 4, 0), (10, 4, 5), (10, 0, 0)])
def test_windows_that_would_leave_frames_out_are_refused(frames: int, window: int, step: int) -> None:
    with pytest.raises(ValueError, match="Expected at least one frame and 1 <= step <= window, but got"):
        window_starts(frames, window, step)


@given(st.integers(1, 200), st.integers(1, 50), st.data())
def test_windows_lie_within_the_recording_and_leave_no_frame_out(frames: int, window: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(1, window))
    starts = window_starts(frames, window, step)
    covered = {frame for start in starts.tolist() for frame in range(start, start + window)}
    assert covered >= set(range(frames))
    assert np.all(np.diff(starts) > 0)
    assert starts[-1] == max(frames - window, 0)


def test_overlapping_scores_are_averaged() -> None:
    scores = np.array([[[1.0], [1.0], [1.0]], [[4.0], [5.0], [6.0]]], np.float32)
    assert stitch(scores, np.array([0, 2]), frames=5)[:, 0].tolist() == [1, 1, 2.5, 5, 6]


def test_a_frame_leaves_as_soon_as_no_window_to_come_covers_it() -> None:
    stitching = Stitching(np.array([0, 2, 4]), window=4, frames=8)
    ones = np.ones((1, 4, 1))
    assert [len(stitching.add(ones)) for _ in range(3)] == [2, 2, 4]


def test_scores_past_the_end_of_a_short_recording_are_dropped() -> None:
    scores = np.array([[[0.1, 0.2], [0.3, 0.4], [9, 9], [9, 9]]])
    assert stitch(scores, np.array([0]), frames=2).tolist() == [[0.1, 0.2], [0.3, 0.4]]


def test_half_precision_is_summed_in_single_precision() -> None:
    scores = np.full((3, 2, 1), 0.1, np.float16)
    series = stitch(scores, np.array([0, 0, 0]), frames=2)
    assert series.dtype == np.float32
    assert series[:, 0] == pytest.approx([0.1, 0.1], abs=1e-4)


@given(st.integers(1, 120), st.integers(1, 30), st.data())
def test_stitching_the_windows_of_a_series_returns_the_series(frames: int, window: int, data: st.DataObject) -> None:
    starts = window_starts(frames, window, data.draw(st.integers(1, window)))
    series = np.arange(frames * 2, dtype=float).reshape(frames, 2)
    padded = np.concatenate([series, np.full((window, 2), np.nan)])
    scores = np.stack([padded[start : start + window] for start in starts])
    at_once = data.draw(st.integers(1, len(starts)))
    np.testing.assert_allclose(stitch(scores, starts, frames, at_once), series)
    np.testing.assert_array_equal(stitch(scores, starts, frames, at_once), stitch(scores, starts, frames, len(starts)))


def test_windows_that_do_not_fit_the_recording_are_refused() -> None:
    with pytest.raises(ValueError, match="cover all 8 frames, but got 2 frames without one"):
        Stitching(np.array([0, 3]), window=3, frames=8)
    with pytest.raises(ValueError, match="cover all 8 frames, but got 3 frames without one"):
        Stitching(np.array([1, 6]), window=3, frames=8)
    for wrong in ([0, 6], [-1, 3], [3, 0], []):
        with pytest.raises(ValueError, match="sorted starts within 6 frames"):
            Stitching(np.array(wrong), window=3, frames=6)
