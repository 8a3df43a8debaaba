"""Thresholds: the best F1, and little faith in what was rarely seen."""

import numpy as np
import pytest

from behavior.score_levels import LOGIT_LEVELS, count_by_label, logit_levels
from training.decoding.thresholds import (
    DEFAULT_THRESHOLD,
    GRID,
    ScoredStream,
    f1_curve,
    fit_thresholds,
    mean_of,
    shrink_toward,
)


def stream(scores: list[float], labels: list[int], copies: int = 1) -> ScoredStream:
    return ScoredStream(
        np.tile(np.array(scores)[:, None], (copies, 1)), np.tile(np.array(labels, bool)[:, None], (copies, 1)), np.array([True])
    )


def test_the_threshold_divides_what_can_be_divided() -> None:
    (threshold,) = fit_thresholds([stream([0.1, 0.2, 0.31, 0.9], [0, 0, 1, 1])], 1, fps=30)
    assert 0.2 < threshold <= 0.31


def test_the_threshold_maximizes_f1_counted_by_hand() -> None:
    # at 0.3: 2 hits, 2 false, F1 2/3; at 0.5: 2 hits, 1 false, F1 4/5; at 0.8: 1 hit, 1 miss, F1 2/3
    (threshold,) = fit_thresholds([stream([0.3, 0.4, 0.55, 0.85], [0, 0, 1, 1]), stream([0.5], [0])], 1, fps=30)
    assert threshold == pytest.approx(0.51, abs=0.04)


def test_a_rare_behavior_leans_on_the_common_threshold() -> None:
    often = ScoredStream(
        np.column_stack([np.tile([0.15, 0.25], 50_000), np.full(100_000, 0.01)]),
        np.column_stack([np.tile([False, True], 50_000), np.zeros(100_000, bool)]),
        np.array([True, True]),
    )
    rare = ScoredStream(np.array([[0.0, 0.85], [0.0, 0.95]]), np.array([[False, False], [False, True]]), np.array([False, True]))
    common, leaning = fit_thresholds([often, rare], 2, fps=30)
    assert 0.15 < common <= 0.25
    assert leaning < 0.5


def test_frames_nobody_annotated_have_no_say() -> None:
    annotated = stream([0.1, 0.2, 0.31, 0.9], [0, 0, 1, 1], copies=1000)
    unannotated = ScoredStream(np.full((10_000, 1), 0.95), np.zeros((10_000, 1), bool), np.array([False]))
    assert fit_thresholds([annotated, unannotated], 1, fps=30) == fit_thresholds([annotated], 1, fps=30)


def test_without_any_bout_the_default_stays() -> None:
    assert fit_thresholds([stream([0.1], [0])], 1, fps=30) == (DEFAULT_THRESHOLD,)


def logit_counts(scores: list[float], labels: list[int]) -> np.ndarray:
    return count_by_label(logit_levels(np.array(scores)), np.array(labels, bool), LOGIT_LEVELS)


def nearest(threshold: float) -> int:
    return int(np.abs(GRID - threshold).argmin())


def test_a_curve_holds_the_f1_of_every_threshold() -> None:
    # at 0.3 all four count: 2 hits of 4; at 0.5 three: 2 hits; at 0.8 one, a hit; at 0.95 none
    curve = f1_curve(logit_counts([0.31, 0.6, 0.55, 0.85], [0, 0, 1, 1]))
    assert [curve[nearest(at)] for at in (0.29, 0.5, 0.8, 0.95)] == pytest.approx([2 / 3, 4 / 5, 2 / 3, 0])


def test_a_curve_of_calibrated_scores_is_moved_along_the_thresholds() -> None:
    # odds of 0.55 times 4 make 0.83, of 0.2 make 0.5
    curve = f1_curve(logit_counts([0.2, 0.55], [0, 1]), 1.0, np.log(4))
    assert [curve[nearest(at)] for at in (0.45, 0.55, 0.8, 0.86)] == pytest.approx([2 / 3, 1, 1, 0])


def test_of_scores_of_0_and_1_only_the_first_can_be_below_a_threshold() -> None:
    assert f1_curve(logit_counts([0.0, 1e-9, 0.5, 1.0], [0, 0, 0, 1]))[-1] == 1


def test_without_trust_a_curve_is_the_common_one_and_with_trust_its_own() -> None:
    curves, common = np.array([[0.0, 1.0], [0.4, 0.2], [0.8, 0.0]]), np.array([0.5, 0.6])
    found = shrink_toward(curves, np.array([0.0, 1.0, 0.25]), common)
    np.testing.assert_allclose(found, [[0.5, 0.6], [0.4, 0.2], [0.25 * 0.8 + 0.75 * 0.5, 0.75 * 0.6]])
    np.testing.assert_allclose(mean_of(curves, np.array([0.0, 0.9, 0.3])), [(0.9 * 0.4 + 0.3 * 0.8) / 1.2, 0.9 * 0.2 / 1.2])
    assert mean_of(curves, np.zeros(3)).tolist() == [0, 0]
