"""Ablation study: the plus recipe without each of its parts, on simulated recordings of the 19 labs with their habits.

    python training/ablations.py --output-dir results/ablations

Simulates recordings (once), cross-validates every variant of training/recipes/variants.py on the same folds, and writes ablations.md,
ablations.json and ablations.png. In these recordings labs use one name for different behaviors, begin bouts by their own habit, and do
not annotate all behaviors (behavior/simulated/lab_habits.py). A finished variant is not trained again. --quick takes seconds and only
shows that the study runs.
Exit codes: 0 done, 1 the loss diverged or something unexpected, 2 usage, 4 the folder has another study, 130 interrupted.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.simulated.lab_profiles import PROFILES
from behavior.whole_file import check_place, write_json, write_text
from training.command_line import add_machine_flags, chosen_machine, require_drawing, run_script

if TYPE_CHECKING:
    from training.fitting.session import Machine
    from training.judging.ablation_rows import Row
    from training.judging.evaluation import Evaluation
    from training.material.fold_plan import FoldPlan
    from training.recipes.named import AnyRecipe
    from training.recipes.variants import Variant

QUICK_LABS = ("CalMS21_task2", "CalMS21_supplemental")


def main(arguments: list[str] | None = None) -> int:
    """Study as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _study(flags))


def _study(flags: argparse.Namespace) -> int:
    require_drawing("picture")
    if flags.quick:
        flags.labs, flags.recordings, flags.seconds, flags.epochs, flags.folds = QUICK_LABS, 2, 15.0, 1, 2
    if unknown := sorted(set(flags.labs).difference(PROFILES)):
        raise UsageError(f"Expected --labs among {', '.join(sorted(PROFILES))}, but got {', '.join(unknown)}. Choose some of them.")
    machine = chosen_machine(flags)
    from training.material.curated_zone import CuratedZone
    from training.material.fold_plan import plan_folds
    from training.recipes.variants import WHOLE, variants

    chosen = [variant for variant in variants() if flags.variants is None or variant.name in (WHOLE, *flags.variants)]
    if flags.variants and (missing := sorted(set(flags.variants) - {variant.name for variant in chosen})):
        known = ", ".join(variant.name for variant in variants())
        raise UsageError(f"Expected --variants among {known}, but got {', '.join(missing)}. Choose some of them.")
    plan = plan_folds(CuratedZone(_zone(flags)), None, flags.folds)
    print(f"{len(plan.recordings)} recordings of {len(flags.labs)} labs, {len(plan.splits)} folds, {len(chosen)} variants.", flush=True)
    rows = _rows(chosen, plan, machine, flags)
    _write(rows, flags)
    return EXIT_OK


def _zone(flags: argparse.Namespace) -> Path:
    """Return the curated zone; it is simulated if it is not there. Raises ContractError if the folder has another one."""
    from behavior.simulated.lab_habits import HABITUAL
    from behavior.simulated.recordings import SIMULATION_VERSION
    from training.material.simulated_zone import write_simulated_zone

    zone, receipt = flags.output_dir / "curated-zone", flags.output_dir / "simulated.json"
    labs = [repr(HABITUAL[lab]) for lab in flags.labs]
    check_place(receipt)
    order = {"labs": labs, "recordings": flags.recordings, "seconds": flags.seconds, "version": SIMULATION_VERSION}
    if receipt.is_file():
        if json.loads(receipt.read_text(encoding="utf-8")) != order:
            raise ContractError([f"Expected {flags.output_dir} to have this study, but got another. Empty it or name another folder."])
        return zone
    if zone.exists():
        raise ContractError([f"Expected {zone} to be complete, but got a part of it. Remove it and run again."])
    print(f"Simulating {len(labs)} labs, {flags.recordings} recordings of {flags.seconds:g} s each.", flush=True)
    write_simulated_zone(zone, [HABITUAL[lab] for lab in flags.labs], flags.recordings, flags.seconds, seed=0)
    write_json(receipt, order)
    return zone


