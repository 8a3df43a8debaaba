"""What recognizers made of recognizers have in common: how members are asked together, and refused.

Axes: T frames, C behaviors of what is made of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from behavior.labelling import Subject, tracked_subjects
from behavior.material import Material
from recognizers.recognizer import LABELLINGS, Decoding, Head, Recognizer, View, whole_scores


@dataclass(frozen=True)
class MadeOfMembers:
    """What is the same in every recognizer made of recognizers."""

    members: tuple[Recognizer, ...]
    """All of one view and head; in the order in which they were combined."""

    @property
    def view(self) -> View:
        """What all members see."""
        return self.members[0].view

    @property
    def head(self) -> Head:
        """How all members answer."""
        return self.members[0].head

    def on(self, device: str, batch: int) -> Self:
        """Return the same with all members on a device, with another batch size."""
        return replace(self, members=tuple(member.on(device, batch) for member in self.members))

    def mirrored(self) -> Self | None:
        """Return the same with every member that can average over mirror images doing so; None if none can."""
        mirrored = [member.mirrored() for member in self.members]
        if not any(mirrored):
            return None
        return replace(self, members=tuple(new or old for new, old in zip(mirrored, self.members, strict=True)))

    def member_scores(self, material: Material, behaviors: Sequence[str]) -> Iterator[tuple[Subject, Iterator[np.ndarray]]]:
        """Yield each subject for which any member has scores, and those [T, C] of all members, NaN where one says nothing."""
        frames = material.tracking.frames
        answers = [Answers(whole_scores(member, material)) for member in self.members]
        for subject in tracked_subjects(LABELLINGS[self.view](tuple(behaviors)), material.recording, material.tracking.mice):
            given = [own.of(subject) for own in answers]
            if any(scores is not None for scores in given):
                known = zip(given, self.members, strict=True)
                yield subject, (spread(scores, member.behaviors, behaviors, frames) for scores, member in known)

    def header(self, family: str, network: Mapping[str, Any], behaviors: Sequence[str], decoding: Decoding) -> dict[str, Any]:
        """Return what a checkpoint says of it, beside its members and where it comes from."""
        return {
            "family": family,
            "view": self.view,
            "head": self.head,
            "network": network,
            "behaviors": list(behaviors),
            "decoding": decoding.to_json_dict(),
        }


class Answers:
    """The scores of one member, asked for subject by subject, so that no more than one of them is held."""

    def __init__(self, scores: Iterator[tuple[Subject, np.ndarray]]) -> None:
        self._scores = scores
        self._next: tuple[Subject, np.ndarray] | None = None

    def of(self, subject: Subject) -> np.ndarray | None:
        """Return the scores [T, its behaviors] of a subject; None if it leaves it out. Ask in the order of the view's labelling."""
        self._next = self._next or next(self._scores, None)
        if self._next is None or self._next[0] != subject:
            return None
        scores, self._next = self._next[1], None
        return scores


def spread(scores: np.ndarray | None, known: Sequence[str], behaviors: Sequence[str], frames: int) -> np.ndarray:
    """Return scores [T, known] of one member as [T, C] float32 in the order of `behaviors`; NaN where it is silent."""
    wide = np.full((frames, len(behaviors)), np.nan, np.float32)
    if scores is not None:
        wide[:, [behaviors.index(behavior) for behavior in known]] = scores
    return wide


def member_faults(members: Sequence[Recognizer], otherwise: str, least: int = 2) -> list[str]:
    """Say what keeps recognizers from being members of one."""
    faults = []
    if len(members) < least:
        faults.append(f"Expected two or more recognizers, but got {len(members)}. {otherwise}.")
    for what, kinds in (("views", {member.view for member in members}), ("heads", {member.head for member in members})):
        if len(kinds) > 1:
            faults.append(f"Expected recognizers of one kind, but got the {what} {', '.join(sorted(kinds))}. Combine those that are alike.")
    return faults
