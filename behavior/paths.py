"""The path of a mouse: where its body is, and how fast, frame by frame.

Axes: T frames; 2 coordinates.
"""

import numpy as np

from behavior.curation import CuratedTracking
from behavior.views.anchors import anchor_parts, seen_columns


def path_of(curated: CuratedTracking, mouse: int) -> np.ndarray:
    """Return the middle of a mouse [2, T], cm; NaN in frames in which the tracker saw none of the bodyparts that it is the mean of.

    These are the bodyparts of the anchor "center" if they are tracked, else all.
    """
    row, columns = _own_columns(curated, mouse)
    if not columns:
        return np.full((2, curated.frames), np.nan, np.float32)
    seen = curated.seen[row, columns]
    total = np.where(seen, curated.xy[:, row, columns], 0).sum(axis=1)
    count = seen.sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan, np.float32), where=count > 0)


def speed_of(curated: CuratedTracking, mouse: int) -> np.ndarray:
    """Return the speed of the middle of a mouse [T], cm/s; NaN where `path_of` is."""
    row, columns = _own_columns(curated, mouse)
    if not columns:
        return np.full(curated.frames, np.nan, np.float32)
    seen = curated.seen[row, columns]
    total = np.where(seen, curated.velocity[:, row, columns], 0).sum(axis=1)
    count = seen.sum(axis=0)
    return np.hypot(*np.divide(total, count, out=np.full(total.shape, np.nan, np.float32), where=count > 0))


def means(values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most so many means of values [.., T] over equally long stretches, without NaN, and the middle frame of each [n]."""
    frames = values.shape[-1]
    width = max(-(-frames // most), 1)
    starts = np.arange(0, frames, width)
    known = np.isfinite(values)
    total = np.add.reduceat(np.where(known, values, 0), starts, axis=-1, dtype=np.float64)
    count = np.add.reduceat(known, starts, axis=-1, dtype=np.int64)
    middle = (starts + np.minimum(starts + width, frames) - 1) / 2
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0), middle


def _own_columns(curated: CuratedTracking, mouse: int) -> tuple[int, list[int]]:
    row = curated.mice.index(mouse)
    known = seen_columns(curated, row)
    return row, [known[part] for part in anchor_parts("center", known) or known]
