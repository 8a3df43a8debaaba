"""Means and deviations of signals in centered windows, and signals of a later or an earlier sample.

Axes: B signals, S samples.
"""

import numpy as np


def mean_and_deviation(signals: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation [B, S] over the known among the samples up to `half` away; NaN where none is known."""
    known = np.isfinite(signals)
    filled = np.where(known, signals, 0).astype(np.float64)
    count, total, squares = (_window_sum(values, half) for values in (known, filled, filled**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), deviation.astype(np.float32)


def _window_sum(values: np.ndarray, half: int) -> np.ndarray:
    samples = values.shape[1]
    sums = np.zeros((len(values), samples + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    at = np.arange(samples)
    return sums[:, np.minimum(at + half + 1, samples)] - sums[:, np.maximum(at - half, 0)]


def moved(values: np.ndarray, ahead: int) -> np.ndarray:
    """Return for each sample the values [.., S] so many samples later; NaN beyond the ends."""
    values_then = np.full(values.shape, np.nan, values.dtype)
    samples = values.shape[-1]
    if abs(ahead) < samples:
        values_then[..., max(-ahead, 0) : samples - max(ahead, 0)] = values[..., max(ahead, 0) : samples + min(ahead, 0)]
    return values_then
