"""Read JABS pose files (h5, versions 2 to 8). They hold (y, x); everything but the points of mice is left out.

sleap-io reads them too, but neither their scale nor which poses belong to no mouse.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

from aws_pipeline.imports.foreign_pose import ForeignPose, unreadable

_BODYPARTS = tuple(
    "nose left_ear right_ear base_neck left_front_paw right_front_paw center_spine left_rear_paw right_rear_paw "
    "base_tail mid_tail tip_tail".upper().split()
)
"""Names along the axis of points, which files do not hold."""


def read_jabs_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read a file. Raises ContractError for points of another shape."""
    import h5py

    with h5py.File(path) as file:
        group = file["poseest"]
        version = int(np.ravel(group.attrs["version"])[0]) if "version" in group.attrs else 2
        points, sure = group["points"][()], group["confidence"][()].astype(np.float32)
        if points.ndim == 3:  # version 2: one mouse, no axis of instances
            points, sure = points[:, None], sure[:, None]
        if points.ndim != 4 or points.shape[2:] != (len(_BODYPARTS), 2) or sure.shape != points.shape[:3]:
            raise unreadable(where, f"points of shape [frames, mice, {len(_BODYPARTS)}, 2]", f"{points.shape}")
        ids = _ids(group, version, points.shape[:2], where)
        per_pixel = float(group.attrs["cm_per_pixel"]) if "cm_per_pixel" in group.attrs else 0.0
    present = [int(one) for one in np.unique(ids[ids > 0])]
    dense = np.full((3, len(present), len(_BODYPARTS), len(points)), np.nan, np.float32)
    for animal, one in enumerate(present):
        frame, instance = np.nonzero(ids == one)
        dense[:2, animal][:, :, frame] = points[frame, instance][..., ::-1].transpose(2, 1, 0)
        dense[2, animal][:, frame] = sure[frame, instance].T
    dense[:2, ~(dense[2] > 0)] = np.nan  # JABS: a confidence of 0 is a point that was not found
    notes = (f"{len(present)} tracklets are taken for mice: this version does not join them.",) if version == 3 and len(present) > 1 else ()
    name = re.sub(r"_pose_est_v\d+$", "", path.stem)
    names = tuple(str(one - 1) for one in present)  # JABS counts its identities from 0
    frames = np.arange(len(points), dtype=np.int64)
    scale = 1 / per_pixel if per_pixel > 0 else None
    return [ForeignPose(name, f"JABS pose v{version}", names, _BODYPARTS, frames, dense[:2], dense[2], None, None, scale, notes)]


def _ids(group: Any, version: int, shape: tuple[int, int], where: str) -> np.ndarray:
    """Return the number of the mouse of each pose, from 1 on; 0 for no mouse: [frames, instances]."""
    if version == 2:
        return np.ones(shape, np.int64)
    counted = group["instance_count"][()][:, None] > np.arange(shape[1]) if "instance_count" in group else np.ones(shape, bool)
    key = "instance_track_id" if version == 3 else "instance_embed_id"
    if key not in group:
        raise unreadable(where, f"identities ({key}) in a pose file of version {version}", "none")
    ids = group[key][()].astype(np.int64) + (version == 3)  # tracklets count from 0
    if version > 3 and "id_mask" in group:
        counted = counted & ~group["id_mask"][()].astype(bool)
    return np.where(counted, ids, 0)
