"""Make films and their labels ready for training: check them, count their frames, merge behaviors, write one zone.

    python training/curate_films.py --data-dir my_films --zone results/films

It reads <data-dir>/Videos/ and Annotations/ (or train_video/<lab>/ and train_annotation/<lab>/): films (.mp4, .avi, .mov, .mkv, ...), and
labels as <film>.csv or <film>_<anything>.csv, with one row per frame (Frame, Action) or per bout (start, stop, label). paw_guard and
flinch count as paw_withdraw. Frames without a label are unknown. If individuals.csv (film, individual) lies beside them, films of one
individual stay in one fold. A film that has not changed is not decoded again. Films that break the contract are put aside, with their
reasons in <zone>/put_aside.json.
Exit codes: 0 done, 1 something unexpected, 2 usage, 3 done, but some films were put aside, 4 no film is sound, 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, Severity, UsageError
from training.command_line import run_script


def main(arguments: list[str] | None = None) -> int:
    """Curate films as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return run_script(lambda: _curate(flags))


def _curate(flags: argparse.Namespace) -> int:
    if not flags.data_dir.is_dir():
        raise UsageError(f"Expected --data-dir to be a folder with Videos/, but got {flags.data_dir}. Name one.")
    from behavior.balance import Balance
    from behavior.film_labels import LabelRules
    from training.material.film_curation import curate_film, known_rows, write_film, write_manifest
    from training.material.film_sources import find_films

    merged = dict(_pair(text) for text in flags.merge)
    rules = LabelRules.with_more(merged, flags.also)
    if unknown := sorted(set(merged.values()) - set(rules.behaviors)):
        raise UsageError(f"Expected --merge to name behaviors that count, but got {', '.join(unknown)}. Add them with --also.")
    found = find_films(flags.data_dir, flags.lab)
    known = known_rows(flags.zone)
    curated, faults = [], list(found.faults)
    for number, source in enumerate(found.films, start=1):
        one = curate_film(source, known.get(source.video_id), rules, flags.labels_fps)
        outcome = "put aside"
        if one.row is not None:
            write_film(flags.zone, one)
            outcome = "not changed" if one.bouts is None and source.video_id in known else "curated"
        curated.append(one)
        faults += one.faults
        frames = f" frames={one.row['frames']} labelled={one.row['labelled_frames']}" if one.row else ""
        print(f"film={source.path.name} lab={source.lab} {number}/{len(found.films)} {outcome}{frames}", flush=True)
    write_manifest(flags.zone, curated, faults)
    for fault in sorted(set(faults), key=str):
        print(f"{fault.severity}: {fault}", file=sys.stderr)
    kept = sum(one.row is not None for one in curated)
    refused = {fault.where for fault in found.faults if fault.code != "film-missing"}
    total = len(curated) + len(refused)
    print(f"{Balance('films', total, {'curated': kept, 'put aside': total - kept})}; wrote {flags.zone}.")
    if not kept:
        raise ContractError([fault for fault in faults if fault.severity is Severity.REJECT])
    return EXIT_PUT_ASIDE if any(fault.severity is Severity.REJECT for fault in faults) else EXIT_OK


def _pair(text: str) -> tuple[str, str]:
    name, _, behavior = text.partition("=")
    if not name or not behavior:
        raise UsageError(f"Expected --merge NAME=BEHAVIOR, but got {text}. Say, for example, --merge groom=active.")
    return name, behavior


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with Videos/ and Annotations/")
    parser.add_argument("--zone", type=Path, required=True, help="folder of the zone to write; training reads it with --curated")
    parser.add_argument("--lab", default="lab", help="lab of films that do not lie in a folder of their lab (default: %(default)s)")
    parser.add_argument("--merge", nargs="+", default=[], metavar="NAME=BEHAVIOR", help="behaviors that count as another")
    parser.add_argument("--also", nargs="+", default=[], metavar="NAME", help="behaviors that count beside the usual six")
    parser.add_argument("--labels-fps", type=float, help="frame rate that the labels count at (default: that of each film)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
