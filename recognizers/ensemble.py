"""The weighted mean of several recognizers, itself a recognizer.

Axes: M members, T frames, C behaviors of the ensemble.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from behavior.bouts import DURATIONS, smooth
from behavior.contract import refuse
from behavior.ethogram import ethogram
from behavior.labelling import Subject
from behavior.material import Material
from recognizers import checkpoint
from recognizers.members import MadeOfMembers, member_faults
from recognizers.recognizer import Decoding, Parts, Recognizer
from recognizers.windowed import FlowingScores

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_WEIGHT = 1e-6
"""Used in place of weight 0, so that a member still counts where no other has scores."""


@dataclass(frozen=True)
class WeightedMean:
    """Weights and smoothing of the mean over members."""

    weights: tuple[tuple[float, ...], ...]
    """Per member and behavior, 0 or more: [M][C]. Only ratios matter."""
    smooth_s: tuple[float, ...] = ()
    """Per behavior: width of the centered moving average over the mean, s; () for none."""

    def scores(self, members: Iterable[np.ndarray], fps: float) -> np.ndarray:
        """Return the mean [T, C] float32 of the scores [T, C] of each member; NaN where all members have NaN.

        Members with NaN are left out of the mean. If only members of weight 0 have scores, the mean is their equal mean.
        """
        total, known = np.zeros((2, 1, 1), np.float32)
        for own, weight in zip(members, np.maximum(np.array(self.weights, np.float32), _LEAST_WEIGHT), strict=True):
            has_score = np.isfinite(own)
            total = total + np.where(has_score, own * weight, 0)
            known = known + np.where(has_score, weight, 0)
        mean = np.divide(total, known, out=np.full(np.shape(total), np.nan, np.float32), where=known > 0)
        if not self.smooth_s:
            return mean
        return np.where(np.isnan(mean), mean, smooth(np.nan_to_num(mean), fps, self.smooth_s))


@dataclass(frozen=True)
class Ensemble(MadeOfMembers):
    """The mean of the scores of its members, aligned by behavior name, over the members that have scores for a behavior and a subject.

    Members may use different features, rates and windows: all scores are on the recording's own frames.
    """

    mean: WeightedMean | None = None
    """Over the behaviors of the ensemble; None for equal weights."""
    fitted: Decoding | None = None
    """How its scores become bouts; None for the mean of the decodings of its members."""

    def __post_init__(self) -> None:
        refuse(member_faults(self.members, "Use the one by itself"))
        refuse(mean_faults(self._mean, len(self.members), len(self.behaviors)))

    @cached_property
    def behaviors(self) -> tuple[str, ...]:
        """All behaviors of all members."""
        first = self.members[0].behaviors
        if all(member.behaviors == first for member in self.members):
            return first
        return ethogram(behavior for member in self.members for behavior in member.behaviors)

    @cached_property
    def decoding(self) -> Decoding:
        """The decoding fitted for the ensemble, else the mean of those of its members."""
        return self.fitted or mean_decoding(self.behaviors, [(member.behaviors, member.decoding) for member in self.members])

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield (subject, mean scores [T, C]), as `Recognizer.scores` says."""
        for subject, members in self.member_scores(material, self.behaviors):
            yield subject, FlowingScores.of(np.nan_to_num(self._mean.scores(members, material.recording.fps)))

    def parts_with(self, provenance: Mapping[str, Any], members: Sequence[Parts]) -> Parts:
        """Return header and tensors of a checkpoint that also holds those of its members, in their order."""
        header = {**provenance, **self.header(FAMILY.name, asdict(self._mean), self.behaviors, self.decoding)}
        return checkpoint.with_members(header, {}, members)

    @cached_property
    def _mean(self) -> WeightedMean:
        return self.mean or WeightedMean(((1.0,) * len(self.behaviors),) * len(self.members))


@dataclass(frozen=True)
class EnsembleFamily:
    """Weighted means."""

    name: str = "ensemble"
    """Its name in checkpoints."""

    def open(self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...]) -> Ensemble:
        """Return the ensemble from the parts of a checkpoint, with its members."""
        return Ensemble(members, mean_from_json(header["network"]), Decoding.from_json_dict(header["decoding"]))


FAMILY = EnsembleFamily()


def mean_faults(mean: WeightedMean, members: int, behaviors: int) -> list[str]:
    """Return what is wrong with a mean of so many members and behaviors."""
    weights, faults = np.array(mean.weights), []
    if weights.shape != (members, behaviors) or not (np.isfinite(weights) & (weights >= 0)).all():
        expected = f"{members} x {behaviors} finite weights of 0 or more, one per member and behavior"
        faults.append(f"Expected {expected}, but got {mean.weights}. Fit them anew.")
    if mean.smooth_s and len(mean.smooth_s) != behaviors:
        faults.append(f"Expected {behaviors} widths of smoothing, one per behavior, but got {len(mean.smooth_s)}. Fit them anew.")
    return faults


def mean_from_json(value: Mapping[str, Any]) -> WeightedMean:
    """Return the inverse of `dataclasses.asdict`, from JSON, which has no tuples."""
    return WeightedMean(tuple(map(tuple, value["weights"])), tuple(value["smooth_s"]))


def mean_decoding(behaviors: tuple[str, ...], members: Sequence[tuple[tuple[str, ...], Decoding]]) -> Decoding:
    """Return the mean of decodings, each with its behaviors, for an ensemble without a decoding of its own.

    Each value of a behavior is averaged over the members that have it; a behavior occurs in a lab if it does for any member.
    """
    decodings = [decoding for _, decoding in members]
    places = [[behaviors.index(behavior) for behavior in known] for known, _ in members]

    def mean(values: Iterable[Any]) -> tuple[float, ...]:
        table = np.full((len(members), len(behaviors)), np.nan)
        for row, columns, own in zip(table, places, values, strict=True):
            row[columns] = own
        return tuple(np.nanmean(table, axis=0).tolist())

    settings = decodings[0].settings
    if any(decoding.settings != settings for decoding in decodings):
        durations: dict[str, Any] = {name: mean(getattr(one.settings, name) for one in decodings) for name in DURATIONS}
        settings = replace(settings, **durations)
    named: dict[str, set[str]] = {}
    occurring: dict[str, frozenset[str]] = {}
    for one in decodings:
        for lab, own in one.lab_thresholds.items():
            named.setdefault(lab, set()).update(own)
        for lab, seen in one.occurring.items():
            occurring[lab] = occurring.get(lab, frozenset()) | seen
    of_labs = {lab: mean(one.criteria(known, lab).thresholds for known, one in members) for lab in named}
    lines = [np.array(one.calibration or [(1.0, 0.0)] * len(known)) for known, one in members]
    calibration = tuple(zip(mean(line[:, 0] for line in lines), mean(line[:, 1] for line in lines), strict=True))
    return Decoding(
        thresholds=mean(one.thresholds for one in decodings),
        occurring=occurring,
        settings=settings,
        lab_thresholds={lab: {name: of_labs[lab][behaviors.index(name)] for name in sorted(own)} for lab, own in named.items()},
        weights=mean(one.weights or 1.0 for one in decodings) if any(one.weights for one in decodings) else (),
        calibration=calibration if any(one.calibration for one in decodings) else (),
    )
