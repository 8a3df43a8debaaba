"""The recordings of a data directory, and the files with their tracking."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from behavior.contract import Fault, UsageError
from behavior.workplace import WORKPLACE

if TYPE_CHECKING:
    import pyarrow as pa

    from behavior.material import Material
    from behavior.recording import Recording

DATA_DIR = WORKPLACE / "data"
"""The default data directory."""
ROWS_AT_ONCE = 1 << 18
"""Tracking rows in one batch; longer files are read twice, in batches."""


@dataclass(frozen=True)
class RecordingFiles:
    """Recordings, and the folder with their tracking."""

    recordings: "tuple[Recording, ...]"
    """In the order of the metadata."""
    tracking: Path
    """Folder with <lab>/<video>.parquet."""
    split: str = "train"
    """train or test: whose metadata they come from."""

    def file(self, recording: "Recording") -> Path:
        """Return the tracking file of one recording."""
        return self.tracking / recording.lab_id / f"{recording.video_id}.parquet"

    def material(self, recording: "Recording") -> "Material":
        """Return the material of one recording. Raises ContractError if its tracking breaks its contract."""
        from behavior.curation import curate
        from behavior.material import Material

        return Material.with_tracking(recording, curate(TrackingFile(self.file(recording)), recording))

    def faults(self) -> "list[Fault]":
        """Return the faults that the footers of the tracking files show, before any of them is read."""
        from behavior.parquet_file import footer_faults
        from behavior.tables import RAW_TRACKING

        return [fault for path in map(self.file, self.recordings) for fault in footer_faults(RAW_TRACKING, path, str(path))]


def new_recordings(data_dir: Path, seen: set[int]) -> RecordingFiles:
    """Return the recordings of test.csv; without test.csv, those of train.csv that nobody annotated and that are not among `seen`.

    Raises UsageError if there is none.
    """
    metadata = data_dir / "train.csv"
    if not (data_dir / "test.csv").is_file() and metadata.is_file():
        new = tuple(one for one in read_metadata(metadata) if not one.annotated and one.video_id not in seen)
        if new:
            return RecordingFiles(new, data_dir / "train_tracking")
    return recordings_of_test_csv(data_dir)


def recordings_of_test_csv(data_dir: Path) -> RecordingFiles:
    """Return the recordings of test.csv. Raises UsageError if there is none."""
    metadata = data_dir / "test.csv"
    if not metadata.is_file():
        raise UsageError(
            f"Expected {metadata}, but got no such file. Name a data directory with --data-dir, or use --held-out to predict the videos of "
            "train.csv that the checkpoints never saw."
        )
    return RecordingFiles(tuple(read_metadata(metadata)), data_dir / "test_tracking", "test")


def recordings_held_out(data_dir: Path, seen: set[int]) -> RecordingFiles:
    """Return the annotated recordings of train.csv that are not among `seen`. Raises UsageError if there is none."""
    metadata = data_dir / "train.csv"
    if not metadata.is_file():
        raise UsageError(f"Expected {metadata}, but got no such file. Name a data directory with --data-dir.")
    annotated = [recording for recording in read_metadata(metadata) if recording.annotated]
    unseen = tuple(recording for recording in annotated if recording.video_id not in seen)
    if not unseen:
        raise UsageError(f"Expected videos in {metadata} that the checkpoints never saw, but got none. Add videos or train on fewer.")
    return RecordingFiles(unseen, data_dir / "train_tracking")


@dataclass(frozen=True)
class TrackingFile:
    """The tracking rows of one file, as tables of at most `ROWS_AT_ONCE` rows; it can be iterated several times."""

    path: Path
    """A Parquet file."""

    def __iter__(self) -> "Iterator[pa.Table]":
        """Yield the rows in the order of the file. Raises ContractError for a broken file, while it is read."""
        from behavior.parquet_file import read_batches
        from behavior.tables import RAW_TRACKING

        yield from read_batches(RAW_TRACKING, self.path, str(self.path), ROWS_AT_ONCE)


def read_metadata(path: Path) -> "list[Recording]":
    """Return the recordings of a train.csv or test.csv. Raises ContractError with all faults."""
    from behavior.recording import recordings_from_rows
    from behavior.tables import parse_metadata

    return recordings_from_rows(parse_metadata(path.read_bytes(), path.name).to_pylist(), path.name)
