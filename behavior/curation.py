"""Curation: pixels become centimeters from the arena's middle, lost points are filled and marked, velocity is added.

Spark jobs and serving call the same function, `curate`.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.body_length import scale_of_bodies
from behavior.contract import ContractError, Fault
from behavior.policy import STANDARD, Policy
from behavior.recording import Recording
from behavior.table import NAME
from behavior.tables import TRACKING_CURATED
from behavior.tracking import Pose, to_pose

CURATION_VERSION = 2
"""Raise it when `curate`, `to_table`, `enrich`, `quality_of` or `content_of` give other results, or when objects are written in another
way: then the next run curates every recording anew. A test fails if the rows change and the version does not."""
_PAGE_ROWS = {"max_rows_per_page": 1 << 20} if "max_rows_per_page" in signature(pq.write_table).parameters else {}
"""A page of 1 MB, as Arrow wrote it before it had this limit; its limit of 20,000 rows takes 14 % more time in writing and in reading."""
WRITE_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["split", "video_id", "mouse_id", "bodypart"],
    "column_encoding": {"video_frame": "DELTA_BINARY_PACKED"},
    "write_page_checksum": True,  # a flipped byte inside a page passes every reader unless pages carry a checksum
    **_PAGE_ROWS,
    "write_statistics": ["video_id", "mouse_id", "video_frame"],  # of text they cost more than the text itself, and prune nothing here
}
"""How curated tracking is written: measured fastest for sorted dense rows (docs/decisions/0004)."""


@dataclass(frozen=True)
class CuratedTracking:
    """One recording, ready for features."""

    pose: Pose
    """Centimeters from the arena's middle, filled; NaN only for a keypoint that is never seen in the whole recording."""
    velocity: np.ndarray
    """[2, I, K, T] float32, cm/s; 0 where filled."""

    @property
    def mice(self) -> tuple[int, ...]:
        """Mouse ids; axis I."""
        return self.pose.mice

    @property
    def bodyparts(self) -> tuple[str, ...]:
        """Bodypart names; axis K."""
        return self.pose.bodyparts

    @property
    def xy(self) -> np.ndarray:
        """Positions [2, I, K, T], cm."""
        return self.pose.xy

    @property
    def seen(self) -> np.ndarray:
        """[I, K, T] bool: seen by the tracker, not filled."""
        return self.pose.seen

    @property
    def frames(self) -> int:
        """Number of frames T."""
        return self.pose.frames

    @property
    def first_frame(self) -> int:
        """Frame number in the film of the first frame of T."""
        return self.pose.first_frame

    def part(self, start: int, stop: int) -> "CuratedTracking":
        """Return the frames from `start` to before `stop`."""
        pose, inner = self.pose, slice(start, stop)
        cut = replace(pose, xy=pose.xy[..., inner], seen=pose.seen[..., inner], first_frame=pose.first_frame + start)
        return CuratedTracking(cut, self.velocity[..., inner])


def curate(rows: pa.Table | Iterable[pa.Table], recording: Recording, policy: Policy = STANDARD) -> CuratedTracking:
    """Turn the raw tracking rows of one recording into curated pose and velocity. `rows` and `policy` are what `to_pose` takes.

    A lost point stays where it was last seen (before it is first seen: at the first place) with velocity 0. When a point
    is seen again, its velocity is the mean over the gap, so that a gap makes no spike. Raises ContractError as `to_pose` does, and for a
    recording without a scale in which the length of the mice cannot be measured.
    """
    named = f" ({recording.name})" if recording.name else ""
    where = f"lab {recording.lab_id}, video {recording.video_id}{named}, tracking"
    pose = to_pose(rows, where, recording, policy)
    scale = recording.pix_per_cm
    if scale is None:
        scale, flag = scale_of_bodies(pose.xy, pose.bodyparts, where)
        pose = replace(pose, notes=(*pose.notes, flag))
    xy = pose.xy  # changed in place: nothing else refers to it, and a long recording should not be in memory twice
    xy -= np.array(recording.center_px, np.float32).reshape(2, 1, 1, 1)
    xy /= np.float32(scale)
    velocity = np.empty_like(xy)
    for point in np.ndindex(pose.seen.shape[:2]):
        source = None if pose.seen[point].all() else _source_frames(pose.seen[point])
        if source is not None:
            lost = np.flatnonzero(~pose.seen[point])
            xy[:, *point, lost] = xy[:, *point, source[lost]]
        _set_velocity(velocity[:, *point], xy[:, *point], pose.seen[point], source, recording.fps)
    return CuratedTracking(pose, velocity)


