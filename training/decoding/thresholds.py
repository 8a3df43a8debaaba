"""Thresholds with the best F1; those of rare behaviors are shrunk toward a common one.

Scores are counted once, at LOGIT levels (`behavior.score_levels`). Not the threshold is shrunk but the whole curve of F1 over
thresholds, because a flat curve says little about the best threshold.

Axes: S samples, C behaviors, L levels, G thresholds. Counts are [..., 2, L]: row 0 samples without the behavior, row 1 with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from behavior.frame_scores import f1_score, frames_from
from behavior.score_levels import LOGIT_LEVELS, LOGIT_STARTS, LOGIT_STEP, PRESENT, count_by_label, logit_levels

_GRID_LOGITS = np.arange(-4.6, 4.6 + LOGIT_STEP / 2, LOGIT_STEP)
GRID = 1 / (1 + np.exp(-_GRID_LOGITS))
"""[G]: thresholds that are tried, from 0.01 to 0.99."""
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class ScoredStream:
    """Scores and labels of one subject of one recording."""

    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    annotated: np.ndarray
    """[C] bool."""


def fit_thresholds(streams: Iterable[ScoredStream], n_behaviors: int, fps: float, support_s: float = 10.0) -> tuple[float, ...]:
    """Return the threshold with the best F1 of each behavior; with n seconds of bouts its own curve has weight n / (n + `support_s`)."""
    counts = np.zeros((n_behaviors, 2, LOGIT_LEVELS), np.int64)
    for stream in streams:
        levels = logit_levels(stream.scores)
        for column in np.flatnonzero(stream.annotated):
            counts[column] += count_by_label(levels[:, column], stream.labels[:, column], LOGIT_LEVELS)
    seconds = counts[:, PRESENT].sum(axis=1) / fps
    if not seconds.any():
        return (DEFAULT_THRESHOLD,) * n_behaviors
    curves = np.stack([f1_curve(of_behavior) for of_behavior in counts])
    trust = seconds / (seconds + support_s)
    return tuple(GRID[shrink_toward(curves, trust, mean_of(curves, trust)).argmax(axis=1)].tolist())


def f1_curve(counts: np.ndarray, slope: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Return F1 at each threshold of `GRID` [G] on scores calibrated by slope (above 0) and offset on the logit."""
    frames = frames_above(counts, slope, offset)
    return np.nan_to_num(f1_score(frames[:, 0], frames[:, 1], counts[PRESENT].sum()))


def frames_above(counts: np.ndarray, slope: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Return [G, 2]: frames hit and predicted at each threshold of `GRID`."""
    first = np.searchsorted(LOGIT_STARTS, (_GRID_LOGITS - offset) / slope - 1e-6)  # a threshold at the start of a level includes the level
    hits, predicted, _ = frames_from(counts)
    return np.pad(np.stack([hits, predicted], axis=1), ((0, 1), (0, 0)))[first]  # above the last level there is nothing


def mean_of(curves: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Return the mean of curves [N, ...] with weights `trust` [N]; zeros if all weights are 0."""
    return np.tensordot(trust, curves, axes=1) / max(float(trust.sum()), 1e-12)


def shrink_toward(curves: np.ndarray, trust: np.ndarray, general: np.ndarray) -> np.ndarray:
    """Return each curve [N, ...] with weight `trust` [N], plus the general curve [...] with the rest of the weight."""
    own = trust.reshape(-1, *(1,) * (curves.ndim - 1))
    return own * curves + (1 - own) * general
