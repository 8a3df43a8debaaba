"""What every family of recognizers is: what it sees (View), how it answers (Head), and the one protocol that all others know.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from behavior.bouts import DURATIONS, Criteria, DecodeSettings, ScoreRows, decode
from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.recording import Recording

Pair = tuple[int, int]
"""(agent, target); target == agent for a mouse annotated by itself."""
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
    """Per behavior: the calibrated score from which a frame counts as active, 0 to 1."""
    occurring: Mapping[str, frozenset[str]]
    """Per lab that training knew: behaviors with at least one bout there. Predicting another one only adds a class of F1 0."""
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length, all in seconds, for all behaviors or for each."""
    lab_thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By lab and behavior: thresholds in place of the behavior's own, where a lab is known."""
    weights: tuple[float, ...] = ()
    """Per behavior, above 0: worth of its margin over the threshold where several pass (`behavior.bouts.choose`); () for equal ones."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Per behavior: slope and offset on the logit of its smoothed score; () leaves scores as they are."""

    def allowed(self, behaviors: tuple[str, ...], recording: Recording, pair: Pair) -> np.ndarray:
        """Return [C] bool: annotated in this pair and, where training knew the lab, ever seen in it."""
        annotated = set(recording.behaviors_of(*pair))
        known = self.occurring.get(recording.lab_id)
        possible = annotated if known is None else annotated & known
        return np.array([behavior in possible for behavior in behaviors], bool)

    def criteria(self, behaviors: tuple[str, ...], lab: str) -> Criteria:
        """Return what scores must pass in a lab; in an unknown one each behavior's own threshold."""
        own = self.lab_thresholds.get(lab, {})
        thresholds = [own.get(behavior, threshold) for behavior, threshold in zip(behaviors, self.thresholds, strict=True)]
        weights, calibration = (np.array(values) if values else None for values in (self.weights, self.calibration))
        return Criteria(np.array(thresholds), weights, calibration)

    def bouts(self, behaviors: tuple[str, ...], recording: Recording, pair: Pair, scores: ScoreRows) -> list[Bout]:
        """Return the bouts of one pair from its scores [T, C] on the recording's own frames: only annotated ones, none overlapping."""
        allowed, criteria = self.allowed(behaviors, recording, pair), self.criteria(behaviors, recording.lab_id)
        found = decode(scores, recording.fps, allowed, self.settings, criteria)
        return [(recording.video_id, *pair, behaviors[number], start, stop) for number, start, stop in found]

    def over(self, behaviors: tuple[str, ...], wanted: tuple[str, ...]) -> "Decoding":
        """Return the same for some of its behaviors, in the order `wanted`. Raises ContractError for one it does not know."""
        if unknown := sorted(set(wanted) - set(behaviors)):
            got = f"{', '.join(unknown)}, on which it was not fitted"
            raise ContractError([f"Expected a decoding of {', '.join(behaviors)}, but got asked for {got}. Fit it on data that hold them."])
        places = [behaviors.index(behavior) for behavior in wanted]

        def picked(values: Any) -> Any:
            return tuple(values[place] for place in places) if isinstance(values, tuple) and values else values

        durations = {name: picked(getattr(self.settings, name)) for name in DURATIONS}
        return Decoding(
            thresholds=picked(self.thresholds),
            occurring={lab: known.intersection(wanted) for lab, known in self.occurring.items()},
            settings=replace(self.settings, **durations),
            lab_thresholds={lab: {name: own[name] for name in wanted if name in own} for lab, own in self.lab_thresholds.items()},
            weights=picked(self.weights),
            calibration=picked(self.calibration),
        )

    def to_json_dict(self) -> dict[str, Any]:
        """Return what `from_json_dict` reads."""
        return {
            "thresholds": list(self.thresholds),
            "occurring": {lab: sorted(behaviors) for lab, behaviors in sorted(self.occurring.items())},
            "settings": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self.settings).items()},
            "lab_thresholds": {lab: dict(sorted(own.items())) for lab, own in sorted(self.lab_thresholds.items())},
            "weights": list(self.weights),
            "calibration": [list(line) for line in self.calibration],
        }

    @classmethod
    def from_json_dict(cls, value: Mapping[str, Any]) -> "Decoding":
        """Read what `to_json_dict` wrote. What it does not tell was not fitted."""
        settings: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in value["settings"].items()}
        return cls(
            thresholds=tuple(value["thresholds"]),
            occurring={lab: frozenset(behaviors) for lab, behaviors in value["occurring"].items()},
            settings=DecodeSettings(**settings),
            lab_thresholds={lab: dict(own) for lab, own in value.get("lab_thresholds", {}).items()},
            weights=tuple(value.get("weights", ())),
            calibration=tuple((slope, offset) for slope, offset in value.get("calibration", ())),
        )


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


def annotated_pairs(curated: Curated, recording: Recording) -> tuple[Pair, ...]:
    """Return the annotated pairs whose mice tracking holds, in the order of `recording.pairs`."""
    return tuple(pair for pair in recording.pairs if set(pair) <= set(curated.mice))
