"""From tracking rows to a dense pose.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y). Time is last: filling and differencing run along contiguous memory,
and rows sorted by mouse, bodypart, frame are the same memory reshaped.

Tables and files number frames as the film does; arrays begin at 0. They differ by `Pose.first_frame`, which is 0 except for clips.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from behavior.contract import ContractError, Fault, refuse
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording
from behavior.tables import RAW_TRACKING

MAX_EMPTY_SHARE = 1000
"""A dense pose may have at most this many times more points than rows; above it a frame number must be wrong."""
LARGE_POINTS, MAX_LARGE_EMPTY_SHARE = 50_000_000, 20
"""A pose of more points may have at most this many times more than rows: one wrong frame number must not need all memory of a machine."""
LONGEST_EMPTY_HEAD_S = 60.0
"""In sound recordings the tracker sees the first mouse within about 10 s, and all frames from 0 on count. If more is empty, the tracking
belongs to a clip, with the frame numbers of the film that it was cut from."""
MAX_FRAMES = 10**9
"""About a year at 30 frames a second."""
_ANYWHERE = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Pose:
    """The place of every keypoint of one recording at every frame."""

    mice: tuple[int, ...]
    """Mouse ids, ascending; axis I."""
    bodyparts: tuple[str, ...]
    """Bodypart names, ascending; axis K."""
    xy: np.ndarray
    """[2, I, K, T] float32, NaN where unknown."""
    seen: np.ndarray
    """[I, K, T] bool: the tracker saw the keypoint."""
    first_frame: int = 0
    """Frame number in the film of the first frame of T."""
    notes: tuple[Fault, ...] = ()
    """Repairs and flags."""

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return int(self.seen.shape[-1])

    @property
    def film_frames(self) -> range:
        """Frame numbers in the film of the frames of T."""
        return range(self.first_frame, self.first_frame + self.frames)


def to_pose(
    rows: pa.Table | Iterable[pa.Table], where: str = "tracking", recording: Recording | None = None, policy: Policy = STANDARD
) -> Pose:
    """Write raw tracking rows, in any order, into a dense pose; points without a row become NaN.

    The rows are one table, or tables that can be read twice: then only one of them is in memory beside the pose. T goes from frame 0
    (in a clip: from its first frame) to the last frame in the rows. Identical rows count once. Only with `recording` clips are
    recognized, and points far outside its arena count as lost. Raises ContractError for missing columns, no rows, negative frames, or
    one keypoint at two places in one frame, unless `policy` says that such a keypoint counts as lost there.
    """
    parts = [RAW_TRACKING.check(rows, where)] if isinstance(rows, pa.Table) else rows
    extent = _extent(parts, where, recording)
    xy = np.full((2, *extent.shape), np.nan, np.float32)
    flat = xy.reshape(2, -1)
    n_known, n_far = 0, 0
    for place, x, y, far in extent.points(parts, where):
        flat[0, place], flat[1, place] = x, y
        n_known, n_far = n_known + len(place), n_far + far
    seen = np.isfinite(xy[0])
    repeated, notes = int(n_known - np.count_nonzero(seen)), []
    if repeated and (torn := _contradictions(extent, parts, where, flat)).any():
        message, lost = "Expected one place per keypoint and frame, but got several.", int(np.count_nonzero(torn))
        policy.refuse([Fault("place-contradiction", where, message, "Remove the repeated rows.", lost)])
        notes = [Fault("place-contradiction", where, message, "They count as lost there.", lost)]
        repeated -= sum(int(np.count_nonzero(torn[place])) for place, *_ in extent.points(parts, where)) - lost
        flat[:, torn] = np.nan
        seen.reshape(-1)[torn] = False
    return Pose(extent.mice, extent.bodyparts, xy, seen, extent.first, (*notes, *_notes(where, extent, n_far, repeated)))


def first_of_film(first: int, fps: float) -> int:
    """Return the frame of the film at which a recording begins, from the first frame that has rows: 0, or that frame in a clip."""
    return first if first < 0 or first > LONGEST_EMPTY_HEAD_S * fps else 0


def _contradictions(extent: "_Extent", parts: Iterable[pa.Table], where: str, flat: np.ndarray) -> np.ndarray:
    """Return [I * K * T] bool: keypoints with several places in one frame. `flat` [2, I * K * T] holds the last place of each."""
    torn = np.zeros(flat.shape[1], bool)
    for place, x, y, _ in extent.points(parts, where):
        torn[place[(flat[0, place] != x) | (flat[1, place] != y)]] = True
    return torn


@dataclass(frozen=True)
class _Extent:
    """Mice, bodyparts and frames of the rows, and the limits of valid places."""

    mice: tuple[int, ...]
    bodyparts: tuple[str, ...]
    first: int
    last: int
    center_px: tuple[float, float]
    farthest_px: float

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.mice), len(self.bodyparts), self.last - self.first + 1

    def points(self, parts: Iterable[pa.Table], where: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
        """Yield for each table the index in a flat [I, K, T], x and y of all valid points, and the number of points that are too far."""
        _, bodyparts, frames = self.shape
        row_of_mouse = np.zeros(self.mice[-1] + 1, np.int64)
        row_of_mouse[list(self.mice)] = np.arange(len(self.mice)) * (bodyparts * frames) - self.first
        rows_of_parts = {name: number * frames for number, name in enumerate(self.bodyparts)}
        for part in parts:
            rows = RAW_TRACKING.check(part, where)
            names = rows.column("bodypart").unify_dictionaries().combine_chunks()
            row_of_name = np.array([rows_of_parts.get(name, 0) for name in names.dictionary.to_pylist()], np.int64)
            place = row_of_mouse[rows.column("mouse_id").to_numpy()]
            place += row_of_name[names.indices.to_numpy()]
            place += rows.column("video_frame").to_numpy()
            x, y = (rows.column(name).to_numpy().astype(np.float32, copy=False) for name in ("x", "y"))
            known = self._is_near(x, self.center_px[0]) & self._is_near(y, self.center_px[1])
            if known.all():
                yield place, x, y, 0
            else:
                far = ~known & ~np.isnan(x) & ~np.isnan(y)
                yield place[known], x[known], y[known], int(np.count_nonzero(far))

    def _is_near(self, pixels: np.ndarray, center: float) -> np.ndarray:
        return (pixels >= center - self.farthest_px) & (pixels <= center + self.farthest_px)  # NaN is not


def _extent(parts: Iterable[pa.Table], where: str, recording: Recording | None) -> _Extent:
    mice: set[int] = set()
    bodyparts: set[str] = set()
    first, last, n_rows = np.iinfo(np.int32).max, -1, 0
    for part in parts:
        rows = RAW_TRACKING.check(part, where)
        if len(rows):
            frame = rows.column("video_frame").to_numpy()
            n_rows, first, last = n_rows + len(rows), min(first, int(frame.min())), max(last, int(frame.max()))
            mice |= set(pc.unique(rows.column("mouse_id")).to_pylist())
            bodyparts |= set(pc.unique(rows.column("bodypart").unify_dictionaries()).to_pylist())
    if not n_rows:
        message = "Expected tracking rows, but got none."
        raise ContractError(Fault("table-empty", where, message, "Track the video again or remove the file."))
    first = first_of_film(first, recording.fps) if recording else min(first, 0)
    center, farthest = (recording.center_px, recording.farthest_px) if recording else ((0.0, 0.0), _ANYWHERE)
    extent = _Extent(tuple(sorted(mice)), tuple(sorted(bodyparts)), first, last, center, farthest)
    refuse(_range_faults(where, extent, n_rows))
    return extent


def _range_faults(where: str, extent: _Extent, n_rows: int) -> list[Fault]:
    faults = []
    if extent.first < 0:
        faults.append(Fault("frame-negative", where, f"Expected frames from 0, but got {extent.first}.", "Correct the frame numbers."))
    if extent.mice[0] < 1:
        message = f"Expected mice numbered from 1, but got {extent.mice[0]}."
        faults.append(Fault("mouse-number", where, message, "Correct the mouse ids."))
    points = int(np.prod(extent.shape, dtype=np.int64))
    if extent.last >= MAX_FRAMES or points > _most_points(n_rows):
        message = f"Expected frames near the {n_rows} rows, but got frame {extent.last}."
        faults.append(Fault("frame-far", where, message, "Correct the frame numbers."))
    return faults


def _most_points(n_rows: int) -> int:
    return min(MAX_EMPTY_SHARE * max(n_rows, 10_000), max(LARGE_POINTS, MAX_LARGE_EMPTY_SHARE * n_rows))


def _notes(where: str, extent: _Extent, far: int, repeated: int) -> Iterator[Fault]:
    if far:
        message = f"Expected points within {extent.farthest_px:,.0f} pixels of the center, but got {far} farther away."
        yield Fault("point-far", where, message, "They count as lost.", far)
    if repeated:
        message = f"Expected one row per keypoint and frame, but got {repeated} identical ones."
        yield Fault("row-repeated", where, message, "They count once.", repeated)
    if extent.first:
        message = f"Expected tracking within {LONGEST_EMPTY_HEAD_S:.0f} s of frame 0, but got the first at frame {extent.first}."
        yield Fault("film-clip", where, message, "It is read as a clip, and its frames keep the numbers of the film.")
