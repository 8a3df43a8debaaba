"""Read the curated zone from a directory: annotated recordings, their bouts, their curated tracking.

snapshots/current.json lists the objects of the lake's last run. Named instead of the folder, snapshots/<run>.json pins another run: the
same list gives the same rows, whatever later runs do. A folder without lists, such as a simulated zone, is all that lies in it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from behavior.content import Content, content_of
from behavior.contract import ContractError, Fault, UsageError, refuse
from behavior.curation import CuratedTracking, from_table
from behavior.material import Material
from behavior.parquet_file import read_rows
from behavior.recording import Recording, recordings_from_rows
from behavior.snapshot import Snapshot
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, RAW_METADATA, TRACKING_CURATED, Table
from training.material.listed_zone import root_of, snapshot_at

_BOUT_COLUMNS = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame", "annotated"]


@dataclass(frozen=True)
class CuratedZone:
    """A directory with the curated tables."""

    place: Path
    """A folder with the content of `s3://<curated bucket>/`, or one of its lists, snapshots/<run>.json."""
    labels_late_s: float = 0.0
    """Bouts are read so much earlier than they were written, s: for experts who label late."""
    annotated_part: bool = False
    """Recordings are read from their first to their last bout only: experts annotated a part. One without bouts is whole."""

    @property
    def root(self) -> Path:
        """The folder."""
        return root_of(self.place)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The list of the objects. Raises ContractError if it cannot be read."""
        return snapshot_at(self.place, (METADATA_TRAIN, TRACKING_CURATED, ANNOTATIONS_ENRICHED))

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

    def column(self, name: str) -> dict[int, Any]:
        """Return one column of the metadata by video id, without empty values. Raises UsageError for an unknown column."""
        if name not in RAW_METADATA.schema.names:
            known = ", ".join(RAW_METADATA.schema.names)
            raise UsageError(f"Expected a column of the metadata, but got {name}. Choose one of {known}.")
        rows = self._metadata("video_id", name).to_pylist()
        return {row["video_id"]: row[name] for row in rows if row[name] not in (None, "")}

    def frame_counts(self) -> dict[int, int]:
        """Return for each training video its number of frames, from the metadata, or from its file if the metadata lack it."""
        rows = self._metadata("video_id", "frame_count").to_pylist()
        known = {row["video_id"]: row["frame_count"] for row in rows if row["frame_count"] is not None}
        rest = [recording for recording in self._recordings() if recording.video_id not in known]
        whole = {**known, **{recording.video_id: self._whole(recording).frames for recording in rest}}
        parts = {video: slice(*part).indices(whole[video]) for video, part in self._parts.items()}
        return {**whole, **{video: stop - start for video, (start, stop, _) in parts.items()}}

    def bouts(self, recordings: Iterable[Recording]) -> pd.DataFrame:
        """Return the annotated bouts of these recordings: video_id, agent_id, target_id, action, start_frame, stop_frame.

        Frames count from the first frame of `tracking`; the lake has the frame numbers of the film.
        """
        bouts = self._timely(recordings)
        before = bouts["video_id"].map({video: start for video, (start, _) in self._parts.items()}).fillna(0).astype(np.int64)
        return bouts.assign(start_frame=bouts["start_frame"] - before, stop_frame=bouts["stop_frame"] - before)

    def _timely(self, recordings: Iterable[Recording]) -> pd.DataFrame:
        """Return the annotated bouts on the frames of whole recordings, moved by how late they are."""
        known = list(recordings)
        labs = {recording.video_id: recording.lab_id for recording in known}
        files = [self.root / key for lab in sorted(set(labs.values())) for key in self.snapshot.keys(ANNOTATIONS_ENRICHED, lab)]
        condition = pc.field("video_id").isin(sorted(labs)) & pc.field("annotated")
        rows = _read(ANNOTATIONS_ENRICHED, files, *_BOUT_COLUMNS, condition=condition)
        bouts = rows.drop_columns(["annotated"]).to_pandas()
        first = bouts["video_id"].map(self.first_frames()).fillna(0)
        late = bouts["video_id"].map({recording.video_id: round(self.labels_late_s * recording.fps) for recording in known})
        before = (first + late).astype(bouts["start_frame"].dtype)
        moved = bouts.assign(start_frame=bouts["start_frame"] - before, stop_frame=bouts["stop_frame"] - before)
        if not self.labels_late_s:
            return moved
        inside = moved[moved["stop_frame"] > 0].reset_index(drop=True)
        return inside.assign(start_frame=inside["start_frame"].clip(lower=0))

    @cached_property
    def _parts(self) -> dict[int, tuple[int, int]]:
        """The annotated part of each recording that is not read whole: its first frame, and the frame after it."""
        if not self.annotated_part:
            return {}
        by_video = self._timely(self.annotated_recordings()).groupby("video_id")
        firsts, stops = by_video["start_frame"].min(), by_video["stop_frame"].max()
        return {int(video): (int(start), int(stop)) for video, start, stop in zip(firsts.index, firsts, stops, strict=True)}

    def tracking(self, recording: Recording) -> CuratedTracking:
        """Return the curated tracking of one recording."""
        whole, part = self._whole(recording), self._parts.get(recording.video_id)
        return whole if part is None else whole.part(*part)

    def _whole(self, recording: Recording) -> CuratedTracking:
        file = self._tracking_file(recording)
        if file is None or not file.is_file():
            raise ContractError([self._missing(recording)])
        columns = [name for name in TRACKING_CURATED.schema.names if name not in ("split", "video_id")]
        return from_table(_read(TRACKING_CURATED, [file], *columns))

    def material(self, recording: Recording) -> Material:
        """Return the material of one recording; its tracking is read when it is first used."""
        return Material(recording, lambda: self.tracking(recording))

    def contents(self, recordings: Sequence[Recording], bouts: pd.DataFrame) -> tuple[Content, ...]:
        """Return the content of each recording, from which those of the same video are found. `bouts` are theirs."""
        rows = pa.Table.from_pandas(bouts, preserve_index=False)
        return tuple(content_of(recording.video_id, self.tracking(recording), rows) for recording in recordings)

    def bodyparts(self, recordings: Iterable[Recording]) -> list[tuple[str, ...]]:
        """Return the tracked bodyparts of each recording, from the metadata, or from its file if the metadata lack them."""
        known = self._tracked_bodyparts()
        return [known.get(recording.video_id) or self._read_bodyparts(recording) for recording in recordings]

    def data_faults(self, recordings: Iterable[Recording]) -> list[str]:
        """Return one fault for each recording without tracking."""
        files = ((recording, self._tracking_file(recording)) for recording in recordings)
        return [self._missing(recording) for recording, file in files if file is None or not file.is_file()]

    def _missing(self, recording: Recording) -> str:
        run = f" of run {self.snapshot.run}" if self.snapshot.run else ""
        expected = f"Expected curated tracking of video {recording.video_id}{run} in {self.root}"
        return f"{expected}, but got no such file. Run the ETL job again; --keep-days keeps the objects of earlier runs."

    def _tracking_file(self, recording: Recording) -> Path | None:
        key = self.snapshot.key_of(TRACKING_CURATED, "train", recording.video_id)
        return self.root / key if key else None

    def _tracked_bodyparts(self) -> dict[int, tuple[str, ...]]:
        rows = self._metadata("video_id", "bodyparts").to_pylist()
        return {row["video_id"]: tuple(json.loads(row["bodyparts"])) for row in rows if row["bodyparts"] is not None}

    def _read_bodyparts(self, recording: Recording) -> tuple[str, ...]:
        file = self._tracking_file(recording)
        if file is None:
            raise ContractError([self._missing(recording)])
        return tuple(sorted(_read(TRACKING_CURATED, [file], "bodypart").column("bodypart").unique().to_pylist()))

    def _recordings(self) -> list[Recording]:
        rows = self._metadata(*RAW_METADATA.schema.names)
        return sorted(recordings_from_rows(rows.to_pylist()), key=lambda recording: recording.video_id)

    def _metadata(self, *columns: str) -> pa.Table:
        files = [self.root / key for key in self.snapshot.keys(METADATA_TRAIN)]
        if not files:
            place = self.root / METADATA_TRAIN.location
            raise ContractError([f"Expected Parquet files in {place}, but got none. Name a curated zone with --curated."])
        return _read(METADATA_TRAIN, files, *columns)


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
