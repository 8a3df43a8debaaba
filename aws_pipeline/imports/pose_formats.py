"""Which program wrote a file of poses, by its content and never by its ending, and its reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_pipeline.imports.calms21_pose import holds_keypoints, read_calms21_pose
from aws_pipeline.imports.deeplabcut_pose import read_csv_pose, read_h5_pose
from aws_pipeline.imports.foreign_pose import ForeignPose, check_pose, damage_is_a_fault, unreadable
from aws_pipeline.imports.jabs_pose import read_jabs_pose
from aws_pipeline.imports.nwb_pose import read_nwb_pose
from aws_pipeline.imports.sleap_pose import read_analysis_pose, read_slp_pose
from behavior.contract import ContractError, Fault, UsageError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_READABLE = "DeepLabCut, Lightning Pose, Anipose 2-D (csv, h5), SLEAP (slp, analysis h5), NWB, JABS (h5), CalMS21 or MARS (json)"
_KINDS = "a file of poses: " + _READABLE


def read_poses(path: Path) -> list[ForeignPose]:
    """Return the recordings of a file, checked. Raises ContractError for a file that cannot be used, UsageError if there is none."""
    if not path.is_file():
        raise UsageError(f"Expected a file of poses, but got {path}. Name an existing file.")
    where = path.name
    with damage_is_a_fault(where, "a file of poses"):
        poses = _poses(path, where)
    return [check_pose(pose, where if len(poses) == 1 else f"{where}, {pose.name}") for pose in poses]


def _poses(path: Path, where: str) -> list[ForeignPose]:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise ContractError(Fault("file-unreadable", where, "Expected a file of poses, but got an empty one.", "Copy it again."))
    if head.startswith(_HDF5):
        return _hdf5_reader(path, where)(path, where)
    if head[:1] == b"\x80" or path.suffix in (".pickle", ".pkl"):
        raise unreadable(where, _KINDS, "a pickle, which can run any program", "Export it as csv or h5.")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        return _json_poses(path, where)
    return _text_poses(path, where, head)


def _hdf5_reader(path: Path, where: str) -> Callable[[Path, str], list[ForeignPose]]:
    import h5py

    try:
        with h5py.File(path) as file:
            keys, attributes = set(file), set(file.attrs)
    except OSError as error:
        raise unreadable(where, "an HDF5 file", str(error), "Copy it again.") from None
    if "nwb_version" in attributes:
        return read_nwb_pose
    if "poseest" in keys:
        return read_jabs_pose
    if {"tracks", "node_names"} <= keys:
        return read_analysis_pose
    if {"frames", "instances", "metadata"} <= keys:
        return read_slp_pose
    if "PYTABLES_FORMAT_VERSION" in attributes:
        return read_h5_pose
    raise unreadable(where, _KINDS, f"HDF5 with {', '.join(sorted(keys)[:5]) or 'nothing'}", "Export it from its program.")


def _json_poses(path: Path, where: str) -> list[ForeignPose]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise unreadable(where, "json", str(error), "Copy it again: it may be cut off.") from None
    if not holds_keypoints(content):
        raise unreadable(where, _KINDS, "json without keypoints", "Import annotations with import_annotations.py.")
    return read_calms21_pose(path, content, where)


def _text_poses(path: Path, where: str, head: bytes) -> list[ForeignPose]:
    if b"\0" in head:
        raise unreadable(where, _KINDS, "another binary file", "Name the file with the tracks.")
    first = head.decode("utf-8-sig", errors="replace").splitlines()[0].lower()
    if first.startswith("scorer"):
        return read_csv_pose(path, where)
    if "_x" in first and "_z" in first:
        raise unreadable(where, _KINDS, "3-D tracks", "Import the 2-D tracks of one camera.")
    got = f"a text that begins with {first[:40]!r}"
    raise unreadable(where, _KINDS, got, "Import annotations with import_annotations.py.")
