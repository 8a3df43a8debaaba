"""Weights of an ensemble, by hand."""

import numpy as np
import pytest

from training.ensemble_weights import SUPPORT_S, ScoredFrames, fit_weights


def frames(present: list[list[float]], absent: list[list[float]], seconds: float = 1e9, every: tuple[int, int] = (1, 1)) -> ScoredFrames:
    return ScoredFrames(np.array(present, float), np.array(absent, float), every, seconds)


KNOWING = [0.9, 0.8, 0.7], [0.3, 0.2, 0.1]
"""Scores of one who ranks every frame right, with the behavior and without."""
MISLED = [0.1, 0.2, 0.3], [0.9, 0.9, 0.9]
"""Scores of one who ranks every frame wrong."""


def both(one: tuple[list[float], list[float]], other: tuple[list[float], list[float]]) -> tuple[list[list[float]], list[list[float]]]:
    return [one[0], other[0]], [one[1], other[1]]


def test_weights_that_change_no_ranking_stay_equal() -> None:
    np.testing.assert_allclose(fit_weights(frames(*both(KNOWING, KNOWING))), [0.5, 0.5])


def test_weight_goes_to_who_ranks_frames_right() -> None:
    """With w for the first, the worst present frame has w 0.7 + (1 - w) 0.3, the best absent one w 0.3 + (1 - w) 0.9: w above 0.6."""
    first, second = fit_weights(frames(*both(KNOWING, MISLED)))
    assert first > 0.6
    assert first + second == pytest.approx(1)


def test_with_little_to_see_weights_are_drawn_toward_equal_ones() -> None:
    much = fit_weights(frames(*both(KNOWING, MISLED)))
    half = fit_weights(frames(*both(KNOWING, MISLED), seconds=SUPPORT_S))
    np.testing.assert_allclose(half, (much + 0.5) / 2, atol=1e-6)
    np.testing.assert_allclose(fit_weights(frames(*both(KNOWING, MISLED), seconds=0)), [0.5, 0.5])


def test_a_behavior_that_was_never_seen_has_equal_weights() -> None:
    np.testing.assert_allclose(fit_weights(ScoredFrames(np.empty((3, 0)), np.ones((3, 5)), (1, 1), 0.0)), [1 / 3] * 3)


def test_thinned_frames_count_for_those_they_stand_for() -> None:
    rng = np.random.default_rng(3)
    present, absent = rng.normal(0.5, 0.1, (3, 40)), rng.normal(0.4, 0.1, (3, 40))
    whole = ScoredFrames(present, np.repeat(absent, 50, axis=1), (1, 1), 100.0)
    np.testing.assert_allclose(fit_weights(ScoredFrames(present, absent, (50, 1), 100.0)), fit_weights(whole))
    assert not np.allclose(fit_weights(ScoredFrames(present, absent, (1, 1), 100.0)), fit_weights(whole))


def test_a_silent_member_leaves_the_answer_to_the_others() -> None:
    silent = [np.nan] * 3
    np.testing.assert_allclose(fit_weights(frames([KNOWING[0], silent], [KNOWING[1], silent])), [0.5, 0.5])
