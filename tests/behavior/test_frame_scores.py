"""Frame scores: counts per level, and curves and areas from them, by hand and against scikit-learn's definitions written out."""

import numpy as np
import pytest

from behavior.frame_scores import (
    LEVELS,
    average_precision,
    best_threshold,
    confusion,
    count_levels,
    f1_score,
    frames_at,
    level_starts,
    precision_recall,
    reliability,
)

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
LABELS = np.array([True, False, True, True, False, False])


def counts(scores=SCORES, labels=LABELS) -> np.ndarray:
    return count_levels(np.asarray(scores, np.float64), np.asarray(labels, bool))


def test_levels_go_from_0_to_1_in_order() -> None:
    starts = level_starts()
    assert (len(starts), starts[0], starts[-1]) == (LEVELS, 0.0, 1.0)
    assert (np.diff(starts) > 0).all()
    assert np.diff(starts[starts >= 0.001]).max() < 0.0021
    fine = starts[(starts > 1e-3)]
    assert (np.diff(fine) / fine[:-1]).max() < 0.004


def test_every_frame_is_counted_once_by_its_label() -> None:
    counted = counts()
    assert counted.shape == (2, LEVELS)
    assert counted.sum(axis=1).tolist() == [3, 3]
    assert count_levels(np.array([0.0, -0.0, 1.0]), np.array([True, True, False]))[:, [0, -1]].tolist() == [[0, 1], [2, 0]]


@pytest.mark.parametrize("score", [1.01, -0.1, np.nan])
def test_a_score_that_is_no_probability_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="Expected scores from 0 to 1"):
        counts([score], [True])


def test_the_best_threshold_takes_all_three_and_one_false() -> None:
    """From 0.6 on: 3 hits of 4 found and 3 true, F1 6/7. From 0.9: 1 of 1, 2/4. From 0.7: 2 of 3, 4/6."""
    threshold, f1 = best_threshold(counts())
    assert 0.595 < threshold <= 0.6
    assert f1 == pytest.approx(6 / 7)
    assert frames_at(counts(), threshold).tolist() == [3, 4, 3]
    assert frames_at(counts(), 0.75).tolist() == [1, 2, 3]
    assert frames_at(counts(), 0.0).tolist() == [3, 6, 3]


def test_a_behavior_that_never_occurs_has_no_threshold_and_no_area() -> None:
    never = counts([0.3, 0.4], [False, False])
    assert best_threshold(never)[0] == 0.5
    assert np.isnan(best_threshold(never)[1])
    assert np.isnan(average_precision(never))


def test_average_precision_is_precision_at_each_hit() -> None:
    """Hits come at ranks 1, 3 and 4: (1/1 + 2/3 + 3/4) / 3."""
    assert average_precision(counts()) == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert average_precision(counts([0.5] * 10, [True] * 3 + [False] * 7)) == pytest.approx(0.3)  # all tied: the share
    assert average_precision(np.stack([counts(), counts(1 - SCORES)])).shape == (2,)


def test_the_curve_goes_from_the_strictest_threshold_to_the_laxest() -> None:
    precision, recall = precision_recall(counts())
    assert precision.tolist() == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 3 / 6])
    assert recall.tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 1, 1])


def test_counts_of_recordings_add_up() -> None:
    split = counts(SCORES[:2], LABELS[:2]) + counts(SCORES[2:], LABELS[2:])
    np.testing.assert_array_equal(split, counts())


def test_f1_is_unknown_where_there_is_nothing() -> None:
    assert f1_score(np.array([0, 0, 2]), np.array([0, 3, 2]), np.array([0, 0, 4]))[1:].tolist() == pytest.approx([0, 4 / 6])
    assert np.isnan(f1_score(np.array([0]), np.array([0]), np.array([0]))[0])


def test_reliability_compares_what_was_said_with_what_came() -> None:
    """Ten frames at 0.25, of which 4 have it; ten at 0.75, of which 9."""
    told = reliability(counts([0.25] * 10 + [0.75] * 10, [True] * 4 + [False] * 6 + [True] * 9 + [False]))
    assert told.score.tolist() == [0.25, 0.75]
    assert told.share.tolist() == [0.4, 0.9]
    assert told.frames.tolist() == [10, 10]
    assert told.error == pytest.approx(0.15)
    assert told.brier == pytest.approx((4 * 0.75**2 + 6 * 0.25**2 + 9 * 0.25**2 + 0.75**2) / 20)


def test_confusion_has_a_row_for_nothing_and_counts_two_truths_twice() -> None:
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], bool)
    found = np.array([[1, 0], [0, 1], [0, 0], [0, 1]], bool)
    assert confusion(labels, found).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
