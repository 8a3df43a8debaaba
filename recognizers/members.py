"""The common part of recognizers that combine others: the scores of all members, and which members do not fit together.

Axes: T frames, C behaviors of the combination.
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
    """The common part of all recognizers that combine others."""

    members: tuple[Recognizer, ...]
    """All have the same view and head; in the order of the combination."""

    @property
    def view(self) -> View:
        """The view of all members."""
        return self.members[0].view

    @property
    def head(self) -> Head:
        """The head of all members."""
        return self.members[0].head

    def on(self, device: str, batch: int) -> Self:
        """Return the same with all members on a device, with another batch size."""
        return replace(self, members=tuple(member.on(device, batch) for member in self.members))

    def mirrored(self) -> Self | None:
        """Return the same with test-time augmentation in all members that have it; None if none has."""
        mirrored = [member.mirrored() for member in self.members]
        if not any(mirrored):
            return None
        return replace(self, members=tuple(new or old for new, old in zip(mirrored, self.members, strict=True)))

    def member_scores(self, material: Material, behaviors: Sequence[str]) -> Iterator[tuple[Subject, Iterator[np.ndarray]]]:
        """Yield each subject for which any member has scores, and the scores [T, C] of all members, NaN where a member has none."""
        frames = material.tracking.frames
        answers = [Answers(whole_scores(member, material)) for member in self.members]
        for subject in tracked_subjects(LABELLINGS[self.view](tuple(behaviors)), material.recording, material.tracking.mice):
            of_members = [own.of(subject) for own in answers]
            if any(scores is not None for scores in of_members):
                pairs = zip(of_members, self.members, strict=True)
                yield subject, (spread(scores, member.behaviors, behaviors, frames) for scores, member in pairs)

    def header(self, family: str, network: Mapping[str, Any], behaviors: Sequence[str], decoding: Decoding) -> dict[str, Any]:
        """Return its part of the header of a checkpoint, without members and provenance."""
        return {
            "family": family,
            "view": self.view,
            "head": self.head,
            "network": network,
            "behaviors": list(behaviors),
            "decoding": decoding.to_json_dict(),
        }


class Answers:
    """The scores of one member, subject by subject, so that only one of them is in memory."""

    def __init__(self, scores: Iterator[tuple[Subject, np.ndarray]]) -> None:
        self._scores = scores
        self._next: tuple[Subject, np.ndarray] | None = None

    def of(self, subject: Subject) -> np.ndarray | None:
        """Return the scores [T, member's behaviors] of a subject; None if it has none. Call it in the order of the labelling."""
        self._next = self._next or next(self._scores, None)
        if self._next is None or self._next[0] != subject:
            return None
        scores, self._next = self._next[1], None
        return scores


def spread(scores: np.ndarray | None, known: Sequence[str], behaviors: Sequence[str], frames: int) -> np.ndarray:
    """Return scores [T, known] of one member as [T, C] float32 in the order of `behaviors`; NaN for all others."""
    wide = np.full((frames, len(behaviors)), np.nan, np.float32)
    if scores is not None:
        wide[:, [behaviors.index(behavior) for behavior in known]] = scores
    return wide


def member_faults(members: Sequence[Recognizer], otherwise: str, least: int = 2) -> list[str]:
    """Return why recognizers cannot be combined."""
    faults = []
    if len(members) < least:
        faults.append(f"Expected two or more recognizers, but got {len(members)}. {otherwise}.")
    for what, kinds in (("views", {member.view for member in members}), ("heads", {member.head for member in members})):
        if len(kinds) > 1:
            faults.append(
                f"Expected recognizers of one kind, but got the {what} {', '.join(sorted(kinds))}. Combine recognizers of one kind."
            )
    return faults
