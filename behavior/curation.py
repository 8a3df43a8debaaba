"""Curation: pixels to centimeters, centered, lost points filled and marked, velocity. The one function Spark maps and serving calls.

Axes: I mice, K bodyparts, T frames; 2 coordinates (x, y).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from behavior.contract import ContractError
from behavior.recording import Recording
from behavior.tables import NAME, TRACKING_CURATED
from behavior.tracking import Pose, to_pose

WRITE_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["split", "video_id", "mouse_id", "bodypart"],
    "column_encoding": {"video_frame": "DELTA_BINARY_PACKED"},
    "write_page_checksum": True,  # a flipped byte inside a page passes every reader unless pages carry a checksum
    "write_statistics": ["video_id", "mouse_id", "video_frame"],  # of text they cost more than the text itself, and prune nothing here
}
"""How curated tracking is written: measured fastest for sorted dense rows (docs/decisions/0004)."""


@dataclass(frozen=True)
class Curated:
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


def curate(rows: pa.Table, recording: Recording) -> Curated:
    """Turn the raw tracking rows of one recording into curated pose and velocity.

    A lost point stands at its last seen place (before the first sight: at the first seen place) with velocity 0. Where a point
    comes back, its velocity is the mean over the gap, so a gap is never a spike. Raises ContractError as `to_pose` does.
    """
    raw = to_pose(rows, where=f"lab {recording.lab_id}, video {recording.video_id}, tracking")
    center = np.array(recording.center_px, np.float32).reshape(2, 1, 1, 1)
    xy = raw.xy - center
    xy /= np.float32(recording.pix_per_cm)
    source = None if raw.seen.all() else _source_frames(raw.seen)
    if source is not None:
        _fill(xy, raw.seen, source)
    return Curated(Pose(raw.mice, raw.bodyparts, xy, raw.seen), _velocity(xy, raw.seen, source, recording.fps))


def to_table(curated: Curated, recording: Recording, split: str) -> pa.Table:
    """Return curated rows in the schema of `TRACKING_CURATED`, sorted by mouse, bodypart, frame."""
    mice, bodyparts, frames = curated.seen.shape
    n_rows = curated.seen.size
    names = np.tile(np.repeat(np.arange(bodyparts, dtype=np.int32), frames), mice)
    columns = {
        "split": pa.DictionaryArray.from_arrays(np.zeros(n_rows, np.int32), [split]),
        "video_id": np.full(n_rows, recording.video_id, np.int64),
        "mouse_id": np.repeat(np.array(curated.mice, np.int8), bodyparts * frames),
        "bodypart": pa.DictionaryArray.from_arrays(names, list(curated.bodyparts)),
        "video_frame": np.tile(np.arange(frames, dtype=np.int32), mice * bodyparts),
        "x_cm": _nullable(curated.xy[0]),
        "y_cm": _nullable(curated.xy[1]),
        "vx_cm_per_s": _nullable(curated.velocity[0]),
        "vy_cm_per_s": _nullable(curated.velocity[1]),
        "seen": curated.seen.reshape(-1),
    }
    return pa.table(columns, schema=TRACKING_CURATED.schema)


def from_table(rows: pa.Table) -> Curated:
    """Return what `to_table` was given, by reshaping. Raises ContractError for rows that are not one whole sorted recording."""
    mice = np.unique(rows.column("mouse_id").to_numpy())
    part = rows.column("bodypart")
    part = (part if part.type == NAME else part.dictionary_encode()).unify_dictionaries().combine_chunks()
    bodyparts = tuple(sorted(part.dictionary.to_pylist()))
    frame = rows.column("video_frame").to_numpy()
    shape = (len(mice), len(bodyparts), len(rows) // (len(mice) * len(bodyparts)) if len(rows) else 0)
    if not len(rows) or not np.array_equal(frame, np.tile(np.arange(shape[2], dtype=frame.dtype), shape[0] * shape[1])):
        raise ContractError(["Expected the sorted curated rows of one recording, but got others. Run the ETL job again."])
    xy, velocity = (
        np.stack([rows.column(name).to_numpy() for name in names]).astype(np.float32, copy=False).reshape(2, *shape)
        for names in (("x_cm", "y_cm"), ("vx_cm_per_s", "vy_cm_per_s"))
    )
    seen = rows.column("seen").to_numpy().astype(bool, copy=False).reshape(shape)
    return Curated(Pose(tuple(int(number) for number in mice), bodyparts, xy, seen), velocity)


def _source_frames(seen: np.ndarray) -> np.ndarray:
    """Return for every point the frame its place is taken from: its last sight, before the first sight that one. [I, K, T] int32."""
    frames = np.arange(seen.shape[-1], dtype=np.int32)
    source = np.where(seen, frames, np.int32(-1))
    np.maximum.accumulate(source, axis=-1, out=source)
    first = seen.argmax(axis=-1)[..., None].astype(np.int32)
    return np.where(source < 0, first, source)


def _fill(xy: np.ndarray, seen: np.ndarray, source: np.ndarray) -> None:
    """Put every lost point where its source frame has it. Only lost points are touched: they are few."""
    lost = np.flatnonzero(~seen)
    origin = lost + (source.reshape(-1)[lost] - lost % seen.shape[-1])
    for coordinate in xy.reshape(2, -1):
        coordinate[lost] = coordinate[origin]


def _velocity(xy: np.ndarray, seen: np.ndarray, source: np.ndarray | None, fps: float) -> np.ndarray:
    velocity = np.empty_like(xy)
    velocity[..., 0] = 0
    np.subtract(xy[..., 1:], xy[..., :-1], out=velocity[..., 1:])
    velocity *= np.float32(fps)
    if source is not None:
        back = np.nonzero(seen[..., 1:] & ~seen[..., :-1])  # in the frame after these the point is seen again
        elapsed = np.maximum(back[-1] + 1 - source[back], 1).astype(np.float32)
        velocity[:, back[0], back[1], back[2] + 1] /= elapsed
        velocity[..., 0] += xy[..., 0] * 0  # NaN, not 0, for a keypoint that is never seen
    return velocity


def _nullable(values: np.ndarray) -> pa.Array:
    """Return a column in which NaN is null: SQL averages skip null, and NaN poisons them."""
    flat = values.reshape(-1)
    unknown = np.isnan(flat)
    return pa.array(flat, mask=unknown) if unknown.any() else pa.array(flat)
