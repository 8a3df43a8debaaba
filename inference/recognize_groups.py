"""Recognize groups of behaviors (social, mating, aggressive) in raw recordings, whichever mouse does them.

    python inference/recognize_groups.py --data-dir data --checkpoint checkpoints/conv_bilstm_288.safetensors --output groups.csv

Reads what make_submission.py reads, and a checkpoint of the arena view. Writes one CSV file, whole or not at all: video_id, group,
start_frame, stop_frame (excluded). It says nothing about who does what to whom, so it is no submission.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are told), 130 interrupted.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError, exit_code, refuse
from inference.make_submission import Job, file_faults, held_out_job, test_job

if TYPE_CHECKING:
    import pandas as pd

    from recognizers.arena_view import ArenaRecognizer


def main(arguments: list[str] | None = None) -> int:
    """Write the bouts as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _recognize(flags))


def _recognize(flags: argparse.Namespace) -> int:
    if not flags.checkpoint.is_file():
        raise UsageError(f"Expected --checkpoint to be a file, but got {flags.checkpoint}. Train one with training/train.py.")
    from recognizers import find_device, rest_waiting_threads
    from recognizers.checkpoint import read_header, videos_seen

    rest_waiting_threads()
    seen = videos_seen([read_header(flags.checkpoint)])
    job = held_out_job(flags.data_dir, seen) if flags.held_out else test_job(flags.data_dir)
    refuse(file_faults(job))

    from recognizers.arena_view import load_arena_recognizer

    try:
        device = find_device(flags.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
    bouts = group_bouts_of_all(job, load_arena_recognizer(flags.checkpoint, device, flags.batch))
    _write(bouts, flags.output)
    print(f"Wrote {flags.output}: {len(bouts)} bouts in {len(job.recordings)} videos.")
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR", "data"))
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, required=True, help="a .safetensors file of the arena view")
    parser.add_argument("--output", type=Path, default=Path("groups.csv"), help="the CSV file to write (default: %(default)s)")
    parser.add_argument("--held-out", action="store_true", help="the annotated videos of train.csv that the checkpoint never saw")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    return parser


def group_bouts_of_all(job: Job, recognizer: "ArenaRecognizer") -> "pd.DataFrame":
    """Return the bouts of all recordings. Raises ContractError with the faults of all of them."""
    import pandas as pd
    import pyarrow.parquet as pq

    from inference.recognition import GROUP_BOUT_COLUMNS, recognize_groups

    found: list[pd.DataFrame] = []
    faults: list[str] = []
    for number, recording in enumerate(job.recordings, start=1):
        try:
            rows = pq.read_table(job.file(recording), partitioning=None)
            bouts = recognize_groups(rows, recording, recognizer)
        except ContractError as error:
            faults += error.faults
            continue
        found.append(bouts)
        print(f"video={recording.video_id} lab={recording.lab_id} {number}/{len(job.recordings)} bouts={len(bouts)}", flush=True)
    refuse(faults)
    filled = [bouts for bouts in found if len(bouts)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(GROUP_BOUT_COLUMNS))


def _write(bouts: "pd.DataFrame", path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        bouts.to_csv(beside, index=False)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
