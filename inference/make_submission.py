"""Step 5: recognize behaviors in raw recordings and write a submission.

    python inference/make_submission.py --data-dir data --checkpoint checkpoints/cnn_transformer.safetensors --output submission.csv

It reads <data-dir>/test.csv and test_tracking/<lab>/<video>.parquet; with --held-out, the annotated videos of train.csv and
train_tracking/ that no checkpoint saw. The scores of several checkpoints are averaged; exported networks (.onnx) are checkpoints too.
It writes one CSV file, whole or not at all.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are listed), 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, exit_code
from inference.serving import add_flags, begin, recognize_all, summary_line, write_csv

if TYPE_CHECKING:
    import pandas as pd


def main(arguments: list[str] | None = None) -> int:
    """Write the submission as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _make_submission(flags))


def _make_submission(flags: argparse.Namespace) -> int:
    files, recognizer = begin(flags)
    from recognizers.competition import refuse_nameless

    refuse_nameless(recognizer, " and ".join(map(str, flags.checkpoint)))
    started = time.perf_counter()
    predictions, recorded_s = recognize_all(files, recognizer, flags.quiet)
    bouts = predictions.bouts
    seconds = time.perf_counter() - started
    write_csv(submission(bouts), flags.output)
    print(summary_line(flags.output, len(bouts), files, recorded_s, seconds))
    if bouts.empty:
        print("The competition refuses an empty submission. Train longer, or on recordings like these.", file=sys.stderr)
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add_flags(parser, "submission.csv")
    return parser


def submission(bouts: "pd.DataFrame") -> "pd.DataFrame":
    """Return bouts as the competition reads them: row_id and `behavior.metric.SUBMISSION_COLUMNS`, sorted."""
    from inference.exports.to_competition import with_row_ids
    from recognizers.competition import submission_rows

    return with_row_ids(submission_rows(bouts))


if __name__ == "__main__":
    sys.exit(main())
