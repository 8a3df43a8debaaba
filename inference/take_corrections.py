"""Make annotations of a reviewed queue, so that the next training learns from it.

    python inference/take_corrections.py --data-dir data --queue review/queue.csv --annotator Ada
    python inference/take_corrections.py --data-dir data --queue review/queue.csv --boris review/queue.boris --annotator Ada

Without --boris it takes the rows of queue.csv that have a verdict: right, wrong, or the name of the true behavior. With --boris it takes
the project that a person corrected: then every bout of the queue counts as reviewed. Within the window of a bout, the person's bouts of
this agent, target and behavior are the truth; if the person names another behavior, only its own frames count.
- Recordings of train.csv: their annotation changes in the window. The annotation as it was goes to replaced_annotations/.
- Recordings of test.csv: each window becomes a recording of its own in train.csv, because nothing is known outside of it.
The annotator's name goes into column annotator. Taking the same queue again changes nothing. Upload and curate the data directory, then
train.
Exit codes: 0 taken, 1 something unexpected, 2 usage or a missing file, 4 the queue or the project cannot be read, 130 interrupted.
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
    from behavior.corrections import Correction


def main(arguments: list[str] | None = None) -> int:
    """Take the corrections as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _take(flags))


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR") or DATA_DIR)
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--queue", type=Path, default=Path("review/queue.csv"), help="the table of review.py (default: %(default)s)")
    parser.add_argument("--boris", type=Path, metavar="FILE", help="the BORIS project, corrected")
    parser.add_argument("--annotator", required=True, metavar="NAME", help="who reviewed the bouts")
    return parser


def _take(flags: argparse.Namespace) -> int:
    if not flags.annotator.strip():
        raise UsageError("Expected --annotator to be a name, but got nothing. Say who reviewed the bouts.")
    from inference.corrections_files import change_annotations, make_clips
    from inference.reviewed import read_queue, verdicts_of_boris, verdicts_of_table

    queue = read_queue(flags.queue)
    corrections = verdicts_of_boris(queue, flags.boris) if flags.boris else verdicts_of_table(queue)
    if not corrections:
        raise UsageError(f"Expected verdicts in {flags.queue}, but got none. Fill column verdict: right, wrong, or the true behavior.")
    by_split: dict[str, list[Correction]] = {"train": [], "test": []}
    for split, correction in corrections:
        by_split[split].append(correction)
    if by_split["train"]:
        print(change_annotations(flags.data_dir, by_split["train"], flags.annotator.strip()))
    if by_split["test"]:
        print(make_clips(flags.data_dir, by_split["test"], flags.annotator.strip()))
    print("Next: python aws_pipeline/s3_upload.py, python aws_pipeline/glue_etl.py, then train.")
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
