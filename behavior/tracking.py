"""Long tracking rows to a dense pose and back.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y). Time is last: filling and differencing run along contiguous memory,
and rows sorted by mouse, bodypart, frame are the same memory reshaped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from behavior.contract import ContractError, refuse
from behavior.tables import RAW_TRACKING

MAX_EMPTY_SHARE = 1000
"""A dense pose may hold this many times more points than there are rows; beyond it a frame number must be wrong."""


@dataclass(frozen=True)
class Pose:
    """Where every keypoint of one recording is, frame by frame."""

    mice: tuple[int, ...]
    """Mouse ids, ascending; axis I."""
    bodyparts: tuple[str, ...]
    """Bodypart names, ascending; axis K."""
    xy: np.ndarray
    """[2, I, K, T] float32, NaN where unknown."""
    seen: np.ndarray
    """[I, K, T] bool: the tracker saw the keypoint."""

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return int(self.seen.shape[-1])


def to_pose(rows: pa.Table | Iterable[pa.Table], where: str = "tracking") -> Pose:
    """Scatter raw tracking rows, in any order, into a dense pose; frames and points without a row become NaN.

    The rows are one table, or tables that can be gone through twice: then no more than one of them is held beside the pose.
    T is the last frame in the rows + 1. Rows repeated word for word fall together.
    Raises ContractError for missing columns, no rows, negative frames, or one keypoint at two places in one frame.
    """
    parts = [RAW_TRACKING.check(rows, where)] if isinstance(rows, pa.Table) else rows
    extent = _extent(parts, where)
    xy = np.full((2, *extent.shape), np.nan, np.float32)
    flat = xy.reshape(2, -1)
    n_known = 0
    for place, x, y in extent.points(parts, where):
        flat[0, place], flat[1, place] = x, y
        n_known += len(place)
    seen = np.isfinite(xy[0])
    if np.count_nonzero(seen) < n_known:  # of rows about the same keypoint and frame the last one stands there
        for place, x, y in extent.points(parts, where):
            if not (np.array_equal(flat[0, place], x) and np.array_equal(flat[1, place], y)):
                raise ContractError([f"{where}: Expected one place per keypoint and frame, but got several. Remove the repeated rows."])
    return Pose(extent.mice, extent.bodyparts, xy, seen)


@dataclass(frozen=True)
class _Extent:
    """Who and what is in the rows, and until when."""

    mice: tuple[int, ...]
    bodyparts: tuple[str, ...]
    frames: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.mice), len(self.bodyparts), self.frames

    def points(self, parts: Iterable[pa.Table], where: str) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield, table by table, for each row with a known point its place in a flat [I, K, T], x and y."""
        row_of_mouse = np.zeros(self.mice[-1] + 1, np.int64)
        row_of_mouse[list(self.mice)] = np.arange(len(self.mice)) * (len(self.bodyparts) * self.frames)
        rows_of_parts = {name: number * self.frames for number, name in enumerate(self.bodyparts)}
        for part in parts:
            rows = RAW_TRACKING.check(part, where)
            names = rows.column("bodypart").unify_dictionaries().combine_chunks()
            row_of_name = np.array([rows_of_parts.get(name, 0) for name in names.dictionary.to_pylist()], np.int64)
            place = row_of_mouse[rows.column("mouse_id").to_numpy()]
            place += row_of_name[names.indices.to_numpy()]
            place += rows.column("video_frame").to_numpy()
            x, y = (rows.column(name).to_numpy().astype(np.float32, copy=False) for name in ("x", "y"))
            known = np.isfinite(x) & np.isfinite(y)
            yield (place, x, y) if known.all() else (place[known], x[known], y[known])


def _extent(parts: Iterable[pa.Table], where: str) -> _Extent:
    mice: set[int] = set()
    bodyparts: set[str] = set()
    n_rows, first, last = 0, 0, -1
    for part in parts:
        rows = RAW_TRACKING.check(part, where)
        if len(rows):
            frame = rows.column("video_frame").to_numpy()
            n_rows, first, last = n_rows + len(rows), min(first, int(frame.min())), max(last, int(frame.max()))
            mice |= set(pc.unique(rows.column("mouse_id")).to_pylist())
            bodyparts |= set(pc.unique(rows.column("bodypart").unify_dictionaries()).to_pylist())
    if not n_rows:
        raise ContractError([f"{where}: Expected tracking rows, but got none. Track the video again or remove the file."])
    extent = _Extent(tuple(sorted(mice)), tuple(sorted(bodyparts)), last + 1)
    refuse(_range_faults(where, extent, first, n_rows))
    return extent


def _range_faults(where: str, extent: _Extent, first: int, n_rows: int) -> list[str]:
    faults = []
    if first < 0:
        faults.append(f"{where}: Expected frames from 0, but got {first}. Correct the frame numbers.")
    if extent.mice[0] < 1:
        faults.append(f"{where}: Expected mice numbered from 1, but got {extent.mice[0]}. Correct the mouse ids.")
    if np.prod(extent.shape, dtype=np.int64) > MAX_EMPTY_SHARE * max(n_rows, 10_000):
        faults.append(f"{where}: Expected frames near the {n_rows} rows, but got frame {extent.frames - 1}. Correct the frame numbers.")
    return faults
