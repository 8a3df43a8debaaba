"""Means and deviations of signals in centered windows, and signals of a later or an earlier sample.

Axes: B signals, S samples, N chosen samples.
"""

import numpy as np


class RunningSums:
    """Running sums of signals, from which the means and deviations in any window follow; a lost sample counts in none of them."""

    def __init__(self, signals: np.ndarray) -> None:
        """Take signals [B, S], NaN where unknown."""
        known = np.isfinite(signals)
        filled = np.where(known, signals, 0).astype(np.float64)
        self._sums = tuple(_running(values) for values in (known, filled, filled**2))

    def around(self, half: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation [B, N] over the known among the samples up to `half` away from each sample in `at` [N].

        NaN where none is known, and for a sample beyond the ends.
        """
        samples = self._sums[0].shape[1] - 1
        inside = (at >= 0) & (at < samples)
        begin, end = np.clip(at - half, 0, samples), np.clip(at + half + 1, 0, samples)
        count, total, squares = (sums[:, end] - sums[:, begin] for sums in self._sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(inside, total / count, np.nan)
            deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
        return mean.astype(np.float32), deviation.astype(np.float32)


def _running(values: np.ndarray) -> np.ndarray:
    """Return the sums [B, S + 1] before each sample."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def moved(values: np.ndarray, ahead: int) -> np.ndarray:
    """Return for each sample the values [.., S] so many samples later; NaN beyond the ends."""
    values_then = np.full(values.shape, np.nan, values.dtype)
    samples = values.shape[-1]
    if abs(ahead) < samples:
        values_then[..., max(-ahead, 0) : samples - max(ahead, 0)] = values[..., max(ahead, 0) : samples + min(ahead, 0)]
    return values_then
