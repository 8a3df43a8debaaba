"""Bouts become frame labels, and scores become bouts, in seconds whatever the frame rate."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from behavior.bouts import (
    BOUT_COLUMNS,
    Criteria,
    DecodeSettings,
    bout_table,
    calibrated,
    decode,
    decode_scored,
    frame_labels,
    labels_of_bouts,
    runs,
    smooth,
)

PLAIN = DecodeSettings(smooth_s=0, threshold=0.5, max_gap_s=0, min_length_s=0)
BOTH = np.array([True, True])


def scores_of(*timelines: str) -> np.ndarray:
    """Return scores [T, C] from one line of digits for each behavior: 7 is a score of 0.7, a dot is 0."""
    return np.array([[int(mark) / 10 if mark != "." else 0.0 for mark in timeline] for timeline in timelines]).T


def test_bouts_label_their_frames_without_the_stop_frame() -> None:
    labels = frame_labels(np.array([1, 2]), np.array([3, 5]), np.array([0, 1]), frames=6, n_classes=2)
    assert labels.T.astype(int).tolist() == [[0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0]]


def test_bouts_are_cut_where_the_recording_ends() -> None:
    labels = frame_labels(np.array([-3, 4, 9, -5]), np.array([2, 8, 12, -1]), np.array([0, 0, 0, 0]), frames=6, n_classes=1)
    assert labels[:, 0].astype(int).tolist() == [1, 1, 0, 0, 1, 1]


def test_no_bouts_label_nothing() -> None:
    nothing = np.empty(0, int)
    assert frame_labels(nothing, nothing, nothing, frames=3, n_classes=2).tolist() == [[False, False]] * 3


@pytest.mark.parametrize("behavior", [-1, 2])
def test_a_class_outside_the_ethogram_is_refused(behavior: int) -> None:
    with pytest.raises(ValueError, match="Expected classes from 0 to 1, but got"):
        frame_labels(np.array([0]), np.array([1]), np.array([behavior]), frames=3, n_classes=2)


def test_bouts_in_a_table_label_the_frames_of_the_behaviors_asked_for_in_their_order() -> None:
    """Rearing is not asked for; the sniff reaches beyond the recording."""
    told = pd.DataFrame({"action": ["sniff", "rear", "attack"], "start_frame": [3, 0, 1], "stop_frame": [9, 5, 3]})
    assert labels_of_bouts(told, ("attack", "sniff"), 5).T.astype(int).tolist() == [[0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]
    assert labels_of_bouts(told, ("sniff", "attack"), 5).T.astype(int).tolist() == [[0, 0, 0, 1, 1], [0, 1, 1, 0, 0]]
    assert labels_of_bouts(told[:0], ("attack", "sniff"), 2).tolist() == [[False, False]] * 2


def test_a_table_of_bouts_has_whole_numbers_and_names_nobody_where_nobody_is_named() -> None:
    rows = [(7, 1, 2, "sniff", 0, 5), (7, None, None, "social", 5, 9)]
    table = bout_table(rows)
    assert tuple(table.columns) == BOUT_COLUMNS
    assert table["agent_id"].tolist() == [1, pd.NA]
    assert table[["video_id", "start_frame", "stop_frame"]].to_numpy().tolist() == [[7, 0, 5], [7, 5, 9]]
    for few in (rows, rows[:1], []):
        kinds = bout_table(few).dtypes.astype(str).to_dict()
        assert kinds.pop("action") in ("object", "str")
        whole = {"video_id": "int64", "start_frame": "int64", "stop_frame": "int64"}
        assert kinds == {**whole, "agent_id": "Int64", "target_id": "Int64"}


def test_runs_reach_to_both_ends() -> None:
    starts, stops = runs(np.array([1, 1, 0, 1, 0, 0, 1], bool))
    assert (starts.tolist(), stops.tolist()) == ([0, 3, 6], [2, 4, 7])


@pytest.mark.parametrize("active", [[], [False, False]])
def test_nothing_active_has_no_runs(active: list[bool]) -> None:
    starts, stops = runs(np.array(active, bool))
    assert (starts.tolist(), stops.tolist()) == ([], [])


@given(st.lists(st.booleans(), max_size=40))
def test_runs_put_back_as_labels_return_the_frames(active: list[bool]) -> None:
    starts, stops = runs(np.array(active, bool))
    assert frame_labels(starts, stops, np.zeros(len(starts), int), len(active), 1)[:, 0].tolist() == active


def test_the_behavior_farthest_above_its_threshold_wins_each_frame() -> None:
    scores = scores_of("..6666....", "...999988.")
    assert decode(scores, 30, BOTH, PLAIN) == [(0, 2, 3), (1, 3, 9)]


def test_a_score_at_the_threshold_passes() -> None:
    assert decode(scores_of(".55."), 30, np.array([True]), PLAIN) == [(0, 1, 3)]


def test_ties_go_to_the_lowest_class() -> None:
    assert decode(scores_of(".777.", ".777."), 30, BOTH, PLAIN) == [(0, 1, 4)]


def test_a_behavior_with_a_lower_threshold_shows_where_a_better_one_does_not_pass_its_own() -> None:
    scores = scores_of(".8888.", ".3333.")
    assert decode(scores, 30, BOTH, PLAIN, Criteria(np.array([0.9, 0.3]))) == [(1, 1, 5)]


def test_a_large_margin_wins_over_a_high_score_and_a_weight_multiplies_it() -> None:
    # margins: 0.8 - 0.7 = 0.1 and 0.4 - 0.2 = 0.2
    scores, thresholds = scores_of(".888.", ".444."), np.array([0.7, 0.2])
    assert decode(scores, 30, BOTH, PLAIN, Criteria(thresholds)) == [(1, 1, 4)]
    assert decode(scores, 30, BOTH, PLAIN, Criteria(thresholds, weights=np.array([1.0, 0.4]))) == [(0, 1, 4)]
    assert decode(scores, 30, BOTH, PLAIN, Criteria(thresholds, weights=np.array([3.0, 1.0]))) == [(0, 1, 4)]


def test_a_weight_lifts_nothing_over_its_threshold() -> None:
    assert decode(scores_of(".4.6."), 30, np.array([True]), PLAIN, Criteria(np.array([0.5]), weights=np.array([1000.0]))) == [(0, 3, 4)]


def test_calibration_comes_before_the_threshold() -> None:
    # odds of 0.5 are 1; with offset log 4 they are 4, a score of 0.8; odds of 0.2 are 1/4 and become 1, a score of 0.5
    criteria = Criteria(np.array([0.79]), calibration=np.array([[1.0, np.log(4)]]))
    assert decode(scores_of(".5.2.9"), 30, np.array([True]), PLAIN, criteria) == [(0, 1, 2), (0, 5, 6)]


def test_calibrated_scores_counted_by_hand() -> None:
    # slope 2 squares the odds: 0.75 has 3 to 1, so 9 to 1; 0.25 has 1 to 3, so 1 to 9
    found = calibrated(np.array([[0.75, 0.3], [0.25, 0.0], [0.0, 1.0]]), np.array([[2.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_allclose(found, [[0.9, 0.3], [0.1, 0.0], [1e-8, 1.0]], atol=1e-6)


def test_every_behavior_has_durations_of_its_own() -> None:
    both = "99...99...9"
    settings = DecodeSettings(smooth_s=0, max_gap_s=(3 / 30, 0), min_length_s=(0, 2 / 30))
    assert decode(scores_of(both, "..........."), 30, BOTH, settings) == [(0, 0, 11)]
    assert decode(scores_of("...........", both), 30, BOTH, settings) == [(1, 0, 2), (1, 5, 7)]
    # a flash of 0.9 is 0.3 in the mean over three frames: smoothed away in the first behavior, kept in the second
    settings = DecodeSettings(smooth_s=(3 / 30, 0), max_gap_s=0, min_length_s=0)
    assert decode(scores_of(".9.......", ".....9..."), 30, BOTH, settings) == [(1, 5, 6)]


def test_as_many_durations_as_behaviors_are_needed() -> None:
    with pytest.raises(ValueError, match="Expected one duration or 2, one per behavior, but got 3"):
        decode(scores_of("9", "9"), 30, BOTH, DecodeSettings(smooth_s=(0.1, 0.1, 0.1)))


def test_a_behavior_nobody_annotated_never_appears_and_hides_no_other() -> None:
    scores = scores_of(".99999.", "..666..")
    assert decode(scores, 30, np.array([False, True]), PLAIN) == [(1, 2, 5)]
    assert decode(scores, 30, np.array([False, False]), PLAIN) == []


def test_smoothing_removes_a_flash_and_bridges_a_blink() -> None:
    smooth = DecodeSettings(smooth_s=5 / 30, max_gap_s=0, min_length_s=0)
    assert decode(scores_of("...9......."), 30, np.array([True]), smooth) == []
    assert decode(scores_of("99999.99999"), 30, np.array([True]), smooth) == [(0, 0, 11)]


def test_smoothing_is_centered_and_averages_what_exists_at_the_ends() -> None:
    # Means over 3 frames: (9+9)/2, (9+9+0)/3, (9+0+0)/3, 0, (0+0+6)/3, (0+6)/2 tenths.
    smooth = DecodeSettings(smooth_s=3 / 30, max_gap_s=0, min_length_s=0)
    scores = scores_of("99...6")
    assert decode(scores, 30, np.array([True]), smooth, Criteria(np.array([0.85]))) == [(0, 0, 1)]
    assert decode(scores, 30, np.array([True]), smooth, Criteria(np.array([0.55]))) == [(0, 0, 2)]
    assert decode(scores, 30, np.array([True]), smooth, Criteria(np.array([0.3]))) == [(0, 0, 3), (0, 5, 6)]


def test_smoothed_scores_are_means_and_a_recording_shorter_than_the_width_is_averaged_as_a_whole() -> None:
    assert smooth(np.array([[0.0], [3.0], [6.0], [0.0]]), 30, 3 / 30)[:, 0].tolist() == [1.5, 3, 3, 3]
    assert smooth(np.array([[0.0], [3.0], [6.0]]), 30, 9.0)[:, 0].tolist() == [3, 3, 3]
    assert smooth(np.array([[1.0, 1.0], [2.0, 2.0]]), 30, (0.0, 3 / 30)).tolist() == [[1, 1.5], [2, 1.5]]
    assert smooth(np.empty((0, 2)), 30, 1.0).shape == (0, 2)


def test_smoothing_keeps_constant_scores_to_the_last_digit_in_long_recordings() -> None:
    scores = np.full((40_000, 2), 0.3, np.float32)
    settings = DecodeSettings(threshold=0.3)
    assert decode(scores, 30, BOTH, settings) == [(0, 0, 40_000)]


def test_smoothing_does_not_see_where_its_blocks_meet() -> None:
    scores = np.random.default_rng(5).random((33_000, 1))
    settings = DecodeSettings(smooth_s=5 / 30, max_gap_s=0, min_length_s=0)
    padded = np.pad(scores[:, 0], 2, constant_values=np.nan)
    mean = np.nanmean(np.stack([padded[shift : shift + 33_000] for shift in range(5)]), axis=0)
    starts, stops = runs(mean >= 0.5)
    assert decode(scores, 30, np.array([True]), settings) == [(0, a, b) for a, b in zip(starts, stops, strict=True)]


def test_a_short_gap_is_closed_and_a_long_one_is_not() -> None:
    settings = DecodeSettings(smooth_s=0, max_gap_s=2 / 30, min_length_s=0)
    assert decode(scores_of("999..999...99"), 30, np.array([True]), settings) == [(0, 0, 8), (0, 11, 13)]


def test_a_gap_with_another_behavior_in_it_is_never_closed() -> None:
    settings = DecodeSettings(smooth_s=0, max_gap_s=10 / 30, min_length_s=0)
    scores = scores_of("999...999", "....9....")
    assert decode(scores, 30, BOTH, settings) == [(0, 0, 3), (1, 4, 5), (0, 6, 9)]


def test_short_bouts_are_dropped_after_gaps_are_closed() -> None:
    settings = DecodeSettings(smooth_s=0, max_gap_s=1 / 30, min_length_s=3 / 30)
    assert decode(scores_of("9.9....99....999"), 30, np.array([True]), settings) == [(0, 0, 3), (0, 13, 16)]


@pytest.mark.parametrize("times", [2, 4])
def test_the_same_behavior_filmed_faster_gives_the_same_bouts(times: int) -> None:
    scores = scores_of(".9999..9999...999............", "...........99......9999......")
    slow = decode(scores, 30, BOTH, DecodeSettings(smooth_s=1 / 30))
    fast = decode(np.repeat(scores, times, axis=0), 30 * times, BOTH, DecodeSettings(smooth_s=1 / 30))
    assert slow == [(0, 1, 11), (0, 14, 17), (1, 19, 23)]
    assert fast == [(behavior, start * times, stop * times) for behavior, start, stop in slow]


def test_smoothing_over_seconds_widens_with_the_frame_rate() -> None:
    # 5 frames at 30 fps are 20 at 120 fps, rounded up to 21: a flash of 10 frames vanishes, one of 11 does not.
    smooth = DecodeSettings(smooth_s=5 / 30, max_gap_s=0, min_length_s=0)
    for frames, survives in ((10, False), (11, True)):
        scores = np.zeros((100, 1))
        scores[40 : 40 + frames] = 1
        assert bool(decode(scores, 120, np.array([True]), smooth)) is survives


def test_at_ten_frames_per_second_one_frame_is_a_bout() -> None:
    # 5/30 s are 1.67 frames there, so nothing is smoothed; 3/30 s are one frame.
    assert decode(scores_of("..9...9.."), 10, np.array([True])) == [(0, 2, 3), (0, 6, 7)]


def test_an_empty_recording_has_no_bouts() -> None:
    assert decode(np.empty((0, 2)), 30, BOTH) == []


@given(st.data())
def test_bouts_never_overlap_and_obey_every_limit(data: st.DataObject) -> None:
    frames, behaviors = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 4))
    scores = np.random.default_rng(data.draw(st.integers(0, 10_000))).random((frames, behaviors))
    annotated = np.array(data.draw(st.lists(st.booleans(), min_size=behaviors, max_size=behaviors)))
    bouts = decode(scores, 30, annotated, DecodeSettings(threshold=0.6))
    assert all(annotated[behavior] and stop - start >= 3 for behavior, start, stop in bouts)
    assert all(0 <= start < stop <= frames for _, start, stop in bouts)
    for (behavior, _, stop), (following, start, _) in pairwise(
        decode(scores, 30, annotated, DecodeSettings(threshold=0.6, min_length_s=0))
    ):
        assert start >= stop
        assert following != behavior or start - stop > 2


def test_scores_that_are_not_finite_are_refused_unless_nobody_annotated() -> None:
    scores = scores_of("....", "....")
    scores[2, 1] = np.nan
    with pytest.raises(ValueError, match="Expected finite scores"):
        decode(scores, 30, BOTH)
    assert decode(scores, 30, np.array([True, False])) == []


@pytest.mark.parametrize("fps", [0, -1, np.nan])
def test_a_recording_without_a_clock_is_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="Expected fps above zero"):
        decode(scores_of("9"), fps, np.array([True]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"smooth_s": -0.1},
        {"smooth_s": (0.1, -0.1)},
        {"max_gap_s": float("nan")},
        {"min_length_s": float("inf")},
        {"threshold": 1.5},
        {"threshold": -0.1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"Expected {name} to be"):
        DecodeSettings(**wrong)


def test_the_confidence_of_a_bout_is_the_mean_score_of_its_frames_without_those_of_a_closed_gap():
    scores = scores_of(".97..9.")
    settings = DecodeSettings(smooth_s=0, max_gap_s=2 / 30, min_length_s=1 / 30)
    ((number, start, stop, confidence),) = decode_scored(scores, 30, np.array([True]), settings)
    assert (number, start, stop) == (0, 1, 6)
    assert confidence == pytest.approx((0.9 + 0.7 + 0.9) / 3)


def test_confidence_is_of_the_calibrated_score():
    line = np.array([[1.0, -np.log(3)]])  # odds of 3 to 1 become even odds
    criteria = Criteria(np.array([0.4]), calibration=line)
    ((*_, confidence),) = decode_scored(np.full((5, 1), 0.75, np.float32), 30, np.array([True]), DecodeSettings(smooth_s=0), criteria)
    assert confidence == pytest.approx(0.5, abs=1e-6)
    assert decode_scored(np.zeros((5, 1), np.float32), 30, np.array([True]), DecodeSettings()) == []
