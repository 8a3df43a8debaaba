"""Frame F1 of classes that exclude each other: one class is predicted for every frame.

Axes: N frames, C classes.
"""

from collections.abc import Sequence

import numpy as np

from behavior.frame_scores import f1_score


def count_classes(scores: np.ndarray, labels: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Return [C, 3] int64: frames hit, predicted and true, over the frames that have a label.

    The class with the best score among the annotated ones is predicted. `scores` [N, C], `labels` [N, C] bool, `annotated` [C] bool.
    """
    known = (labels & annotated).any(axis=1)
    best = np.where(annotated, scores[known], -np.inf).argmax(axis=1)
    predicted = best[:, None] == np.arange(scores.shape[1])
    true = labels[known]
    return np.stack([(predicted & true).sum(0), predicted.sum(0), true.sum(0)], axis=1)


def macro_f1(counts: np.ndarray, names: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Return the mean F1 over the classes that occur or are predicted, and the F1 of each; 0 without any. `counts` are [C, 3]."""
    f1 = f1_score(*counts.T)
    by_class = {name: float(value) for name, value in zip(names, f1, strict=True) if np.isfinite(value)}
    return float(np.mean([*by_class.values()])) if by_class else 0.0, by_class
