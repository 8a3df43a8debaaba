"""Learn how to combine recognizers from their out-of-fold scores, each fold from the scores of the others only.

Axes: M members, T frames, N chosen frames, C behaviors, F inputs, S smoothing widths.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from recognizers.boosted_trees import BoostedTrees, TreesConfig, thin_mask
from recognizers.ensemble import WeightedMean
from recognizers.recognizer import Head, View
from recognizers.stack_inputs import ScoresAround, StackInputs
from recognizers.stacked import Stack
from training.combining.member_runs import MemberRuns
from training.combining.weights import MEAN_SMOOTH_S, ScoredFrames, fit_mean, smoothed

FRAMES_PER_BEHAVIOR = 100_000
"""About so many training frames with a behavior, and as many without; all frames if there are fewer."""

_FEW_AND_SMALL = TreesConfig(
    trees=100, leaves=5, learning_rate=0.05, least_rows=200, least_weight=5.0, l2=20.0, feature_fraction=0.5, row_fraction=0.8
)


class How(StrEnum):
    """Ways to combine."""

    EQUAL = "equal"
    """The mean."""
    FITTED = "fitted"
    """A mean with weights and smoothing fitted per behavior."""
    STACKED = "stacked"
    """Boosted trees over the scores, averaged with the fitted mean."""


@dataclass(frozen=True)
class Combination:
    """How recognizers are combined; reports have it in place of a recipe."""

    how: How
    """The way to combine."""
    members: tuple[str, ...]
    """Recipe and seed of each."""
    inputs: StackInputs = field(default_factory=StackInputs)
    """Inputs of the trees of a stack."""
    trees: TreesConfig = _FEW_AND_SMALL
    """Settings of the trees: few, small and strongly regularized, because their inputs are scores already."""
    share: float = 0.5
    """Weight of the trees in a stack, for a behavior with many bouts; the rest is the fitted mean of the members."""
    support_s: float = 100.0
    """With so many seconds of bouts the trees have half of that weight, s: trees of rare behaviors overfit most."""
    seed: int = 0
    """Seed of the trees."""

    @property
    def name(self) -> str:
        """Its name in reports."""
        return f"{self.how}({', '.join(self.members)})"

    @property
    def family(self) -> str:
        """Family of the combined recognizer, a name in `recognizers.families.FAMILIES`."""
        return "stacked" if self.how is How.STACKED else "ensemble"

    @property
    def view(self) -> View:
        """View of its recognizer: only recognizers of pairs are combined."""
        return View.PAIR

    @property
    def head(self) -> Head:
        """Head of its recognizer."""
        return Head.MULTILABEL

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        return asdict(self)


class Combiner(Protocol):
    """A fitted combination: from the scores of members to one score."""

    def scores(self, members: np.ndarray, fps: float) -> np.ndarray:
        """Return scores [T, C] float32, 0 to 1, for those of members [M, T, C]; NaN where a member has none."""
        ...


def cross_fit_combiners(runs: MemberRuns, how: Combination) -> dict[int | None, Combiner]:
    """Return for each fold the combiner fitted on the scores of all other folds, and for None the one fitted on all.

    This has a known limit: the scores of another fold come from a recognizer that was trained with the labels of this fold. So the
    evaluation is slightly optimistic. Only a cross-validation within each fold would avoid this; it would cost as many times more as
    there are folds.
    """
    members, folds = len(runs.stores), range(1, len(runs.plan.splits) + 1)
    if how.how is How.EQUAL:
        return dict.fromkeys((None, *folds), WeightedMean(((1 / members,) * len(runs.behaviors),) * members))
    by_behavior = _collect(runs, how)
    return {left_out: _fit(how, runs.behaviors, members, [one.without(left_out) for one in by_behavior]) for left_out in (None, *folds)}


@dataclass(frozen=True)
class _TrainingFrames:
    """Training frames of one behavior."""

    inputs: np.ndarray
    """[N, F] float32: inputs of the trees; no columns without trees."""
    scores: np.ndarray
    """[S, M, N] float32: scores of the members at every smoothing."""
    labels: np.ndarray
    """[N] bool."""
    folds: np.ndarray
    """[N]: the fold that holds the recording out."""
    seconds: np.ndarray
    """[N]: length of the frame, s."""
    thinned: TreesConfig
    """Settings that say how many frames each of them stands for."""

    def without(self, fold: int | None) -> "_TrainingFrames":
        """Return the frames of all folds but one."""
        if fold is None:
            return self
        chosen = self.folds != fold
        return _TrainingFrames(
            self.inputs[chosen], self.scores[..., chosen], self.labels[chosen], self.folds[chosen], self.seconds[chosen], self.thinned
        )


def _collect(runs: MemberRuns, how: Combination) -> list[_TrainingFrames]:
    """Return the frames of each behavior, thinned to about `FRAMES_PER_BEHAVIOR` with it and as many without."""
    thinned = _thinned(runs)
    parts: list[list[_TrainingFrames]] = [[] for _ in runs.behaviors]
    for one in runs.subjects():
        around = ScoresAround(one.scores, one.recording.fps, how.inputs) if how.how is How.STACKED else None
        scores = smoothed(one.scores, one.recording.fps)
        for column in np.flatnonzero(one.annotated).tolist():
            labels = one.labels[:, [column]]
            frames = np.flatnonzero(thin_mask(labels, np.ones_like(labels), thinned[column]))
            inputs = np.empty((len(frames), 0), np.float32) if around is None else around.of(column, frames)
            folds, seconds = np.full(len(frames), one.fold), np.full(len(frames), 1 / one.recording.fps)
            parts[column].append(_TrainingFrames(inputs, scores[:, :, frames, column], labels[frames, 0], folds, seconds, thinned[column]))
    return [_joined(own, config, len(runs.stores)) for own, config in zip(parts, thinned, strict=True)]


def _joined(parts: list[_TrainingFrames], thinned: TreesConfig, members: int) -> _TrainingFrames:
    if not parts:  # no member has scores where the behavior was annotated
        scores = np.empty((len(MEAN_SMOOTH_S), members, 0), np.float32)
        return _TrainingFrames(np.empty((0, 0), np.float32), scores, np.empty(0, bool), np.empty(0, int), np.empty(0), thinned)
    whole = _TrainingFrames(
        np.concatenate([one.inputs for one in parts]),
        np.concatenate([one.scores for one in parts], axis=2),
        np.concatenate([one.labels for one in parts]),
        np.concatenate([one.folds for one in parts]),
        np.concatenate([one.seconds for one in parts]),
        thinned,
    )
    parts.clear()  # the next behavior needs the memory
    return whole


def _thinned(runs: MemberRuns) -> list[TreesConfig]:
    frames, present = np.zeros((2, len(runs.behaviors)), np.int64)
    for one in runs.subjects():
        frames += one.annotated * len(one.labels)
        present += one.annotated * one.labels.sum(axis=0)
    every = np.maximum(1, np.round(np.stack([frames - present, present]) / FRAMES_PER_BEHAVIOR)).astype(int)
    return [TreesConfig(every_nth=int(absent), every_nth_positive=int(seen)) for absent, seen in every.T]


def _fit(how: Combination, behaviors: tuple[str, ...], members: int, by_behavior: Sequence[_TrainingFrames]) -> Combiner:
    scored = [_scored(one) for one in by_behavior]
    mean = fit_mean(scored)
    if how.how is How.FITTED:
        return mean
    trees = []
    for column, one in enumerate(by_behavior):
        if one.labels.all() or not one.labels.any():
            trees.append(BoostedTrees((None,)))
            continue
        every = {"every_nth": one.thinned.every_nth, "every_nth_positive": one.thinned.every_nth_positive}
        config = replace(how.trees, rising=how.inputs.rising(members, behaviors, column), **every)
        labels = one.labels[:, None]
        trees.append(BoostedTrees.fit(one.inputs, labels, np.ones_like(labels), config, how.seed, threads=1))
    share = tuple(how.share * one.seconds / (one.seconds + how.support_s) for one in scored)
    return Stack(behaviors, how.inputs, tuple(trees), share, mean)


def _scored(one: _TrainingFrames) -> ScoredFrames:
    labels, every = one.labels, (one.thinned.every_nth, one.thinned.every_nth_positive)
    return ScoredFrames(one.scores[..., labels], one.scores[..., ~labels], every, float(one.seconds[labels].sum()) * every[1])
