"""What all scripts that recognize have in common: their flags, which recordings are asked for, and one whole file in the end."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from behavior.contract import ContractError, Fault, UsageError, refuse

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from behavior.curation import Curated
    from behavior.recording import Recording

ROWS_AT_ONCE = 1 << 18
"""Tracking rows that are read at once; a longer file is gone through twice, in batches."""


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


def add_flags(parser: argparse.ArgumentParser, output: str) -> None:
    """Add the flags that all of these scripts have, beside --checkpoint."""
    default = Path(os.environ.get("MABE_DATA_DIR", "data"))
    parser.add_argument("--data-dir", type=Path, default=default, help="raw data directory (or MABE_DATA_DIR; default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path(output), help="the CSV file to write (default: %(default)s)")
    parser.add_argument(
        "--held-out", action="store_true", help="predict the videos of train.csv that no checkpoint saw, instead of test.csv"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="windows per pass through the network (default: %(default)s)")


def begin(flags: argparse.Namespace, checkpoints: Sequence[Path]) -> tuple[Job, str]:
    """Return what is asked for and the device. Raises UsageError or ContractError for what is wrong before any network is read."""
    for path in checkpoints:
        if not path.is_file():
            raise UsageError(f"Expected --checkpoint to be a file, but got {path}. Train one with training/train.py.")
    if flags.batch < 1:
        raise UsageError(f"Expected --batch of 1 or more, but got {flags.batch}. Leave it out.")
    from recognizers import find_device, rest_waiting_threads
    from recognizers.checkpoint import read_header, videos_seen
    from recognizers.onnx_network import SUFFIX

    rest_waiting_threads()
    seen = videos_seen(read_header(path) for path in checkpoints)
    job = held_out_job(flags.data_dir, seen) if flags.held_out else test_job(flags.data_dir)
    refuse(file_faults(job))
    if flags.device in ("auto", "cpu") and all(path.suffix == SUFFIX for path in checkpoints):
        return job, "cpu"  # without torch
    try:
        return job, find_device(flags.device)
    except ValueError as error:
        raise UsageError(str(error)) from None


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


@dataclass(frozen=True)
class TrackingFile:
    """The tracking rows of one file, as tables of at most `ROWS_AT_ONCE` rows, as often as they are asked for."""

    path: Path
    """A Parquet file."""

    def __iter__(self) -> "Iterator[pa.Table]":
        """Yield the rows in the order of the file. Raises ContractError for a file that breaks off."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from behavior.tables import RAW_TRACKING

        try:
            with pq.ParquetFile(self.path, buffer_size=1 << 16, pre_buffer=False, page_checksum_verification=True) as file:
                schema = file.schema_arrow
                columns = [name for name in schema.names if name in RAW_TRACKING.schema.names]
                yield schema.empty_table()  # a fault of the columns is told of an empty file too
                for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ContractError([f"Expected {self.path} to be whole Parquet, but got: {reason} Copy the file again."]) from None


def recognize_all(
    job: Job, ask: "Callable[[Curated, Recording], pd.DataFrame]", columns: Sequence[str], quiet: bool = False
) -> "tuple[pd.DataFrame, float]":
    """Return the bouts [columns] of all recordings and how many seconds these last. Raises ContractError with the faults of all."""
    import pandas as pd

    from behavior.curation import curate

    found, recorded_s = [], 0.0
    faults: list[Fault] = []
    for number, recording in enumerate(_annotated(job.recordings, quiet), start=1):
        started = time.perf_counter()
        try:
            curated = curate(TrackingFile(job.file(recording)), recording)
            bouts = ask(curated, recording)
        except ContractError as error:
            faults += error.faults
            continue
        duration_s = curated.frames / recording.fps
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
    return (pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(columns))), recorded_s


def write_csv(rows: "pd.DataFrame", path: Path) -> None:
    """Write a table, whole or not at all."""
    from behavior.whole_file import whole_file

    with whole_file(path) as beside:
        rows.to_csv(beside, index=False)


def _read_metadata(path: Path) -> "list[Recording]":
    from behavior.recording import recordings_from_rows
    from behavior.tables import parse_metadata

    return recordings_from_rows(parse_metadata(path.read_bytes(), path.name).to_pylist(), path.name)


def _annotated(recordings: "Sequence[Recording]", quiet: bool) -> "Iterable[Recording]":
    """Show a bar on a terminal, where rich is installed."""
    if quiet or not sys.stdout.isatty():
        return recordings
    try:
        from rich.progress import track
    except ImportError:
        return recordings
    return track(recordings, description="recognizing")
