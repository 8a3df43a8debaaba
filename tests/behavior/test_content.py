"""Content: the same video is known under another id, another center, other mouse numbers, a cut start; other videos are not."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from behavior.content import Content, content_groups, content_of, together
from behavior.curation import CuratedTracking, curate
from behavior.recording import recordings_from_rows
from behavior.simulated.recordings import PROFILES, simulate
from behavior.tracking import Pose

COLUMNS = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]


def wandering(seed: int, frames: int = 2000, still: int = 0) -> CuratedTracking:
    """Two mice with a nose and a tail wander about 3 mm a frame, each point by itself; the first frames they stand still."""
    steps = np.random.default_rng(seed).normal(0, 0.3, (2, 2, 2, frames)).astype(np.float32)
    steps[..., :still] = 0
    xy = np.cumsum(steps, axis=-1)
    return CuratedTracking(Pose((1, 2), ("nose", "tail_base"), xy, np.ones(xy.shape[1:], bool)), np.zeros_like(xy))


def changed(
    curated: CuratedTracking, xy: np.ndarray, mice: tuple[int, ...] = (1, 2), parts: tuple[str, ...] = ("nose", "tail_base")
) -> CuratedTracking:
    return CuratedTracking(Pose(mice, parts, xy, np.ones(xy.shape[1:], bool)), np.zeros_like(xy))


def bouts(rows: list[tuple[object, ...]]) -> pa.Table:
    return pa.table(dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)))


def groups_of(*recordings: CuratedTracking) -> dict[int, int]:
    return content_groups([content_of(number, curated, None) for number, curated in enumerate(recordings, start=1)])


def test_other_videos_are_not_the_same() -> None:
    assert groups_of(wandering(1), wandering(2), wandering(3)) == {1: 1, 2: 2, 3: 3}


def test_the_same_tracks_under_another_id_are_one_video() -> None:
    assert groups_of(wandering(1), wandering(2), wandering(1)) == {1: 1, 2: 2, 3: 1}


@pytest.mark.parametrize(
    "disguise",
    [
        lambda xy: xy + np.array([7.3, -2.1], np.float32).reshape(2, 1, 1, 1),
        lambda xy: xy[:, ::-1],
        lambda xy: xy[..., 137:],
        lambda xy: xy[..., :-500],
        lambda xy: xy + np.random.default_rng(9).normal(0, 1e-5, xy.shape).astype(np.float32),
    ],
    ids=["another center", "mice numbered the other way", "a cut start", "a cut end", "rounded otherwise"],
)
def test_a_disguise_does_not_hide_a_video(disguise) -> None:
    video = wandering(1)
    disguised = changed(video, np.ascontiguousarray(disguise(video.xy)))
    assert groups_of(video, wandering(2), disguised) == {1: 1, 2: 2, 3: 1}


def test_an_alias_of_a_bodypart_does_not_hide_a_video() -> None:
    video = wandering(1)
    one = changed(video, video.xy, parts=("hip_left", "nose"))
    other = changed(video, np.ascontiguousarray(video.xy[:, :, ::-1]), parts=("nose", "lateral_left"))
    assert groups_of(one, other) == {1: 1, 2: 1}


def test_mice_that_stand_still_are_no_evidence() -> None:
    one, other = wandering(1, frames=1900, still=1900), wandering(2, frames=2000, still=2000)
    assert groups_of(one, other) == {1: 1, 2: 2}


def test_a_short_shared_moment_is_enough_only_if_it_is_a_share_of_the_video() -> None:
    video, other = wandering(1, frames=20_000), wandering(2, frames=20_000)
    steps = np.diff(other.xy, axis=-1, prepend=0)
    steps[..., 5000:5200] = np.diff(video.xy, axis=-1, prepend=0)[..., 5000:5200]  # 10 s in common: 1 %
    assert groups_of(video, changed(other, np.cumsum(steps, axis=-1, dtype=np.float32))) == {1: 1, 2: 2}
    steps[..., 5000:9000] = np.diff(video.xy, axis=-1, prepend=0)[..., 5000:9000]  # 20 %
    assert groups_of(video, changed(other, np.cumsum(steps, axis=-1, dtype=np.float32))) == {1: 1, 2: 1}


def test_equal_label_timelines_are_one_video() -> None:
    rows = [(1, 2, "attack", 10, 20), (1, 2, "sniff", 30, 44), (2, 1, "sniff", 50, 57)]
    orders = {1: rows, 2: rows[::-1], 3: rows[1:] + rows[:1]}
    rows = [(video, *row) for video, order in orders.items() for row in order]
    assert content_groups([content_of(video, wandering(video), bouts(rows)) for video in (1, 2, 3)]) == {1: 1, 2: 1, 3: 1}
    moved = [(*row[:-1], row[-1] + (row[0] == 2)) for row in rows]
    assert content_groups([content_of(video, wandering(video), bouts(moved)) for video in (1, 2, 3)]) == {1: 1, 2: 2, 3: 1}


def test_one_bout_over_the_whole_video_is_no_timeline() -> None:
    whole = bouts([(video, 1, 2, "shepherd", 0, 900) for video in (1, 2)])
    assert content_groups([content_of(video, wandering(video), whole) for video in (1, 2)]) == {1: 1, 2: 2}


def test_likeness_goes_from_one_to_the_next() -> None:
    """1 is like 2 by its pose, 2 is like 3 by its timeline: all three stay together."""
    contents = [
        Content(5, "a", np.empty(0, np.uint64), None, ""),
        Content(2, "a", np.empty(0, np.uint64), "t", ""),
        Content(9, "b", np.empty(0, np.uint64), "t", ""),
        Content(4, "c", np.empty(0, np.uint64), None, ""),
    ]
    assert content_groups(contents) == {5: 2, 2: 2, 9: 2, 4: 4}
    assert together(content_groups(contents)) == [[2, 5, 9]]


def simulated(lab: str, video: int) -> Content:
    made = simulate(PROFILES[lab], video, video, seconds=20)
    (recording,) = recordings_from_rows([made.metadata])
    annotation = made.annotation.append_column("video_id", pa.array([video] * len(made.annotation)))
    return content_of(video, curate(made.tracking, recording), annotation)


def test_simulated_recordings_are_all_different() -> None:
    contents = [simulated(lab, video) for video, lab in enumerate(["CalMS21_task2"] * 4 + ["JovialSwallow"] * 2, start=101)]
    assert together(content_groups(contents)) == []
    assert min(len(content.marks) for content in contents) > 2
    twin = replace(contents[3], video_id=999, pose="", timeline=None)  # known by its marks alone
    assert together(content_groups([*contents, twin])) == [[104, 999]]
