"""What recognizers made of recognizers have in common: how members are asked together, opened together and refused.

Axes: T frames, C behaviors of what is made of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import recognizers
from behavior.curation import Curated
from behavior.recording import Recording
from recognizers import checkpoint
from recognizers.recognizer import Decoding, Head, Pair, Recognizer, View, annotated_pairs

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class MadeOfMembers:
    """What is the same in every recognizer made of recognizers."""

    members: tuple[Recognizer, ...]
    """Each names agent and target; in the order in which they were combined."""

    @property
    def view(self) -> View:
        """What the first member sees."""
        return self.members[0].view

    @property
    def head(self) -> Head:
        """How all members answer."""
        return self.members[0].head

    def on(self, device: "torch.device | str", batch: int) -> Self:
        """Return the same with all members on a device, with another batch size."""
        opened: Sequence[Any] = self.members
        return replace(self, members=tuple(member.on(device, batch) for member in opened))

    def told(self, curated: Curated, recording: Recording, behaviors: Sequence[str]) -> Iterator[tuple[Pair, Iterator[np.ndarray]]]:
        """Yield each pair for which any member has an answer, and the scores [T, C] of all members, NaN where one is silent."""
        answers = [Answers(member.scores(curated, recording)) for member in self.members]
        for pair in annotated_pairs(curated, recording):
            given = [own.of(pair) for own in answers]
            if any(scores is not None for scores in given):
                known = zip(given, self.members, strict=True)
                yield pair, (spread(scores, member.behaviors, behaviors, curated.frames) for scores, member in known)

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
    """What one member says, asked for pair by pair, so that no more than one pair of it is held."""

    def __init__(self, scores: Iterator[tuple[Pair, np.ndarray]]) -> None:
        self._scores = scores
        self._next: tuple[Pair, np.ndarray] | None = None

    def of(self, pair: Pair) -> np.ndarray | None:
        """Return the scores [T, its behaviors] of a pair; None if it leaves the pair out. Ask in the order of `recording.pairs`."""
        self._next = self._next or next(self._scores, None)
        if self._next is None or self._next[0] != pair:
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
    if any(member.view is View.ARENA for member in members):
        faults.append("Expected recognizers that say which mouse does what to which, but got one of groups. Leave it out.")
    if len({member.head for member in members}) > 1:
        faults.append("Expected recognizers that answer alike, but got several heads. Combine those of one head.")
    return faults


def opened_members(header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str) -> tuple[Recognizer, ...]:
    """Return the members whose parts lie inside the parts of a recognizer made of them."""
    numbered = enumerate(checkpoint.members_of(header, tensors), start=1)
    return tuple(recognizers.opened(*parts, f"{where}, member {number}") for number, parts in numbered)
