"""Choose among out-of-fold runs: for each fold by the scores of the other folds, so that what chose is never what is reported.

A later run is chosen over an earlier one only if its PR-AUC is higher in most resamples of the recordings: earlier runs are simpler, and a
small gain on a few recordings is noise.

Axes: N runs, K folds, C behaviors, U units (groups of recordings), L score levels, B resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from behavior.bootstrap import resampling_weights
from training.decoding.choice import SURE
from training.judging.evaluation import Units, areas, mean_series
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.judging.scored_subjects import evaluated_behaviors, labelling_of_run, subjects_with_scores
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan

_RESAMPLES = 200


@dataclass(frozen=True)
class Choice:
    """Which run is chosen."""

    names: tuple[str, ...]
    """The runs [N], the simplest first."""
    precision: np.ndarray
    """[N, 1 + K] mean PR-AUC over behaviors: on all folds, then without each fold."""
    best: int
    """The run to use: chosen on all folds."""
    of_fold: tuple[int, ...]
    """For each fold, the run chosen on the other folds."""


def choose_run(stores: Sequence[OutOfFold], names: Sequence[str], plan: FoldPlan) -> Choice:
    """Return the choice among complete runs over one plan; earlier ones are simpler."""
    series = np.stack([_precision(store, plan) for store in stores])  # [N, 1 + K, 1 + B]
    chosen = [_first_good(series[:, column]) for column in range(series.shape[1])]
    return Choice(tuple(names), series[..., 0], chosen[0], tuple(chosen[1:]))


def write_chosen(choice: Choice, stores: Sequence[OutOfFold], plan: FoldPlan, store: OutOfFold) -> list[FoldRecord]:
    """Write the scores of each fold from the run chosen without it; return the records of the folds."""
    labelling = labelling_of_run(stores[0], plan)
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        fold = plan.fold_of[recording.video_id]
        source = stores[choice.of_fold[fold - 1]]
        behaviors = source.record(fold).behaviors
        for subject in labelling.subjects(recording, content.mice):
            if (scores := source.scores(recording, subject)) is not None:
                store.write_scores(recording, subject, scores, behaviors, fold)
    records = [stores[run].record(fold) for fold, run in enumerate(choice.of_fold, start=1)]
    for record in records:
        store.complete(record)
    return records


def _precision(store: OutOfFold, plan: FoldPlan) -> np.ndarray:
    """Return the mean PR-AUC over behaviors, on all folds and without each: point estimate and all resamples [1 + K, 1 + B]."""
    behaviors = evaluated_behaviors(labelling_of_run(store, plan))
    counted = tally(subjects_with_scores(store, plan), behaviors)
    labs = {recording.video_id: recording.lab_id for recording in plan.recordings}
    fold = np.array([plan.fold_of[unit] for unit in counted.units])
    levels = [counted.level_counts(column) for column in range(len(behaviors))]
    rows = []
    for left_out in range(len(plan.splits) + 1):  # 0: none
        kept = np.flatnonzero(fold != left_out)
        weights = np.zeros((1 + _RESAMPLES, len(fold)))
        weights[0, kept] = 1
        weights[1:, kept] = resampling_weights([labs[counted.units[unit]] for unit in kept], _RESAMPLES)
        rows.append(np.nan_to_num(mean_series([areas(own, Units(fold, weights)) for own in levels])))
    return np.stack(rows)


def _first_good(series: np.ndarray) -> int:
    """Return the run to use, from the PR-AUC of all runs [N, 1 + B] in the same resamples."""
    best = 0
    for run in range(1, len(series)):
        higher = (series[run, 1:] > series[best, 1:]).mean()
        if series[run, 0] > series[best, 0] and higher >= SURE:
            best = run
    return best
