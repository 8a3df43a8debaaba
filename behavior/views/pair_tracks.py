"""The pair view as bare tracks: keypoints of agent and target in meters, from which a network computes its own features.

Axes: I mice, K bodyparts, P points of one mouse (three anchors, then the K bodyparts), T frames, S samples at the recognizer's rate,
F columns.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from behavior.curation import CuratedTracking
from behavior.labelling import Subject
from behavior.views.anchors import ANCHORS, anchor_parts, seen_columns
from behavior.views.features import refuse_bad_settings
from behavior.views.mirror import Mirror, mirror_of
from behavior.views.placed_points import arena_of
from behavior.views.sampling import sample_frames
from behavior.views.scaler import RobustScaler

CM_PER_M = 100.0
COORDINATES = ("x", "y", "seen")
ARENA = ("arena_low", "arena_high")
"""Two opposite corners of the arena, as points: a mirror may exchange which of them is lower."""


@dataclass(frozen=True)
class PairTracks:
    """Settings of the tracks."""

    bodyparts: tuple[str, ...]
    """Canonical bodyparts behind the anchors; if a recording lacks one, its places and its `seen` are 0."""
    fps: float = 30.0
    """Samples per second, 1/s: a window means the same time in every lab."""
    place: bool = False
    """Also give the corners of the arena, as points of each mouse: as the places of all mice in the recording show it."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        object.__setattr__(self, "bodyparts", tuple(self.bodyparts))  # JSON brings a list
        refuse_bad_settings(self.bodyparts, self.fps)

    @property
    def points(self) -> tuple[str, ...]:
        """Names along axis P."""
        return (*ANCHORS, *self.bodyparts, *(ARENA if self.place else ()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: agent, then target (t_); point by point x_m, y_m and seen."""
        return tuple(f"{mouse}{what}_{point}" for mouse in ("", "t_") for point in self.points for what in ("x_m", "y_m", "seen"))

    @cached_property
    def mirror(self) -> Mirror:
        """The mirror of the tracks."""
        return mirror_of(self.names)

    def of(self, curated: CuratedTracking, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return tracks [S, F] float32 of two mice; target == agent for a mouse by itself. `fps` is the recording's own.

        Places in meters from the arena's middle; NaN where a point is never seen or not tracked. Lost points are interpolated
        between the seen points before and after, with seen = 0.
        """
        sampled = sample_frames(curated.frames, fps, self.fps, part)
        mice = [self._mouse(curated, mouse, sampled) for mouse in (subject.agent, subject.target)]
        return np.concatenate(mice).reshape(len(self.names), -1).T.astype(np.float32)

    def fit_scaler(self, features: np.ndarray) -> RobustScaler:
        """Return a scaler that changes nothing, because the network needs tracks in meters."""
        return RobustScaler(np.zeros(len(self.names), np.float32), np.ones(len(self.names), np.float32))

    def _mouse(self, curated: CuratedTracking, mouse: int | None, sampled: np.ndarray) -> np.ndarray:
        """Return [P, 3, S]: x, y, seen."""
        tracks = np.zeros((len(self.points), 3, len(sampled)), np.float32)
        tracks[:, :2] = np.nan
        if mouse not in curated.mice:
            return tracks
        row = curated.mice.index(mouse)
        points = {part: _interpolated(curated, row, column, sampled) for part, column in seen_columns(curated, row).items()}
        for number, anchor in enumerate(ANCHORS):
            tracks[number] = _anchor(points, anchor)
        for number, part in enumerate(self.bodyparts, start=len(ANCHORS)):
            if part in points:
                tracks[number] = points[part]
        if self.place:
            tracks[-len(ARENA) :] = _corners(curated)[..., None]
        return tracks


def _anchor(points: dict[str, np.ndarray], anchor: str) -> np.ndarray:
    """Return an anchor [3, S]: the mean of the places of its bodyparts; the middle of all points without one."""
    chosen = anchor_parts(anchor, points) or tuple(points)
    if not chosen:
        return np.array([[np.nan], [np.nan], [0.0]], np.float32)
    return np.mean([points[part] for part in chosen], axis=0)


def _corners(curated: CuratedTracking) -> np.ndarray:
    """Return the corners of the arena as points [2, 3]: x and y in meters, and that they are seen; NaN and 0 if no mouse was."""
    middle, half = arena_of(curated) / CM_PER_M
    corners = np.stack([middle - half, middle + half])
    return np.concatenate([corners, np.isfinite(corners[:, :1])], axis=1)


def _interpolated(curated: CuratedTracking, row: int, column: int, sampled: np.ndarray) -> np.ndarray:
    """Return [3, S]: x and y in meters and whether it was seen, of one keypoint that is seen at least once."""
    seen = curated.seen[row, column]
    xy = curated.xy[:, row, column]
    begin = sampled[0] - int(seen[sampled[0] :: -1].argmax())  # where the point was last seen; the sample itself if it was not
    end = sampled[-1] + int(seen[sampled[-1] :].argmax()) + 1
    if seen[begin:end].all():
        places = xy[:, sampled]
    else:
        frames = np.flatnonzero(seen[begin:end]) + begin
        places = np.stack([np.interp(sampled, frames, xy[axis, frames]) for axis in (0, 1)])
    return np.concatenate([places / CM_PER_M, seen[None, sampled]]).astype(np.float32)
