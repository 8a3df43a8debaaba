"""Choose how much of a fitted decoding to use: a fitted part replaces the default only if it gains on scores that did not fit it.

The recordings are split into parts. To choose a decoding for some recordings, each other part in turn is decoded with values fitted on
the rest of the others. The gains of all these parts decide. So neither the fit nor the choice sees the recordings that it is for.

Axes: T frames, C behaviors, U units (recordings of one content), W ways to decode, B resamples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from behavior.bootstrap import resampling_weights
from behavior.bouts import decode
from behavior.frame_scores import f1_score
from recognizers.recognizer import Decoding
from training.decoding.counts import Subjects
from training.decoding.fit import FitResult, LeftOut, fit_without
from training.decoding.scored_subject import ScoredSubject

DEFAULT, THRESHOLDS, SCORES, ALL = WAYS = ("default", "thresholds", "scores", "all")
"""Ways to decode, from the simplest: one threshold; one per behavior; also smoothing, calibration and weights; also durations."""
SURE = 0.9
"""A way replaces the default if its gain is above 0 in at least so large a share of the resamples."""
_FEWEST_PARTS = 4
"""With fewer folds each fold is split in two: choosing for one fold needs two others or more."""
_RESAMPLES = 400


@dataclass(frozen=True)
class ChosenDecoding:
    """A decoding with the reason for it."""

    decoding: Decoding
    """The one to use."""
    way: str
    """Its name in `WAYS`."""
    fitted: FitResult
    """All ways, fitted on the same scores."""
    gains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By way: its gain in F1 over the default, and in what share of resamples it is above 0; none if there was too little to compare."""


def choose_decodings(subjects: Subjects, behaviors: Sequence[str], fold_of: Mapping[int, int]) -> dict[int | None, ChosenDecoding]:
    """Return for each fold the decoding that was fitted and chosen without it, and for None the one fitted and chosen on all.

    The scores of a recording must come from a recognizer that never saw it. `fold_of` maps video ids.
    """
    folds = sorted(set(fold_of.values()))
    part_of = _parts(subjects, fold_of, halved=len(folds) < _FEWEST_PARTS)
    of_fold = {fold: frozenset(part_of[video] for video, own in fold_of.items() if own == fold) for fold in folds}
    for_whom: dict[int | None, LeftOut] = dict([(None, frozenset()), *of_fold.items()])
    inner = {fold: [hidden | {part} for part in sorted(set(part_of.values()) - hidden)] for fold, hidden in for_whom.items()}
    fitted = fit_without(
        subjects, behaviors, part_of, sorted({*for_whom.values(), *(one for sets in inner.values() for one in sets)}, key=sorted)
    )
    tallies: dict[int | None, _Tally] = {fold: _Tally(tuple(behaviors)) for fold in for_whom}
    for one in subjects():
        part = part_of[one.recording.video_id]
        for fold, hidden in for_whom.items():
            if part not in hidden:
                tallies[fold].add(one, _ways(fitted[hidden | {part}]))
    return {fold: _chosen(fitted[hidden], tallies[fold]) for fold, hidden in for_whom.items()}


def _ways(fitted: FitResult) -> tuple[Decoding, ...]:
    """Return the decodings of `WAYS`."""
    durations = fitted.plain.settings
    scores = replace(fitted.decoding, settings=replace(durations, smooth_s=fitted.decoding.settings.smooth_s))
    return fitted.plain, fitted.thresholds, scores, fitted.decoding


def _parts(subjects: Subjects, fold_of: Mapping[int, int], halved: bool) -> dict[int, int]:
    """Return the part of each video, from 0: its fold, or one half of its fold; recordings of one content are in one part."""
    if not halved:
        return dict(fold_of)
    unit_of = {one.recording.video_id: one.unit for one in subjects()}
    units = {fold: sorted({unit for video, unit in unit_of.items() if fold_of[video] == fold}) for fold in fold_of.values()}
    half = {video: units[fold_of[video]].index(unit) % 2 for video, unit in unit_of.items()}
    return {video: 2 * fold + half.get(video, 0) for video, fold in fold_of.items()}


@dataclass
class _Tally:
    """Frames hit, predicted and true, by unit, lab, behavior and way."""

    behaviors: tuple[str, ...]
    frames: dict[tuple[int, str, int], np.ndarray] = field(default_factory=dict)
    """By unit, lab and behavior: [W, 3]."""

    def add(self, one: ScoredSubject, ways: Sequence[Decoding]) -> None:
        """Count one subject."""
        counts = np.stack([_frames(one, self.behaviors, way) for way in ways], axis=1)  # [C, W, 3]
        for column in np.flatnonzero(one.subject.mask(self.behaviors)).tolist():
            key = one.unit, one.recording.lab_id, column
            self.frames[key] = self.frames.get(key, 0) + counts[column]

    def gains(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the gain over the default [W], and the share of the resamples of units in which it is above 0 [W]."""
        units = {unit: lab for unit, lab, _ in sorted(self.frames)}
        weights = np.vstack([np.ones((1, len(units))), resampling_weights([*units.values()], _RESAMPLES)])
        rows = {unit: row for row, unit in enumerate(units)}
        by_lab: dict[str, dict[int, np.ndarray]] = {}
        for (unit, lab, column), counts in self.frames.items():
            table = by_lab.setdefault(lab, {}).setdefault(column, np.zeros((len(units), *counts.shape)))
            table[rows[unit]] += counts
        scores = np.mean([_mean_f1(tables, weights) for tables in by_lab.values()], axis=0)  # [1 + B, W]
        gain = scores - scores[:, :1]
        return gain[0], (gain[1:] > 0).mean(axis=0)


def _frames(one: ScoredSubject, behaviors: tuple[str, ...], way: Decoding) -> np.ndarray:
    """Return frames hit, predicted and true of each behavior [C, 3]."""
    lab = one.recording.lab_id
    allowed = way.allowed(behaviors, lab, one.subject) & one.answered
    bouts = decode(one.scores.astype(np.float32), one.recording.fps, allowed, way.settings, way.criteria(behaviors, lab))
    before = np.concatenate([np.zeros((1, len(behaviors)), np.int64), one.truth.labels.cumsum(axis=0)])
    counts = np.zeros((len(behaviors), 3), np.int64)
    counts[:, 2] = before[-1]
    for column, start, stop in bouts:
        counts[column, :2] += before[stop, column] - before[start, column], stop - start
    return counts


def _mean_f1(tables: Mapping[int, np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the behaviors of a lab [1 + B, W], from frames [U, W, 3] of each."""
    pooled = np.stack([np.einsum("bu,uwk->bwk", weights, table) for table in tables.values()])
    return np.asarray(np.nan_to_num(f1_score(pooled[..., 0], pooled[..., 1], pooled[..., 2])).mean(axis=0))


def _chosen(fitted: FitResult, counted: _Tally) -> ChosenDecoding:
    """Return the way with the highest gain of which we are sure, or the default."""
    if not counted.frames:
        return ChosenDecoding(fitted.plain, DEFAULT, fitted)
    gain, sure = counted.gains()
    best = int(np.where(sure >= SURE, gain, 0.0).argmax())
    found = {way: (float(one), float(share)) for way, one, share in zip(WAYS, gain, sure, strict=True)}
    return ChosenDecoding(_ways(fitted)[best], WAYS[best], fitted, found)
