"""Thresholds: the best F1, and little faith in what was rarely seen."""

import numpy as np
import pytest

from training.thresholds import DEFAULT_THRESHOLD, ScoredStream, fit_thresholds, moving_average


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


def test_frames_nobody_watched_have_no_say() -> None:
    watched = stream([0.1, 0.2, 0.31, 0.9], [0, 0, 1, 1], copies=1000)
    unwatched = ScoredStream(np.full((10_000, 1), 0.95), np.zeros((10_000, 1), bool), np.array([False]))
    assert fit_thresholds([watched, unwatched], 1, fps=30) == fit_thresholds([watched], 1, fps=30)


def test_without_any_bout_the_default_stays() -> None:
    assert fit_thresholds([stream([0.1], [0])], 1, fps=30) == (DEFAULT_THRESHOLD,)


def test_the_moving_average_is_centered_and_shorter_at_the_ends() -> None:
    assert moving_average(np.array([[0.0], [3.0], [6.0], [0.0]]), samples=3)[:, 0].tolist() == [1.5, 3, 3, 3]
    assert moving_average(np.array([[1.0], [2.0]]), samples=1)[:, 0].tolist() == [1, 2]