def _rows(chosen: "list[Variant]", plan: "FoldPlan", machine: "Machine", flags: argparse.Namespace) -> "list[Row]":
    """Train and evaluate all variants; the whole recipe is the first."""
    from reports.estimates import Estimate
    from training.judging.ablation_rows import Row
    from training.judging.evaluation import gains
    from training.judging.scored_subjects import NO_LABS_WAY
    from training.recipes.variants import WHOLE

    rows: list[Row] = []
    whole: Evaluation | None = None
    for variant in chosen:
        print(f"== {variant.name}: {variant.description}", flush=True)
        evaluation, seconds = _evaluated(_shortened(variant.recipe(), flags), plan, machine, flags.output_dir, flags.seed)
        whole = evaluation if variant.name == WHOLE else whole
        lost = {} if whole is None or whole is evaluation else {name: Estimate(**gain) for name, gain in gains(whole, evaluation).items()}
        score, precision = (Estimate(**evaluation.numbers["headline"][name]) for name in ("competition_score", "average_precision"))
        gained = lost.get("competition_score"), lost.get("average_precision")
        rows.append(Row(variant.name, variant.description, score, precision, *gained, seconds))
        if whole is evaluation and NO_LABS_WAY in evaluation.numbers["other_decodings"]:
            other = evaluation.numbers["other_decodings"][NO_LABS_WAY]
            numbers = Estimate(**other["score"]), None, Estimate(**other["gain"])
            rows.append(Row("without_lab_thresholds", "one threshold a behavior, for all labs", *numbers, None, None))
    return rows


def _evaluated(recipe: "AnyRecipe", plan: "FoldPlan", machine: "Machine", folder: Path, seed: int) -> "tuple[Evaluation, float]":
    from training.judging.fold_training import train_folds
    from training.judging.out_of_fold import OutOfFold, recipe_identity
    from training.judging.publishing import evaluate_run

    store = OutOfFold(folder / f"{recipe.name}-seed{seed}")
    store.claim({**recipe_identity(recipe), "seed": seed, **plan.identity()})
    records = train_folds(store, plan, recipe, seed, machine, lambda line: print(line, flush=True))
    return evaluate_run(store, plan)[0], sum(record.seconds for record in records)


def _shortened(recipe: "AnyRecipe", flags: argparse.Namespace) -> "AnyRecipe":
    """Return the recipe with the epochs of the study; trees have none."""
    from training.recipes.network_recipe import Recipe

    return replace(recipe, epochs=flags.epochs, patience=flags.epochs) if flags.epochs and isinstance(recipe, Recipe) else recipe


def _write(rows: "list[Row]", flags: argparse.Namespace) -> None:
    from training.judging.ablation_rows import markdown, picture

    size = f"{len(flags.labs)} simulated labs, {flags.recordings} recordings of {flags.seconds:g} s each"
    about = f"{size}; {flags.folds} folds, {flags.epochs or 'the recipe’s'} epochs, seed {flags.seed}."
    study: dict[str, Any] = {"about": about, "labs": list(flags.labs), "rows": [row.to_json_dict() for row in rows]}
    table = markdown(rows, about)
    write_json(flags.output_dir / "ablations.json", study)
    write_text(flags.output_dir / "ablations.md", table)
    (flags.output_dir / "ablations.png").write_bytes(picture(rows))
    print(table)
    print(f"Wrote ablations.md, ablations.json and ablations.png in {flags.output_dir}.")


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    folder = Path("results") / "ablations"
    parser.add_argument("--output-dir", type=Path, default=folder, help="folder for recordings, runs and tables (default: %(default)s)")
    parser.add_argument("--labs", nargs="+", default=tuple(PROFILES), metavar="LAB", help="simulated labs (default: all 19)")
    parser.add_argument("--recordings", type=int, default=4, help="recordings of each lab (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a recording (default: %(default)s)")
    parser.add_argument("--folds", type=int, default=2, help="number of folds (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="epochs of every network; 0 for those of its recipe (default: %(default)s)")
    parser.add_argument("--variants", nargs="+", metavar="NAME", help="only these and the whole recipe (default: all)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, windows and dropout (default: %(default)s)")
    add_machine_flags(parser)
    parser.add_argument("--quick", action="store_true", help="two labs, one epoch: only to see that it runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
