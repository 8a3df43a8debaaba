"""Why was a bout predicted? How much each family of features raised or lowered the score of a behavior.

    python inference/explain.py 1000000 --data-dir data/sample --checkpoint checkpoints/trees.safetensors --bouts bouts.csv --bout 3
    python inference/explain.py 1000000 --data-dir data/sample --checkpoint checkpoints/trees.safetensors --who 1 2 --behavior attack

RECORDING is the number or the name of a recording. show.py --list prints the numbers of bouts. Trees are explained by TreeSHAP, networks
by integrated gradients; both in log-odds, means over the bout. Combinations are explained by the checkpoint of one of their members.
Prints a table; with --output, also writes a chart (.png or .svg) or the numbers (.json).
Exit codes: 0 explained, 1 something unexpected, 2 usage, 4 the checkpoint or the recording cannot be used, 130 interrupted.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError, exit_code
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    from inference.ethogram_rows import Who
    from inference.viewed_recording import ViewedRecording
    from recognizers.attribution import Attribution

OUTPUTS = (".png", ".svg", ".json")


def main(arguments: list[str] | None = None) -> int:
    """Explain the bout that the flags name; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _explain(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("recording", metavar="RECORDING", help="number or name of a recording")
    parser.add_argument("--checkpoint", type=Path, nargs=1, required=True, help="a .safetensors file of one network or of trees")
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--bouts", type=Path, help="predicted bouts (default: those of the annotation)")
    parser.add_argument("--bout", type=int, metavar="N", help="explain this bout, as show.py --list numbers them")
    parser.add_argument("--who", type=int, nargs="+", metavar="MOUSE", help="agent and target, or one mouse; none for a whole arena")
    parser.add_argument("--behavior", help="explain this behavior")
    parser.add_argument("--from", type=float, dest="start_s", metavar="S", help="from here, s")
    parser.add_argument("--to", type=float, dest="stop_s", metavar="S", help="to here, s")
    parser.add_argument("--output", type=Path, help=f"also write a chart or the numbers ({', '.join(OUTPUTS)})")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.set_defaults(batch=64)
    return parser


def _explain(flags: argparse.Namespace) -> int:
    if flags.output and flags.output.suffix not in OUTPUTS:
        raise UsageError(f"Expected --output to end with {', '.join(OUTPUTS)}, but got {flags.output}. Use one of them.")
    if (flags.bout is None) == (flags.behavior is None):
        raise UsageError("Expected either --bout or --behavior, but got both or neither. Choose one of them.")
    from behavior.labelling import Subject
    from behavior.material import Material
    from inference.ethogram_rows import label_of
    from inference.serving import load
    from inference.viewed_recording import find_recording
    from recognizers.attribution import attribute

    recognizer = load(flags)
    viewed = find_recording(flags.data_dir, flags.recording)
    who, frames = _chosen(flags, viewed)
    reason = attribute(recognizer, Material.with_tracking(viewed.recording, viewed.curated), Subject(*who[:2]), who[2], frames)
    print(_in_words(label_of(who), viewed, frames, reason))
    if flags.output:
        _write(reason, label_of(who), flags.output)
    return EXIT_OK


def _chosen(flags: argparse.Namespace, viewed: "ViewedRecording") -> "tuple[Who, slice]":
    """Return who does what, and the frames of the recording. Raises UsageError for a bout or a time that it does not have."""
    from inference.bout_files import numbered, read_bouts
    from inference.ethogram_rows import who_of

    first, count, fps = viewed.curated.first_frame, viewed.curated.frames, viewed.recording.fps
    if flags.bout is not None:
        bouts = viewed.true_bouts if flags.bouts is None else read_bouts(flags.bouts, viewed.recording.video_id)
        bout = numbered(bouts, flags.bout)
        who, start, stop = who_of(bout), int(bout["start_frame"]) - first, int(bout["stop_frame"]) - first
    else:
        mice = flags.who or [None]
        if len(mice) > 2:
            raise UsageError(f"Expected --who to be one or two mice, but got {len(mice)}. Give agent and target.")
        who = (mice[0], mice[-1], flags.behavior)
        start = 0 if flags.start_s is None else round(flags.start_s * fps) - first
        stop = count if flags.stop_s is None else round(flags.stop_s * fps) - first
    start, stop = max(start, 0), min(stop, count)
    if start >= stop:
        within = f"{first / fps:.1f} to {(first + count) / fps:.1f} s"
        raise UsageError(f"Expected a time within {within}, but got none. Change --from and --to.")
    return who, slice(start, stop)


def _in_words(label: str, viewed: "ViewedRecording", frames: slice, reason: "Attribution") -> str:
    import math

    fps, first = viewed.recording.fps, viewed.curated.first_frame
    when = f"{(frames.start + first) / fps:.2f} to {(frames.stop + first) / fps:.2f} s"
    width = max(map(len, reason.contributions), default=0)
    lines = [
        f"{label}, {viewed.recording.lab_id}, recording {viewed.recording.shown}, {when}",
        f"{reason.base:+8.2f}  base: {reason.compared_with}",
        *(f"{value:+8.2f}  {name:<{width}}" for name, value in reason.contributions.items()),
        f"{reason.total:+8.2f}  log-odds of the bout: a score of {1 / (1 + math.exp(-reason.total)):.2f}",
    ]
    if abs(reason.unexplained) > 0.05 * max(abs(reason.total - reason.base), 1):
        lines.append(f"{reason.unexplained:+8.2f}  of this is not explained: gradients between base and bout are too steep")
    return "\n".join(line.rstrip() for line in lines)


def _write(reason: "Attribution", label: str, path: Path) -> None:
    from behavior.whole_file import whole_file, write_json
    from reports.charts import contribution_chart
    from reports.figures import png, svg

    if path.suffix == ".json":
        numbers = {"base": reason.base, "total": reason.total, "compared_with": reason.compared_with}
        write_json(path, {"bout": label, **numbers, "contributions": dict(reason.contributions)})
        return
    names, values = list(reason.contributions), list(reason.contributions.values())
    figure = contribution_chart(names, values, f"{label}: log-odds, compared with {reason.compared_with}")
    with whole_file(path) as beside:
        beside.write_bytes(png(figure) if path.suffix == ".png" else svg(figure).encode())


if __name__ == "__main__":
    sys.exit(main())
