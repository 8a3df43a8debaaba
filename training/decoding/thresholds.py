"""Thresholds: the best F1 of counted scores, drawn toward what is common where a behavior was rarely seen.

Scores are counted once, in equal steps of the logit, for 0.01 and 0.02 differ as much as 0.5 and 0.67. What is drawn is not the
threshold but the whole curve of F1 over thresholds: a flat curve has little to say, a steep one much.

Axes: S samples, C behaviors, L levels, G thresholds. Counts are [..., 2, L]: row 0 samples without the behavior, row 1 with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from behavior.frame_scores import f1_score

_STEP, _REACH = 0.05, 9.2
N_LEVELS = 369
"""Levels are logits from -9.2 to 9.2 in steps of 0.05; the first and the last hold all beyond."""
_STARTS = -_REACH + _STEP * np.arange(N_LEVELS)
LEVEL_LOGITS = _STARTS + _STEP / 2
"""[L]: the middle of each level."""
_GRID_LOGITS = np.arange(-4.6, 4.6 + _STEP / 2, _STEP)
GRID = 1 / (1 + np.exp(-_GRID_LOGITS))
"""[G]: thresholds considered, from 0.01 to 0.99."""
DEFAULT_THRESHOLD = 0.5
_ABSENT, _PRESENT = 0, 1


@dataclass(frozen=True)
class ScoredStream:
    """One pair of one recording, scored."""

    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    annotated: np.ndarray
    """[C] bool."""


def fit_thresholds(streams: Iterable[ScoredStream], n_behaviors: int, fps: float, support_s: float = 10.0) -> tuple[float, ...]:
    """Return one threshold per behavior: where its F1 is best, for a behavior of n seconds drawn by `support_s` / (n + `support_s`)."""
    counts = np.zeros((n_behaviors, 2, N_LEVELS), np.int64)
    for stream in streams:
        levels = score_levels(stream.scores)
        for column in np.flatnonzero(stream.annotated):
            counts[column] += count_by_label(levels[:, column], stream.labels[:, column])
    seconds = counts[:, _PRESENT].sum(axis=1) / fps
    if not seconds.any():
        return (DEFAULT_THRESHOLD,) * n_behaviors
    curves = np.stack([f1_curve(of_behavior) for of_behavior in counts])
    trust = seconds / (seconds + support_s)
    return tuple(GRID[drawn(curves, trust, mean_of(curves, trust)).argmax(axis=1)].tolist())


def score_levels(scores: np.ndarray) -> np.ndarray:
    """Return the level of each score from 0 to 1, same shape: int16."""
    inner = np.clip(scores.astype(np.float32), 1e-4, 1 - 1e-4)
    place = np.floor((np.log(inner / (1 - inner)) + _REACH) / np.float32(_STEP))
    return np.clip(place, 0, N_LEVELS - 1).astype(np.int16)


def count_by_label(levels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return [2, L] int64 for levels [S] and labels [S] bool."""
    return np.bincount(levels + np.where(labels, N_LEVELS, 0), minlength=2 * N_LEVELS).reshape(2, N_LEVELS)


def f1_curve(counts: np.ndarray, slope: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Return F1 at each threshold of `GRID` [G] on scores calibrated by slope (above 0) and offset on the logit."""
    frames = frames_above(counts, slope, offset)
    return np.nan_to_num(f1_score(frames[:, 0], frames[:, 1], counts[_PRESENT].sum()))


def frames_above(counts: np.ndarray, slope: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Return [G, 2]: frames hit and found at each threshold of `GRID`."""
    first = np.searchsorted(_STARTS, (_GRID_LOGITS - offset) / slope - 1e-6)  # a threshold at the start of a level holds it
    above = np.pad(counts[:, ::-1].cumsum(axis=1)[:, ::-1], ((0, 0), (0, 1)))[:, first]
    return np.stack([above[_PRESENT], above.sum(axis=0)], axis=1)


def mean_of(curves: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Return the mean of curves [N, ...] by trust [N]; zeros if none is trusted."""
    return np.tensordot(trust, curves, axes=1) / max(float(trust.sum()), 1e-12)


def drawn(curves: np.ndarray, trust: np.ndarray, toward: np.ndarray) -> np.ndarray:
    """Return trust times each curve [N, ...], and for the rest `toward` [...]."""
    own = trust.reshape(-1, *(1,) * (curves.ndim - 1))
    return own * curves + (1 - own) * toward
