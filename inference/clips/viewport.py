"""Which part of the arena a clip shows, and where a place in cm lies in its picture.

Axes: I mice, K bodyparts, T frames; 2 coordinates.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from behavior.curation import CuratedTracking
from behavior.recording import Recording

_LEAST_CM = 18.0
"""A clip is at least so wide, so that one sitting mouse does not fill it."""
_MARGIN = 0.12
_PAIR_QUANTILES = (0.01, 0.99)
"""A single point that the tracker guessed far away does not zoom out."""


@dataclass(frozen=True)
class Viewport:
    """A rectangle of the arena, and the size of its picture."""

    left_cm: float
    """Its left border, cm from the arena's middle."""
    top_cm: float
    """Its upper border; y points down."""
    pixels_per_cm: float
    """Pixels of the clip for each cm."""
    width: int
    """Width of the clip, pixels; even, as encoders need it."""
    height: int
    """Height of the clip, pixels; even."""

    def pixels(self, xy_cm: np.ndarray) -> np.ndarray:
        """Return places [2, ...] in pixels of the clip."""
        shape = (2,) + (1,) * (xy_cm.ndim - 1)
        return (xy_cm - np.array([self.left_cm, self.top_cm]).reshape(shape)) * self.pixels_per_cm

    @property
    def box_cm(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        right, bottom = self.left_cm + self.width / self.pixels_per_cm, self.top_cm + self.height / self.pixels_per_cm
        return self.left_cm, self.top_cm, right, bottom


def around_mice(curated: CuratedTracking, mice: Collection[int], frames: slice, width: int, height: int) -> Viewport:
    """Return the viewport that shows some mice during some frames, in a clip of this size."""
    rows = [row for row, mouse in enumerate(curated.mice) if mouse in mice]
    seen = curated.seen[rows, :, frames]
    places = curated.xy[:, rows][:, :, :, frames][:, seen]
    if not places.size:
        places = np.zeros((2, 1))
    low, high = np.quantile(places, _PAIR_QUANTILES, axis=1)
    middle, span = (low + high) / 2, (high - low) * (1 + 2 * _MARGIN)
    wide = max(float(span[0]), float(span[1]) * width / height, _LEAST_CM)
    return _viewport(middle, wide, width, height)


def whole_picture(recording: Recording, scale: float, width: int) -> Viewport:
    """Return the viewport of the whole picture, in a clip so wide. `scale` is in pixels of the picture per cm."""
    height = round(width * recording.height_px / recording.width_px)
    middle = (np.array([recording.width_px, recording.height_px]) / 2 - recording.center_px) / scale
    return _viewport(middle, recording.width_px / scale, width, height)


def _viewport(middle: np.ndarray, wide_cm: float, width: int, height: int) -> Viewport:
    width, height = width // 2 * 2, height // 2 * 2
    pixels_per_cm = width / wide_cm
    return Viewport(float(middle[0]) - wide_cm / 2, float(middle[1]) - height / pixels_per_cm / 2, pixels_per_cm, width, height)
