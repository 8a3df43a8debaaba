"""Choose among out-of-fold runs: for each fold by the scores of the other folds, so that what chose is never what is reported.

Axes: N runs, K folds, C behaviors, U units (groups of recordings), L score levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from behavior.frame_scores import average_precision
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.judging.scored_subjects import evaluated_behaviors, labelling_of_run, subjects_with_scores
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan

LEAST_GAIN = 0.003
"""A later run is chosen over an earlier one only for so much more PR-AUC: a smaller gain is noise, and earlier ones are simpler."""


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
    precision = np.stack([_precision(store, plan) for store in stores])
    chosen = [_first_good(column) for column in precision.T]
    return Choice(tuple(names), precision, chosen[0], tuple(chosen[1:]))


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
    """Return the mean PR-AUC over behaviors [1 + K], on all folds and without each."""
    behaviors = evaluated_behaviors(labelling_of_run(store, plan))
    counted = tally(subjects_with_scores(store, plan), behaviors)
    fold_of = np.array([plan.fold_of[unit] for unit in counted.units])
    kept = [np.ones(len(fold_of), bool), *(fold_of != fold for fold in range(1, len(plan.splits) + 1))]
    levels = np.stack([counted.level_counts(column) for column in range(len(behaviors))])  # [C, U, 2, L]
    areas = np.stack([average_precision(levels[:, own].sum(axis=1)) for own in kept])  # [1 + K, C]
    return np.asarray(np.nanmean(areas, axis=1)) if np.isfinite(areas).any() else np.zeros(len(kept))


def _first_good(precision: np.ndarray) -> int:
    best = 0
    for run in range(1, len(precision)):
        if precision[run] > precision[best] + LEAST_GAIN:
            best = run
    return best
