"""Is last night's data sound? Measure every recording of a data directory, and write a page with tables and charts.

    python inference/data_quality.py --data-dir data/sample --output quality.html [--table quality.parquet]

Reads   train.csv, test.csv, and the tracking and the annotation of each recording.
Writes  one HTML page that needs no other file; with --table, also the rows of the table data_quality (.parquet, .csv or .json).

It corrects nothing. A recording that breaks its contract is listed with its reasons; the others are measured.
Exit codes: 0 written, 1 something unexpected, 2 usage, 3 written, but at least one recording breaks its contract, 4 the metadata cannot
be read, 130 interrupted.
"""

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, UsageError, exit_code
from inference.recording_files import DATA_DIR

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = (".parquet", ".csv", ".json")


def main(arguments: list[str] | None = None) -> int:
    """Write the page as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _quality(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("quality.html"), help="the page to write (default: %(default)s)")
    parser.add_argument("--table", type=Path, help=f"also write the rows, one for each recording ({', '.join(TABLES)})")
    parser.add_argument("--labs", nargs="+", metavar="LAB", help="only these labs")
    return parser


def _quality(flags: argparse.Namespace) -> int:
    if flags.table and flags.table.suffix not in TABLES:
        raise UsageError(f"Expected --table to end with {', '.join(TABLES)}, but got {flags.table}. Use one of them.")
    from behavior.whole_file import check_place, write_text
    from inference.measured_quality import measured_quality, quality_table
    from inference.viewed_recording import viewed_recordings
    from reports.page import render
    from reports.progress import progress
    from reports.quality_page import quality_page

    for path in filter(None, (flags.output, flags.table)):
        check_place(path)
    recordings = [one for one in viewed_recordings(flags.data_dir) if not flags.labs or one.recording.lab_id in flags.labs]
    if not recordings:
        raise UsageError(f"Expected recordings of {flags.labs or 'any lab'} in {flags.data_dir}, but got none. Correct --labs.")
    rows, put_aside = [], []
    for row, why in progress(measured_quality(recordings), "measure", len(recordings)):
        rows += [row] if row else []
        put_aside += [why] if why else []
    names = {(one.split, one.recording.video_id): one.recording.shown for one in recordings}
    line = f"{flags.data_dir.resolve().name} · {date.today().isoformat()}"
    write_text(flags.output, render(quality_page(rows, put_aside, line, names)))
    if flags.table:
        _write_table(quality_table(rows), flags.table)
    print(f"Wrote {flags.output}: {len(rows)} recordings measured, {len(put_aside)} break their contract.")
    return EXIT_PUT_ASIDE if put_aside else EXIT_OK


def _write_table(rows: "pa.Table", path: Path) -> None:
    import pyarrow.parquet as pq

    from behavior.whole_file import whole_file

    with whole_file(path) as beside:
        if path.suffix == ".parquet":
            pq.write_table(rows, beside)
        elif path.suffix == ".csv":
            rows.to_pandas().to_csv(beside, index=False)
        else:
            rows.to_pandas().to_json(beside, orient="records", indent=1)


if __name__ == "__main__":
    sys.exit(main())
