"""How the scores grow with the number of labelled recordings, and so what more of them would bring.

Axes: B resamples.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.developing.candidates import Candidate
from training.developing.running import Say, splits_for
from training.fitting.session import Machine
from training.judging.evaluation import estimate_of, mean_series, precision_series
from training.judging.fold_training import train_folds
from training.judging.out_of_fold import OutOfFold, recipe_identity
from training.judging.scored_subjects import evaluated_behaviors, labelling_of_run, subjects_with_scores
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan
from training.material.folds import Split

SHARES = (0.25, 0.5)
"""Shares of the training recordings that are tried besides all of them."""


@dataclass(frozen=True)
class CurvePoint:
    """The scores with some of the training recordings."""

    recordings: float
    """Training recordings of a fold, in the mean."""
    bouts: dict[str, float]
    """Training bouts of a fold by behavior, in the mean."""
    series: dict[str, np.ndarray]
    """PR-AUC by behavior: point estimate, then all resamples [1 + B]."""

    @property
    def mean(self) -> np.ndarray:
        """The mean over behaviors [1 + B]."""
        return mean_series([*self.series.values()])

    def to_json_dict(self) -> dict[str, Any]:
        """Return the numbers with intervals, for JSON."""
        by_behavior = {name: estimate_of(values) for name, values in self.series.items()}
        return {"recordings": self.recordings, "bouts": self.bouts, "mean": estimate_of(self.mean), "behaviors": by_behavior}


def curve_shares(plan: FoldPlan) -> tuple[float, ...]:
    """Return the shares that leave each fold fewer groups for training than the next share."""
    groups = min(len({plan.groups[video] for video in (*split.train, *split.validation)}) for split in plan.splits)
    counts = {max(1, round(share * groups)): share for share in reversed(SHARES)}
    return tuple(sorted(share for count, share in counts.items() if count < groups))


def learning_curve(
    candidate: Candidate,
    full: OutOfFold,
    plan: FoldPlan,
    folder: Path,
    seed: int,
    machine: Machine,
    say: Say,
    fits: Callable[[float], bool],
) -> list[CurvePoint]:
    """Return the points from few recordings to all; `full` is the complete run. `fits` says whether so many seconds are left."""
    points = []
    full_s = sum(full.record(fold).seconds for fold in range(1, len(plan.splits) + 1))
    for share in curve_shares(plan):
        if not fits(share * full_s):
            continue
        own = replace(plan, splits=tuple(_thinned(split, plan, share) for split in splits_for(candidate, plan).splits))
        store = OutOfFold(folder / f"share-{share:g}")
        store.claim({**recipe_identity(candidate.recipe), "share of recordings": share, "seed": seed, **plan.identity()})
        train_folds(store, own, candidate.recipe, seed, machine, lambda line, share=share: say(f"share={share:g} {line}"))  # type: ignore[misc]
        points.append(_point(store, own))
    return [*points, _point(full, splits_for(candidate, plan))] if points else []


def _point(store: OutOfFold, plan: FoldPlan) -> CurvePoint:
    behaviors = evaluated_behaviors(labelling_of_run(store, plan))
    counted = tally(subjects_with_scores(store, plan), behaviors)
    trained = [plan.bouts[plan.bouts["video_id"].isin(split.train)]["action"].value_counts() for split in plan.splits]
    bouts = {name: float(np.mean([counts.get(name, 0) for counts in trained])) for name in behaviors}
    recordings = float(np.mean([len(split.train) for split in plan.splits]))
    return CurvePoint(recordings, bouts, precision_series(counted, plan.recordings, plan.fold_of))


def _thinned(split: Split, plan: FoldPlan, share: float) -> Split:
    """Return the split with a share of the groups of training recordings; a smaller share is a part of a larger one."""
    groups = sorted({plan.groups[video] for video in split.train}, key=lambda group: hashlib.blake2s(f"curve{group}".encode()).digest())
    kept = set(groups[: max(1, round(share * len(groups)))])
    return Split(tuple(video for video in split.train if plan.groups[video] in kept), split.validation, split.held_out)
