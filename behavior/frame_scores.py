"""Scores against labels, frame by frame, from histograms of scores (`behavior.score_levels`).

Axes: T frames, C behaviors, L score levels, FINE ones unless stated otherwise. Counts are [..., 2, L]: row 0 frames without the
behavior, row 1 with it. Counts of several recordings add up, so scores are read once for curves and areas over any choice of recordings.
"""

from dataclasses import dataclass

import numpy as np

from behavior.score_levels import ABSENT, PRESENT, fine_starts


def frames_from(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (hits [..., L], predicted [..., L], true [...]) with the start of each level as the threshold."""
    above = counts[..., ::-1].cumsum(axis=-1)[..., ::-1]
    return above[..., PRESENT, :], above.sum(axis=-2), counts[..., PRESENT, :].sum(axis=-1)


def f1_score(hits: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return 2 hits / (predicted + true); NaN where nothing is predicted and nothing is true."""
    total = np.asarray(predicted + true, np.float64)
    return np.divide(2.0 * hits, total, out=np.full(total.shape, np.nan), where=total > 0)


def best_threshold(counts: np.ndarray) -> tuple[float, float]:
    """Return the best F1 for counts [2, L] as (threshold, F1): the highest such threshold; (0.5, NaN) without the behavior."""
    hits, predicted, true = frames_from(counts)
    if not true:
        return 0.5, float("nan")
    f1 = f1_score(hits, predicted, true)
    best = int(np.flatnonzero(f1 == np.nanmax(f1))[-1])
    return float(fine_starts()[best]), float(f1[best])


def frames_at(counts: np.ndarray, threshold: float) -> np.ndarray:
    """Return [..., 3] int64: frames hit, predicted and true; scores at or above the threshold are predicted."""
    level = int(np.searchsorted(fine_starts(), threshold))
    above = counts[..., level:].sum(axis=-1)
    return np.stack([above[..., PRESENT], above.sum(axis=-1), counts[..., PRESENT, :].sum(axis=-1)], axis=-1)


def average_precision(counts: np.ndarray) -> np.ndarray:
    """Return the area under precision over recall [...], as steps (sum of precision times gain in recall); NaN without the behavior."""
    hits, predicted, true = (np.asarray(part, np.float64) for part in frames_from(counts))
    gained = counts[..., PRESENT, :]
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    area = (precision * gained).sum(axis=-1)
    return np.divide(area, true, out=np.full(np.shape(true), np.nan), where=true > 0)


def precision_recall(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return precision and recall at every level that some frame has, from the highest threshold to the lowest."""
    hits, predicted, true = frames_from(counts)
    used = np.flatnonzero(counts.sum(axis=-2))[::-1]
    return hits[used] / predicted[used], hits[used] / max(int(true), 1)


@dataclass(frozen=True)
class Reliability:
    """How often the behavior occurs among frames with score s."""

    score: np.ndarray
    """Mean score of each bin that has frames."""
    share: np.ndarray
    """Share of its frames with the behavior."""
    frames: np.ndarray
    """Its frames."""
    error: float
    """Mean distance of the two over all frames (expected calibration error)."""
    brier: float
    """Mean squared distance of score and label over all frames."""


def reliability(counts: np.ndarray, bins: int = 10) -> Reliability:
    """Return the reliability of counts [2, L] in equally wide bins."""
    level = fine_starts()
    bin_of = np.minimum((level * bins).astype(np.int64), bins - 1)
    total = counts.sum(axis=0)
    frames, present, scored = (np.bincount(bin_of, weights, bins) for weights in (total, counts[PRESENT], total * level))
    used = frames > 0
    score, share = scored[used] / frames[used], present[used] / frames[used]
    n_frames = max(float(frames.sum()), 1.0)
    error = float((np.abs(score - share) * frames[used]).sum() / n_frames)
    brier = float((counts[PRESENT] * (1 - level) ** 2 + counts[ABSENT] * level**2).sum() / n_frames)
    return Reliability(score, share, frames[used].astype(np.int64), error, brier)


def confusion(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return [C + 1, C + 1] int64: frames with true behavior (row) and predicted behavior (column); the last of each is none.

    `labels` and `predicted` are [T, C] bool. A frame with two true behaviors counts in both rows.
    """
    true_or_none, predicted_or_none = (np.column_stack([side, ~side.any(axis=1)]).astype(np.float64) for side in (labels, predicted))
    return np.rint(true_or_none.T @ predicted_or_none).astype(np.int64)
