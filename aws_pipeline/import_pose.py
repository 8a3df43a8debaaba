"""Bring your own tracks: import poses of other programs into a data directory.

    python aws_pipeline/import_pose.py FILES... --lab MyLab --fps 30 --pix-per-cm 16 [--likelihood 0.6] [--metadata table.csv]
                                       [--test] [--data-dir D] [--dry-run] [--json]

Reads   DeepLabCut, Lightning Pose, Anipose 2-D (csv, h5), SLEAP (slp, analysis h5), NWB with ndx-pose, JABS (h5), CalMS21 and MARS (json);
        the content says which it is, not the name of the file.
Writes  D/train_tracking/<lab>/<video>.parquet and a row of D/train.csv for each recording (with --test: of test). <video> is a number
        that follows from the lab and the name of the recording; the name is in the column recording_name. A second run changes nothing.

A dry run says what was understood, and what is still missing. A scale that the file does not say is given with --pix-per-cm, or measured
in the picture: --arena-cm 40x40 --arena-px 100,50,740,690 (left,top,right,bottom), or --body-length-cm 8 (nose to the base of the tail).
A table (--metadata) has a row for each recording, with its name in the column recording_name (or its file in the column file), and any
columns of train.csv; fps, pix_per_cm and lab are understood too.

Exit codes: 0 everything imported, 1 unexpected, 2 usage, configuration, a full disk, or something must be said that no file says,
            3 imported, but at least one file was put aside, 4 no file could be used.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.config import settings
from aws_pipeline.terminal import run
from behavior.contract import Fault, UsageError

if TYPE_CHECKING:
    from aws_pipeline.imports.pose_rows import Choices

_MOST_NAMES = 3


def in_words(one: dict[str, Any], threshold: float) -> str:
    """Return the facts of one recording as text."""
    own = [name for name, place in one["bodyparts"].items() if name == place]
    mapped = [f"{name} = {place}" for name, place in one["bodyparts"].items() if name != place]
    length = f" at {one['fps']:g} a second ({one['frames'] / float(one['fps']):.1f} s)" if one["fps"] else ""
    scale = f"{one['pix_per_cm']:g} pixels per cm ({one['scale']})" if one["pix_per_cm"] else f"scale: {one['scale']}"
    unlikely = "" if one["unlikely_share"] is None else f"; {one['unlikely_share']:.1%} below a likelihood of {threshold:g}"
    lines = [
        f"{one['file']}: {one['tracker']}, {one['state']}",
        f"  recording  {one['recording']}, lab {one['lab']}, video {one['video_id']}",
        f"  mice       {', '.join(f'{mouse} = {name}' for mouse, name in one['mice'].items())}",
        f"  bodyparts  {', '.join(mapped + own)}",
        f"  frames     {one['frames']:,} from {one['first_frame']}{length}",
        f"  picture    {one['picture_px'][0]} x {one['picture_px'][1]} pixels, {scale}",
        f"  points     {one['lost_share']:.1%} lost{unlikely}",
        *(f"  note       {note}" for note in one["notes"]),
    ]
    return "\n".join(lines)


def grouped(faults: Sequence[Fault]) -> list[str]:
    """Return one line for each thing to say, with the files that it is about."""
    places: dict[str, list[str]] = {}
    for fault in faults:
        places.setdefault(f"{fault.text} {fault.mend}", []).append(fault.where)
    lines = []
    for text, files in places.items():
        more = f" and {len(files) - _MOST_NAMES} more files" if len(files) > _MOST_NAMES else ""
        lines.append(f"{', '.join(files[:_MOST_NAMES])}{more}: {text}")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("files", metavar="FILES", nargs="+", type=Path, help="files with poses")
    parser.add_argument("--lab", help="lab of the recordings")
    parser.add_argument("--fps", type=float, help="frames per second, such as 29.97")
    parser.add_argument("--pix-per-cm", type=float, metavar="N", help="scale of the picture")
    parser.add_argument("--arena-cm", metavar="WxH", help="size of the arena, to measure the scale")
    parser.add_argument("--arena-px", metavar="BOX", help="the arena in the picture: WxH, or left,top,right,bottom")
    parser.add_argument("--body-length-cm", type=float, metavar="N", help="length from nose to tail base, to measure the scale")
    parser.add_argument("--no-scale", action="store_true", help="import without a scale: the unit is the body length")
    parser.add_argument("--picture-px", metavar="WxH", help="size of the picture (default: as the file says, else from the points)")
    parser.add_argument("--likelihood", type=float, metavar="P", help="points that are less likely count as lost (default: none)")
    parser.add_argument("--individuals", metavar="A,B", help="animals that become mouse 1, mouse 2 ... (default: all, by name)")
    parser.add_argument("--bodypart", action="append", default=[], metavar="NAME=OURS", help="name of a bodypart, such as TTI=tail_base")
    parser.add_argument("--name", help="name of the recording (default: from the file)")
    parser.add_argument("--metadata", type=Path, metavar="TABLE", help="table with a row for each recording")
    parser.add_argument("--test", action="store_true", help="write test.csv: recordings to recognize, without annotations")
    parser.add_argument("--data-dir", type=Path, help="folder to write (default: MABE_DATA_DIR, else data/ in the repository)")
    parser.add_argument("--dry-run", action="store_true", help="say what was understood; write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _choices(arguments: argparse.Namespace) -> "Choices":
    from aws_pipeline.imports.metadata_table import read_table
    from aws_pipeline.imports.picture_scale import Arena
    from aws_pipeline.imports.pose_rows import Choices

    if bool(arguments.arena_cm) != bool(arguments.arena_px):
        raise UsageError("Expected --arena-cm and --arena-px together, but got one of them. Give both.")
    likelihood = arguments.likelihood
    if likelihood is not None and not 0 <= likelihood <= 1:
        raise UsageError(f"Expected --likelihood from 0 to 1, but got {likelihood:g}. Correct it.")
    for flag in ("fps", "pix_per_cm", "body_length_cm"):
        if getattr(arguments, flag) is not None and not getattr(arguments, flag) > 0:
            raise UsageError(f"Expected --{flag.replace('_', '-')} above 0, but got {getattr(arguments, flag):g}. Correct it.")
    pairs = [text.partition("=") for text in arguments.bodypart]
    if wrong := [name for name, equals, ours in pairs if not (name and equals and ours)]:
        raise UsageError(f"Expected --bodypart like TTI=tail_base, but got {wrong[0]!r}. Correct it.")
    size = None
    if arguments.picture_px:
        try:
            width, height = (int(part) for part in arguments.picture_px.lower().split("x"))
            size = (width, height)
        except ValueError:
            raise UsageError(f"Expected --picture-px like 640x480, but got {arguments.picture_px!r}. Correct it.") from None
    return Choices(
        lab=arguments.lab,
        fps=arguments.fps,
        pix_per_cm=arguments.pix_per_cm,
        arena=Arena.parse(arguments.arena_cm, arguments.arena_px) if arguments.arena_cm else None,
        body_length_cm=arguments.body_length_cm,
        no_scale=arguments.no_scale,
        likelihood=likelihood,
        size_px=size,
        individuals=tuple(name.strip() for name in arguments.individuals.split(",")) if arguments.individuals else (),
        names={name: ours for name, _, ours in pairs},
        metadata=read_table(arguments.metadata) if arguments.metadata else {},
    )


def _main() -> int:
    """Parse the command line, import, and report."""
    arguments = _parser().parse_args()
    data_dir = (arguments.data_dir or settings().data_dir).resolve()
    split = "test" if arguments.test else "train"
    from aws_pipeline.imports.pose_import import import_poses
    from aws_pipeline.imports.pose_rows import SHOWN_LIKELIHOOD

    done, faults, code = import_poses(arguments.files, data_dir, _choices(arguments), split, arguments.name, arguments.dry_run)
    if arguments.json:
        put_aside = [{"file": fault.where, "code": fault.code, "text": str(fault)} for fault in faults]
        print(json.dumps({"data_dir": str(data_dir), "dry_run": arguments.dry_run, "recordings": done, "put_aside": put_aside}))
    else:
        threshold = SHOWN_LIKELIHOOD if arguments.likelihood is None else arguments.likelihood
        if done:
            print("\n".join(in_words(one, threshold) for one in done))
        counts = {state: sum(one["state"] == state for one in done) for state in dict.fromkeys(one["state"] for one in done)}
        told = ", ".join(f"{n} {state}" for state, n in counts.items()) or "none"
        print(f"{data_dir / f'{split}.csv'}: recordings: {told}; files with faults: {len({fault.where for fault in faults})}")
    for line in grouped(faults):
        print(f"error: {line}", file=sys.stderr)
    return code


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
