"""Read the curated zone from a directory: annotated recordings, their bouts, their curated tracking.

The layout is the lake's, as behavior/keys.py says.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from behavior.content import Content, content_of
from behavior.contract import ContractError, Fault, refuse
from behavior.curation import CuratedTracking, from_table
from behavior.keys import key_of, lab_folder
from behavior.material import Material
from behavior.parquet_file import read_rows
from behavior.recording import Recording, recordings_from_rows
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, RAW_METADATA, TRACKING_CURATED, Table

_BOUT_COLUMNS = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame", "annotated"]


@dataclass(frozen=True)
class CuratedZone:
    """A directory with the curated tables."""

    root: Path
    """A folder with the content of `s3://<curated bucket>/`."""

    def annotated_recordings(self) -> list[Recording]:
        """Return the annotated training recordings, by video id. Raises ContractError if there are none."""
        recordings = [recording for recording in self._recordings() if recording.annotated]
        if not recordings:
            raise ContractError([f"Expected annotated recordings in {self.root}, but got none. Curate data with behaviors_labeled."])
        return recordings

    def unlabelled_recordings(self) -> list[Recording]:
        """Return the training recordings without annotation, by video id."""
        return [recording for recording in self._recordings() if not recording.annotated]

    def content_groups(self) -> dict[int, int]:
        """Return for each training video the smallest id of its content, from the ETL job; nothing for a zone without content groups."""
        rows = self._metadata("video_id", "content_group").to_pylist()
        return {row["video_id"]: row["content_group"] for row in rows if row["content_group"] is not None}

    def first_frames(self) -> dict[int, int]:
        """Return for each training video that is a clip of a film its first frame in the film; nothing for an older zone."""
        rows = self._metadata("video_id", "first_frame").to_pylist()
        return {row["video_id"]: row["first_frame"] for row in rows if row["first_frame"]}

    def bouts(self, recordings: Iterable[Recording]) -> pd.DataFrame:
        """Return the annotated bouts of these recordings: video_id, agent_id, target_id, action, start_frame, stop_frame.

        Frames count from the first tracked frame, as in `tracking`; the lake has the frame numbers of the film.
        """
        labs = {recording.video_id: recording.lab_id for recording in recordings}
        files = [file for lab in sorted(set(labs.values())) for file in self._lab_files(ANNOTATIONS_ENRICHED, lab)]
        condition = pc.field("video_id").isin(sorted(labs)) & pc.field("annotated")
        rows = _read(ANNOTATIONS_ENRICHED, files, *_BOUT_COLUMNS, condition=condition)
        bouts = rows.drop_columns(["annotated"]).to_pandas()
        first = bouts["video_id"].map(self.first_frames()).fillna(0).astype(bouts["start_frame"].dtype)
        return bouts.assign(start_frame=bouts["start_frame"] - first, stop_frame=bouts["stop_frame"] - first)

    def tracking(self, recording: Recording) -> CuratedTracking:
        """Return the curated tracking of one recording."""
        file = self.root / key_of(TRACKING_CURATED, "train", recording)
        if not file.is_file():
            raise ContractError([f"Expected curated tracking at {file}, but got no such file. Run the ETL job again."])
        columns = [name for name in TRACKING_CURATED.schema.names if name not in ("split", "video_id")]
        return from_table(_read(TRACKING_CURATED, [file], *columns))

    def material(self, recording: Recording) -> Material:
        """Return the material of one recording; its tracking is read when it is first used."""
        return Material(recording, lambda: self.tracking(recording))

    def contents(self, recordings: Sequence[Recording], bouts: pd.DataFrame) -> tuple[Content, ...]:
        """Return the content of each recording, from which those of the same video are found. `bouts` are theirs."""
        return tuple(content_of(recording.video_id, self.tracking(recording), bouts) for recording in recordings)

    def bodyparts(self, recordings: Iterable[Recording]) -> list[tuple[str, ...]]:
        """Return the tracked bodyparts of each recording, from the metadata, or from its file if the metadata lack them."""
        known = self._tracked_bodyparts()
        return [known.get(recording.video_id) or self._read_bodyparts(recording) for recording in recordings]

    def data_faults(self, recordings: Iterable[Recording]) -> list[str]:
        """Return one fault for each recording without tracking."""
        names = ((recording, key_of(TRACKING_CURATED, "train", recording)) for recording in recordings)
        return [
            f"Expected curated tracking of video {recording.video_id} at {name}, but got no such file. Run the ETL job again."
            for recording, name in names
            if not (self.root / name).is_file()
        ]

    def _tracked_bodyparts(self) -> dict[int, tuple[str, ...]]:
        rows = self._metadata("video_id", "bodyparts").to_pylist()
        return {row["video_id"]: tuple(json.loads(row["bodyparts"])) for row in rows if row["bodyparts"] is not None}

    def _read_bodyparts(self, recording: Recording) -> tuple[str, ...]:
        file = self.root / key_of(TRACKING_CURATED, "train", recording)
        return tuple(sorted(_read(TRACKING_CURATED, [file], "bodypart").column("bodypart").unique().to_pylist()))

    def _recordings(self) -> list[Recording]:
        rows = self._metadata(*RAW_METADATA.schema.names)
        return sorted(recordings_from_rows(rows.to_pylist()), key=lambda recording: recording.video_id)

    def _metadata(self, *columns: str) -> pa.Table:
        return _read(METADATA_TRAIN, self._files(METADATA_TRAIN.location), *columns)

    def _files(self, location: str) -> list[Path]:
        files = sorted((self.root / location).glob("*.parquet"))
        if not files:
            raise ContractError([f"Expected Parquet files in {self.root / location}, but got none. Name a curated zone with --curated."])
        return files

    def _lab_files(self, table: Table, lab: str) -> list[Path]:
        return sorted((self.root / lab_folder(table, lab)).glob("*.parquet"))


def _read(table: Table, files: Sequence[Path], *columns: str, condition: pc.Expression | None = None) -> pa.Table:
    """Return some columns of all files, one file under the other. Raises ContractError with the faults of all files."""
    tables, faults = [table.only(*columns).schema.empty_table()], list[Fault]()
    for file in files:
        try:
            rows = read_rows(table.only(*columns), file, str(file), mend="Run the ETL job again.")
            tables.append(rows if condition is None else rows.filter(condition))
        except ContractError as error:
            faults += error.faults
    refuse(faults)
    return pa.concat_tables(tables)
