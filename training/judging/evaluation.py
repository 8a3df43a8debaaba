"""Evaluate out-of-fold scores: the competition's score, frame and bout F1, PR-AUC, reliability and confusion, with intervals.

Intervals are 95 % bootstrap intervals over contents within labs; thresholds are those of the point estimate.

Axes: B resamples, U units, C behaviors, P parts (lab and action), O overlaps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from behavior.bootstrap import RESAMPLES, percentile_interval, resampling_weights
from behavior.bout_matching import OVERLAPS
from behavior.bouts import bout_table
from behavior.competition_frames import competition_frames
from behavior.frame_scores import average_precision, best_threshold, f1_score, frames_at, precision_recall, reliability
from behavior.lab_scores import lab_series, mean_of_known
from behavior.recording import Recording
from recognizers.competition import solution_rows, submission_rows
from recognizers.recognizer import BoutRow
from training.judging.tally import Tally

_CURVE_POINTS = 150
_CHUNK = 100


@dataclass(frozen=True)
class Units:
    """The units of the bootstrap: recordings of one content, with their fold and weights."""

    fold: np.ndarray
    """[U] int64."""
    weights: np.ndarray
    """[1 + B, U] float64; the first row is for the point estimate: every unit once."""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation."""

    numbers: dict[str, Any]
    """All numbers for report.json; NaN is None."""
    series: dict[str, np.ndarray]
    """Each number of the headline: point estimate, then all resamples, [1 + B]."""


def evaluate(
    tally: Tally, recordings: Sequence[Recording], groups: Mapping[int, int], folds: Mapping[int, int], resamples: int = RESAMPLES
) -> Evaluation:
    """Return all numbers. `groups` and `folds` map video ids to content and fold."""
    units = _units(tally, recordings, folds, resamples)
    competition, scores = _competition(tally, tally.decoded, recordings, groups, units)
    behaviors, means = _behaviors(tally, units)
    series = {"competition_score": scores, **means}
    for name, of_behavior in behaviors.items():
        short = name.rpartition("_")[2]  # the part of a name that the competition compares
        known = [lab["actions"][short] for lab in competition.values() if short in lab["actions"]]
        of_behavior["competition_f1"] = float(np.mean(known)) if known else None
    numbers: dict[str, Any] = {
        "headline": {name: estimate_of(values) for name, values in series.items()},
        "labs": competition,
        "behaviors": behaviors,
        "confusion": {"names": [*tally.behaviors, "nothing"], "frames": tally.confusion.tolist()},
        "overlaps": list(OVERLAPS),
        "resamples": resamples,
        "other_decodings": {},
    }
    for name, decoded in tally.others.items():
        other = _competition(tally, decoded, recordings, groups, units)[1]
        numbers["other_decodings"][name] = {"score": estimate_of(other), "gain": estimate_of(scores - other)}
    return Evaluation(numbers, series)


def gains(one: Evaluation, other: Evaluation) -> dict[str, Any]:
    """Return the difference of the first and the second in each number of the headline, with the same resamples of recordings.

    Its interval is narrower than those of the two evaluations, because difficult recordings are difficult for both.
    """
    return {name: estimate_of(one.series[name] - other.series[name]) for name in one.series}


def precision_series(
    tally: Tally, recordings: Sequence[Recording], folds: Mapping[int, int], resamples: int = RESAMPLES
) -> dict[str, np.ndarray]:
    """Return the PR-AUC of each behavior, point estimate and all resamples [1 + B]; `folds` maps video ids. No bouts are needed."""
    units = _units(tally, recordings, folds, resamples)
    return {name: areas(tally.level_counts(column), units) for column, name in enumerate(tally.behaviors)}


def estimate_of(values: np.ndarray) -> dict[str, float | None]:
    """Return the point estimate (the first value) and the interval of the resamples [1 + B]."""
    low, high = percentile_interval(values[1:]) or (None, None)
    return {"value": _known(values[0]), "low": low, "high": high}


