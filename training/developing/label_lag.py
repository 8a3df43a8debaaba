"""How late experts label: the shift of the labels at which they agree best with the motion of the mice.

For each shift, a linear regression explains the labels by the signals of the same moment. The sums of the regression are kept recording by
recording, so that any choice of recordings (training folds, resamples) is solved without reading the tracks again.

Axes: S samples, B signals, L shifts, C behaviors, U recordings, R resamples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from behavior.bootstrap import resampling_weights
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import sample_frames
from recognizers.recognizer import LABELLINGS, View
from reports.estimates import Estimate
from training.fitting.tree_session import most_tracked
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import FoldPlan

RATE = 10.0
"""Samples per second."""
SHIFTS_S = tuple(np.arange(-5, 16) / RATE)
"""[L]: shifts that are tried, s; above 0 for labels that are written late."""
LEAST_BOUTS = 20
"""With fewer bouts a behavior has no lag of its own."""
LEAST_RECORDINGS = 4
"""With fewer recordings there is no interval over recordings."""
_RIDGE = 1e-2
_RESAMPLES = 100
_MOST_BODYPARTS = 6


@dataclass(frozen=True)
class LagSums:
    """Sums of the regression of one recording."""

    signals: np.ndarray
    """[B, B]: products of signals."""
    labels: np.ndarray
    """[L, B, C]: products of signals and shifted labels."""


@dataclass(frozen=True)
class LabelLag:
    """How late labels are, s, with intervals over recordings; above 0 for late ones."""

    together: Estimate
    """Over all behaviors."""
    behaviors: dict[str, Estimate]
    """By behavior with enough bouts."""

    @property
    def is_shown(self) -> bool:
        """Whether the interval excludes 0."""
        low, high = self.together.low, self.together.high
        return low is not None and high is not None and (low > 0 or high < 0)


def lag_sums(plan: FoldPlan) -> tuple[LagSums, ...]:
    """Return the sums of every recording of a plan [U], in its order."""
    labelling, zone = LABELLINGS[View.PAIR].of_actions(plan.bouts["action"]), plan.zone
    assert isinstance(zone, CuratedZone)  # lags are measured on tracks
    bodyparts = most_tracked(zone.bodyparts(plan.recordings), _MOST_BODYPARTS)
    features = PairStatistics(bodyparts, RATE, lags_s=(1 / RATE, 0.5), windows_s=(), place=True)
    shifts = [round(shift * RATE) for shift in SHIFTS_S]
    sums = []
    for recording in plan.recordings:
        curated = zone.tracking(recording)
        sampled = sample_frames(curated.frames, recording.fps, RATE)
        total = LagSums(
            np.zeros((len(features.names) + 1,) * 2), np.zeros((len(shifts), len(features.names) + 1, len(labelling.behaviors)))
        )
        for subject in labelling.subjects(recording, curated.mice):
            signals = _standardized(features.of(curated, recording.fps, subject))
            labels = labelling.truth(recording, subject, curated.mice, curated.frames, plan.bouts).labels[sampled].astype(np.float64)
            shifted = np.stack([signals.T @ np.roll(labels, -shift, axis=0) for shift in shifts])
            total = LagSums(total.signals + signals.T @ signals, total.labels + shifted)
        sums.append(total)
    return tuple(sums)


def label_lag(sums: Sequence[LagSums], plan: FoldPlan, videos: Iterable[int] | None = None) -> LabelLag | None:
    """Return the lag over the recordings of a plan, or over some of them (training folds); None without enough recordings or bouts."""
    chosen = {recording.video_id for recording in plan.recordings} if videos is None else set(videos)
    units = [unit for unit, recording in enumerate(plan.recordings) if recording.video_id in chosen]
    behaviors = LABELLINGS[View.PAIR].of_actions(plan.bouts["action"]).behaviors
    counts = plan.bouts[plan.bouts["video_id"].isin(chosen)]["action"].value_counts()
    enough = [column for column, name in enumerate(behaviors) if counts.get(name, 0) >= LEAST_BOUTS]
    if not enough or len(units) < LEAST_RECORDINGS:
        return None
    weights = np.vstack([np.ones(len(units)), resampling_weights([""] * len(units), _RESAMPLES)])
    found = np.array([_best(sums, units, weight, enough) for weight in weights])  # [1 + R, 1 + behaviors]
    estimates = [Estimate(float(own[0]), *(float(one) for one in np.quantile(own[1:], (0.025, 0.975)))) for own in found.T]
    return LabelLag(estimates[0], {behaviors[column]: one for column, one in zip(enough, estimates[1:], strict=True)})


def _best(sums: Sequence[LagSums], units: Sequence[int], weights: np.ndarray, columns: Sequence[int]) -> list[float]:
    """Return the best shift of all behaviors together, then of each of them, s."""
    pairs = [(sums[unit], weight) for unit, weight in zip(units, weights.tolist(), strict=True) if weight]
    signals = np.sum([weight * one.signals for one, weight in pairs], axis=0)
    labels = np.sum([weight * one.labels[:, :, columns] for one, weight in pairs], axis=0)  # [L, B, C]
    ridge = signals + _RIDGE * np.diag(np.diag(signals)) + 1e-6 * np.eye(len(signals))
    flat = labels.transpose(1, 0, 2).reshape(len(ridge), -1)  # one system for all shifts
    explained = (flat * np.linalg.solve(ridge, flat)).sum(axis=0).reshape(len(labels), -1)  # [L, C]: sum of squares that is explained
    relative = explained / explained.max(axis=0)
    return [SHIFTS_S[int(curve.argmax())] for curve in (relative.mean(axis=1), *relative.T)]


def _standardized(features: np.ndarray) -> np.ndarray:
    """Return signals [S, B] float64 with mean 0 and deviation 1 within the recording, unknown ones 0, and a constant one."""
    known = np.isfinite(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0) / count
    centered = np.where(known, features - mean, 0).astype(np.float64)
    scaled = np.clip(centered / np.maximum(np.sqrt((centered**2).sum(axis=0) / count), 1e-6), -5, 5)
    return np.column_stack([scaled, np.ones(len(scaled))])
