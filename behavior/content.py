"""Which recordings show the same video: under two ids, cut differently, or annotated by two annotators.

Training recordings and scored recordings must not share a video, even under different ids. Two recordings have the same content if

- their poses are equal, or
- they share marks: short stretches of motion, compared by content; mouse numbers, arena center and first frame may differ, or
- their label timelines are equal: the same mice, behaviors and frames in three bouts or more.

If in doubt, each rule keeps recordings together: this costs little, but a video on both sides would make scores too good.

Axes: K bodyparts, T frames; 2 coordinates.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from behavior.curation import CuratedTracking
from behavior.skeleton import IGNORED, canonical

_POSITION_CM = 0.01
_STEP_CM = 0.047
"""Not a round number: trackers give whole or half pixels, and few of them should lie on a border between two grid cells."""
_MARK_FRAMES = 32
_MARK_EVERY = 32
"""About one stretch in so many becomes a mark, chosen by its content."""
_LEAST_MARKS = 3
_LEAST_SHARE = 0.05
_LEAST_BOUTS = 3
_UNKNOWN = 2.0**30
"""In place of a position that is not known."""
_DIGITS = 32
"""Of a digest, in hexadecimal."""
_CROWD = 20
"""A mark that more recordings have is a habit of a tracker, not content of a video."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Content:
    """Digests by which recordings of the same content are recognized."""

    video_id: int
    """Its id, which says nothing about its content."""
    pose: str
    """Digest of all positions on a grid of 0.1 mm."""
    marks: np.ndarray
    """Digests of stretches of motion, ascending: [marks] uint64."""
    timeline: str | None
    """Digest of its bouts; None for fewer than three."""
    bouts: str
    """Digest of its bouts, of any number."""
    mice: tuple[int, ...] = ()
    """Tracked mice."""
    frames: int = 0
    """Its length, in its own frames."""


def content_of(video_id: int, curated: CuratedTracking, bouts: pa.Table | None) -> Content:
    """Return the content of one recording; `bouts`, rows of `ANNOTATIONS_ENRICHED`, may be of other recordings too."""
    rows = _timeline(video_id, bouts) if bouts else []
    bouts_digest = _digest(repr([tuple(map(str, row)) for row in rows]).encode())
    timeline = bouts_digest if len(rows) >= _LEAST_BOUTS else None
    return Content(video_id, _pose_digest(curated), _marks(curated), timeline, bouts_digest, curated.mice, curated.frames)


def _timeline(video_id: int, bouts: pa.Table) -> list[tuple[object, ...]]:
    """Return the bouts of a recording that have a length, sorted."""
    own = bouts.filter((pc.field("video_id") == video_id) & (pc.field("stop_frame") > pc.field("start_frame")))
    columns = (own.column(name).to_pylist() for name in ("agent_id", "target_id", "action", "start_frame", "stop_frame"))
    return sorted(zip(*columns, strict=True))


def content_groups(contents: Sequence[Content]) -> dict[int, int]:
    """Return for every video the smallest id among the recordings of its content; a video without a match is its own group."""
    group = {content.video_id: content.video_id for content in contents}

    def smallest(video: int) -> int:
        while group[video] != video:
            group[video] = group[group[video]]  # long chains grow shorter each time they are gone along
            video = group[video]
        return video

    for one, other in _same(contents):
        first, second = sorted((smallest(one), smallest(other)))
        group[second] = first
    return {video: smallest(video) for video in group}


def together(groups: dict[int, int]) -> list[list[int]]:
    """Return the groups of two and more videos, ids ascending."""
    members: dict[int, list[int]] = defaultdict(list)
    for video, group in sorted(groups.items()):
        members[group].append(video)
    return [videos for _, videos in sorted(members.items()) if len(videos) > 1]


def _same(contents: Sequence[Content]) -> Iterable[tuple[int, int]]:
    by_digest: dict[tuple[str, str], list[int]] = defaultdict(list)
    for content in contents:
        by_digest["pose", content.pose].append(content.video_id)
        if content.timeline is not None:
            by_digest["timeline", content.timeline].append(content.video_id)
    for videos in by_digest.values():
        yield from ((videos[0], other) for other in videos[1:])
    yield from _sharing_marks(contents)


