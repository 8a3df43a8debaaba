"""Evaluate behaviors that exclude each other: the most probable one is predicted for every labelled frame.

Intervals are 95 % bootstrap intervals over contents within labs, as in `training.judging.evaluation`. Axes: T frames, C behaviors,
U units (contents), B resamples.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from behavior.bootstrap import RESAMPLES, percentile_interval, resampling_weights
from behavior.frame_scores import f1_score
from training.decoding.scored_subject import ScoredSubject

_HITS, _PREDICTED, _TRUE = range(3)


@dataclass
class ClassTally:
    """Sums over scored subjects."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    counts: dict[int, np.ndarray] = field(default_factory=dict)
    """By unit: frames hit, predicted and true: [C, 3]."""
    labs: dict[int, str] = field(default_factory=dict)
    """By unit: its lab."""
    confusion: np.ndarray = field(init=False)
    """[C, C] frames: true behavior (row), predicted behavior (column)."""

    def __post_init__(self) -> None:
        self.confusion = np.zeros((len(self.behaviors),) * 2, np.int64)

    def add(self, one: ScoredSubject) -> None:
        """Count one subject. Frames without a label do not count."""
        annotated = one.subject.mask(self.behaviors)
        labels = one.truth.labels & annotated
        known, scored = labels.any(axis=1), annotated & one.answered  # a behavior without scores is missed, not left out
        predicted = np.zeros((int(known.sum()), len(self.behaviors)), bool)
        if scored.any():
            best = np.where(scored, one.scores[known].astype(np.float32), -np.inf).argmax(axis=1)
            predicted[np.arange(len(best)), best] = True
            np.add.at(self.confusion, (labels[known].argmax(axis=1), best), 1)
        true = labels[known]
        counted = np.stack([(predicted & true).sum(0), predicted.sum(0), true.sum(0)], axis=1)
        self.counts[one.unit] = self.counts.get(one.unit, 0) + counted
        self.labs[one.unit] = one.recording.lab_id


def class_tally(subjects: Iterable[ScoredSubject], behaviors: tuple[str, ...]) -> ClassTally:
    """Count all subjects, one at a time."""
    total = ClassTally(behaviors)
    for one in subjects:
        total.add(one)
    return total


def evaluate_classes(tally: ClassTally, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Return all numbers for report.json: macro and weighted F1 and accuracy, and precision, recall and F1 of each behavior."""
    units = sorted(tally.counts)
    weights = np.vstack([np.ones((1, len(units))), resampling_weights([tally.labs[unit] for unit in units], resamples)])
    counts = np.stack([tally.counts[unit] for unit in units])  # [U, C, 3]
    pooled = np.einsum("bu,uck->bck", weights, counts)
    numbers = _numbers(pooled)
    series = _means(pooled, numbers["f1"])
    return {
        "headline": {name: _estimate(values) for name, values in series.items()},
        "behaviors": {
            name: {**{key: _estimate(values[:, column]) for key, values in numbers.items()}, "frames": int(pooled[0, column, _TRUE])}
            for column, name in enumerate(tally.behaviors)
        },
        "confusion": {"names": list(tally.behaviors), "frames": tally.confusion.tolist()},
    }


def macro_gain(one: ClassTally, other: ClassTally, resamples: int = RESAMPLES) -> dict[str, float | None]:
    """Return the difference of the macro F1 of two recognizers on the same units, with the same resamples."""
    units = sorted(one.counts)
    if units != sorted(other.counts):
        raise ValueError("Expected two runs on the same recordings, but got others. Cross-validate both on the same data.")
    weights = np.vstack([np.ones((1, len(units))), resampling_weights([one.labs[unit] for unit in units], resamples)])
    scores = []
    for side in (one, other):
        pooled = np.einsum("bu,uck->bck", weights, np.stack([side.counts[unit] for unit in units]))
        scores.append(_means(pooled, _numbers(pooled)["f1"])["macro_f1"])
    return _estimate(scores[0] - scores[1])


def _numbers(pooled: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall and F1 [1 + B, C] of counts [1 + B, C, 3]; NaN where there is nothing to measure."""
    hits, predicted, true = np.moveaxis(pooled, -1, 0)
    f1 = np.where(true > 0, f1_score(hits, predicted, true), np.nan)
    return {"precision": _ratio(hits, predicted), "recall": _ratio(hits, true), "f1": f1}


def _means(pooled: np.ndarray, f1: np.ndarray) -> dict[str, np.ndarray]:
    """Return the means over behaviors that occur, every one alike or by its frames, and the share of right frames: [1 + B] each."""
    true = pooled[..., _TRUE]
    occurs = np.isfinite(f1)
    total = true.sum(axis=1)
    return {
        "macro_f1": _ratio(np.where(occurs, f1, 0).sum(axis=1), occurs.sum(axis=1)),
        "weighted_f1": _ratio((np.where(occurs, f1, 0) * true).sum(axis=1), total),
        "accuracy": _ratio(pooled[..., _HITS].sum(axis=1), total),
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _estimate(values: np.ndarray) -> dict[str, float | None]:
    low, high = percentile_interval(values[1:]) or (None, None)
    return {"value": float(values[0]) if np.isfinite(values[0]) else None, "low": low, "high": high}
