"""From times of another program to frames of the film: clock, lag, rounding, shared boundaries, and the limits of tracking.

A time is rounded to the nearest boundary between two frames, so that equal times become equal frames. Two bouts of one subject of which
one ends where the other begins, but for less than half a frame, share that boundary: no hole, and no overlap.
"""

import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aws_pipeline.imports.foreign_bouts import ForeignBout

_HALF_A_FRAME = 0.5
_EPSILON = 1e-6
"""Frames; times with three decimals, multiplied by a rate, miss a half by a little."""


@dataclass(frozen=True)
class Clock:
    """How times of a file become frames of the film."""

    fps: float
    """Frames per second of the film."""
    in_frames: bool
    """Whether the file counts frames; else seconds."""
    annotation_fps: float | None = None
    """A frame of the file lasts 1 / annotation_fps s; or, if it counts seconds, one of its seconds has so many frames of the film."""
    shift_frames: int = 0
    """Added to all frames; negative if the annotation lags."""
    point_frames: int = 1
    """Length of a point event."""

    @property
    def frames_per_unit(self) -> float:
        """Frames of the film for one frame, or second, of the file."""
        if self.in_frames:
            return self.fps / self.annotation_fps if self.annotation_fps else 1.0
        return self.annotation_fps or self.fps

    @property
    def correction(self) -> str:
        """The correction in words; empty if there is none."""
        clock = f"its clock has {self.annotation_fps:g} frames a second, the film {self.fps:g}" if self.annotation_fps else ""
        lag = f"shifted by {self.shift_frames} frames" if self.shift_frames else ""
        return "; ".join(filter(None, (clock, lag)))


def on_film(bouts: Sequence[ForeignBout], clock: Clock, film_frames: range) -> tuple[list[ForeignBout], list[str]]:
    """Return the bouts in whole frames of the film, within the tracked frames `film_frames`, and what was changed, in words."""
    rate, shift = clock.frames_per_unit, clock.shift_frames
    scaled = [replace(bout, start=bout.start * rate + shift, stop=bout.stop * rate + shift) for bout in bouts]
    reversed_ = sum(bout.stop < bout.start for bout in scaled)
    whole = [_whole(bout, clock.point_frames) for bout in _with_shared_boundaries(bout for bout in scaled if bout.stop >= bout.start)]
    first, end = film_frames.start, film_frames.stop
    inside = [bout for bout in whole if bout.start < end and bout.stop > first]
    clipped = [replace(bout, start=max(bout.start, first), stop=min(bout.stop, end)) for bout in inside]
    once = list(dict.fromkeys(clipped))
    told = (
        (reversed_, "bouts end before they begin; they are left out"),
        (len(whole) - len(inside), f"bouts lie outside the tracked frames {first} to {end - 1}; they are left out"),
        (sum(one != other for one, other in zip(inside, clipped, strict=True)), "bouts go beyond the tracked frames; they are cut there"),
        (len(clipped) - len(once), "bouts are there again; they count once"),
    )
    return sorted(once, key=lambda bout: (bout.start, bout.stop)), [f"{count} {words}." for count, words in told if count]


def _with_shared_boundaries(bouts: Iterable[ForeignBout]) -> list[ForeignBout]:
    """Return the bouts, in frames with fractions, with one value for each boundary that two of a subject share."""
    by_subject: dict[str, list[ForeignBout]] = defaultdict(list)
    for bout in bouts:
        by_subject[bout.subject].append(bout)
    joined = []
    for own in by_subject.values():
        starts = sorted(bout.start for bout in own)
        for bout in own:
            at = bisect(starts, bout.stop)
            near = min(starts[max(at - 1, 0) : at + 1], key=lambda start, stop=bout.stop: abs(start - stop))  # type: ignore[misc]
            shared = 0 < abs(near - bout.stop) < _HALF_A_FRAME and near > bout.start
            joined.append(replace(bout, stop=near) if shared else bout)
    return joined


def _whole(bout: ForeignBout, point_frames: int) -> ForeignBout:
    """Return a bout in whole frames; one that is shorter than half a frame has one frame, a point event `point_frames`."""
    start, stop = (math.floor(edge + _HALF_A_FRAME + _EPSILON) for edge in (bout.start, bout.stop))
    if bout.stop == bout.start:
        stop = start + point_frames
    return replace(bout, start=start, stop=max(stop, start + 1))
