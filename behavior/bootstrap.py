"""Bootstrap: how much a number would change with other recordings.

Axes: B resamples, U units (the recordings of one content, which are always resampled together).
"""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 1000


def resampling_weights(strata: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Return how often each unit is in each resample: [B, U] int64.

    Units are resampled with replacement within each stratum (lab), as many as the stratum has: no resample loses a lab.
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
