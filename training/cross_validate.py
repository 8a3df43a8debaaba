"""Cross-validate a recipe: every recording is scored by a recognizer that never saw its content, and all scores are judged together.

    python training/cross_validate.py --recipe cnn_transformer_small --curated s3_mock/curated-zone

Writes <output-dir>/report.json, report.html, the scores (training/judging/out_of_fold.py says where) and decoding.json: what turns
scores into bouts, fitted on all of them, for training/train.py --decoding. Each fold is judged with a decoding fitted on the others. A fold
that is done is not trained again, and an interrupted one goes on after its last epoch. With --against DIR the report says what is gained
over another run, with its interval over the same resamples. experiment.md is the outcome in one line, to add to docs/experiments.md.
Exit codes: 0 done, 1 the loss diverged or something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK
from training.script import curated_folder, require_drawing, run
from training.train import chosen_device, chosen_recipe, epoch_line, watch_batches

if TYPE_CHECKING:
    from training.fitting.network_session import Running
    from training.judging.out_of_fold import FoldRecord, OutOfFold
    from training.material.fold_plan import FoldPlan
    from training.recipes.named import AnyRecipe


def main(arguments: list[str] | None = None) -> int:
    """Cross-validate as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run(lambda: _cross_validate(flags))


def _cross_validate(flags: argparse.Namespace) -> int:
    curated = curated_folder(flags)
    require_drawing("report")
    from recognizers import FAMILIES, rest_waiting_threads

    rest_waiting_threads()
    from training.judging.out_of_fold import OutOfFold
    from training.judging.publishing import publish
    from training.judging.run_summary import description
    from training.material.curated_zone import CuratedZone
    from training.material.fold_plan import plan_folds

    recipe, device = chosen_recipe(flags), chosen_device(flags.device)
    folder = flags.output_dir or Path("results") / "cross_validation" / f"{recipe.name}-seed{flags.seed}"
    plan = plan_folds(CuratedZone(curated), flags.labs, flags.folds)
    contents = len(set(plan.groups.values()))
    print(f"{len(plan.recordings)} recordings of {contents} contents, {len(plan.splits)} folds; scores go to {folder}.", flush=True)
    other = flags.against and OutOfFold(flags.against)
    if other:
        other.refuse_unlike(plan, FAMILIES[recipe.family].view)
    store = OutOfFold(folder)
    store.claim({**described(recipe), "seed": flags.seed, **plan.identity()})
    records = train_folds(store, plan, recipe, device, flags)

    publish(store, plan, description(recipe, flags.seed, plan, records), other)
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--curated", type=Path, help="directory of the curated zone")
    parser.add_argument("--recipe", default="cnn_transformer", help="name of a function in training/recipes (default: %(default)s)")
    parser.add_argument("--folds", type=int, default=4, help="how often to train (default: %(default)s)")
    parser.add_argument("--labs", nargs="+", help="only recordings of these labs (default: all)")
    parser.add_argument("--output-dir", type=Path, help="where all goes (default: results/cross_validation/<recipe>-seed<seed>)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--trunk", metavar="FILE", help="start from what training/pretrain.py learned of recordings without labels")
    parser.add_argument("--seed", type=int, default=0, help="of weights, windows and dropout; folds do not depend on it (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="processor threads (default: as many as cores)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="output directory of another run on the same data: tell the gain")
    return parser


def train_folds(store: "OutOfFold", plan: "FoldPlan", recipe: "AnyRecipe", device: str, flags: argparse.Namespace) -> "list[FoldRecord]":
    """Train every fold that is not done yet; `flags` hold seed and threads."""
    records = []
    for fold, split in enumerate(plan.splits, start=1):
        name = f"fold={fold}/{len(plan.splits)}"
        if store.is_done(fold):
            records.append(store.record(fold))
            print(f"{name} done before, {_outcome(records[-1])}", flush=True)
            continue
        print(f"{name} teach={len(split.train)} validate={len(split.validation)} score={len(split.held_out)}", flush=True)
        watch = watch_batches if sys.stdout.isatty() else None
        records.append(store.train(fold, split, plan.zone, recipe, flags.seed, device, flags.threads, _telling(name), watch))
        print(f"{name} done, {_outcome(records[-1])}", flush=True)
    return records


def _telling(name: str) -> "Callable[[Running], None]":
    return lambda done: print(f"{name} {epoch_line(done)}", flush=True)


def _outcome(record: "FoldRecord") -> str:
    metrics = record.history["metrics"]
    judged = f" val_score={metrics['val_score']:.4f}" if "val_score" in metrics else ""
    length = f"best_epoch={metrics['best_epoch']} of {metrics['epochs']}" if "epochs" in metrics else f"models={metrics['models']}"
    return f"{length}{judged} seconds={record.seconds:.1f}"


def described(recipe: "AnyRecipe") -> dict[str, str]:
    """Return what makes the runs of a recipe comparable: every field, flat."""
    return {f"recipe {name}": str(value) for name, value in recipe.to_json_dict().items()}


if __name__ == "__main__":
    sys.exit(main())
