"""Reuse somebody else's recognizer on your recordings: what does each step of adapting it gain on your labels?

    python training/reuse.py --checkpoint their.safetensors --curated s3_mock/curated-zone --labs MyLab --output-dir results/reuse

It climbs a ladder: as it came; thresholds fitted on your recordings; the whole decoding (calibration, smoothing, gaps, lengths); its last
layer trained; all of its weights trained. Every recording is judged by a recognizer and a decoding that never saw it: folds by content,
as in cross-validation. Two or three annotated recordings are enough for the first rungs. Behaviors that the recognizer does not have
are not judged. Recordings that it was trained on are refused.
Writes <output-dir>/ladder.json, ladder.csv and a checkpoint of each rung, fitted on all of your recordings, for inference/recognize.py. The
last rung whose gain over the one that was last chosen is above the noise is recommended.
Exit codes: 0 done, 1 the loss diverged or something unexpected, 2 usage, 4 the data or the checkpoint break their contract, or nothing is
shared, 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError
from training.command_line import add_machine_flags, batch_progress, chosen_machine, curated_folder, run_script

if TYPE_CHECKING:
    from training.judging.evaluation import Evaluation
    from training.reusing.rungs import Rung

RUNGS = ("as_is", "thresholds", "calibration", "head", "whole")
LEAST_CONTENTS = 5
MEASURES = ("competition_score", "frame_f1", "average_precision")


def main(arguments: list[str] | None = None) -> int:
    """Climb the ladder as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _reuse(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--checkpoint", type=Path, required=True, help="the .safetensors file to reuse")
    parser.add_argument("--curated", type=Path, help="directory of the curated zone with your recordings")
    parser.add_argument("--labs", nargs="+", help="only recordings of these labs (default: all)")
    parser.add_argument("--rungs", nargs="+", choices=RUNGS, default=list(RUNGS), help="rungs to try (default: all)")
    parser.add_argument("--folds", type=int, default=4, help="folds; with fewer recordings, one for each (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=8, help="passes over the windows when weights are trained (default: %(default)s)")
    parser.add_argument("--output-dir", type=Path, default=Path("results") / "reuse", help="folder to write into (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of windows and dropout (default: %(default)s)")
    add_machine_flags(parser)
    return parser


def _reuse(flags: argparse.Namespace) -> int:
    curated, machine = curated_folder(flags), chosen_machine(flags)
    if not flags.checkpoint.is_file():
        raise UsageError(f"Expected --checkpoint to be a file, but got {flags.checkpoint}. Correct the path.")
    if flags.epochs < 1:
        raise UsageError(f"Expected --epochs of 1 or more, but got {flags.epochs}. Leave it out.")
    from behavior.whole_file import check_place
    from training.material.curated_zone import CuratedZone
    from training.reusing.climbing import Climb, climb, plan_reuse
    from training.reusing.rungs import Rung

    if machine.threads is not None:
        import torch

        torch.set_num_threads(machine.threads)
    check_place(flags.output_dir / "ladder.json")
    started = time.perf_counter()
    plan = plan_reuse(flags.checkpoint, CuratedZone(curated), flags.labs, flags.folds)
    rungs = tuple(rung for rung in Rung if rung in flags.rungs)
    how = Climb(flags.checkpoint, rungs, flags.epochs, flags.seed, machine.device, flags.output_dir)
    ladder = climb(how, plan, _say, batch_progress)
    _write(ladder.evaluations, ladder.chosen, flags.output_dir, ladder.facts)
    print(_text(ladder.evaluations, ladder.chosen))
    if ladder.facts["contents"] < LEAST_CONTENTS:
        print(f"{ladder.facts['contents']} recordings are few: intervals over them are too narrow. Take the ladder as a hint.")
    seconds = time.perf_counter() - started
    print(f"{ladder.facts['recordings']} recordings, {seconds:.0f} s. Wrote {flags.output_dir}/ladder.json and a checkpoint of each rung.")
    print(f"Recommended: {flags.output_dir / f'{ladder.chosen}.safetensors'}.")
    return EXIT_OK


def _say(line: str) -> None:
    print(line, flush=True)


def _text(evaluations: "dict[Rung, Evaluation]", chosen: "Rung") -> str:
    """Return the ladder as a table of at most 110 columns."""
    from reports.estimates import Estimate, gain_text
    from training.judging.evaluation import gains
    from training.reusing.rungs import MEANINGS

    first = next(iter(evaluations))
    lines = [f"{'rung':<12} {'score':<22} {'gain over ' + first:<42} {'frame F1':>8} {'PR-AUC':>7}"]
    for rung, one in evaluations.items():
        score, f1, area = (one.numbers["headline"][name] for name in MEASURES)
        gain = "" if rung == first else gain_text(Estimate(**gains(one, evaluations[first])["competition_score"]))
        numbers = ("-" if part["value"] is None else f"{part['value']:.3f}" for part in (f1, area))
        mark = "*" if rung == chosen else ""
        lines.append(f"{rung + mark:<12} {Estimate(**score)!s:<22} {gain:<42} {next(numbers):>8} {next(numbers):>7}")
    lines.append(f"* recommended: {MEANINGS[chosen]}. Intervals are over recordings; every recording was held out.")
    return "\n".join(lines)


def _write(evaluations: "dict[Rung, Evaluation]", chosen: "Rung", folder: Path, facts: dict[str, Any]) -> None:
    import csv
    import io

    from behavior.whole_file import write_json, write_text
    from training.judging.evaluation import gains
    from training.reusing.rungs import MEANINGS

    first = next(iter(evaluations))
    rungs = {
        str(rung): {
            "meaning": MEANINGS[rung],
            "headline": one.numbers["headline"],
            "gain_over_first": gains(one, evaluations[first]),
            "behaviors": {
                name: {key: of[key] for key in ("frame_f1", "average_precision", "bouts")} for name, of in one.numbers["behaviors"].items()
            },
        }
        for rung, one in evaluations.items()
    }
    write_json(folder / "ladder.json", {**facts, "recommended": str(chosen), "rungs": rungs})
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["rung", *(f"{name}{part}" for name in MEASURES for part in ("", "_low", "_high"))])
    for rung, one in evaluations.items():
        parts = [one.numbers["headline"][name][part] for name in MEASURES for part in ("value", "low", "high")]
        writer.writerow([rung, *("" if part is None else f"{part:.6f}" for part in parts)])
    write_text(folder / "ladder.csv", rows.getvalue())


if __name__ == "__main__":
    sys.exit(main())
