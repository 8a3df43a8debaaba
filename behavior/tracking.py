"""Long tracking rows to a dense pose and back.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y). Time is last: filling and differencing run along contiguous memory,
and rows sorted by mouse, bodypart, frame are the same memory reshaped.
"""

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


def to_pose(rows: pa.Table, where: str = "tracking") -> Pose:
    """Scatter raw tracking rows, in any order, into a dense pose; frames and points without a row become NaN.

    T is the last frame in the rows + 1. Rows repeated word for word fall together.
    Raises ContractError for missing columns, no rows, negative frames, or one keypoint at two places in one frame.
    """
    rows = RAW_TRACKING.check(rows, where)
    if not len(rows):
        raise ContractError([f"{where}: Expected tracking rows, but got none. Track the video again or remove the file."])
    frame, part = rows.column("video_frame").to_numpy(), rows.column("bodypart").combine_chunks()
    mouse = rows.column("mouse_id").to_numpy()
    mice = np.array(sorted(pc.unique(rows.column("mouse_id")).to_pylist()))
    order = pc.sort_indices(part.dictionary).to_numpy()
    bodyparts = tuple(part.dictionary.take(order).to_pylist())
    shape = (len(mice), len(bodyparts), int(frame.max()) + 1)
    refuse(_range_faults(where, mice, frame, shape))

    row_of_part = np.empty(len(order), np.int64)
    row_of_part[order] = np.arange(len(order)) * shape[2]
    row_of_mouse = np.zeros(mice[-1] + 1, np.int64)
    row_of_mouse[mice] = np.arange(len(mice)) * (shape[1] * shape[2])
    place = row_of_mouse[mouse]
    place += row_of_part[part.indices.to_numpy()]
    place += frame
    x, y = (rows.column(name).to_numpy().astype(np.float32, copy=False) for name in ("x", "y"))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.all():
        place, x, y = place[known], x[known], y[known]

    xy = np.full((2, *shape), np.nan, np.float32)
    flat = xy.reshape(2, -1)
    flat[0, place], flat[1, place] = x, y
    seen = np.isfinite(xy[0])
    if np.count_nonzero(seen) < len(place) and not (np.array_equal(flat[0, place], x) and np.array_equal(flat[1, place], y)):
        raise ContractError([f"{where}: Expected one place per keypoint and frame, but got several. Remove the repeated rows."])
    return Pose(tuple(int(number) for number in mice), bodyparts, xy, seen)


def _range_faults(where: str, mice: np.ndarray, frame: np.ndarray, shape: tuple[int, int, int]) -> list[str]:
    faults = []
    if frame.min() < 0:
        faults.append(f"{where}: Expected frames from 0, but got {frame.min()}. Correct the frame numbers.")
    if mice.min() < 1:
        faults.append(f"{where}: Expected mice numbered from 1, but got {mice.min()}. Correct the mouse ids.")
    if np.prod(shape, dtype=np.int64) > MAX_EMPTY_SHARE * max(len(frame), 10_000):
        faults.append(f"{where}: Expected frames near the {len(frame)} rows, but got frame {shape[-1] - 1}. Correct the frame numbers.")
    return faults