def to_table(curated: CuratedTracking, recording: Recording, split: str) -> pa.Table:
    """Return curated rows in the schema of `TRACKING_CURATED`, sorted by mouse, bodypart, frame."""
    mice, bodyparts, frames = curated.seen.shape
    n_rows = curated.seen.size
    names = np.tile(np.repeat(np.arange(bodyparts, dtype=np.int32), frames), mice)
    columns = {
        "split": pa.DictionaryArray.from_arrays(np.zeros(n_rows, np.int32), [split]),
        "video_id": np.full(n_rows, recording.video_id, np.int64),
        "mouse_id": np.repeat(np.array(curated.mice, np.int32), bodyparts * frames),
        "bodypart": pa.DictionaryArray.from_arrays(names, list(curated.bodyparts)),
        "video_frame": np.tile(np.arange(frames, dtype=np.int32) + np.int32(curated.first_frame), mice * bodyparts),
        "x_cm": _nullable(curated.xy[0]),
        "y_cm": _nullable(curated.xy[1]),
        "vx_cm_per_s": _nullable(curated.velocity[0]),
        "vy_cm_per_s": _nullable(curated.velocity[1]),
        "seen": curated.seen.reshape(-1),
    }
    return pa.table(columns, schema=TRACKING_CURATED.schema)


def from_table(rows: pa.Table) -> CuratedTracking:
    """Return the argument of `to_table`, by reshaping its rows. Raises ContractError unless they are one whole sorted recording."""
    mice = np.unique(rows.column("mouse_id").to_numpy())
    part = rows.column("bodypart")
    part = (part if part.type == NAME else part.dictionary_encode()).unify_dictionaries().combine_chunks()
    bodyparts = tuple(sorted(part.dictionary.to_pylist()))
    frame = rows.column("video_frame").to_numpy()
    points = len(mice) * len(bodyparts)
    first, frames = (int(frame[0]), len(rows) // points) if len(rows) else (0, 0)
    if not frames or not np.array_equal(frame, np.tile(np.arange(first, first + frames, dtype=frame.dtype), points)):
        message = "Expected the sorted curated rows of one recording, but got others."
        raise ContractError(Fault("curated-rows", "", message, "Run the ETL job again."))
    shape = (len(mice), len(bodyparts), frames)
    xy, velocity = (
        np.stack([rows.column(name).to_numpy() for name in names]).astype(np.float32, copy=False).reshape(2, *shape)
        for names in (("x_cm", "y_cm"), ("vx_cm_per_s", "vy_cm_per_s"))
    )
    seen = rows.column("seen").to_numpy().astype(bool, copy=False).reshape(shape)
    return CuratedTracking(Pose(tuple(int(number) for number in mice), bodyparts, xy, seen, first), velocity)


def _source_frames(seen: np.ndarray) -> np.ndarray:
    """Return for each frame of a keypoint the frame that its place is copied from: the last seen one, else the first. [T] int32."""
    source = np.where(seen, np.arange(len(seen), dtype=np.int32), np.int32(-1))
    np.maximum.accumulate(source, out=source)
    source[source < 0] = seen.argmax()
    return source


def _set_velocity(velocity: np.ndarray, xy: np.ndarray, seen: np.ndarray, source: np.ndarray | None, fps: float) -> None:
    """Write the velocity [2, T] of one filled keypoint [2, T]."""
    velocity[:, 0] = 0
    np.subtract(xy[:, 1:], xy[:, :-1], out=velocity[:, 1:])
    velocity *= np.float32(fps)
    if source is not None:
        back = np.flatnonzero(seen[1:] & ~seen[:-1])  # in the frame after these the point is seen again
        velocity[:, back + 1] /= np.maximum(back + 1 - source[back], 1).astype(np.float32)
        velocity[:, 0] += xy[:, 0] * 0  # NaN, not 0, for a keypoint that is never seen


def _nullable(values: np.ndarray) -> pa.Array:
    """Return a column with null in place of NaN: SQL averages skip null, but one NaN makes them NaN."""
    flat = values.reshape(-1)
    unknown = np.isnan(flat)
    return pa.array(flat, mask=unknown) if unknown.any() else pa.array(flat)
