"""What every family of recognizers is: what it sees (View), how it answers (Head), and the one protocol that all others know.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from behavior.bouts import DURATIONS, Criteria, DecodeSettings, ScoreRows, decode
from behavior.contract import ContractError
from behavior.groups import GroupLabelling
from behavior.labelling import Labelling, PairLabelling, Subject
from behavior.material import Material
from behavior.recording import Recording

if TYPE_CHECKING:
    from torch import Tensor

Bout = tuple[int, int | None, int | None, str, int, int]
"""A row in the order of `behavior.bouts.BOUT_COLUMNS`: video_id, agent_id, target_id, action, start_frame, stop_frame."""


Parts = tuple[dict[str, Any], dict[str, "Tensor"]]
"""The header and the tensors of one checkpoint."""


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

    def allowed(self, behaviors: tuple[str, ...], lab: str, subject: Subject) -> np.ndarray:
        """Return [C] bool: annotated in this subject and, where training knew the lab, ever seen in it."""
        known = self.occurring.get(lab)
        return subject.mask(behaviors) & (True if known is None else np.isin(behaviors, sorted(known)))

    def criteria(self, behaviors: tuple[str, ...], lab: str) -> Criteria:
        """Return what scores must pass in a lab; in an unknown one each behavior's own threshold."""
        own = self.lab_thresholds.get(lab, {})
        thresholds = [own.get(behavior, threshold) for behavior, threshold in zip(behaviors, self.thresholds, strict=True)]
        weights, calibration = (np.array(values) if values else None for values in (self.weights, self.calibration))
        return Criteria(np.array(thresholds), weights, calibration)

    def bouts(self, labelling: Labelling, recording: Recording, subject: Subject, scores: ScoreRows) -> list[Bout]:
        """Return the bouts of one subject from its scores [T, C] on the recording's own frames: only annotated ones, none overlapping.

        Where the labelling has a background, thresholds are for what a score has more than the background's.
        """
        behaviors, lab = labelling.behaviors, recording.lab_id
        allowed = self.allowed(behaviors, lab, subject)
        if labelling.background:
            place = behaviors.index(labelling.background)
            allowed[place], scores = False, AboveBackground(scores, place)
        decoded = decode(scores, recording.fps, allowed, self.settings, self.criteria(behaviors, lab))
        return [(recording.video_id, subject.agent, subject.target, behaviors[number], start, stop) for number, start, stop in decoded]

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


class Scores(Protocol):
    """Scores [T, C] float32, 0 to 1, of one subject on the recording's own frames, made while they are read from front to back."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T and C."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, key: tuple[slice, np.ndarray], /) -> np.ndarray: ...
    def whole(self) -> np.ndarray:
        """Return all of them [T, C], read at once."""
        ...


class Recognizer(Protocol):
    """Anything that scores the subjects of a recording: a network, trees, or recognizers made of recognizers."""

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

    def scores(self, material: Material) -> Iterator[tuple[Subject, Scores]]:
        """Yield each subject that tracking holds, in the order of the view's labelling, with its scores.

        Read the scores of one subject before the next is asked for: so a long recording is never held whole.
        """
        ...

    def on(self, device: str, batch: int) -> "Recognizer":
        """Return the same on a device, with another number of windows per pass, where it knows of either."""
        ...

    def mirrored(self) -> "Recognizer | None":
        """Return the same with scores averaged over each recording and its mirror image; None if that changes nothing."""
        ...


class TaughtRecognizer(Recognizer, Protocol):
    """What a training session ends with."""

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        ...


LABELLINGS: dict[View, type[PairLabelling] | type[GroupLabelling]] = {View.PAIR: PairLabelling, View.ARENA: GroupLabelling}
"""By view: whom its recognizers are asked about."""


def labelling_of(recognizer: Recognizer) -> Labelling:
    """Return whom a recognizer is asked about."""
    return LABELLINGS[recognizer.view](recognizer.behaviors)


def whole_scores(recognizer: Recognizer, material: Material) -> Iterator[tuple[Subject, np.ndarray]]:
    """Yield each subject with all its scores [T, C]."""
    return ((subject, scores.whole()) for subject, scores in recognizer.scores(material))


@dataclass(frozen=True)
class AboveBackground:
    """`ScoreRows`: what scores have more than the score of the background."""

    scores: ScoreRows
    """[T, C], the background's among them."""
    background: int
    """Its column."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T and C."""
        return self.scores.shape

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, key: tuple[slice, np.ndarray]) -> np.ndarray:
        rows, columns = key
        both = self.scores[rows, np.append(columns, self.background)]
        return both[:, :-1] - both[:, -1:]
