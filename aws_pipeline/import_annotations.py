"""Bring your own annotations: import bouts of other programs for recordings of a data directory.

    python aws_pipeline/import_annotations.py FILES... --data-dir D [--recording NAME] [--annotated attack,sniff] [--annotator NAME]
                                              [--subject resident=1] [--dry-run] [--json]

Reads   BORIS (project, exported events), SLEAP events (slp), ELAN (eaf), NWB (ndx-ethogram), BENTO and Caltech (annot), JABS (json),
        SimBA and DeepEthogram (csv with a row for each frame), tables with a row for each bout (csv, Parquet; stop excluded, unless
        --stop-included).
Writes  D/train_annotation/<lab>/<video>.parquet, and in D/train.csv what was annotated. A second run changes nothing.

The recording is found by the name of the observation, of the file, or of the film. Import its poses first. A behavior that the observer
did not look for is unknown, never absent: what was looked for comes from the file, or from --annotated; in-file means those that
occur, and no others. A mouse is found by its name in the poses, or by --subject. Behaviors spelled like known ones get their names
(Attack = attack).

Corrections, only if you choose them (python aws_pipeline/measure_clock.py measures them): --annotation-fps 25 if a second of the
annotation has 25 frames; --shift-frames -8 if it lags the film by 8 frames.

Exit codes: 0 everything imported, 1 unexpected, 2 usage, configuration or a full disk,
            3 imported, but something was put aside, 4 nothing could be used.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import settings
from aws_pipeline.terminal import run
from behavior.contract import UsageError

if TYPE_CHECKING:
    from aws_pipeline.imports.bout_rows import BoutChoices


def in_words(one: dict[str, Any]) -> str:
    """Return the facts of one recording as text."""
    behaviors = [f"{name} {each['bouts']} ({each['seconds']:.1f} s)" for name, each in one["behaviors"].items()]
    lines = [
        f"{one['file']}: {one['program']}, {one['state']}",
        f"  recording  {one['recording']}; mice: {', '.join(f'{mouse} = {name or mouse}' for mouse, name in one['mice'].items())}",
        f"  bouts      {one['bouts']}: {', '.join(behaviors) or 'none'}",
        f"  annotated  {'; '.join(one['annotated']) or 'nothing'}",
    ]
    if one["renamed"]:
        lines.append(f"  renamed    {', '.join(f'{name} = {ours}' for name, ours in one['renamed'].items())}")
    if one["annotator"]:
        lines.append(f"  annotator  {one['annotator']}")
    if one["correction"]:
        lines.append(f"  corrected  {one['correction']}")
    return "\n".join([*lines, *(f"  note       {note}" for note in one["notes"])])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("files", metavar="FILES", nargs="+", type=Path, help="files with annotations")
    parser.add_argument("--data-dir", type=Path, help="folder with train.csv (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument("--recording", metavar="NAME", help="the recording that the file is about (default: by the names in it)")
    parser.add_argument("--lab", help="its lab, if several labs have a recording of this name")
    parser.add_argument("--annotated", metavar="A,B", help="behaviors that the observer looked for, or in-file")
    parser.add_argument("--annotator", metavar="NAME", default="", help="who annotated (default: as the file says)")
    parser.add_argument("--agents", metavar="A,B", help="animals that the observer looked at (default: those that the file names)")
    parser.add_argument("--subject", action="append", default=[], metavar="NAME=1", help="number of an animal; none=1: bouts without one")
    parser.add_argument("--behavior", action="append", default=[], metavar="NAME=OURS", help="name of a behavior, such as Scent=sniff")
    parser.add_argument("--self-behaviors", metavar="A,B", help="unknown behaviors that a mouse does by itself")
    parser.add_argument("--pair-behaviors", metavar="A,B", help="unknown behaviors toward another mouse")
    parser.add_argument("--unit", choices=("frames", "seconds"), help="unit of start and stop in a table that does not say it")
    parser.add_argument("--stop-included", action="store_true", help="the stop frame of a table is part of the bout")
    parser.add_argument("--point-frames", type=int, default=1, metavar="N", help="length of a point event (default: 1)")
    parser.add_argument("--annotation-fps", type=float, metavar="N", help="frames in a second of the annotation, if not those of the film")
    parser.add_argument("--shift-frames", type=int, default=0, metavar="N", help="frames to add to all bouts; negative if they lag")
    parser.add_argument("--add", action="store_true", help="keep what is there of other behaviors")
    parser.add_argument("--replace", action="store_true", help="replace the annotation of another annotator")
    parser.add_argument("--dry-run", action="store_true", help="say what was understood; write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _choices(arguments: argparse.Namespace) -> "BoutChoices":
    from aws_pipeline.imports.bout_rows import BoutChoices

    subjects = _pairs(arguments.subject, "--subject resident=1")
    if wrong := [text for text in subjects.values() if not text.isdigit() or int(text) < 1]:
        raise UsageError(f"Expected --subject like resident=1, but got the number {wrong[0]!r}. Mice are numbered from 1 on.")
    for flag, value in (("--annotation-fps", arguments.annotation_fps), ("--point-frames", arguments.point_frames)):
        if value is not None and not value > 0:
            raise UsageError(f"Expected {flag} above 0, but got {value:g}. Correct it.")
    return BoutChoices(
        annotated=_names(arguments.annotated),
        annotator=arguments.annotator,
        subjects={name: int(number) for name, number in subjects.items()},
        behaviors=_pairs(arguments.behavior, "--behavior Scent=sniff"),
        self_behaviors=_names(arguments.self_behaviors),
        pair_behaviors=_names(arguments.pair_behaviors),
        agents=_names(arguments.agents),
        annotation_fps=arguments.annotation_fps,
        shift_frames=arguments.shift_frames,
        point_frames=arguments.point_frames,
    )


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _pairs(texts: list[str], like: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not (name and equals and value):
            raise UsageError(f"Expected {like.partition(' ')[0]} like {like.partition(' ')[2]}, but got {text!r}. Correct it.")
        pairs[name.strip()] = value.strip()
    return pairs


def _main() -> int:
    """Parse the command line, import, and report."""
    arguments = _parser().parse_args()
    data_dir = (arguments.data_dir or settings().data_dir).resolve()
    if not (data_dir / "train.csv").is_file():
        raise UsageError(f"Expected a data directory with train.csv, but got {data_dir}. Import the poses first, with import_pose.py.")
    from aws_pipeline.imports.bout_import import Target, import_annotations

    target = Target(data_dir, arguments.recording, arguments.lab, arguments.add, arguments.replace, arguments.dry_run)
    done, faults, code = import_annotations(arguments.files, target, _choices(arguments), arguments.unit, arguments.stop_included)
    if arguments.json:
        put_aside = [{"file": fault.where, "text": str(fault)} for fault in faults]
        print(json.dumps({"data_dir": str(data_dir), "dry_run": arguments.dry_run, "recordings": done, "put_aside": put_aside}))
    else:
        if done:
            print("\n".join(in_words(one) for one in done))
        print(f"{data_dir}: annotations of {len(done)} recordings; {len({fault.where for fault in faults})} put aside")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return code


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
