"""Recognize behaviors in raw recordings, with a recognizer of any kind.

    python inference/recognize.py --data-dir data --checkpoint checkpoints/conv_bilstm_288.safetensors --output bouts.csv

It reads <data-dir>/test.csv and test_tracking/<lab>/<video>.parquet; with --held-out, the annotated videos of train.csv and
train_tracking/ that no checkpoint saw. The scores of several checkpoints are averaged; exported networks (.onnx) are checkpoints too.
It writes one CSV file, whole or not at all: video_id, agent_id, target_id, action, start_frame, stop_frame (excluded), confidence (mean
score of the bout) and threshold. Agent and target are mouse numbers, equal for a self behavior, and empty if the recognizer names no
mouse (recognizers of groups of behaviors). If --output ends with .parquet, it writes the rows of the tables predicted_bouts and
predictable_triples of the lake: OUTPUT, and beside it <name>.predictable.parquet with every behavior that was looked for.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are listed), 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, exit_code
from inference.serving import add_flags, begin, recognize_all, source_of, summary_line, write_csv, write_predictions


def main(arguments: list[str] | None = None) -> int:
    """Write the bouts as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _recognize(flags))


def _recognize(flags: argparse.Namespace) -> int:
    files, recognizer = begin(flags)
    started = time.perf_counter()
    predictions, recorded_s = recognize_all(files, recognizer, flags.quiet)
    seconds = time.perf_counter() - started
    if flags.output.suffix == ".parquet":
        write_predictions(predictions, files, source_of(flags, files), flags.output)
    else:
        write_csv(predictions.bouts, flags.output)
    print(summary_line(flags.output, len(predictions.bouts), files, recorded_s, seconds))
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add_flags(parser, "bouts.csv")
    return parser


if __name__ == "__main__":
    sys.exit(main())
