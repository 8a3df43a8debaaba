"""The subjects of a recording, the behaviors annotated for each of them, and the true labels of each frame.

A recording without a list of annotated behaviors is new: a recognizer looks for all that it knows. Training never opens such a recording.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np
import pandas as pd

from behavior.bouts import labels_of_bouts
from behavior.contract import ContractError
from behavior.ethogram import PAIR_BEHAVIORS, SELF_BEHAVIORS, ethogram
from behavior.recording import Recording


@dataclass(frozen=True)
class Subject:
    """What scores are about: an agent and its target (the agent itself for a mouse by itself), or a whole arena, which names no mouse."""

    agent: int | None = None
    """Mouse that acts."""
    target: int | None = None
    """Mouse acted upon."""
    annotated: frozenset[str] = field(default=frozenset(), compare=False)
    """Behaviors that experts annotated for it; all others are unknown."""

    @property
    def mice(self) -> frozenset[int]:
        """The mice that it names."""
        return frozenset(mouse for mouse in (self.agent, self.target) if mouse is not None)

    def mask(self, behaviors: Sequence[str]) -> np.ndarray:
        """Return which behaviors were annotated: [C] bool."""
        return np.array([behavior in self.annotated for behavior in behaviors], bool)


@dataclass(frozen=True)
class Truth:
    """The annotation of one subject, as labels and as bouts."""

    labels: np.ndarray
    """[T, C] bool."""
    known: np.ndarray
    """[T] bool: frames with a known label."""
    bouts: pd.DataFrame
    """Columns `behavior.bouts.BOUT_COLUMNS`; agent and target as the subject has them."""


class Labelling(Protocol):
    """Which subjects the recognizers of one view score, and what is true of them."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        ...

    @property
    def background(self) -> str:
        """The behavior that means that no other occurs, which makes no bouts; "" if there is none."""
        ...

    @classmethod
    def of_actions(cls, actions: Iterable[str]) -> Self:
        """Return the labelling for bouts of these actions. Raises ContractError if none of them is in it."""
        ...

    def over(self, behaviors: tuple[str, ...]) -> Self:
        """Return the same for some of the behaviors."""
        ...

    def subjects(self, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
        """Return the subjects of a recording, in a fixed order; some may not be tracked. `mice` are the tracked ones."""
        ...

    def truth(self, recording: Recording, subject: Subject, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> Truth:
        """Return the truth on the recording's own frames. `bouts` may hold other recordings, subjects and behaviors too."""
        ...


@dataclass(frozen=True)
class PairLabelling:
    """Behaviors of one mouse toward another, or by itself: every annotated (agent, target) pair is a subject."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    background: str = ""
    """None: each behavior is scored by itself."""

    @classmethod
    def of_actions(cls, actions: Iterable[str]) -> Self:
        """Return the labelling for all actions that occur. Raises ContractError if none does."""
        behaviors = ethogram(actions)
        if not behaviors:
            raise ContractError(["Expected bouts in the training recordings, but got none. Annotate some, or correct behaviors_labeled."])
        return cls(behaviors)

    def over(self, behaviors: tuple[str, ...]) -> Self:
        """Return the same for some of the behaviors."""
        return replace(self, behaviors=behaviors)

    def subjects(self, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
        """Return all annotated pairs, in the order of `recording.pairs`, tracked or not; without a list, all that `mice` can do.

        Then behaviors of a mouse by itself are looked for in each mouse and those toward another in each pair, a lab's own in both.
        """
        if not recording.annotated:
            alone, paired = (frozenset(self.behaviors).difference(others) for others in (PAIR_BEHAVIORS, SELF_BEHAVIORS))
            every = (Subject(agent, target, alone if agent == target else paired) for agent in sorted(mice) for target in sorted(mice))
            return tuple(subject for subject in every if subject.annotated)
        return tuple(Subject(*pair, frozenset(recording.behaviors_of(*pair))) for pair in recording.pairs)

    def truth(self, recording: Recording, subject: Subject, mice: Sequence[int], frames: int, bouts: pd.DataFrame) -> Truth:
        """Return the bouts of the pair; every frame is known."""
        of_pair = (bouts["agent_id"] == subject.agent) & (bouts["target_id"] == subject.target)
        own = bouts[(bouts["video_id"] == recording.video_id) & of_pair]
        return Truth(labels_of_bouts(own, self.behaviors, frames), np.ones(frames, bool), own)


def tracked_subjects(labelling: Labelling, recording: Recording, mice: Sequence[int]) -> tuple[Subject, ...]:
    """Return the subjects whose mice are all tracked. `mice` are the tracked ones."""
    return tuple(subject for subject in labelling.subjects(recording, mice) if subject.mice <= set(mice))


def among_annotated(scores: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Return scores [..., C] of classes that exclude each other: annotated ones [C], at least one, sum to 1; the others are 0."""
    known = np.where(
        annotated, np.maximum(scores, np.finfo(np.float32).tiny), 0
    )  # never all 0, even if a class without annotation has score 1
    return (known / known.sum(axis=-1, keepdims=True)).astype(scores.dtype, copy=False)
