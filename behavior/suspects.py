"""Frames in which tracking is doubtful: teleports, swapped mice, one pose written to two mice, points outside the picture.

All of it is counted and kept; nothing is corrected. The search runs over every keypoint of a recording, so it first marks the few frames
in which anything moves far, and looks closely only there.

Axes: I mice, K bodyparts, T frames, C candidate frames; 2 coordinates.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from behavior.curation import CuratedTracking
from behavior.recording import Recording

FASTEST_CM_PER_S = 400.0
"""A body that is faster than this did not run: mice sprint at about 100 cm/s, rats at about 250."""
LEAST_JUMP_CM = 4.0
"""A teleport is at least so long, about half a mouse. In films with many frames per second a small error of the tracker is fast, too."""
LEAST_SWAP_CM = 2.5
"""If two mice are swapped, both move at least so far in one frame; mice that are closer cannot be told from two that touch."""
_SWAP_GAIN = 2.0
"""After a swap each mouse is so many times nearer to the place that the other one left than to its own."""


@dataclass(frozen=True)
class Suspects:
    """Doubtful frames of one recording, as indices on axis T, ascending."""

    teleports: np.ndarray
    """[n] int: a mouse jumps, one entry for each mouse."""
    swaps: np.ndarray
    """[n] int: two mice exchange their places, one entry for each pair."""
    doubled: np.ndarray
    """[n] int: two mice have the same pose."""
    outside: int | None
    """Seen keypoints outside the picture; None without a scale."""
    gaps: int
    """Stretches in which a keypoint was lost, after it was seen and before it is seen again."""
    longest_gap: int
    """Frames of the longest of them."""


def find_suspects(curated: CuratedTracking, recording: Recording) -> Suspects:
    """Return the doubtful frames of one recording."""
    mice, _, frames = curated.seen.shape
    moved = np.zeros((mice, frames), bool)
    gaps = longest = outside = 0
    for mouse, part in np.ndindex(curated.seen.shape[:2]):
        back, lost_frames = _gaps(curated.seen[mouse, part])
        gaps, longest = gaps + len(back), max(longest, int(lost_frames.max(initial=0)))
        _mark_moves(moved[mouse], curated.velocity[:, mouse, part], back, lost_frames + 1, recording.fps)
        outside += _outside(curated, (mouse, part), recording, recording.pix_per_cm) if recording.pix_per_cm else 0
    swaps = [_swaps(curated, one, other, moved) for one, other in itertools.combinations(range(mice), 2)]
    doubled = [_doubled(curated, one, other) for one, other in itertools.combinations(range(mice), 2)]
    teleports = [_teleports(curated, mouse, moved[mouse], recording.fps) for mouse in range(mice)]
    exchanged = _sorted(swaps)
    jumps = _sorted(teleports)
    jumps = jumps[~np.isin(jumps, exchanged)]
    return Suspects(jumps, exchanged, np.unique(_sorted(doubled)), outside if recording.pix_per_cm else None, gaps, longest)


def _sorted(parts: list[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate([np.empty(0, np.int64), *parts]))


def _gaps(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames in which a keypoint [T] is seen again, and for how many frames it was lost before."""
    turns = np.flatnonzero(seen[1:] != seen[:-1]) + 1
    turns = turns[0 if seen[0] else 1 :]  # now it is lost at the first, third ... of them
    away, back = turns[::2], turns[1::2]
    return back, back - away[: len(back)]


def _mark_moves(moved: np.ndarray, velocity: np.ndarray, back: np.ndarray, steps: np.ndarray, fps: float) -> None:
    """Set moved [T] where a keypoint with this velocity [2, T] moves at least `LEAST_SWAP_CM` from one place to the next.

    The velocity in the frames `back` is the mean over so many `steps`.
    """
    least = np.float32(LEAST_SWAP_CM * fps)
    x, y = velocity
    if max(x.max(), -x.min(), y.max(), -y.min()) * np.float32(np.sqrt(2)) > least:  # NaN, of a point that is never seen, is not
        moved |= x * x + y * y > least * least
    if len(back):
        over_gap = np.square(x[back]) + np.square(y[back])
        moved[back[over_gap * np.square(steps) > least * least]] = True


def _outside(curated: CuratedTracking, point: tuple[int, int], recording: Recording, pix_per_cm: float) -> int:
    """Return how many seen places of a keypoint are outside the picture."""
    beyond: np.ndarray | None = None
    for axis, size in enumerate((recording.width_px, recording.height_px)):
        place = curated.xy[axis, *point]
        low = -recording.center_px[axis] / pix_per_cm
        high = low + size / pix_per_cm
        slack = 1e-4 * (high - low)  # what float32 may lose
        if place.min() < low - slack or place.max() > high + slack:
            far = (place < low - slack) | (place > high + slack)
            beyond = far if beyond is None else beyond | far
    return 0 if beyond is None else int(np.count_nonzero(beyond & curated.seen[point]))


def _teleports(curated: CuratedTracking, mouse: int, moved: np.ndarray, fps: float) -> np.ndarray:
    """Return the frames in which more than half of the keypoints of a mouse that are seen jump."""
    frame = np.flatnonzero(moved)
    seen = curated.seen[mouse][:, frame]
    speed = np.hypot(*curated.velocity[:, mouse][:, :, frame])
    far = np.hypot(*(curated.xy[:, mouse][:, :, frame] - curated.xy[:, mouse][:, :, frame - 1])) > LEAST_JUMP_CM
    jumps = seen & far & (speed > FASTEST_CM_PER_S)
    return frame[2 * jumps.sum(axis=0) > seen.sum(axis=0)]


def _swaps(curated: CuratedTracking, one: int, other: int, moved: np.ndarray) -> np.ndarray:
    """Return the frames in which two mice that both move far are nearer to each other's last place than to their own."""
    frame = np.flatnonzero(moved[one] & moved[other])
    if not len(frame):
        return frame
    both = curated.seen[one][:, frame] & curated.seen[other][:, frame]
    now, before = (
        [curated.xy[:, mouse][:, :, at].astype(np.float64) for mouse in (one, other)] for at in (frame, np.maximum(frame - 1, 0))
    )
    own = [_mean_step(now[mouse], before[mouse], both) for mouse in (0, 1)]
    crossed = [_mean_step(now[mouse], before[1 - mouse], both) for mouse in (0, 1)]
    suspect = np.ones(len(frame), bool)
    for mouse in (0, 1):
        suspect &= (own[mouse] > LEAST_SWAP_CM) & (_SWAP_GAIN * crossed[mouse] < own[mouse])  # NaN, if no point is seen in both, is not
    return frame[suspect]


def _mean_step(now: np.ndarray, before: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Return mean distances [C] of keypoints [2, K, C], over those that are seen in both mice [K, C]."""
    distance = np.where(both, np.hypot(*(now - before)), 0).sum(axis=0)
    count = both.sum(axis=0)
    return np.divide(distance, count, out=np.full(len(count), np.nan), where=count > 0)


def _doubled(curated: CuratedTracking, one: int, other: int) -> np.ndarray:
    """Return the frames in which all keypoints that two mice show are at exactly the same places."""
    same = np.zeros(curated.frames, bool)
    for x, y in zip(curated.xy[0, one], curated.xy[0, other], strict=True):
        same |= x == y
    frame = np.flatnonzero(same)
    if not len(frame):
        return frame
    seen = curated.seen[one][:, frame] & curated.seen[other][:, frame]
    equal = (curated.xy[:, one][:, :, frame] == curated.xy[:, other][:, :, frame]).all(axis=0)
    return frame[seen.any(axis=0) & (equal | ~seen).all(axis=0)]
