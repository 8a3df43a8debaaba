"""Frame scores: curves and areas from counts, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, precision_recall_curve
from sklearn.metrics import f1_score as f1_score_of

from behavior.frame_scores import (
    average_precision,
    best_threshold,
    confusion,
    f1_score,
    frames_at,
    precision_recall,
    reliability,
)
from behavior.score_levels import count_fine

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])
LABELS = np.array([True, False, True, True, False, False])


def counts(scores=SCORES, labels=LABELS) -> np.ndarray:
    return count_fine(np.asarray(scores, np.float64), np.asarray(labels, bool))


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


@pytest.mark.parametrize("seed", range(5))
def test_areas_and_curves_are_those_of_scikit_learn(seed: int) -> None:
    """Scores in steps that 16-bit levels hold exactly, with many ties, so that both see the same thresholds."""
    generator = np.random.default_rng(seed)
    labels = generator.random(500) < 0.2
    scores = np.clip(np.round(generator.normal(0.3 + 0.2 * labels, 0.15) * 64) / 64, 0, 1)
    assert average_precision(counts(scores, labels)) == pytest.approx(average_precision_score(labels, scores), rel=1e-12)
    precision, recall = precision_recall(counts(scores, labels))
    theirs = precision_recall_curve(labels, scores)
    assert precision[::-1] == pytest.approx(theirs[0][:-1])  # they go the other way, and add a point of recall 0
    assert recall[::-1] == pytest.approx(theirs[1][:-1])
    threshold, f1 = best_threshold(counts(scores, labels))
    assert f1 == pytest.approx(f1_score_of(labels, scores >= threshold))
    assert f1 == pytest.approx(max(f1_score_of(labels, scores >= other) for other in np.unique(scores)))


@pytest.mark.parametrize("seed", range(5))
def test_areas_over_scores_of_any_value_differ_from_scikit_learn_by_rounding_only(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.random(5000) < 0.05
    scores = 1 / (1 + np.exp(-generator.normal(-3 + 2 * labels, 1)))
    assert average_precision(counts(scores, labels)) == pytest.approx(average_precision_score(labels, scores), abs=0.002)


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    labels, scores = np.array([1, 0, 1, 0, 0], bool), np.array([0.75, 0.25, 0.5, 0.5, 0.125])
    assert reliability(counts(scores, labels)).brier == pytest.approx(brier_score_loss(labels, scores))


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
    predicted = np.array([[1, 0], [0, 1], [0, 0], [0, 1]], bool)
    assert confusion(labels, predicted).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 1]]
