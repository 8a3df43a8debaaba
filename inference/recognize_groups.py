"""Recognize groups of behaviors (social, mating, aggressive) in raw recordings, whichever mouse does them.

    python inference/recognize_groups.py --data-dir data --checkpoint checkpoints/conv_bilstm_288.safetensors --output groups.csv

Reads what make_submission.py reads, and a checkpoint of the arena view, or what export.py made of one. Writes one CSV file, whole or
not at all: video_id, group, start_frame, stop_frame (excluded). It says nothing about who does what to whom, so it is no submission.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are told), 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, exit_code
from inference.job import add_flags, begin, recognize_all, write_csv


def main(arguments: list[str] | None = None) -> int:
    """Write the bouts as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _recognize(flags))


def _recognize(flags: argparse.Namespace) -> int:
    job, device = begin(flags, [flags.checkpoint])
    from inference.recognition import GROUP_BOUT_COLUMNS, recognize_curated_groups
    from recognizers.arena_view import load_arena_recognizer

    recognizer = load_arena_recognizer(flags.checkpoint, device, flags.batch)
    bouts, _ = recognize_all(job, lambda curated, recording: recognize_curated_groups(curated, recording, recognizer), GROUP_BOUT_COLUMNS)
    write_csv(bouts, flags.output)
    print(f"Wrote {flags.output}: {len(bouts)} bouts in {len(job.recordings)} videos.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    parser.add_argument("--checkpoint", type=Path, required=True, help="a .safetensors or .onnx file of the arena view")
    add_flags(parser, "groups.csv")
    return parser


if __name__ == "__main__":
    sys.exit(main())
