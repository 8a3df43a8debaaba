"""Read SLEAP's projects (slp) and its analysis files (h5, in both orders of axes)."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from aws_pipeline.imports.foreign_pose import ForeignPose, unreadable

_ENDINGS = re.compile(r"(\.(predictions|analysis|cleaned|proofread|pkg|tracked|slp|h5|hdf5|mp4|avi|mov|mkv|m4v|mpg|mpeg))+$", re.IGNORECASE)
_ORDER = ("track", "xy", "node", "frame")
"""SLEAP's own order of axes; files in another order name their axes."""
_UNTRACKED = "mouse"


def read_slp_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read a project, one recording for each of its films. Where a person corrected an instance, the correction counts.

    Raises ContractError for several animals without tracks: nobody knows which is which.
    """
    import sleap_io

    try:
        labels = sleap_io.load_slp(str(path), open_videos=False)
    except Exception as error:  # h5py, json and sleap-io each have their own for a broken file
        raise unreadable(where, "a project of SLEAP", f"one that sleap-io cannot read: {error}") from None
    poses = []
    for video in labels.videos:
        frames = sorted({one.frame_idx for one in labels.labeled_frames if one.video is video})
        if frames or len(labels.videos) == 1:
            poses.append(_project_pose(path, where, labels, video, frames))
    if not poses:
        raise unreadable(where, "labeled frames in a project of SLEAP", "none")
    return poses


def read_analysis_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read an analysis file. Raises ContractError for one whose axes do not fit its names."""
    import h5py

    with h5py.File(path) as file:
        nodes, tracks = _names(file["node_names"]), _names(file["track_names"]) if "track_names" in file else []
        if file["tracks"].ndim != len(_ORDER):
            raise unreadable(where, "tracks with 4 axes", f"{file['tracks'].ndim}")
        xy = _ordered(file["tracks"], _ORDER)
        scores = _ordered(file["point_scores"], ("track", "node", "frame")) if "point_scores" in file else None
        metadata = json.loads(_text(file["video_backend_metadata"][()])) if "video_backend_metadata" in file else {}
    names = tuple(tracks) or (_UNTRACKED,) * xy.shape[0]
    if xy.shape[:3] != (len(names), 2, len(nodes)):
        raise unreadable(where, f"tracks of {len(names)} animals with {len(nodes)} nodes", f"axes of {xy.shape}")
    xy = xy.transpose(1, 0, 2, 3).astype(np.float32)
    fps, size = _film_facts(metadata)
    frames = np.arange(xy.shape[-1], dtype=np.int64)
    likelihood = None if scores is None else scores.astype(np.float32)
    return [ForeignPose(_name(path), "SLEAP", names, tuple(nodes), frames, _complete(xy), likelihood, fps, size)]


def _project_pose(path: Path, where: str, labels: Any, video: Any, frames: list[int]) -> ForeignPose:
    tracked = {one.track.name for frame in labels.labeled_frames if frame.video is video for one in frame.instances if one.track}
    crowd = max((len(one.instances) for one in labels.labeled_frames if one.video is video), default=0)
    if not tracked and crowd > 1:
        message = f"instances without tracks, up to {crowd} in a frame"
        raise unreadable(where, "one track for each animal", message, "Track the instances in SLEAP, then import again.")
    nodes = tuple(labels.skeleton.node_names) if labels.skeletons else ()
    first, last = (frames[0], frames[-1] + 1) if frames else (0, 0)
    numbers = np.arange(first, last, dtype=np.int64)
    if frames:
        dense = labels.numpy(video=video, untracked=not tracked, return_confidence=True)[first:last]  # [T, I, K, 3] from frame 0 on
    else:
        dense = np.empty((0, 0, len(nodes), 3))
    dense = np.ascontiguousarray(dense.transpose(3, 1, 2, 0), np.float32)
    names = tuple(track.name for track in labels.tracks) if tracked else (_UNTRACKED,) * dense.shape[1]
    seen = [number for number, name in enumerate(names) if not tracked or name in tracked]  # tracks of this film
    fps, size = _film_facts(video.backend_metadata)
    names = tuple(names[number] for number in seen)
    name = _name(path, str(video.filename) if len(labels.videos) > 1 else "")
    return ForeignPose(name, "SLEAP", names, nodes, numbers, _complete(dense[:2, seen]), dense[2, seen], fps, size)


def _ordered(data: Any, order: tuple[str, ...]) -> np.ndarray:
    """Return a dataset of an analysis file with its axes in this order."""
    named = json.loads(_text(data.attrs["dims"])) if "dims" in data.attrs else list(order)
    return np.asarray(data).transpose([named.index(axis) for axis in order])


def _complete(xy: np.ndarray) -> np.ndarray:
    xy[:, np.isnan(xy).any(axis=0)] = np.nan
    return xy


def _film_facts(metadata: dict[str, Any]) -> tuple[float | None, tuple[int, int] | None]:
    """Return frame rate, and width and height of the film, as far as SLEAP noted them."""
    shape, fps = metadata.get("shape"), metadata.get("fps")
    return (float(fps) if fps else None), ((int(shape[2]), int(shape[1])) if shape and len(shape) >= 3 and shape[1] else None)


def _name(path: Path, film: str = "") -> str:
    """Return the name of a recording: that of its film if the file holds several, else that of the file."""
    return _ENDINGS.sub("", re.split(r"[/\\]", film)[-1] if film else path.name)


def _names(data: Any) -> list[str]:
    return [_text(name) for name in data[()]]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
