"""Calibration of scores (Platt): the slope and the offset on the logit at which scores say how often they come true.

Axes: L levels.
"""

import numpy as np

from behavior.score_levels import LOGIT_MIDDLES, PRESENT

IDENTITY = (1.0, 0.0)
_LEAST_SLOPE = 0.05
_STEPS = 50


def fit_calibration(counts: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the greatest likelihood for counts [2, L] at LOGIT levels.

    A prior of one frame's weight toward leaving scores alone keeps both finite where scores divide all frames. A slope that is not
    above 0 would turn the order of scores around: such scores say nothing, and are left alone.
    """
    found = np.array(IDENTITY)
    for _ in range(_STEPS):  # Newton's method; halved steps keep the likelihood growing
        loss, gradient, curvature = _loss(found, counts)
        step = np.linalg.solve(curvature, gradient)
        while _loss(found - step, counts)[0] > loss + 1e-9 * abs(loss):
            step /= 2
        found = found - step
        if np.abs(step).max() < 1e-6:
            break
    slope, offset = found.tolist()
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
