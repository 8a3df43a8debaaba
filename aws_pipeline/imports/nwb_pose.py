"""Read poses of NWB files (ndx-pose): each PoseEstimation is one animal, each of its series one bodypart."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from aws_pipeline.imports.foreign_pose import ForeignPose, unreadable

_WHAT = "an NWB file with ndx-pose"
_PER_CM = {"cm": 1.0, "centimeters": 1.0, "mm": 10.0, "millimeters": 10.0, "m": 0.01, "meters": 0.01}
"""Units of series that are no pixels, as units per cm."""


def read_nwb_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read a file. Raises ContractError for one without poses, in 3-D, or that pynwb cannot read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about cached namespaces, which a person cannot mend
        try:
            import ndx_pose  # noqa: F401  (registers its types)
            import pynwb

            with pynwb.NWBHDF5IO(str(path), "r") as io:
                content = io.read()
                found = [one for one in content.objects.values() if type(one).__name__ == "PoseEstimation"]
                return [_pose(path, where, found)]
        except (ValueError, TypeError, KeyError, OSError, AttributeError, RuntimeError) as error:
            if isinstance(error, ValueError) and hasattr(error, "faults"):
                raise
            raise unreadable(where, _WHAT, f"one that pynwb cannot read: {str(error).partition('. ')[0]}") from None


def _pose(path: Path, where: str, found: list[Any]) -> ForeignPose:
    if not found:
        raise unreadable(where, _WHAT, "no PoseEstimation in it")
    series = {one.name: {part.name: part for part in one.pose_estimation_series.values()} for one in found}
    bodyparts = tuple(dict.fromkeys(part for parts in series.values() for part in parts))
    every = [part for parts in series.values() for part in parts.values()]
    if not every:
        raise unreadable(where, _WHAT, "a PoseEstimation without series")
    lengths = {len(one.data) for one in every}
    if len(lengths) > 1:
        raise unreadable(where, "series of equal length", f"lengths {', '.join(map(str, sorted(lengths)))}")
    (length,) = lengths
    dense = np.full((3, len(series), len(bodyparts), length), np.nan, np.float32)
    for animal, parts in enumerate(series.values()):
        for name, one in parts.items():
            data = np.asarray(one.data, np.float64)
            if data.ndim != 2 or data.shape[1] != 2:
                raise unreadable(where, "2-D tracks", f"series {name} of shape {data.shape}", "Import the 2-D tracks of one camera.")
            dense[:2, animal, bodyparts.index(name)] = data.T * one.conversion
            if one.confidence is not None:
                dense[2, animal, bodyparts.index(name)] = np.asarray(one.confidence)
    fps, notes = _clock(every[0])
    units = {str(one.unit).lower() for one in every}
    scale = _PER_CM.get(units.pop()) if len(units) == 1 else None
    xy = dense[:2]
    xy[:, np.isnan(xy).any(axis=0)] = np.nan
    tracker = " ".join(filter(None, (str(found[0].source_software or "NWB"), str(found[0].source_software_version or ""))))
    likelihood = None if np.isnan(dense[2]).all() else dense[2]
    frames = np.arange(length, dtype=np.int64)
    names = tuple(series) if len(series) > 1 else ("mouse",)
    return ForeignPose(path.stem, tracker, names, bodyparts, frames, xy, likelihood, fps, _size(found[0]), scale, notes)


def _clock(one: Any) -> tuple[float | None, tuple[str, ...]]:
    """Return the frame rate of a series; None for timestamps that count frames, which some programs write."""
    if one.rate:
        return float(one.rate), ()
    stamps = np.asarray(one.timestamps, np.float64)
    if len(stamps) < 2:
        return None, ()
    if np.array_equal(stamps, np.arange(len(stamps)) + stamps[0]):
        return None, ("Its timestamps count frames, and say nothing about seconds.",)
    steps = np.diff(stamps)
    step = float(np.median(steps))
    rate = (len(stamps) - 1) / (stamps[-1] - stamps[0]) if np.allclose(steps, step, rtol=0.01) else 1 / step
    uneven = int(np.count_nonzero(np.abs(steps - step) > step / 2))
    return float(np.round(rate, 4)), ((f"{uneven} frames do not follow in even time; they are numbered one by one.",) if uneven else ())


def _size(pose: Any) -> tuple[int, int] | None:
    size = None if pose.dimensions is None else np.asarray(pose.dimensions).reshape(-1)
    return (int(size[0]), int(size[1])) if size is not None and len(size) == 2 else None
