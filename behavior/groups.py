"""One group of behaviors per frame of a whole recording, whoever does it to whom: background, social, mating or aggressive.

The rule of the labels. A group was annotated in a recording if any triple of it was, for mice that tracking holds; what the group
means there is what these triples say. A group nobody annotated is unknown: it is no answer at all in that recording, neither right nor
wrong. A frame has the group of any bout that covers it; of several groups the later one in `GROUP_NAMES`, which is rarer. A frame without
a bout is background, among the groups that were annotated. A frame is unknown where nothing of the above is told, but a bout of
a behavior outside the ethogram, or of mice that tracking lacks. A recording in which no group was annotated says nothing.

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
"""Stands for the group of a bout that nobody can tell: of a behavior outside the ethogram, or of mice that tracking lacks."""


@dataclass(frozen=True)
class GroupLabelling:
    """Groups of behaviors in a whole arena, which is the one subject of a recording."""

    behaviors: tuple[str, ...] = GROUP_NAMES
    """Names along axis G."""
    background: str = BACKGROUND
    """No group at all."""

    @classmethod
    def of_actions(cls, actions: Iterable[str]) -> Self:
        """Return the labelling. Raises ContractError if none of the actions belongs to a group."""
        given = set(actions)
        if not given & set(GROUPS):
            got = f"only {', '.join(sorted(given))}" if given else "none at all"
            wanted = ", ".join(GROUP_NAMES[1:])
            raise ContractError([f"Expected {wanted} bouts in the training recordings, but got {got}. Use another recipe."])
        return cls()

    def over(self, behaviors: tuple[str, ...]) -> Self:
        """Return the same for some of the groups."""
        return replace(self, behaviors=behaviors)

    def subjects(self, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
        """Return the arena if any group was annotated in it; a recording without labels is asked for all groups."""
        annotated = annotated_groups(recording, mice) if recording.annotated else np.ones(len(GROUP_NAMES), bool)
        names = frozenset(name for name, group in zip(GROUP_NAMES, annotated.tolist(), strict=True) if group)
        return (Subject(annotated=names),) if names else ()

    def truth(self, recording: Recording, subject: Subject, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> Truth:
        """Return the group of each frame, and its runs as bouts of nobody in particular."""
        labels = group_labels(recording, mice, frames, bouts)
        of_groups = [
            (recording.video_id, subject.agent, subject.target, name, start, stop)
            for group, name in enumerate(GROUP_NAMES)
            if name != BACKGROUND
            for start, stop in zip(*runs(labels[:, group]), strict=True)
        ]
        return Truth(labels, np.asarray(labels.any(axis=1)), bout_table(of_groups))


def annotated_groups(recording: Recording, mice: Sequence[int]) -> np.ndarray:
    """Return [G] bool: groups somebody annotated, the background if any. `mice` are those that tracking holds."""
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
    told = labels_of_bouts(own.assign(action=group), (*GROUP_NAMES, UNKNOWN), frames)
    unknown, told = told[:, -1], told[:, :-1]
    told[:, 0] = True  # what no other group claims
    last = len(GROUP_NAMES) - 1 - told[:, ::-1].argmax(axis=1)
    labels = last[:, None] == np.arange(len(GROUP_NAMES))
    labels[unknown & (last == 0)] = False
    return labels & annotated_groups(recording, mice)
