"""Step 5: recognize behaviors in raw recordings and write a submission.

    python inference/make_submission.py --data-dir data --checkpoint checkpoints/cnn_transformer.safetensors --output submission.csv

Reads <data-dir>/test.csv and test_tracking/<lab>/<video>.parquet; with --held-out train.csv and train_tracking/ instead, of which it
takes the annotated videos that no given checkpoint saw. Several checkpoints are averaged. Writes one CSV file, whole or not at all.
Exit codes: 0 written, 1 something unexpected, 2 usage, 4 input breaks its contract (all faults are told), 130 interrupted.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from behavior.contract import EXIT_OK, ContractError, UsageError, exit_code, refuse

if TYPE_CHECKING:
    import pandas as pd

    from behavior.recording import Recording
    from recognizers.recognizer import Recognizer

SUBMISSION_COLUMNS = ["row_id", "video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]


@dataclass(frozen=True)
class Job:
    """Which recordings of a data directory are asked for."""

    recordings: "tuple[Recording, ...]"
    """In the order of the metadata."""
    tracking: Path
    """Folder with <lab>/<video>.parquet."""

    def file(self, recording: "Recording") -> Path:
        """Return where the tracking of one recording lies."""
        return self.tracking / recording.lab_id / f"{recording.video_id}.parquet"


def main(arguments: list[str] | None = None) -> int:
    """Write the submission as the flags say; return the exit code."""
    flags = _flags().parse_args(arguments)
    return exit_code(lambda: _make_submission(flags))


def _make_submission(flags: argparse.Namespace) -> int:
    for path in flags.checkpoint:
        if not path.is_file():
            raise UsageError(f"Expected --checkpoint to be a file, but got {path}. Train one with training/train.py.")
    from recognizers import rest_waiting_threads
    from recognizers.checkpoint import read_header, videos_seen

    rest_waiting_threads()
    seen = videos_seen(read_header(path) for path in flags.checkpoint)
    job = held_out_job(flags.data_dir, seen) if flags.held_out else test_job(flags.data_dir)
    refuse(file_faults(job))

    from recognizers import find_device, load_recognizer

    try:
        device = find_device(flags.device)
    except ValueError as error:
        raise UsageError(str(error)) from None
    recognizer = load_recognizer(flags.checkpoint, device, flags.batch)
    started = time.perf_counter()
    bouts, recorded_s = recognize_all(job, recognizer, quiet=flags.quiet)
    seconds = time.perf_counter() - started
    write_submission(bouts, flags.output)
    print(
        f"Wrote {flags.output}: {len(bouts)} bouts in {len(job.recordings)} videos of {recorded_s / 60:.1f} minutes; "
        f"{seconds:.1f} s of work, {recorded_s / max(seconds, 1e-9):.0f} times real time."
    )
    if bouts.empty:
        print("The competition refuses an empty submission. Train longer, or on recordings like these.", file=sys.stderr)
    return EXIT_OK


def _flags() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    default = Path(os.environ.get("MABE_DATA_DIR", "data"))
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, nargs="+", required=True, help="one or more .safetensors files; several are averaged")
    parser.add_argument("--output", type=Path, default=Path("submission.csv"), help="the CSV file to write (default: %(default)s)")
    parser.add_argument(
        "--held-out", action="store_true", help="predict the videos of train.csv that no checkpoint saw, instead of test.csv"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="no line per video")
    return parser


def test_job(data_dir: Path) -> Job:
    """Return the recordings of test.csv. Raises UsageError if there is none."""
    metadata = data_dir / "test.csv"
    if not metadata.is_file():
        raise UsageError(
            f"Expected {metadata}, but got no such file. Name a data directory with --data-dir, or use --held-out to predict the videos of "
            "train.csv that the checkpoints never saw."
        )
    return Job(tuple(_read_metadata(metadata)), data_dir / "test_tracking")


def held_out_job(data_dir: Path, seen: set[int]) -> Job:
    """Return the annotated recordings of train.csv that are not among `seen`. Raises UsageError if there is none."""
    metadata = data_dir / "train.csv"
    if not metadata.is_file():
        raise UsageError(f"Expected {metadata}, but got no such file. Name a data directory with --data-dir.")
    annotated = [recording for recording in _read_metadata(metadata) if recording.annotated]
    unseen = tuple(recording for recording in annotated if recording.video_id not in seen)
    if not unseen:
        raise UsageError(f"Expected videos in {metadata} that the checkpoints never saw, but got none. Add videos or train on fewer.")
    return Job(unseen, data_dir / "train_tracking")


def file_faults(job: Job) -> list[str]:
    """Return one fault for each recording whose tracking is missing or no Parquet, before any time is spent."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    faults = []
    for recording in job.recordings:
        path = job.file(recording)
        try:
            pq.read_schema(path)
        except FileNotFoundError:
            faults.append(f"Expected tracking at {path}, but got no such file. Add it or remove video {recording.video_id}.")
        except (pa.ArrowException, OSError) as error:
            faults.append(f"Expected {path} to be Parquet, but got: {' '.join(str(error).split())[:160]} Copy the file again.")
    return faults


def recognize_all(job: Job, recognizer: "Recognizer", quiet: bool = False) -> "tuple[pd.DataFrame, float]":
    """Return the bouts of all recordings and how many seconds these last. Raises ContractError with the faults of all of them."""
    import pandas as pd
    import pyarrow.parquet as pq

    from behavior.bouts import BOUT_COLUMNS
    from inference.recognition import recognize

    found, recorded_s = [], 0.0
    faults: list[str] = []
    for number, recording in enumerate(_watched(job.recordings, quiet), start=1):
        started = time.perf_counter()
        try:
            rows = pq.read_table(job.file(recording), partitioning=None)
            bouts = recognize(rows, recording, recognizer)
        except ContractError as error:
            faults += error.faults
            continue
        duration_s = (int(rows.column("video_frame").to_numpy().max()) + 1) / recording.fps
        recorded_s += duration_s
        found.append(bouts)
        if not quiet and not sys.stdout.isatty():
            seconds = time.perf_counter() - started
            print(
                f"video={recording.video_id} lab={recording.lab_id} {number}/{len(job.recordings)} bouts={len(bouts)} "
                f"minutes={duration_s / 60:.1f} seconds={seconds:.2f}",
                flush=True,
            )
    refuse(faults)
    kept = [bouts for bouts in found if len(bouts)]
    return (pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(BOUT_COLUMNS))), recorded_s


def write_submission(bouts: "pd.DataFrame", path: Path) -> None:
    """Write bouts as the competition reads them, by way of a neighbor file and a rename."""
    from recognizers.competition import submission_rows

    rows = submission_rows(bouts).sort_values(["video_id", "agent_id", "target_id", "start_frame"], ignore_index=True)
    rows.insert(0, "row_id", range(len(rows)))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        rows[SUBMISSION_COLUMNS].to_csv(beside, index=False)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _read_metadata(path: Path) -> "list[Recording]":
    from behavior.recording import recordings_from_rows
    from behavior.tables import parse_metadata

    return recordings_from_rows(parse_metadata(path.read_bytes(), path.name).to_pylist(), path.name)


def _watched(recordings: "Sequence[Recording]", quiet: bool) -> "Iterable[Recording]":
    """Show a bar on a terminal, where rich is installed."""
    if quiet or not sys.stdout.isatty():
        return recordings
    try:
        from rich.progress import track
    except ImportError:
        return recordings
    return track(recordings, description="recognizing")


if __name__ == "__main__":
    sys.exit(main())
