"""What every family of recognizers is: what it sees (View), how it answers (Head), and the one protocol that all others know.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from behavior.bouts import DecodeSettings, decode
from behavior.curation import Curated
from behavior.recording import Recording

Pair = tuple[int, int]
"""(agent, target); target == agent for a mouse watched by itself."""
Bout = tuple[int, int, int, str, int, int]
"""A row in the order of `behavior.bouts.BOUT_COLUMNS`: video_id, agent_id, target_id, action, start_frame, stop_frame."""


class View(StrEnum):
    """What a family sees."""

    PAIR = "pair"
    """Agent, target and what lies between them, frame by frame."""
    ARENA = "arena"
    """All mice of the arena in one vector per frame."""
    CLIP = "clip"
    """A few frames of video."""


class Head(StrEnum):
    """How a family answers."""

    MULTILABEL = "multilabel"
    """One probability per behavior, each by itself."""
    EXCLUSIVE = "exclusive"
    """Probabilities of classes that exclude each other, summing to one."""


@dataclass(frozen=True)
class Decoding:
    """What turns a recognizer's scores into bouts; fitted in training and kept with the recognizer."""

    thresholds: tuple[float, ...]
    """Per behavior: the score from which a frame counts as active, 0 to 1."""
    occurring: Mapping[str, frozenset[str]]
    """Per lab that training knew: behaviors with at least one bout there. Predicting another one only adds a class of F1 0."""
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length, all in seconds."""

    def allowed(self, behaviors: tuple[str, ...], recording: Recording, pair: Pair) -> np.ndarray:
        """Return [C] bool: watched for in this pair and, where training knew the lab, ever seen in it."""
        watched = set(recording.behaviors_of(*pair))
        known = self.occurring.get(recording.lab_id)
        possible = watched if known is None else watched & known
        return np.array([behavior in possible for behavior in behaviors], bool)

    def bouts(self, behaviors: tuple[str, ...], recording: Recording, pair: Pair, scores: np.ndarray) -> list[Bout]:
        """Return the bouts of one pair from its scores [T, C] on the recording's own frames: only watched ones, none overlapping."""
        allowed = self.allowed(behaviors, recording, pair)
        found = decode(scores, recording.fps, allowed, self.settings, np.array(self.thresholds))
        return [(recording.video_id, *pair, behaviors[number], start, stop) for number, start, stop in found]

    def to_json_dict(self) -> dict[str, Any]:
        """Return what `from_json_dict` reads."""
        return {
            "thresholds": list(self.thresholds),
            "occurring": {lab: sorted(behaviors) for lab, behaviors in sorted(self.occurring.items())},
            "settings": asdict(self.settings),
        }

    @classmethod
    def from_json_dict(cls, value: Mapping[str, Any]) -> "Decoding":
        """Read what `to_json_dict` wrote."""
        occurring = {lab: frozenset(behaviors) for lab, behaviors in value["occurring"].items()}
        return cls(tuple(value["thresholds"]), occurring, DecodeSettings(**value["settings"]))


class Recognizer(Protocol):
    """Anything that scores a curated recording: a network, trees, or recognizers made of recognizers."""

    @property
    def view(self) -> View:
        """What it sees."""
        ...

    @property
    def head(self) -> Head:
        """How it answers."""
        ...

    @property
    def behaviors(self) -> tuple[str, ...]:
        """The names along axis C."""
        ...

    @property
    def decoding(self) -> Decoding:
        """How its scores become bouts."""
        ...

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, scores [T, C] float32, 0 to 1) on the recording's own frames.

        In the order of `recording.pairs`, one pair at a time, so that a long recording never holds the scores of all pairs.
        Pairs with a mouse that tracking does not hold are left out.
        """
        ...


def watched_pairs(curated: Curated, recording: Recording) -> tuple[Pair, ...]:
    """Return the watched pairs whose mice tracking holds, in the order of `recording.pairs`."""
    return tuple(pair for pair in recording.pairs if set(pair) <= set(curated.mice))
