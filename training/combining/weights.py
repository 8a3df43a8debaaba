"""Fit the mean of an ensemble: for each behavior the smoothing and the weights with the best average precision.

Axes: S smoothing widths, M members, N frames, C behaviors, L score levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from behavior.bouts import smooth
from behavior.frame_scores import average_precision
from behavior.score_levels import count_fine
from recognizers.ensemble import WeightedMean

MEAN_SMOOTH_S = (0.0, 0.4, 0.8, 1.6, 3.2)
"""Widths [S] of the moving average that are tried, s."""
MEAN_SUPPORT_S = 30.0
"""With so many seconds of bouts, a behavior's own values have weight 1/2; the rest is from all behaviors, or from equal weights."""
_STEPS = (0.25, 0.1, 0.05)
"""Weight that moves from one member to another in one step, large steps first."""
_LEAST_GAIN = 1e-4
"""Least gain of average precision: a smaller one is noise."""


@dataclass(frozen=True)
class ScoredFrames:
    """Frames of one behavior with the scores of all members at every smoothing, NaN where a member has none."""

    present: np.ndarray
    """[S, M, N] float: scores of frames with the behavior."""
    absent: np.ndarray
    """[S, M, N] float: scores of frames without it."""
    every: tuple[int, int]
    """How many frames each absent and each present frame stands for."""
    seconds: float
    """Duration of all its bouts, s."""

    @property
    def trust(self) -> float:
        """Weight of the behavior's own values, 0 to below 1."""
        return self.seconds / (self.seconds + MEAN_SUPPORT_S) if self.present.size else 0.0


def smoothed(scores: np.ndarray, fps: float) -> np.ndarray:
    """Return scores [M, T, C] at every smoothing: [S, M, T, C] float32. A member without scores has NaN in the whole column."""
    widths = [np.stack([smooth(np.nan_to_num(own), fps, seconds) for own in scores]) for seconds in MEAN_SMOOTH_S]
    return np.where(np.isnan(scores), np.float32(np.nan), np.stack(widths))


def fit_mean(behaviors: Sequence[ScoredFrames]) -> WeightedMean:
    """Return smoothing and weights of each behavior; weights sum to 1. A behavior without bouts gets the common smoothing."""
    widths = _fit_smoothing(behaviors)
    weights = [fit_weights(one, width) for one, width in zip(behaviors, widths, strict=True)]
    return WeightedMean(tuple(map(tuple, np.stack(weights, axis=1).tolist())), tuple(MEAN_SMOOTH_S[width] for width in widths))


def fit_weights(frames: ScoredFrames, width: int) -> np.ndarray:
    """Return weights [M], 0 or more, that sum to one, at one smoothing; equal weights for a behavior without bouts.

    Weight moves from member to member as long as average precision rises; the result is shrunk toward equal weights.
    """
    members = frames.present.shape[1]
    equal = np.full(members, 1 / members)
    if not frames.present.size or members == 1:
        return equal
    weights, best = equal, _precision(equal, frames, width)
    for step in _STEPS:
        while True:
            tried = [(_precision(one, frames, width), one) for one in _neighbors(weights, step)]
            precision, better = max(tried, key=lambda one: one[0])
            if precision < best + _LEAST_GAIN:
                break
            weights, best = better, precision
    return np.asarray(frames.trust * weights + (1 - frames.trust) * equal)


def _fit_smoothing(behaviors: Sequence[ScoredFrames]) -> list[int]:
    """Return the index of each behavior's smoothing: the best of its own curve, shrunk toward the mean curve of all."""
    curves, trust = np.ones((len(behaviors), len(MEAN_SMOOTH_S))), np.array([one.trust for one in behaviors])[:, None]
    for curve, one in zip(curves, behaviors, strict=True):
        if one.present.size:
            members = one.present.shape[1]
            curve[:] = [_precision(np.full(members, 1 / members), one, width) for width in range(len(MEAN_SMOOTH_S))]
            curve /= max(curve.max(), 1e-9)  # relative to its best value: precision is small for a rare behavior
    common = (trust * curves).sum(axis=0) / max(trust.sum(), 1e-9)
    return [int(width) for width in (trust * curves + (1 - trust) * common).argmax(axis=1)]


def _neighbors(weights: np.ndarray, step: float) -> list[np.ndarray]:
    """Return all weights that follow if at most `step` moves from one member to another."""
    moved = []
    for giver in np.flatnonzero(weights > 0):
        for taker in range(len(weights)):
            if taker != giver:
                one, amount = weights.copy(), min(step, weights[giver])
                one[giver] -= amount
                one[taker] += amount
                moved.append(one)
    return moved


def _precision(weights: np.ndarray, frames: ScoredFrames, width: int) -> float:
    mean, counts = WeightedMean(tuple((weight,) for weight in weights.tolist())), []
    for scores, stands_for in zip((frames.absent[width], frames.present[width]), frames.every, strict=True):
        ranked = np.nan_to_num(mean.scores(scores[..., None], 1.0)[:, 0])  # smoothed already, and frames are no longer neighbors
        counts.append(count_fine(ranked, np.zeros(len(ranked), bool))[0] * stands_for)
    return float(average_precision(np.stack(counts)))
