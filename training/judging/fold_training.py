"""Train and score all folds of a plan that are not done yet."""

from collections.abc import Callable

from training.fitting.loop import ShowProgress, no_progress
from training.fitting.session import Machine
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.material.fold_plan import FoldPlan
from training.recipes.named import AnyRecipe


def train_folds(
    store: OutOfFold,
    plan: FoldPlan,
    recipe: AnyRecipe,
    seed: int,
    machine: Machine,
    say: Callable[[str], None],
    show_progress: ShowProgress = no_progress,
    go_on: Callable[[list[FoldRecord]], bool] = lambda records: True,
) -> list[FoldRecord]:
    """Return the records of all folds; `say` is called with a line for each step and each fold.

    Before each fold that has to be trained, `go_on` is asked with the records so far; if it returns False, the rest is left out.
    """
    records = []
    for fold, split in enumerate(plan.splits, start=1):
        name = f"fold={fold}/{len(plan.splits)}"
        if store.is_done(fold):
            records.append(store.record(fold))
            say(f"{name} done before, {_outcome(records[-1])}")
            continue
        if not go_on(records):
            return records
        say(f"{name} training={len(split.train)} validation={len(split.validation)} held_out={len(split.held_out)}")
        records.append(store.train(fold, split, plan.zone, recipe, seed, machine, _named(say, name), show_progress))
        say(f"{name} done, {_outcome(records[-1])}")
    return records


def _named(say: Callable[[str], None], name: str) -> Callable[[str], None]:
    return lambda line: say(f"{name} {line}")


def _outcome(record: FoldRecord) -> str:
    metrics = record.history["metrics"]
    judged = f" val_score={metrics['val_score']:.4f}" if "val_score" in metrics else ""
    length = f"best_epoch={metrics['best_epoch']} of {metrics['epochs']}" if "epochs" in metrics else f"models={metrics['models']}"
    return f"{length}{judged} seconds={record.seconds:.1f}"
