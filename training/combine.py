"""Combine recognizers that were cross-validated on the same recordings into one, and evaluate it out of fold.

    python training/combine.py --how stacked --curated s3_mock/curated-zone
        --members results/cross_validation/trees-seed0 results/cross_validation/cnn_transformer_plus-seed0

--members are output directories of training/cross_validate.py. --how is equal (the mean of their scores), fitted (a mean with weights
and smoothing fitted per behavior) or stacked (boosted trees over their scores, averaged with the fitted mean). For each fold, only the
scores of the other folds are used for fitting.
Writes an output directory like training/cross_validate.py (scores, decodings, report.json, report.html, experiment.md), which --against
and further combinations can use, and <output-dir>/combined.safetensors: one file with the recognizers of all folds of all members, their
weights or trees, and a decoding, both fitted on all scores. Use it like any other checkpoint. One member alone becomes the mean of its
folds. The evaluation of a stack is slightly optimistic: the members' scores of other folds come from recognizers that were trained with
the labels of this fold.
Exit codes: 0 done, 1 something unexpected, 2 usage, 4 the curated data or a member break their contract, 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK
from training.command_line import add_fold_flags, chosen_grouping, curated_folder, require_drawing, require_seed, run_script

COMBINED = "combined.safetensors"


def main(arguments: list[str] | None = None) -> int:
    """Combine as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _combine(flags))


def _combine(flags: argparse.Namespace) -> int:
    curated = curated_folder(flags)
    require_seed(flags)
    require_drawing("report")
    from recognizers.devices import rest_waiting_threads

    rest_waiting_threads()
    from recognizers.recognizer import View
    from training.combining.combination import Combination, How, cross_fit_combiners
    from training.combining.combined_file import save_combined
    from training.combining.member_runs import MemberRuns
    from training.combining.scoring import write_combined_scores
    from training.judging.out_of_fold import OutOfFold, recipe_identity
    from training.judging.publishing import publish
    from training.judging.run_summary import description
    from training.material.curated_zone import CuratedZone
    from training.material.fold_plan import plan_folds

    zone = CuratedZone(curated, flags.labels_late, flags.annotated_part)
    plan = plan_folds(zone, flags.labs, flags.folds, chosen_grouping(flags, zone), flags.exclude)
    other = flags.against and OutOfFold(flags.against)
    if other:
        other.refuse_unlike(plan, View.PAIR)
    runs = MemberRuns(tuple(map(OutOfFold, flags.members)), plan)
    runs.refuse_unlike()
    checkpoints = runs.checkpoints()  # so that missing ones are reported before the work
    how = Combination(How(flags.how), runs.names, seed=flags.seed)
    store = OutOfFold(flags.output_dir or Path("results") / "cross_validation" / f"{how.how}-{'+'.join(runs.names)}")
    store.claim({**recipe_identity(how), "recipe name": how.name, "seed": flags.seed, **plan.identity()})
    print(
        f"{len(plan.recordings)} recordings, {len(plan.splits)} folds, {len(runs.stores)} members; output goes to {store.folder}.",
        flush=True,
    )
    started = time.perf_counter()
    combiners = cross_fit_combiners(runs, how)
    print(f"Fitted on the scores of the other folds, {time.perf_counter() - started:.1f} s.", flush=True)
    records = write_combined_scores(runs, how, combiners, store)
    decoding = publish(store, plan, description(how, flags.seed, plan, records), other)
    assert decoding is not None  # None only for classes that exclude each other; a combination is multilabel
    save_combined(store.folder / COMBINED, runs, how, combiners[None], decoding, checkpoints)
    print(f"Wrote {store.folder / COMBINED}.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--members", type=Path, nargs="+", required=True, metavar="DIR", help="output directories of cross-validations")
    parser.add_argument("--how", choices=("equal", "fitted", "stacked"), default="equal", help="how to combine (default: %(default)s)")
    parser.add_argument("--curated", type=Path, help="directory of the curated zone of all members")
    parser.add_argument("--folds", type=int, default=4, help="number of folds of all members (default: %(default)s)")
    parser.add_argument("--labs", nargs="+", help="labs of all members (default: all)")
    add_fold_flags(parser)
    parser.add_argument("--output-dir", type=Path, help="folder for all output (default: results/cross_validation/<how>-<members>)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the trees (default: 0)")
    parser.add_argument(
        "--against", type=Path, metavar="DIR", help="output directory of another run on the same data: report the gain over it"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
