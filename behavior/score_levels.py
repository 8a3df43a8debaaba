"""Histograms of scores: how many frames have a score at each level, without the behavior and with it.

There are two scales. FINE levels are for curves and areas over the scores. LOGIT levels are for fitting: they are fewer, and equally
far apart on the logit (0.01 and 0.02 differ as much as 0.5 and 0.67), so that many histograms fit into memory.

Axes: T frames, L levels. Counts are [2, L]: row `ABSENT` frames without the behavior, row `PRESENT` with it.
"""

import numpy as np

ABSENT, PRESENT = 0, 1
_DROPPED_BITS = 2
FINE_LEVELS = (int(np.float16(1).view(np.uint16)) >> _DROPPED_BITS) + 1
"""Bit patterns of 16-bit floats without their last two bits: ascending, 0.4 % apart, as fine at 0.001 as at 1."""
LOGIT_STEP, _REACH = 0.05, 9.2
LOGIT_LEVELS = 369
"""Logits from -9.2 to 9.2 in steps of 0.05; the first and the last level also hold all scores beyond."""
LOGIT_STARTS = -_REACH + LOGIT_STEP * np.arange(LOGIT_LEVELS)
"""[L]: the lowest logit of each level."""
LOGIT_MIDDLES = LOGIT_STARTS + LOGIT_STEP / 2
"""[L]: the middle of each level."""


def fine_starts() -> np.ndarray:
    """Return the lowest score of each FINE level, ascending: [L] float64."""
    return (np.arange(FINE_LEVELS, dtype=np.uint16) << _DROPPED_BITS).view(np.float16).astype(np.float64)


def fine_levels(scores: np.ndarray) -> np.ndarray:
    """Return the FINE level of each score from 0 to 1, same shape: uint16. Raises ValueError for other scores."""
    half = scores.astype(np.float16)
    if not ((half >= 0) & (half <= 1)).all():
        raise ValueError("Expected scores from 0 to 1, but got others. Look for NaN in the features and the checkpoint.")
    return np.abs(half).view(np.uint16) >> _DROPPED_BITS  # abs: -0.0 has its sign bit set


def logit_levels(scores: np.ndarray) -> np.ndarray:
    """Return the LOGIT level of each score from 0 to 1, same shape: int16."""
    inner = np.clip(scores.astype(np.float32), 1e-4, 1 - 1e-4)
    place = np.floor((np.log(inner / (1 - inner)) + _REACH) / np.float32(LOGIT_STEP))
    return np.clip(place, 0, LOGIT_LEVELS - 1).astype(np.int16)


def count_by_label(levels: np.ndarray, labels: np.ndarray, n_levels: int) -> np.ndarray:
    """Return [2, L] int64 for levels [T] and labels [T] bool."""
    return np.bincount(levels + np.where(labels, n_levels, 0), minlength=2 * n_levels).reshape(2, n_levels)


def count_fine(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return [2, L] int64 on the FINE scale for scores [T] and labels [T] bool. Raises ValueError for scores outside 0 to 1."""
    return count_by_label(fine_levels(scores), labels, FINE_LEVELS)
