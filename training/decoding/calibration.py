"""Calibration of scores (Platt): slope and offset on the logit, so that scores are the frequencies of the behavior.

Axes: L levels.
"""

import numpy as np

from behavior.score_levels import LOGIT_MIDDLES, PRESENT

IDENTITY = (1.0, 0.0)
_LEAST_SLOPE = 0.05
_STEPS = 50


def fit_calibration(counts: np.ndarray) -> tuple[float, float]:
    """Return slope and offset with the highest likelihood for counts [2, L] at LOGIT levels.

    A weak prior toward slope 1 and offset 0 keeps both finite if scores separate all frames perfectly. A slope that is not above 0 would
    reverse the order of scores: then the result is slope 1 and offset 0.
    """
    line = np.array(IDENTITY)
    for _ in range(_STEPS):  # Newton's method; steps are halved until the likelihood grows
        loss, gradient, curvature = _loss(line, counts)
        step = np.linalg.solve(curvature, gradient)
        while _loss(line - step, counts)[0] > loss + 1e-9 * abs(loss):
            step /= 2
        line = line - step
        if np.abs(step).max() < 1e-6:
            break
    slope, offset = line.tolist()
    return (slope, offset) if slope > _LEAST_SLOPE else IDENTITY


def _loss(line: np.ndarray, counts: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the negative log-likelihood with its prior, its gradient [2] and its curvature [2, 2]."""
    inputs = np.stack([LOGIT_MIDDLES, np.ones_like(LOGIT_MIDDLES)])
    logit, frames = line @ inputs, counts.sum(axis=0)
    away = line - IDENTITY
    loss = float(frames @ np.logaddexp(0, logit) - counts[PRESENT] @ logit + away @ away / 2)
    share = (1 + np.tanh(logit / 2)) / 2
    gradient = inputs @ (frames * share - counts[PRESENT]) + away
    return loss, gradient, (inputs * frames * share * (1 - share)) @ inputs.T + np.eye(2)
