"""One group of behaviors per frame of a whole recording, for all mice together: background, social, mating or aggressive.

How frames are labelled. A group was annotated in a recording if one of its triples was, for tracked mice; the group then means these
triples only. A group that was not annotated is unknown in that recording: predicting it is neither right nor wrong. A frame has the
group of the bout that covers it; of several groups, the later one in `GROUP_NAMES`, which is rarer. A frame without a bout is
background. A frame is unknown if only bouts of behaviors outside the ethogram, or of mice that are not tracked, cover it. A recording
in which no group was annotated has no labels.

Axes: T frames, G groups.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from behavior.bouts import bout_table, labels_of_bouts, runs
from behavior.contract import ContractError
from behavior.ethogram import BACKGROUND, BEHAVIORS, GROUPS
from behavior.labelling import Subject, Truth
from behavior.recording import Recording

GROUP_NAMES = (BACKGROUND, *dict.fromkeys(GROUPS.values()))
"""Names along axis G, the background first."""

_GROUP_OF = {behavior: GROUPS.get(behavior, BACKGROUND) for behavior in BEHAVIORS}
_NUMBER = {behavior: GROUP_NAMES.index(group) for behavior, group in _GROUP_OF.items()}
UNKNOWN = "unknown"
"""The group of a bout of a behavior outside the ethogram, or of mice that are not tracked."""


@dataclass(frozen=True)
class GroupLabelling:
    """Groups of behaviors in a whole arena, which is the one subject of a recording."""

    behaviors: tuple[str, ...] = GROUP_NAMES
    """Names along axis G."""
    background: str = BACKGROUND
    """The name for no group."""

    @classmethod
    def of_actions(cls, actions: Iterable[str]) -> Self:
        """Return the labelling. Raises ContractError if none of the actions belongs to a group."""
        distinct = set(actions)
        if not distinct & set(GROUPS):
            got = f"only {', '.join(sorted(distinct))}" if distinct else "none at all"
            groups = ", ".join(GROUP_NAMES[1:])
            raise ContractError([f"Expected {groups} bouts in the training recordings, but got {got}. Use another recipe."])
        return cls()

    def over(self, behaviors: tuple[str, ...]) -> Self:
        """Return the same for some of the groups."""
        return replace(self, behaviors=behaviors)

    def subjects(self, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
        """Return the arena, if any group was annotated in it; in a recording without labels, all groups are scored."""
        annotated = annotated_groups(recording, mice) if recording.annotated else np.ones(len(GROUP_NAMES), bool)
        names = frozenset(name for name, group in zip(GROUP_NAMES, annotated.tolist(), strict=True) if group)
        return (Subject(annotated=names),) if names else ()

    def truth(self, recording: Recording, subject: Subject, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> Truth:
        """Return the group of each frame (columns for all groups, even after `over`), and its runs as bouts that name no mouse."""
        labels = group_labels(recording, mice, frames, bouts)
        of_groups = [
            (recording.video_id, subject.agent, subject.target, name, start, stop)
            for group, name in enumerate(GROUP_NAMES)
            if name != BACKGROUND
            for start, stop in zip(*runs(labels[:, group]), strict=True)
        ]
        return Truth(labels, np.asarray(labels.any(axis=1)), bout_table(of_groups))


def annotated_groups(recording: Recording, mice: Sequence[int]) -> np.ndarray:
    """Return [G] bool: annotated groups, and the background if there is any. `mice` are the tracked ones."""
    annotated = np.zeros(len(GROUP_NAMES), bool)
    for triple in recording.annotated:
        if _NUMBER.get(triple.behavior) and {triple.agent, triple.target} <= {*mice}:
            annotated[[0, _NUMBER[triple.behavior]]] = True
    return annotated


def group_labels(recording: Recording, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> np.ndarray:
    """Return [T, G] bool on the recording's own frames: the group of each frame, none on unknown frames.

    `bouts` (video_id, agent_id, target_id, action, start_frame, stop_frame) are of annotated triples and may hold other recordings too.
    """
    own = bouts[bouts["video_id"] == recording.video_id]
    tracked = own["agent_id"].isin(mice) & own["target_id"].isin(mice)
    group = own["action"].map(_GROUP_OF).where(tracked, UNKNOWN).fillna(UNKNOWN)
    by_group = labels_of_bouts(own.assign(action=group), (*GROUP_NAMES, UNKNOWN), frames)
    unknown, covered = by_group[:, -1], by_group[:, :-1]
    covered[:, 0] = True  # background, unless another group covers the frame
    last = len(GROUP_NAMES) - 1 - covered[:, ::-1].argmax(axis=1)
    labels = last[:, None] == np.arange(len(GROUP_NAMES))
    labels[unknown & (last == 0)] = False
    return labels & annotated_groups(recording, mice)
