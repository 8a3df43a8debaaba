"""The pair view as bare tracks: keypoints of agent and target in meters, from which a network makes its own features.

Axes: I mice, K bodyparts, P points of one mouse (three anchors, then the K bodyparts), T frames, S samples at the recognizer's rate,
F columns.
"""

from dataclasses import dataclass

import numpy as np

from behavior.curation import Curated
from behavior.skeleton import LEFT_RIGHT, canonical
from behavior.views.sampling import sample_frames
from behavior.views.scaler import RobustScaler

CM_PER_M = 100.0
ANCHORS = {
    "front": (("nose",), ("head",), ("ear_left", "ear_right"), ("neck",), ("spine_1",)),
    "center": (("body_center",), ("lateral_left", "lateral_right"), ("spine_2",), ("spine_1",), ("neck", "tail_base")),
    "back": (("tail_base",), ("lateral_left", "lateral_right"), ("spine_2",), ("tail_midpoint",)),
}
"""Points that every lab has under one name or another: the first choice of which the recording tracks all bodyparts; their mean."""
COORDINATES = ("x", "y", "seen")


@dataclass(frozen=True)
class PairTracks:
    """How tracks are laid out."""

    bodyparts: tuple[str, ...]
    """Canonical bodyparts behind the anchors; a recording that lacks one gets places and sight of 0."""
    fps: float = 30.0
    """Samples per second, 1/s: a window means the same time in every lab."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        object.__setattr__(self, "bodyparts", tuple(self.bodyparts))  # JSON brings a list
        if not self.bodyparts or len(set(self.bodyparts)) < len(self.bodyparts):
            raise ValueError(f"Expected bodyparts to be given once each, but got {self.bodyparts}. List each bodypart once.")
        if not self.fps > 0:
            raise ValueError(f"Expected fps above zero, but got {self.fps}. Give the samples per second.")

    @property
    def points(self) -> tuple[str, ...]:
        """Names along axis P."""
        return (*ANCHORS, *self.bodyparts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: agent, then target (t_); point by point x_m, y_m and seen."""
        return tuple(f"{mouse}{what}_{point}" for mouse in ("", "t_") for point in self.points for what in ("x_m", "y_m", "seen"))

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Where each point of axis P stands in a mirror: left is right."""
        other = {one: two for left, right in LEFT_RIGHT for one, two in ((left, right), (right, left))}
        places = {point: number for number, point in enumerate(self.points)}
        return tuple(places.get(other.get(point, point), number) for number, point in enumerate(self.points))

    def of(self, curated: Curated, fps: float, agent: int, target: int) -> np.ndarray:
        """Return tracks [S, F] float32 of two mice; target == agent for a mouse by itself. `fps` is the recording's own.

        Places in meters from the arena's middle; NaN where a point is never seen or not tracked. Lost points lie on the line
        between the sights before and after, and say so: seen is 0.
        """
        return self.at(curated, sample_frames(curated.frames, fps, self.fps), agent, target)

    def at(self, curated: Curated, sampled: np.ndarray, agent: int, target: int) -> np.ndarray:
        """Return the same at some ascending frames [S] of the recording."""
        mice = [self._mouse(curated, mouse, sampled) for mouse in (agent, target)]
        return np.concatenate(mice).reshape(len(self.names), -1).T.astype(np.float32)

    def fit_scaler(self, features: np.ndarray) -> RobustScaler:
        """Return the scaler that leaves meters meters: what a network makes of tracks has a unit."""
        return RobustScaler(np.zeros(len(self.names), np.float32), np.ones(len(self.names), np.float32))

    def _mouse(self, curated: Curated, mouse: int, sampled: np.ndarray) -> np.ndarray:
        """Return [P, 3, S]: x, y, seen."""
        tracks = np.zeros((len(self.points), 3, len(sampled)), np.float32)
        tracks[:, :2] = np.nan
        if mouse not in curated.mice:
            return tracks
        row = curated.mice.index(mouse)
        columns = {canonical(part): column for column, part in enumerate(curated.bodyparts)}
        known = {part: column for part, column in columns.items() if curated.seen[row, column].any()}
        points = {part: _interpolated(curated, row, column, sampled) for part, column in known.items()}
        for number, (anchor, choices) in enumerate(ANCHORS.items()):
            tracks[number] = _anchor(points, choices)
            assert anchor == self.points[number]
        for number, part in enumerate(self.bodyparts, start=len(ANCHORS)):
            if part in points:
                tracks[number] = points[part]
        return tracks


def _anchor(points: dict[str, np.ndarray], choices: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """Return the first choice whose bodyparts are all known: the mean of their places [3, S]; the middle of all points without one."""
    chosen = next((choice for choice in choices if all(part in points for part in choice)), tuple(points))
    if not chosen:
        return np.array([[np.nan], [np.nan], [0.0]], np.float32)
    return np.mean([points[part] for part in chosen], axis=0)


def _interpolated(curated: Curated, row: int, column: int, sampled: np.ndarray) -> np.ndarray:
    """Return [3, S]: x and y in meters and whether it was seen, of one keypoint that is seen at least once."""
    seen = curated.seen[row, column]
    xy = curated.xy[:, row, column]
    begin = sampled[0] - int(seen[sampled[0] :: -1].argmax())  # the last sight before; where there is none, nothing is lost by it
    end = sampled[-1] + int(seen[sampled[-1] :].argmax()) + 1
    if seen[begin:end].all():
        places = xy[:, sampled]
    else:
        frames = np.flatnonzero(seen[begin:end]) + begin
        places = np.stack([np.interp(sampled, frames, xy[axis, frames]) for axis in (0, 1)])
    return np.concatenate([places / CM_PER_M, seen[None, sampled]]).astype(np.float32)
