"""Thresholds per behavior: the best F1 over validation frames, drawn toward one common threshold where a behavior is rare.

Axes: S samples, C behaviors, G grid.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_GRID = 100
_LOWEST, _HIGHEST = 0.05, 0.95
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class ScoredStream:
    """One pair of one recording, scored."""

    scores: np.ndarray
    """[S, C] float, 0 to 1."""
    labels: np.ndarray
    """[S, C] bool."""
    watched: np.ndarray
    """[C] bool."""


def fit_thresholds(streams: Iterable[ScoredStream], n_behaviors: int, fps: float, support_s: float = 10.0) -> tuple[float, ...]:
    """Return one threshold per behavior.

    The scores are counted once into a histogram; sums from its top give the F1 of every threshold. A behavior that occurs for
    n seconds keeps n / (n + `support_s`) of its own best threshold and takes the rest from the best common one.
    """
    present, absent = np.zeros((2, n_behaviors, _GRID))
    for stream in streams:
        level = np.minimum((stream.scores * _GRID).astype(np.int64), _GRID - 1)
        for column in np.flatnonzero(stream.watched):
            truth = stream.labels[:, column]
            present[column] += np.bincount(level[truth, column], minlength=_GRID)
            absent[column] += np.bincount(level[~truth, column], minlength=_GRID)
    f1 = _f1(present, absent)
    support = present.sum(1)
    if not support.any():
        return (DEFAULT_THRESHOLD,) * n_behaviors
    grid = np.arange(_GRID) / _GRID
    allowed = (grid >= _LOWEST) & (grid <= _HIGHEST)
    common = grid[allowed][f1[support > 0][:, allowed].mean(0).argmax()]
    own = grid[allowed][f1[:, allowed].argmax(1)]
    weight = support / (support + support_s * fps)
    return tuple((weight * own + (1 - weight) * common).tolist())


def moving_average(scores: np.ndarray, samples: float) -> np.ndarray:
    """Return the centered mean of scores [S, C] over about so many samples, over fewer at the ends: what decoding will compare."""
    half = int(samples // 2)
    at = np.arange(len(scores))
    begin, end = np.maximum(at - half, 0), np.minimum(at + half + 1, len(scores))
    total = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, axis=0, dtype=np.float64)])
    return (total[end] - total[begin]) / (end - begin)[:, None]


def _f1(present: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Return [C, G]: F1 if scores from each grid line up count as active."""
    hit, false = (counts[:, ::-1].cumsum(1)[:, ::-1] for counts in (present, absent))
    return 2 * hit / np.maximum(hit + false + present.sum(1, keepdims=True), 1)
