"""One table of how often, how long and how soon each behavior occurs.

    python inference/bout_statistics.py --data-dir data --by condition --bin-s 300 --output statistics.csv --plot statistics.png
    python inference/bout_statistics.py --data-dir data --bouts bouts.parquet --by animal --from-marker attack --output statistics.csv

It reads the annotations of experts in the data directory or, with --bouts, the predictions that recognize.py wrote as Parquet. Columns:
count, rate_per_min, total_s, share (of the time that was looked at), mean_s and median_s of a bout, latency_s to the first, interval_s from
the end of a bout to the next start. Time that was looked at is summed over the pairs of mice that were looked at for the behavior (column
pairs). A behavior that was not annotated, or that the recognizer cannot predict, has empty cells, never 0.
--transitions writes which behavior follows which. --plot draws the share of time of each animal: with --by condition (or strain, sex, age)
group by group, with the difference of two groups, its interval and a permutation test, where n is animals, not bouts.
Exit codes: 0 written, 1 something unexpected, 2 usage or a missing file, 4 input breaks its contract (all faults are listed),
130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, UsageError, exit_code
from inference.bout_sources import BoutSource, read_source
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 6
"""Digits behind the point in the CSV files."""
LEVELS = ("recording", "animal", "pair", "lab", "condition", "strain", "sex", "age")


def main(arguments: list[str] | None = None) -> int:
    """Write the table as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _statistics(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--bouts", type=Path, metavar="FILE", help="bouts.parquet of recognize.py (default: the annotations of experts)")
    parser.add_argument("--by", choices=LEVELS, default="recording", help="what one row is about (default: %(default)s)")
    parser.add_argument("--bin-s", type=float, metavar="SECONDS", help="split the time into bins of so many seconds")
    marker = "start of time: a second of the recording, or a behavior (its first bout; recordings without it are left out)"
    parser.add_argument("--from-marker", metavar="SECOND|BEHAVIOR", help=marker)
    parser.add_argument("--output", type=Path, default=Path("statistics.csv"), help="the CSV file to write (default: %(default)s)")
    parser.add_argument("--transitions", type=Path, metavar="FILE", help="also write which behavior follows which, as CSV")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the share of time of each animal, as PNG")
    return parser


def _statistics(flags: argparse.Namespace) -> int:
    if flags.bin_s is not None and not 0 < flags.bin_s < float("inf"):
        raise UsageError(f"Expected --bin-s above 0, but got {flags.bin_s}. Give a number of seconds.")
    from behavior.animals import agents_of
    from behavior.time_budgets import time_budgets
    from behavior.transitions import transitions
    from behavior.whole_file import check_place
    from inference.serving import write_csv

    for path in filter(None, (flags.output, flags.transitions, flags.plot)):
        check_place(path)
    source = read_source(flags.bouts, flags.data_dir)
    origin_s = _origin(flags.from_marker, source)
    agents = agents_of(source.metadata, source.observed)
    if flags.by not in ("recording", "animal", "pair", "lab") and agents.rows[flags.by].isna().all():
        raise UsageError(f"Expected --by {flags.by} to be in the metadata, but got no value. Fill mouse1_{flags.by} and the like.")
    table = time_budgets(source.observed, agents, flags.by, flags.bin_s, origin_s)
    write_csv(_with_names(table, source).round(DECIMALS), flags.output)
    print(f"Wrote {flags.output}: {len(table)} rows, by {flags.by}, of {source.name}.")
    if flags.transitions:
        following = transitions(source.observed, agents, flags.by, origin_s)
        write_csv(_with_names(following, source).round(DECIMALS), flags.transitions)
        print(f"Wrote {flags.transitions}: {len(following)} pairs of behaviors.")
    if flags.plot:
        from inference.statistics_plot import plot

        print(plot(source, agents, flags.by, origin_s, flags.plot))
    return EXIT_OK


def _origin(marker: str | None, source: BoutSource) -> Mapping[int, float] | None:
    """Return where time begins in each recording, in seconds after its first frame; None for the first frame itself."""
    from behavior.time_budgets import starts_of

    if marker is None:
        return None
    videos = source.observed.triples["video_id"].unique().tolist()
    try:
        second = float(marker)
    except ValueError:
        starts = starts_of(source.observed, marker)
        if not starts:
            known = ", ".join(sorted(set(source.observed.bouts["action"]))) or "none"
            raise UsageError(
                f"Expected --from-marker to be a second or a behavior with bouts, but got {marker}. There are {known}."
            ) from None
        if without := len(videos) - len(starts):
            print(f"{without} of {len(videos)} recordings have no bout of {marker} and are left out.", file=sys.stderr)
        return starts
    if not 0 <= second < float("inf"):
        raise UsageError(f"Expected --from-marker of 0 s or more, but got {marker}. Give a second of the recording.")
    return dict.fromkeys(videos, second)


def _with_names(table: "pd.DataFrame", source: BoutSource) -> "pd.DataFrame":
    """Return the table with the name of each recording before its number, if the metadata have names."""
    from behavior.animals import names_of_recordings

    if "video_id" not in table or not any(row.get("recording_name") for row in source.metadata):
        return table
    names = table["video_id"].map(names_of_recordings(source.metadata))
    return table.assign(recording=names)[["recording", *table.columns]]


if __name__ == "__main__":
    sys.exit(main())
