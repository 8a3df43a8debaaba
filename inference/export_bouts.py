"""Write bouts in the format of another tool.

    python inference/export_bouts.py --data-dir data --bouts bouts.parquet --output bouts.boris
    python inference/export_bouts.py --data-dir data --format elan --output elan/

It reads the predictions that recognize.py wrote as Parquet, or without --bouts the annotations of experts. Formats, and the ending of
--output that chooses them:
  csv          .csv      one tidy table: recording, agent, target, behavior, frames, seconds, confidence, source
  parquet      .parquet  the same
  boris        .boris    a BORIS project; the agent is the subject, the target a modifier
  boris-events .tsv      tabular events as BORIS exports them (also .csv with --format boris-events)
  elan         a folder  one .eaf for each recording, a tier for each agent, target and behavior
  nwb          a folder  one .nwb for each recording, with ndx-ethogram
  sleap        .slp      events of SLEAP
  competition            submission.csv
Exit codes: 0 written, 1 something unexpected, 2 usage or a missing file, 4 input breaks its contract or does not fit the format,
130 interrupted.
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
    from inference.exports.tidy_bouts import TidyBouts

FORMATS = ("csv", "parquet", "boris", "boris-events", "elan", "nwb", "sleap", "competition")
ENDINGS = {".csv": "csv", ".parquet": "parquet", ".boris": "boris", ".tsv": "boris-events", ".slp": "sleap"}
FOLDERS = ("elan", "nwb")
"""Formats with one file for each recording."""


def main(arguments: list[str] | None = None) -> int:
    """Write the bouts as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _export(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--bouts", type=Path, metavar="FILE", help="bouts.parquet of recognize.py (default: the annotations of experts)")
    parser.add_argument("--format", choices=FORMATS, help="the format (default: by the ending of --output)")
    parser.add_argument("--output", type=Path, required=True, help="the file to write; for elan and nwb a folder")
    return parser


def _export(flags: argparse.Namespace) -> int:
    chosen = flags.format or ENDINGS.get(flags.output.suffix)
    if chosen is None:
        raise UsageError(f"Expected --output to end with {', '.join(ENDINGS)}, but got {flags.output}. Name the format with --format.")
    from behavior.whole_file import check_place
    from inference.bout_sources import read_source
    from inference.exports.tidy_bouts import tidy

    check_place(flags.output / "file" if chosen in FOLDERS else flags.output)
    source = read_source(flags.bouts, flags.data_dir)
    bouts = tidy(source, flags.data_dir)
    if chosen in ("boris", "boris-events", "elan"):
        bouts, joined = bouts.merged()
        if joined:
            print(f"{joined} bouts overlap an earlier one of the same agent, target and behavior, and are joined to it.", file=sys.stderr)
    _write(chosen, bouts, flags.output)
    print(f"Wrote {flags.output}: {len(bouts.bouts)} bouts in {len(bouts.films)} recordings, as {chosen}.")
    return EXIT_OK


def _write(chosen: str, bouts: "TidyBouts", output: Path) -> None:
    from importlib import import_module

    module, function = WRITERS[chosen]
    getattr(import_module(module), function)(bouts, output)


WRITERS = {
    "csv": ("inference.exports.to_table", "write_csv_table"),
    "parquet": ("inference.exports.to_table", "write_parquet_table"),
    "boris": ("inference.exports.to_boris", "write_boris_project"),
    "boris-events": ("inference.exports.to_boris", "write_boris_events"),
    "elan": ("inference.exports.to_elan", "write_elan"),
    "nwb": ("inference.exports.to_nwb", "write_nwb"),
    "sleap": ("inference.exports.to_sleap", "write_sleap"),
    "competition": ("inference.exports.to_competition", "write_competition"),
}
"""By format: module and function, so that only the library of the chosen format is loaded."""

if __name__ == "__main__":
    sys.exit(main())
