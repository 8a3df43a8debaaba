"""Robust scaling of features: medians become 0, interquartile ranges 1, unknown values 0.

Axes: N rows, F features.
"""

from dataclasses import dataclass

import numpy as np

CLIP = 5.0
"""Scaled features are clipped at this many interquartile ranges."""
FIT_ROWS = 200_000
"""About so many rows are enough to fit a scaler."""


@dataclass(frozen=True)
class RobustScaler:
    """Subtract the median, divide by the interquartile range, clip at +-5; unknown values become 0."""

    median: np.ndarray
    """[F] float32."""
    iqr: np.ndarray
    """[F] float32, above zero."""

    @classmethod
    def fit(cls, features: np.ndarray, is_mask: np.ndarray) -> "RobustScaler":
        """Fit on features [N, F], skipping unknown values; masks are not scaled. From long input, evenly spaced rows are used."""
        thinned = features[:: max(1, len(features) // FIT_ROWS)]
        median, iqr = np.zeros(features.shape[1], np.float32), np.ones(features.shape[1], np.float32)
        for column in np.flatnonzero(~is_mask):
            known = thinned[:, column]
            known = known[np.isfinite(known)]
            if len(known):
                low, median[column], high = np.percentile(known, (25, 50, 75))
                iqr[column] = high - low if high > low else 1.0
        return cls(median, iqr)

    def transform(self, features: np.ndarray) -> np.ndarray:
        """Return scaled features of the same shape [..., F], float32, without NaN."""
        scaled = (features - self.median) / self.iqr
        np.clip(scaled, -CLIP, CLIP, out=scaled)
        return np.nan_to_num(scaled, copy=False).astype(np.float32, copy=False)
