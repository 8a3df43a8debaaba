"""Recognize behaviors in raw recordings, with a recognizer of any kind.

    python inference/recognize.py --data-dir data --checkpoint checkpoints/conv_bilstm_288.safetensors --output bouts.csv

It reads <data-dir>/test.csv and test_tracking/<lab>/<video>.parquet; without test.csv, the videos of train.csv that nobody annotated; with
--held-out, the annotated videos of train.csv and train_tracking/ that no checkpoint saw. behaviors_labeled says what is looked for in a
video; if it is empty, everything that the recognizer knows. The scores of several checkpoints are averaged; exported networks (.onnx) are
checkpoints too.
It writes one CSV file, whole or not at all: video_id, agent_id, target_id, action, start_frame, stop_frame (excluded), confidence (mean
score of the bout) and threshold. Agent and target are mouse numbers, equal for a self behavior, and empty if the recognizer names no
mouse (recognizers of groups of behaviors and of films). If --output ends with .parquet, it writes the rows of the tables
predicted_bouts and predictable_triples of the lake: OUTPUT, and beside it <name>.predictable.parquet with every behavior that was looked
for.

A recognizer that sees films reads <data-dir>/test_video/ or Videos/, or the films of --videos; with --held-out, the films of Videos/ and
train_video/ that no checkpoint saw. <output>_films.csv says which film each video_id is. With --json it also writes the probabilities of
each film, with --annotate each film with the predictions drawn into it.
A recording that breaks its contract stops everything before a file is written; with --keep-going it is named and left out.
Exit codes: 0 written, 1 something unexpected, 2 usage, 3 written, but with --keep-going a recording was left out, 4 input breaks its
contract (all faults are listed), 130 interrupted.
"""

import argparse
import sys
import time
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, Fault, exit_code
from inference.serving import add_flags, begin, recognize_all, source_of, summary_line, write_csv, write_predictions


def main(arguments: list[str] | None = None) -> int:
    """Write the bouts as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _recognize(flags))


def _recognize(flags: argparse.Namespace) -> int:
    files, recognizer = begin(flags)
    predict_one = None
    if any(value is not None for value in (flags.json, flags.annotate, flags.stride)):
        from inference.film_outputs import FilmOutputs

        predict_one = FilmOutputs.of(files, recognizer, flags.json, flags.annotate, flags.stride)
    started = time.perf_counter()
    put_aside: list[Fault] | None = [] if flags.keep_going else None
    predictions, recorded_s = recognize_all(files, recognizer, flags.quiet, predict_one, put_aside)
    seconds = time.perf_counter() - started
    if flags.output.suffix == ".parquet":
        write_predictions(predictions, files, source_of(flags, files), flags.output)
    else:
        write_csv(predictions.bouts, flags.output)
    print(summary_line(flags.output, len(predictions.bouts), files, recorded_s, seconds))
    if (named := getattr(files, "named", None)) is not None:
        write_csv(named(), flags.output.with_name(f"{flags.output.stem}_films.csv"))
    if put_aside:
        print("\n".join(f"left out: {fault}" for fault in put_aside), file=sys.stderr)
    return EXIT_PUT_ASIDE if put_aside else EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    add_flags(parser, "bouts.csv")
    parser.add_argument("--keep-going", action="store_true", help="leave broken recordings out, with a line for each")
    films = parser.add_argument_group("films")
    films.add_argument("--videos", type=Path, nargs="+", metavar="PATH", help="films or folders of films, in place of --data-dir")
    films.add_argument("--json", type=Path, metavar="DIR", help="folder for <film>_predictions.json: probabilities, and bouts")
    films.add_argument("--annotate", type=Path, metavar="DIR", help="folder for <film>_annotated.mp4: films with behaviors drawn in")
    films.add_argument("--stride", type=int, help="look at every so many samples (default: as the checkpoint says, 2)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
