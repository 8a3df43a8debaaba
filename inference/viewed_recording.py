"""One recording of a data directory with everything that can be looked at: tracks, annotation, film."""

import difflib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from behavior.annotations import sound_bouts
from behavior.bouts import BOUT_COLUMNS, bout_table
from behavior.contract import UsageError
from behavior.curation import CuratedTracking, curate
from behavior.keys import SPLITS, file_of
from behavior.parquet_file import read_rows
from behavior.recording import Recording
from behavior.tables import RAW_ANNOTATION, RAW_TRACKING
from inference.clips.footage import film_of
from inference.recording_files import TrackingFile, read_metadata

_ANY_FRAMES = range(np.iinfo(np.int32).max)


@dataclass(frozen=True)
class ViewedRecording:
    """One recording."""

    data_dir: Path
    """Its data directory."""
    split: str
    """train or test."""
    recording: Recording
    """Its metadata."""

    @cached_property
    def curated(self) -> CuratedTracking:
        """Its tracks. Raises ContractError for rows that break their contract, UsageError without a file."""
        path = self.data_dir / file_of(RAW_TRACKING, self.split, self.recording)
        if not path.is_file():
            raise UsageError(f"Expected the tracking in {path}, but got no such file. Name the data directory with --data-dir.")
        return curate(TrackingFile(path), self.recording)

    @cached_property
    def true_bouts(self) -> pd.DataFrame | None:
        """Bouts of experts, columns `BOUT_COLUMNS`, in the frame numbers of the film; None if nobody annotated it.

        Raises ContractError for bouts that break their contract.
        """
        return self.annotation(self.curated.pose.film_frames)

    def annotation(self, film_frames: range = _ANY_FRAMES) -> pd.DataFrame | None:
        """Return the same bouts, clipped to these frames, without reading the tracking."""
        if self.split == "test" or not self.recording.annotated:
            return None
        path = self.data_dir / file_of(RAW_ANNOTATION, self.split, self.recording)
        if not path.is_file():
            return bout_table([])  # annotated, and nothing occurred
        sound, _ = sound_bouts(read_rows(RAW_ANNOTATION, path, str(path)), film_frames, str(path))
        rows, triples = sound.to_pandas(), set(self.recording.annotated)
        annotated = [one in triples for one in zip(rows["agent_id"], rows["target_id"], rows["action"], strict=True)]
        return rows[np.array(annotated, bool)].assign(video_id=self.recording.video_id)[list(BOUT_COLUMNS)]

    def forget(self) -> None:
        """Drop its tracks and its annotation from memory; they are read again when they are needed."""
        for name in ("curated", "true_bouts"):
            self.__dict__.pop(name, None)

    @property
    def film(self) -> Path | None:
        """Its film; None if there is none."""
        return film_of(self.data_dir, self.split, self.recording)

    @property
    def unit(self) -> str:
        """Unit of its lengths: cm, or what counts as cm without a scale."""
        return "cm" if self.recording.pix_per_cm else "cm of a usual mouse"


def viewed_recordings(data_dir: Path) -> list[ViewedRecording]:
    """Return all recordings of a data directory. Raises UsageError if it has no metadata."""
    listed = [(split, data_dir / f"{split}.csv") for split in SPLITS if (data_dir / f"{split}.csv").is_file()]
    if not listed:
        raise UsageError(f"Expected train.csv or test.csv in {data_dir}, but got neither. Name a data directory with --data-dir.")
    return [ViewedRecording(data_dir, split, recording) for split, path in listed for recording in read_metadata(path)]


def find_recording(data_dir: Path, name: str) -> ViewedRecording:
    """Return the recording with this name or number, the annotated one if both splits have it. Raises UsageError if there is none."""
    every = viewed_recordings(data_dir)
    for one in every:
        if name in (one.recording.name, str(one.recording.video_id)):
            return one
    names = [one.recording.shown for one in every]
    near = difflib.get_close_matches(name, names, 3, 0) or names[:3]
    raise UsageError(f"Expected the name or number of a recording in {data_dir}, but got {name}. Such as {', '.join(near)}.")
