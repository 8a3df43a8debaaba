"""Read keypoints of CalMS21 and MARS (json): [frame][mouse][x or y][bodypart], with or without the names of sequences above them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from aws_pipeline.imports.foreign_pose import ForeignPose, unreadable

_BODYPARTS = ("nose", "left_ear", "right_ear", "neck", "left_hip", "right_hip", "tail_base")
"""Names along the axis of points, which files do not hold."""
_MICE = ("resident", "intruder")
"""Names along the axis of mice: in all these data sets the first mouse is the resident."""


def read_calms21_pose(path: Path, content: Any, where: str) -> list[ForeignPose]:
    """Read the parsed content of a file, one recording for each sequence. Raises ContractError for points of another shape."""
    poses = []
    for name, sequence in _sequences(content, path.stem):
        try:
            points = np.asarray(sequence["keypoints"], np.float32)
            sure = np.asarray(sequence["scores"], np.float32) if "scores" in sequence else None
        except ValueError as error:
            raise unreadable(where, f"keypoints of {name} in equal numbers in each frame", str(error)) from None
        if points.size and (points.ndim != 4 or points.shape[1:] != (len(_MICE), 2, len(_BODYPARTS))):
            expected = f"keypoints of {name} as [frames, {len(_MICE)}, 2, {len(_BODYPARTS)}]"
            raise unreadable(where, expected, f"shape {points.shape}")
        points = points.reshape(-1, len(_MICE), 2, len(_BODYPARTS))
        xy = np.ascontiguousarray(points.transpose(2, 1, 3, 0))
        xy[:, np.isnan(xy).any(axis=0)] = np.nan
        likelihood = None
        if sure is not None:
            if sure.size != points.size // 2:
                raise unreadable(where, f"a score for each keypoint of {name}", f"{sure.size} for {points.size // 2}")
            likelihood = np.ascontiguousarray(sure.reshape(-1, len(_MICE), len(_BODYPARTS)).transpose(1, 2, 0))
        frames = np.arange(len(points), dtype=np.int64)
        poses.append(ForeignPose(name, "MARS", _MICE, _BODYPARTS, frames, xy, likelihood))
    return poses


def holds_keypoints(content: Any) -> bool:
    """Return whether parsed json holds such keypoints."""
    return next(_sequences(content, ""), None) is not None


def _sequences(content: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each sequence with its name, such as mouse001_task1_annotator1."""
    if not isinstance(content, dict):
        return
    if "keypoints" in content:
        yield re.split(r"[/\\]", name)[-1], content
        return
    for key, value in content.items():
        yield from _sequences(value, str(key))
