"""The mean of several recognizers, itself a recognizer.

Axes: T frames, C behaviors of the ensemble.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from behavior.contract import refuse
from behavior.curation import Curated
from behavior.ethogram import ethogram
from behavior.recording import Recording
from recognizers.recognizer import Decoding, Head, Pair, Recognizer, View


@dataclass(frozen=True)
class Ensemble:
    """Average the scores of members, aligned by behavior name; a behavior is averaged over the members that know it.

    Members may see through different features, rates and windows: they meet on the recording's own frames.
    """

    members: tuple[Recognizer, ...]
    """Two or more."""

    def __post_init__(self) -> None:
        faults = []
        if len(self.members) < 2:
            faults.append(f"Expected two or more recognizers, but got {len(self.members)}. Use the one by itself.")
        if len({member.head for member in self.members}) > 1:
            faults.append("Expected recognizers that answer alike, but got several heads. Average those of one head.")
        if len({member.decoding.settings for member in self.members}) > 1:
            faults.append("Expected recognizers that decode alike, but got several decode settings. Train them with the same settings.")
        refuse(faults)

    @property
    def view(self) -> View:
        """What the first member sees."""
        return self.members[0].view

    @property
    def head(self) -> Head:
        """How all members answer."""
        return self.members[0].head

    @cached_property
    def behaviors(self) -> tuple[str, ...]:
        """All behaviors that any member knows."""
        return ethogram(behavior for member in self.members for behavior in member.behaviors)

    @cached_property
    def decoding(self) -> Decoding:
        """Mean thresholds; a behavior occurs in a lab if any member saw it there."""
        thresholds = np.zeros(len(self.behaviors))
        occurring: dict[str, frozenset[str]] = {}
        for member, places in zip(self.members, self._places, strict=True):
            thresholds[places] += member.decoding.thresholds
            for lab, behaviors in member.decoding.occurring.items():
                occurring[lab] = occurring.get(lab, frozenset()) | behaviors
        mean = thresholds / self._knowing
        return Decoding(tuple(mean.tolist()), occurring, self.members[0].decoding.settings)

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, mean scores [T, C]) as the protocol says."""
        for answers in zip(*(member.scores(curated, recording) for member in self.members), strict=True):
            total = np.zeros((curated.frames, len(self.behaviors)), np.float32)
            for (_, scores), places in zip(answers, self._places, strict=True):
                total[:, places] += scores
            yield answers[0][0], total / self._knowing

    @cached_property
    def _places(self) -> list[np.ndarray]:
        """Per member: where its behaviors stand among those of the ensemble."""
        return [np.array([self.behaviors.index(behavior) for behavior in member.behaviors]) for member in self.members]

    @cached_property
    def _knowing(self) -> np.ndarray:
        """[C] float32: how many members know each behavior."""
        return np.bincount(np.concatenate(self._places), minlength=len(self.behaviors)).astype(np.float32)
