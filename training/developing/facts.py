"""What the recordings to learn from are like: facts on which recipes and sizes depend."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from behavior.recording import Recording
from training.material.curated_zone import CuratedZone
from training.material.exclusive_labels import exclude_each_other
from training.material.fold_plan import FoldPlan


@dataclass(frozen=True)
class Facts:
    """Facts about the recordings of a plan."""

    labs: tuple[str, ...]
    """Their labs."""
    recordings: int
    """Number of recordings."""
    groups: int
    """Number of groups that stay in one fold; intervals are over groups."""
    hours: float
    """Length of all recordings, h."""
    subjects_s: float
    """Length of all annotated subjects, s: a recording with two annotated pairs counts twice."""
    fps: float
    """The highest frame rate, 1/s."""
    bodyparts: int
    """Most bodyparts that a recording tracks."""
    bouts: dict[str, int]
    """Bouts by behavior."""
    shortest_s: float
    """Median length of the bouts of the behavior whose bouts are shortest, s."""
    exclusive: bool
    """Whether behaviors exclude each other."""
    alone: bool
    """Whether every annotated subject is one mouse by itself."""
    one_way: bool
    """Whether no pair of mice is annotated in both directions: then labels may, or may not, say who acts."""


def facts_of(plan: FoldPlan) -> Facts:
    """Return the facts of a plan."""
    seconds = [content.frames / recording.fps for recording, content in zip(plan.recordings, plan.contents, strict=True)]
    subjects_s = sum(own * len(recording.pairs) for own, recording in zip(seconds, plan.recordings, strict=True))
    pairs = [pair for recording in plan.recordings for pair in recording.pairs]
    zone = plan.zone
    assert isinstance(zone, CuratedZone)  # a development is about tracks
    return Facts(
        labs=tuple(sorted({recording.lab_id for recording in plan.recordings})),
        recordings=len(plan.recordings),
        groups=len(set(plan.groups.values())),
        hours=sum(seconds) / 3600,
        subjects_s=subjects_s,
        fps=max(recording.fps for recording in plan.recordings),
        bodyparts=max(map(len, zone.bodyparts(plan.recordings))),
        bouts={str(name): int(count) for name, count in plan.bouts["action"].value_counts().sort_index().items()},
        shortest_s=shortest_s(plan.recordings, plan.bouts),
        exclusive=exclude_each_other(plan.recordings, plan.bouts),
        alone=all(agent == target for agent, target in pairs),
        one_way=any(agent != target for agent, target in pairs) and not any(map(_both_ways, plan.recordings)),
    )


def shortest_s(recordings: Sequence[Recording], bouts: pd.DataFrame) -> float:
    """Return the median length of the bouts of the behavior whose bouts are shortest, s."""
    rates = bouts["video_id"].map({recording.video_id: recording.fps for recording in recordings})
    seconds = (bouts["stop_frame"] - bouts["start_frame"]) / rates
    return float(seconds.groupby(bouts["action"]).median().min())


def _both_ways(recording: Recording) -> bool:
    pairs = set(recording.pairs)
    return any(agent != target and (target, agent) in pairs for agent, target in pairs)