def _sharing_marks(contents: Sequence[Content]) -> Iterable[tuple[int, int]]:
    """Yield pairs of recordings that share enough marks. All marks are sorted first, so that not every pair is compared.

    Axes: N marks of all recordings, G marks that equally many recordings have.
    """
    amount = np.array([len(content.marks) for content in contents], np.int64)
    mark = np.concatenate([np.empty(0, np.uint64), *(content.marks for content in contents)])
    order = np.argsort(mark, kind="stable")
    owner = np.repeat(np.arange(len(contents)), amount)[order]  # [N], ascending among equal marks
    mark = mark[order]
    first = np.flatnonzero(np.append(True, mark[1:] != mark[:-1])[: len(mark)])
    owners = np.diff(np.append(first, len(mark)))
    twos = [np.empty(0, np.int64)]
    for size in range(2, _CROWD + 1):
        shared = owner[first[owners == size][:, None] + np.arange(size)]  # [G, size]
        one, other = np.triu_indices(size, 1)
        twos.append((shared[:, one] * len(contents) + shared[:, other]).ravel())
    two, count = np.unique(np.concatenate(twos), return_counts=True)
    one, other = np.divmod(two, max(len(contents), 1))
    enough = count >= np.maximum(_LEAST_MARKS, _LEAST_SHARE * np.minimum(amount[one], amount[other]))
    yield from ((contents[a].video_id, contents[b].video_id) for a, b in zip(one[enough].tolist(), other[enough].tolist(), strict=True))


def _pose_digest(curated: CuratedTracking) -> str:
    cells = curated.xy / np.float32(_POSITION_CM)
    np.rint(cells, out=cells)
    cells[np.isnan(cells)] = _UNKNOWN
    total = hashlib.sha256(repr((curated.mice, curated.bodyparts, cells.shape)).encode())
    total.update(cells.astype(np.int32).data)
    return total.hexdigest()[:_DIGITS]


def _marks(curated: CuratedTracking) -> np.ndarray:
    """Return digests of stretches of motion of single mice, those that `_MARK_EVERY` divides: [marks] uint64, ascending.

    A digest depends on the steps from frame to frame only, so the origin has no effect. Stretches in which the mouse moves in fewer
    than half of the frames are left out: those of different videos look alike.
    """
    parts = [row for row, part in enumerate(curated.bodyparts) if part not in IGNORED]
    if curated.frames <= _MARK_FRAMES or not parts:
        return np.empty(0, np.uint64)
    marks = []
    for mouse in range(len(curated.mice)):
        stretch, moving = _motion(curated, mouse, parts)
        moves = np.concatenate([[0], np.cumsum(moving)])
        frames = 1  # `stretch` holds, for each frame, the digest of so many frames from it on
        while frames < _MARK_FRAMES:
            stretch = stretch[:-frames] * np.uint64(pow(int(_MULTIPLIER), frames, 1 << 64)) + stretch[frames:]
            frames *= 2
        stretch = (stretch ^ (stretch >> np.uint64(29))) * _MULTIPLIER
        stretch ^= stretch >> np.uint64(32)
        busy = moves[_MARK_FRAMES:] - moves[:-_MARK_FRAMES] >= _MARK_FRAMES // 2
        marks.append(stretch[busy & (stretch % np.uint64(_MARK_EVERY) == 0)])
    return np.unique(np.concatenate(marks))


def _motion(curated: CuratedTracking, mouse: int, parts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return for each step of a mouse from frame to frame its digest, [T - 1] uint64, and whether it moves, [T - 1] bool.

    One keypoint after the other: what is in the processor's cache is several times faster than arrays of all keypoints.
    """
    digest, moving = np.zeros(curated.frames - 1, np.uint64), np.zeros(curated.frames - 1, bool)
    for row in parts:
        for axis, name in enumerate("xy"):
            places = curated.xy[axis, mouse, row]
            steps = np.rint((places[1:] - places[:-1]) / np.float32(_STEP_CM))
            steps[np.isnan(steps)] = 0
            moving |= steps != 0
            digest += steps.astype(np.int64).view(np.uint64) * np.uint64(_number(f"{canonical(curated.bodyparts[row])} {name}"))
    return digest, moving


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "little") | 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]
