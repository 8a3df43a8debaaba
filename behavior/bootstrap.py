"""Bootstrap: how far a number would move if other recordings had been filmed.

Axes: B resamples, U units (what is drawn as a whole: recordings of the same content).
"""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 1000


def resampling_weights(strata: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Return how often each unit is drawn in each resample: [B, U] int64.

    Each stratum (lab) draws as many units as it has, with replacement, from its own: no resample loses a lab.
    """
    generator = np.random.default_rng(seed)
    names = np.array(strata, dtype=object)
    weights = np.zeros((resamples, len(names)), np.int64)
    for name in sorted(set(strata)):
        units = np.flatnonzero(names == name)
        weights[:, units] = generator.multinomial(len(units), np.full(len(units), 1 / len(units)), size=resamples)
    return weights


def percentile_interval(replicates: np.ndarray, share: float = 0.95) -> tuple[float, float] | None:
    """Return the middle `share` of the replicates [B] as (low, high), skipping NaN; None if nothing else is left."""
    known = replicates[np.isfinite(replicates)]
    if not len(known):
        return None
    low, high = np.quantile(known, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