def mean_series(series: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean of several series [1 + B] over those that are known."""
    return mean_of_known(np.stack(series, axis=1))


def _units(tally: Tally, recordings: Sequence[Recording], folds: Mapping[int, int], resamples: int) -> Units:
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    resampled = resampling_weights([labs[unit] for unit in tally.units], resamples)
    weights = np.vstack([np.ones((1, len(tally.units))), resampled])
    return Units(np.array([folds[unit] for unit in tally.units]), weights)


def _competition(
    tally: Tally, decoded: Sequence[BoutRow], recordings: Sequence[Recording], groups: Mapping[int, int], units: Units
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the score of each lab, and the score in every resample [1 + B]."""
    solution = solution_rows(recordings, pd.concat(tally.true, ignore_index=True))
    counts = competition_frames(solution, submission_rows(bout_table(decoded)))
    row = {unit: number for number, unit in enumerate(tally.units)}
    series = lab_series(counts, {video: row[group] for video, group in groups.items() if group in row}, units.weights)
    by_lab = {
        one.lab: {"score": estimate_of(one.score), "actions": dict(zip(one.actions, one.f1[0].tolist(), strict=True))} for one in series
    }
    return by_lab, mean_of_known(np.stack([one.score for one in series], axis=1))


def _behaviors(tally: Tally, units: Units) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the numbers of each behavior, and their means over behaviors in every resample [1 + B]."""
    by_behavior: dict[str, Any] = {}
    series: dict[str, list[np.ndarray]] = {name: [] for name in ("frame_f1", "frame_f1_optimistic", "average_precision")}
    series |= {f"bout_f1_at_{overlap}": [] for overlap in OVERLAPS}
    for column, name in enumerate(tally.behaviors):
        levels, bouts = tally.level_counts(column), tally.bout_counts(column)
        pooled = levels.sum(axis=0)
        fitted, optimistic = _crossed_thresholds(levels, units.fold), best_threshold(pooled)[0]
        crossed = np.stack([frames_at(counts, fitted[fold]) for counts, fold in zip(levels, units.fold, strict=True)])
        own = {
            "frame_f1": _pooled_f1(crossed, units),
            "frame_f1_optimistic": _pooled_f1(frames_at(levels, optimistic), units),
            "average_precision": areas(levels, units),
        }
        own |= {f"bout_f1_at_{overlap}": _pooled_f1(bouts[:, place], units) for place, overlap in enumerate(OVERLAPS)}
        for key, values in own.items():
            series[key].append(values)
        precision, recall = precision_recall(pooled)
        thin = np.unique(np.linspace(0, len(recall) - 1, _CURVE_POINTS).astype(int)) if len(recall) else np.empty(0, int)
        by_behavior[name] = {
            **{key: estimate_of(values) for key, values in own.items()},
            "recordings": len(tally.recordings.get(column, ())),
            "frames": int(pooled[1].sum()),
            "annotated_frames": int(pooled.sum()),
            "share": _known(pooled[1].sum() / pooled.sum() if pooled.any() else np.nan),
            "bouts": int(bouts[:, 0, 2].sum()),
            "found_bouts": int(bouts[:, 0, 1].sum()),
            "thresholds_of_other_folds": {str(fold): value for fold, value in sorted(fitted.items())},
            "threshold_optimistic": optimistic,
            "curve": {"recall": recall[thin].round(4).tolist(), "precision": precision[thin].round(4).tolist()},
            "reliability": _reliability(pooled),
            "reliability_calibrated": _reliability(tally.calibrated[column]) if column in tally.calibrated else None,
        }
    return by_behavior, {key: mean_of_known(np.stack(values, axis=1)) for key, values in series.items()}


def _reliability(counts: np.ndarray) -> dict[str, Any]:
    one = reliability(counts)
    return {
        "score": one.score.round(4).tolist(),
        "share": one.share.round(4).tolist(),
        "frames": one.frames.tolist(),
        "error": one.error,
        "brier": one.brier,
    }


def _crossed_thresholds(levels: np.ndarray, fold: np.ndarray) -> dict[int, float]:
    """Return for each fold the best threshold on all other folds."""
    return {int(one): best_threshold(levels[fold != one].sum(axis=0))[0] for one in np.unique(fold)}


def _pooled_f1(counts: np.ndarray, units: Units) -> np.ndarray:
    """Return the F1 [1 + B] of counts [U, 3] (hit, predicted, true); NaN where the behavior does not occur in the resample."""
    hits, predicted, true = (units.weights @ counts).T
    return np.where(true > 0, f1_score(hits, predicted, true), np.nan)


def areas(levels: np.ndarray, units: Units) -> np.ndarray:
    """Return the PR-AUC of one behavior in every resample [1 + B], from its counts [U, 2, L]."""
    used = levels.any(axis=(1, 2))
    flat = levels[used].reshape(int(used.sum()), levels[0].size).astype(np.float64)  # not -1, because there may be no rows
    chunks = np.array_split(units.weights[:, used], max(1, len(units.weights) // _CHUNK))
    return np.concatenate([average_precision((chunk @ flat).reshape(len(chunk), *levels.shape[1:])) for chunk in chunks])


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
