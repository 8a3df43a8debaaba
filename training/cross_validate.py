"""Cross-validate a recipe: a recognizer that never saw its content scores every recording, and all scores are evaluated together.

    python training/cross_validate.py --recipe cnn_transformer_small --curated s3_mock/curated-zone

Writes <output-dir>/report.json, report.html, the scores (training/judging/out_of_fold.py says where) and decoding.json: the thresholds
and other values that turn scores into bouts, fitted on all scores, for training/train.py --decoding. Each fold is evaluated with a
decoding fitted on the other folds. A finished fold is not trained again, and an interrupted one continues after its last epoch. With
--against DIR the report has the gain over another run, with its interval. experiment.md has the result in one line, for
docs/experiments.md.
Exit codes: 0 done, 1 the loss diverged or something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK
from training.command_line import (
    add_fold_flags,
    add_machine_flags,
    add_recipe_flags,
    batch_progress,
    chosen_grouping,
    chosen_machine,
    chosen_recipe,
    curated_folder,
    require_drawing,
    run_script,
)


def main(arguments: list[str] | None = None) -> int:
    """Cross-validate as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _cross_validate(flags))


def _cross_validate(flags: argparse.Namespace) -> int:
    curated = curated_folder(flags)
    require_drawing("report")
    machine, recipe = chosen_machine(flags), chosen_recipe(flags)
    from behavior.body_length import unscaled_note
    from training.judging.fold_training import train_folds
    from training.judging.out_of_fold import OutOfFold, recipe_identity
    from training.judging.publishing import publish
    from training.judging.run_summary import description
    from training.material.fold_plan import plan_folds
    from training.material.zones import ZONES

    folder = flags.output_dir or Path("results") / "cross_validation" / f"{recipe.name}-seed{flags.seed}"
    zone = ZONES[recipe.view](curated, flags.labels_late, flags.annotated_part)
    plan = plan_folds(zone, flags.labs, flags.folds, chosen_grouping(flags, zone), flags.exclude)
    contents = len(set(plan.groups.values()))
    print(f"{len(plan.recordings)} recordings in {contents} groups, {len(plan.splits)} folds; scores go to {folder}.", flush=True)
    if note := unscaled_note(plan.recordings):
        print(note, flush=True)
    other = flags.against and OutOfFold(flags.against)
    if other:
        other.refuse_unlike(plan, recipe.view)
    store = OutOfFold(folder)
    store.claim({**recipe_identity(recipe), "seed": flags.seed, **plan.identity()})
    records = train_folds(store, plan, recipe, flags.seed, machine, lambda line: print(line, flush=True), batch_progress)
    publish(store, plan, description(recipe, flags.seed, plan, records), other)
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--curated", type=Path, help="directory of the curated zone")
    add_recipe_flags(parser)
    parser.add_argument("--folds", type=int, default=4, help="number of folds (default: %(default)s)")
    parser.add_argument("--labs", nargs="+", help="only recordings of these labs (default: all)")
    add_fold_flags(parser)
    parser.add_argument("--output-dir", type=Path, help="folder for all output (default: results/cross_validation/<recipe>-seed<seed>)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, windows and dropout; folds do not depend on it (default: 0)")
    add_machine_flags(parser)
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="output directory of another run on the same data: report the gain over it"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
