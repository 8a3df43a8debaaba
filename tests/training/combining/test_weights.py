"""Weights and smoothing of an ensemble, by hand."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from training.combining.weights import MEAN_SMOOTH_S, MEAN_SUPPORT_S, ScoredFrames, fit_mean, fit_weights, smoothed


def frames(present: ArrayLike, absent: ArrayLike, seconds: float = 1e9, every: tuple[int, int] = (1, 1)) -> ScoredFrames:
    return ScoredFrames(*(np.stack([np.array(side, float)] * len(MEAN_SMOOTH_S)) for side in (present, absent)), every, seconds)


def fitted(one: ScoredFrames) -> np.ndarray:
    return fit_weights(one, width=0)


KNOWING = [0.9, 0.8, 0.7], [0.3, 0.2, 0.1]
"""Scores of one who ranks every frame right, with the behavior and without."""
MISLED = [0.1, 0.2, 0.3], [0.9, 0.9, 0.9]
"""Scores of one who ranks every frame wrong."""


def both(one: tuple[list[float], list[float]], other: tuple[list[float], list[float]]) -> tuple[list[list[float]], list[list[float]]]:
    return [one[0], other[0]], [one[1], other[1]]


def test_weights_that_change_no_ranking_stay_equal() -> None:
    np.testing.assert_allclose(fitted(frames(*both(KNOWING, KNOWING))), [0.5, 0.5])


def test_weight_goes_to_who_ranks_frames_right() -> None:
    """With w for the first, the worst present frame has w 0.7 + (1 - w) 0.3, the best absent one w 0.3 + (1 - w) 0.9: w above 0.6."""
    first, second = fitted(frames(*both(KNOWING, MISLED)))
    assert first > 0.6
    assert first + second == pytest.approx(1)


def test_with_little_to_see_weights_are_drawn_toward_equal_ones() -> None:
    much = fitted(frames(*both(KNOWING, MISLED)))
    half = fitted(frames(*both(KNOWING, MISLED), seconds=MEAN_SUPPORT_S))
    np.testing.assert_allclose(half, (much + 0.5) / 2, atol=1e-6)
    np.testing.assert_allclose(fitted(frames(*both(KNOWING, MISLED), seconds=0)), [0.5, 0.5])


def test_a_behavior_that_was_never_seen_has_equal_weights() -> None:
    np.testing.assert_allclose(fitted(frames(np.empty((3, 0)), np.ones((3, 5)), 0.0)), [1 / 3] * 3)


def test_thinned_frames_count_for_those_they_stand_for() -> None:
    rng = np.random.default_rng(3)
    present, absent = rng.normal(0.5, 0.1, (3, 40)), rng.normal(0.4, 0.1, (3, 40))
    whole = fitted(frames(present, np.repeat(absent, 50, axis=1), 100.0))
    np.testing.assert_allclose(fitted(frames(present, absent, 100.0, (50, 1))), whole)
    assert not np.allclose(fitted(frames(present, absent, 100.0)), whole)


def test_a_silent_member_leaves_the_answer_to_the_others() -> None:
    silent = [np.nan] * 3
    np.testing.assert_allclose(fitted(frames([KNOWING[0], silent], [KNOWING[1], silent])), [0.5, 0.5])


def at_widths(best: int, seconds: float) -> ScoredFrames:
    """Return frames that are ranked right at one smoothing and wrong at all others."""
    present, absent = np.full((len(MEAN_SMOOTH_S), 1, 3), 0.2), np.full((len(MEAN_SMOOTH_S), 1, 3), 0.6)
    present[best] = 0.9
    return ScoredFrames(present, absent, (1, 1), seconds)


def test_each_behavior_has_its_own_smoothing() -> None:
    mean = fit_mean([at_widths(3, 1e6), at_widths(0, 1e6)])
    assert mean.smooth_s == (MEAN_SMOOTH_S[3], MEAN_SMOOTH_S[0])
    assert mean.weights == ((1.0, 1.0),)


def test_a_behavior_of_which_little_was_seen_is_smoothed_as_the_others() -> None:
    assert fit_mean([at_widths(3, 1e6), at_widths(3, 1e6), at_widths(0, 1.0)]).smooth_s == (MEAN_SMOOTH_S[3],) * 3


def test_scores_are_smoothed_in_seconds_and_silence_stays() -> None:
    """At 10 frames a second 0.4 s are 5 frames, the nearest odd number."""
    scores = np.zeros((2, 9, 1), np.float32)
    scores[0, 4], scores[1] = 1, np.nan
    at_04 = smoothed(scores, 10.0)[1]
    np.testing.assert_allclose(at_04[0, :, 0], [0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0], atol=1e-6)
    assert np.isnan(at_04[1]).all()
    np.testing.assert_array_equal(smoothed(scores, 10.0)[0], scores)
