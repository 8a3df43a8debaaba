"""Combine the candidates that are complete, and make the file of the chosen run."""

from dataclasses import dataclass
from pathlib import Path

from training.combining.combination import Combination, Combiner, How, cross_fit_combiners
from training.combining.combined_file import save_combined
from training.combining.member_runs import MemberRuns
from training.combining.scoring import write_combined_scores
from training.decoding.decoding_file import FittedDecoding
from training.judging.out_of_fold import OutOfFold, recipe_identity
from training.material.fold_plan import FoldPlan


@dataclass(frozen=True)
class CombinedRun:
    """One run to choose from: a candidate by itself, or a combination of several."""

    name: str
    """Its name in reports."""
    store: OutOfFold
    """Its scores."""
    members: tuple[OutOfFold, ...]
    """The candidates in it."""
    how: How
    """How they are combined."""


def single_run(store: OutOfFold, name: str) -> CombinedRun:
    """Return a candidate as a run."""
    return CombinedRun(name, store, (store,), How.EQUAL)


def combined_run(members: tuple[OutOfFold, ...], how: How, plan: FoldPlan, folder: Path, seed: int) -> CombinedRun:
    """Combine candidates, each fold with values fitted on the other folds, and write the scores."""
    runs, combination = _runs(members, how, plan, seed)
    store = OutOfFold(folder)
    facts = {"recipe name": combination.name, "members": str([one.folder.name for one in members])}
    store.claim({**recipe_identity(combination), **facts, "seed": seed, **plan.identity()})
    if not all(store.is_done(fold) for fold in range(1, len(plan.splits) + 1)):
        write_combined_scores(runs, combination, cross_fit_combiners(runs, combination), store)
    words = {How.FITTED: "mean with fitted weights", How.STACKED: "trees stacked on the scores", How.EQUAL: "mean"}[how]
    return CombinedRun(f"{words} of {len(members)}", store, members, how)


def save_run(path: Path, run: CombinedRun, plan: FoldPlan, fitted: FittedDecoding, seed: int) -> None:
    """Write the recognizer of a run: the recognizers of all folds of all its members, and how they are combined."""
    runs, combination = _runs(run.members, run.how, plan, seed)
    combiner: Combiner = cross_fit_combiners(runs, combination)[None]
    save_combined(path, runs, combination, combiner, fitted, runs.checkpoints())


def _runs(members: tuple[OutOfFold, ...], how: How, plan: FoldPlan, seed: int) -> tuple[MemberRuns, Combination]:
    runs = MemberRuns(members, plan)
    return runs, Combination(how, runs.names, seed=seed)
