"""The protocol of all recognizers, with their view (what they see), their head (kind of scores) and their decoding.

Axes: T frames, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from behavior.bouts import DURATIONS, Criteria, DecodeSettings, ScoreRows, decode_scored
from behavior.contract import ContractError
from behavior.film_labelling import FilmLabelling
from behavior.groups import GroupLabelling
from behavior.labelling import Labelling, PairLabelling, Subject
from behavior.material import Material
from behavior.recording import Recording

if TYPE_CHECKING:
    from torch import Tensor

BoutRow = tuple[int, int | None, int | None, str, int, int]
"""One bout, in the order of `behavior.bouts.BOUT_COLUMNS`: video_id, agent_id, target_id, action, start_frame, stop_frame."""
ScoredBoutRow = tuple[int, int | None, int | None, str, int, int, float, float]
"""The same with its confidence and threshold, in the order of `behavior.bouts.SCORED_COLUMNS`."""


Parts = tuple[dict[str, Any], dict[str, "Tensor"]]
"""The header and the tensors of one checkpoint."""


class View(StrEnum):
    """What a family sees."""

    PAIR = "pair"
    """Agent, target and their relation, frame by frame."""
    ARENA = "arena"
    """All mice of the arena in one vector per frame."""
    CLIP = "clip"
    """A few frames of video."""


class Head(StrEnum):
    """What kind of scores a family gives."""

    MULTILABEL = "multilabel"
    """One probability per behavior; several may occur at once."""
    EXCLUSIVE = "exclusive"
    """Probabilities of classes that exclude each other; their sum is 1."""


@dataclass(frozen=True)
class Decoding:
    """Everything that turns the scores of a recognizer into bouts; it is fitted in training and stored with the recognizer."""

    thresholds: tuple[float, ...]
    """Per behavior: lowest calibrated score, 0 to 1, at which the behavior is predicted."""
    occurring: Mapping[str, frozenset[str]]
    """Per lab of the training recordings: behaviors with at least one bout there. Predicting another one only adds a class with F1 0."""
    settings: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length, all in seconds, for all behaviors or for each."""
    lab_thresholds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By lab and behavior: thresholds that replace `thresholds` in that lab."""
    weights: tuple[float, ...] = ()
    """Per behavior, above 0: weight of its margin over the threshold (`behavior.bouts.choose`); () for equal weights."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Per behavior: slope and offset on the logit of its smoothed score; () changes no score."""

    def allowed(self, behaviors: tuple[str, ...], lab: str, subject: Subject) -> np.ndarray:
        """Return [C] bool: behaviors annotated for this subject that occur in the lab, if the lab has training recordings."""
        known = self.occurring.get(lab)
        return subject.mask(behaviors) & (True if known is None else np.isin(behaviors, sorted(known)))

    def criteria(self, behaviors: tuple[str, ...], lab: str) -> Criteria:
        """Return the criteria of a lab; in an unknown lab, the general threshold of each behavior."""
        own = self.lab_thresholds.get(lab, {})
        thresholds = [own.get(behavior, threshold) for behavior, threshold in zip(behaviors, self.thresholds, strict=True)]
        weights, calibration = (np.array(values) if values else None for values in (self.weights, self.calibration))
        return Criteria(np.array(thresholds), weights, calibration)

    def bouts(self, labelling: Labelling, recording: Recording, subject: Subject, scores: ScoreRows) -> list[BoutRow]:
        """Return the bouts of one subject from its scores [T, C] on the recording's own frames: annotated behaviors only, without overlaps.

        If the labelling has a background, thresholds are for the difference to its score.
        """
        return [bout[:6] for bout in self.scored_bouts(labelling, recording, subject, scores)]

    def scored_bouts(self, labelling: Labelling, recording: Recording, subject: Subject, scores: ScoreRows) -> list[ScoredBoutRow]:
        """Return the same bouts with confidence (`behavior.bouts.decode_scored`) and the threshold that it had to reach.

        If the labelling has a background, both are differences to its score.
        """
        behaviors, lab = labelling.behaviors, recording.lab_id
        allowed, criteria = self.predictable(labelling, recording, subject), self.criteria(behaviors, lab)
        if labelling.background:
            scores = AboveBackground(scores, behaviors.index(labelling.background))
        decoded = decode_scored(scores, recording.fps, allowed, self.settings, criteria)
        who = recording.video_id, subject.agent, subject.target
        least = criteria.thresholds.tolist()
        return [(*who, behaviors[number], start, stop, score, least[number]) for number, start, stop, score in decoded]

    def predictable(self, labelling: Labelling, recording: Recording, subject: Subject) -> np.ndarray:
        """Return [C] bool: the behaviors of which this subject can get bouts."""
        allowed = self.allowed(labelling.behaviors, recording.lab_id, subject)
        return allowed & (np.array(labelling.behaviors) != labelling.background)

    def over(self, behaviors: tuple[str, ...], chosen: tuple[str, ...]) -> "Decoding":
        """Return the same for some of its behaviors, in the order of `chosen`. Raises ContractError for any other behavior."""
        if unknown := sorted(set(chosen) - set(behaviors)):
            got = f"one without {', '.join(unknown)}"
            raise ContractError([f"Expected a decoding of {', '.join(chosen)}, but got {got}. Fit it on data with these behaviors."])
        places = [behaviors.index(behavior) for behavior in chosen]

        def picked(values: Any) -> Any:
            return tuple(values[place] for place in places) if isinstance(values, tuple) and values else values

        durations = {name: picked(getattr(self.settings, name)) for name in DURATIONS}
        return Decoding(
            thresholds=picked(self.thresholds),
            occurring={lab: known.intersection(chosen) for lab, known in self.occurring.items()},
            settings=replace(self.settings, **durations),
            lab_thresholds={lab: {name: own[name] for name in chosen if name in own} for lab, own in self.lab_thresholds.items()},
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
        """Read what `to_json_dict` wrote. Missing values were not fitted."""
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
    """Scores [T, C] float32, 0 to 1, of one subject on the recording's own frames; they are computed while they are read in order."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T and C."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, key: tuple[slice, np.ndarray], /) -> np.ndarray: ...
    def whole(self) -> np.ndarray:
        """Return all scores [T, C] at once."""
        ...


class Recognizer(Protocol):
    """Anything that scores the subjects of a recording: a network, trees, or a combination of recognizers."""

    @property
    def view(self) -> View:
        """What it sees."""
        ...

    @property
    def head(self) -> Head:
        """What kind of scores it gives."""
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
        """Yield each tracked subject, in the order of the view's labelling, with its scores.

        Read the scores of one subject before the next subject, so that a long recording is never in memory as a whole.
        """
        ...

    def on(self, device: str, batch: int) -> "Recognizer":
        """Return the same on a device and with another batch size, if it has a device and batches."""
        ...

    def mirrored(self) -> "Recognizer | None":
        """Return the same with test-time augmentation: mean scores of a recording and its mirror image; None if that changes nothing."""
        ...


class TrainedRecognizer(Recognizer, Protocol):
    """The result of a training session."""

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        ...


LABELLINGS: dict[View, type[PairLabelling] | type[GroupLabelling] | type[FilmLabelling]] = {
    View.PAIR: PairLabelling,
    View.ARENA: GroupLabelling,
    View.CLIP: FilmLabelling,
}
"""By view: which subjects its recognizers score."""


def labelling_of(recognizer: Recognizer) -> Labelling:
    """Return which subjects a recognizer scores, and for which behaviors."""
    return LABELLINGS[recognizer.view](recognizer.behaviors)


def whole_scores(recognizer: Recognizer, material: Material) -> Iterator[tuple[Subject, np.ndarray]]:
    """Yield each subject with all its scores [T, C]."""
    return ((subject, scores.whole()) for subject, scores in recognizer.scores(material))


@dataclass(frozen=True)
class AboveBackground:
    """`ScoreRows`: the differences between scores and the score of the background."""

    scores: ScoreRows
    """[T, C], with the background."""
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
