"""Where the points of one mouse are at each sample, and where in the arena a mouse is.

Axes: K bodyparts, P points of one mouse (three anchors, then the K bodyparts), T frames of the recording, S samples.
"""

from collections.abc import Sequence

import numpy as np

from behavior.curation import CuratedTracking
from behavior.views.anchors import ANCHORS, anchor_parts, seen_columns

_ALMOST_ALL = (1, 99)
"""Percentiles between which the arena lies: beyond them are jumps of the tracker."""


def placed_points(curated: CuratedTracking, mouse: int | None, bodyparts: Sequence[str], sampled: np.ndarray, max_gap: int) -> np.ndarray:
    """Return [P, 3, S]: x, y and whether it was lost, of the anchors and the bodyparts; NaN for points that are not tracked."""
    points = np.full((len(ANCHORS) + len(bodyparts), 3, len(sampled)), np.nan, np.float32)
    if mouse not in curated.mice:
        return points
    row = curated.mice.index(mouse)
    placed = {part: _placed(curated, row, column, sampled, max_gap) for part, column in seen_columns(curated, row).items()}
    for number, anchor in enumerate(ANCHORS):
        chosen = anchor_parts(anchor, placed)
        if chosen:
            points[number] = np.mean([placed[part] for part in chosen], axis=0)
    for number, part in enumerate(bodyparts, start=len(ANCHORS)):
        if part in placed:
            points[number] = placed[part]
    return points


def _placed(curated: CuratedTracking, row: int, column: int, sampled: np.ndarray, max_gap: int) -> np.ndarray:
    """Return x, y and lost [3, S] of one keypoint at ascending frames; x and y are NaN in a gap of more than so many frames."""
    begin, end = max(int(sampled[0]) - max_gap, 0), int(sampled[-1]) + max_gap + 1
    seen = curated.seen[row, column, begin:end]
    frames = np.flatnonzero(seen) + begin
    lost = ~seen[sampled - begin]
    places = np.full((3, len(sampled)), np.nan, np.float32)
    places[2] = lost
    if len(frames):
        after = np.searchsorted(frames, sampled)
        inside = (after > 0) & (after < len(frames))
        gap = frames[np.minimum(after, len(frames) - 1)] - frames[np.maximum(after - 1, 0)]
        near = ~lost | (inside & (gap <= max_gap))
        for axis in (0, 1):
            places[axis, near] = np.interp(sampled[near], frames, curated.xy[axis, row, column, frames])
    return places


def arena_of(curated: CuratedTracking) -> np.ndarray:
    """Return the arena [2, 2] as the places of all mice show it: middle and half width, cm, of x and of y; NaN if none was seen."""
    centers = [_seen_centers(curated, row) for row in range(len(curated.mice))]
    places = np.concatenate([np.empty((2, 0)), *centers], axis=1)
    if not places.size:
        return np.full((2, 2), np.nan)
    low, high = np.percentile(places, _ALMOST_ALL, axis=1)
    return np.stack([(low + high) / 2, np.maximum((high - low) / 2, 1e-6)])


def place_signals(center: np.ndarray, arena: np.ndarray) -> dict[str, np.ndarray]:
    """Return where in the arena a point [2, S] is: near an edge, near a corner, far from the middle; 0 is the middle, 1 the edge."""
    apart = (center - arena[0][:, None]) / arena[1][:, None]
    return {"edge": np.abs(apart).max(axis=0), "corner": np.abs(apart).min(axis=0), "from middle": np.hypot(*apart)}


def _seen_centers(curated: CuratedTracking, row: int) -> np.ndarray:
    """Return the center of a mouse [2, .] at the frames where it was seen."""
    columns = seen_columns(curated, row)
    chosen = [columns[part] for part in anchor_parts("center", columns)]
    if not chosen:
        return np.empty((2, 0))
    seen = curated.seen[row, chosen].all(axis=0)
    return np.asarray(np.mean([curated.xy[:, row, column, seen] for column in chosen], axis=0))
