"""Who is scored in a film, and for what: a film has one subject, which names no mouse.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from behavior.bouts import bout_table, labels_of_bouts, runs
from behavior.contract import ContractError
from behavior.labelling import Subject, Truth
from behavior.pain import PAIN_BEHAVIORS
from behavior.recording import Recording


@dataclass(frozen=True)
class FilmLabelling:
    """Behaviors that exclude each other in a film, which is the one subject of a recording."""

    behaviors: tuple[str, ...] = PAIN_BEHAVIORS
    """Names along axis C."""
    background: str = ""
    """None: rest has bouts too."""

    @classmethod
    def of_actions(cls, actions: Iterable[str]) -> Self:
        """Return the labelling for the actions that occur, the known ones first. Raises ContractError if none does."""
        distinct = set(actions)
        if not distinct:
            raise ContractError(["Expected bouts in the training films, but got none. Annotate some."])
        return cls(tuple(name for name in PAIN_BEHAVIORS if name in distinct) + tuple(sorted(distinct.difference(PAIN_BEHAVIORS))))

    def over(self, behaviors: tuple[str, ...]) -> Self:
        """Return the same for some of the behaviors."""
        return replace(self, behaviors=behaviors)

    def subjects(self, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
        """Return the film; in a recording without labels, all behaviors are scored."""
        annotated = {triple.behavior for triple in recording.annotated} or set(self.behaviors)
        names = frozenset(annotated.intersection(self.behaviors))
        return (Subject(annotated=names),) if names else ()

    def truth(self, recording: Recording, subject: Subject, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> Truth:
        """Return the behavior of each frame, none where it is unknown, and its runs as bouts that name no mouse."""
        own = bouts[bouts["video_id"] == recording.video_id]
        labels = labels_of_bouts(own, self.behaviors, frames) & subject.mask(self.behaviors)
        rows = [
            (recording.video_id, subject.agent, subject.target, name, start, stop)
            for column, name in enumerate(self.behaviors)
            for start, stop in zip(*runs(labels[:, column]), strict=True)
        ]
        return Truth(labels, np.asarray(labels.any(axis=1)), bout_table(sorted(rows, key=lambda row: row[4])))
