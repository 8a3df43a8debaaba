"""Develop a recognizer from labelled recordings: try recipes, choose the best, say how good it is and what more labels would bring.

    python training/develop.py --lab MyLab --curated s3_mock/curated-zone

It cross-validates a few recipes whose sizes fit the amount of data, combines them, and chooses recipe, combination and decoding. What is
reported for a recording was chosen and fitted without it. Writes into <output-dir>
    recognizer.safetensors   the recognizer, one file: python inference/recognize.py --checkpoint uses it
    card.md                  what it is for and how good it is, to keep beside the file
    report.html, report.json what it finds and what not, in plain words; a learning curve; a second human, where there is one
    chosen/report.html       all numbers
    runs/                    the scores of each recipe
--plan prints what would be done, and stops. If it was interrupted, start the same command again: complete folds are not trained again,
and with more --minutes it goes on with what was left out.
Exit codes: 0 done, 1 the loss diverged or something unexpected, 2 usage, 4 the curated data break their contract, 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError
from training.command_line import (
    add_fold_flags,
    add_machine_flags,
    batch_progress,
    chosen_grouping,
    chosen_machine,
    curated_folder,
    require_drawing,
    run_script,
)


def main(arguments: list[str] | None = None) -> int:
    """Develop as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _develop(flags))


def _develop(flags: argparse.Namespace) -> int:
    curated = curated_folder(flags)
    if not flags.minutes > 0:
        raise UsageError(f"Expected --minutes above 0, but got {flags.minutes:g}. Give it time, such as 15.")
    require_drawing("report")
    machine = chosen_machine(flags)
    from behavior.body_length import unscaled_note
    from training.developing.candidates import candidates
    from training.developing.development import CARD, PAGE, RECOGNIZER, Workshop, develop, plan_lines
    from training.developing.facts import facts_of
    from training.developing.running import Clock
    from training.material.curated_zone import CuratedZone
    from training.material.fold_plan import plan_folds

    clock = Clock(flags.minutes)
    zone = CuratedZone(curated, flags.labels_late, flags.annotated_part)
    plan = plan_folds(zone, flags.lab, flags.folds, chosen_grouping(flags, zone), flags.exclude)
    facts = facts_of(plan)
    print("\n".join(plan_lines(facts, candidates(facts, machine.device), plan, flags.minutes)), flush=True)
    if note := unscaled_note(plan.recordings):
        print(note, flush=True)
    if flags.plan:
        return EXIT_OK
    folder = flags.output_dir or Path("results") / "developed" / "+".join(flags.lab or ["all"])
    outcome = develop(Workshop(plan, folder, flags.seed, machine, clock, lambda line: print(line, flush=True), batch_progress))
    print(f"Wrote {folder / RECOGNIZER}, {CARD} and {PAGE} in {outcome.minutes:.1f} minutes.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--lab", nargs="+", metavar="LAB", help="learn from the recordings of these labs (default: all)")
    parser.add_argument("--curated", type=Path, default=Path("s3_mock") / "curated-zone", help="the curated zone (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=15.0, help="time budget (default: %(default)s)")
    parser.add_argument("--plan", action="store_true", help="print what would be done, and stop")
    parser.add_argument("--output-dir", type=Path, help="folder for all output (default: results/developed/<labs>)")
    parser.add_argument("--folds", type=int, help="number of folds (default: up to 6 for 12 groups of recordings or fewer, else 4)")
    add_fold_flags(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, windows and trees; folds do not depend on it (default: 0)")
    add_machine_flags(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
