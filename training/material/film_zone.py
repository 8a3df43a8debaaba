"""Read films and their labels from the curated zone: the tables video_manifest and film_labels, and copies of the films."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.bouts import BOUT_COLUMNS
from behavior.content import Content
from behavior.contract import ContractError, UsageError
from behavior.film import FilmFacts
from behavior.film_keys import FILM
from behavior.material import Material
from behavior.parquet_file import read_rows
from behavior.recording import Recording, Triple
from behavior.snapshot import Snapshot
from behavior.tables import FILM_LABELS, FILM_TABLES, VIDEO_MANIFEST
from films.film_file import FilmFile, default_cache
from training.material.listed_zone import root_of, snapshot_at

_MEND = "Run the ETL job again; --keep-days keeps the objects of earlier runs."
THE_MOUSE = 1
"""Films show one mouse, which has this number in lists of annotated behaviors."""


@dataclass(frozen=True)
class FilmZone:
    """A directory with the curated zone, as training on films sees it."""

    place: Path
    """A folder with the content of `s3://<curated bucket>/`, or one of its lists, snapshots/<run>.json."""
    cache: Path = field(default_factory=default_cache)
    """Folder of small frames; they are made again if they are not there."""
    labels_late_s: float = 0.0
    """Bouts are read so much earlier than they were written, s: for experts who label late."""
    annotated_part: bool = False
    """Films are always read whole."""

    @classmethod
    def open(cls, place: Path, labels_late_s: float = 0.0, annotated_part: bool = False) -> "FilmZone":
        """Return the zone at a place. Raises UsageError for parts of films."""
        if annotated_part:
            raise UsageError("Expected tracks with --annotated-part, but got films. Cut the films before they are uploaded.")
        return cls(place, labels_late_s=labels_late_s)

    @property
    def root(self) -> Path:
        """The folder."""
        return root_of(self.place)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The list of the objects. Raises ContractError if it cannot be read."""
        return snapshot_at(self.place, FILM_TABLES)

    @cached_property
    def manifest(self) -> dict[int, dict[str, Any]]:
        """The rows of the manifest by video id. Raises ContractError if there is no manifest."""
        paths = [self.root / key for key in self.snapshot.keys(VIDEO_MANIFEST)]
        if not paths:
            got = f"no rows of {VIDEO_MANIFEST.name}"
            raise ContractError([f"Expected films in {self.root}, but got {got}. Upload films, and run python aws_pipeline/glue_etl.py."])
        rows = [row for path in paths for row in read_rows(VIDEO_MANIFEST, path, str(path), mend=_MEND).to_pylist()]
        return {row["video_id"]: row for row in sorted(rows, key=lambda row: row["video_id"])}

    def annotated_recordings(self) -> list[Recording]:
        """Return the films with labels, by video id. Raises ContractError if there are none."""
        recordings = [recording_of(row) for row in self.manifest.values() if row["behaviors"] is not None]
        if not recordings:
            raise ContractError([f"Expected films with labels in {self.root}, but got none. Upload label files, and run the ETL again."])
        return recordings

    def content_groups(self) -> dict[int, int]:
        """Return for each film the smallest id among those of the same pictures or individual."""
        return {video: row["content_group"] for video, row in self.manifest.items()}

    def column(self, name: str) -> dict[int, Any]:
        """Return one column of the manifest by video id, without empty values; mouse1_id is the individual. Raises UsageError."""
        own = {"mouse1_id": "individual"}.get(name, name)
        if own not in VIDEO_MANIFEST.schema.names:
            if name.startswith("mouse"):  # a film shows one mouse
                return {}
            known = ", ".join(VIDEO_MANIFEST.schema.names)
            raise UsageError(f"Expected a column of the manifest, but got {name}. Choose one of {known}.")
        return {video: row[own] for video, row in self.manifest.items() if row[own] not in (None, "")}

    def bouts(self, recordings: Iterable[Recording]) -> pd.DataFrame:
        """Return the labels of these films as bouts that name no mouse: columns `behavior.bouts.BOUT_COLUMNS`."""
        parts = [pd.DataFrame(columns=list(BOUT_COLUMNS))]
        for recording in recordings:
            key = self.snapshot.key_of(FILM_LABELS, FILM, recording.video_id)
            if key is None:
                continue
            path = self.root / key
            rows = read_rows(FILM_LABELS, path, str(path), mend=_MEND).to_pandas()
            late = round(self.labels_late_s * recording.fps)
            rows = rows.assign(start_frame=(rows["start_frame"] - late).clip(lower=0), stop_frame=rows["stop_frame"] - late)
            rows = rows[rows["stop_frame"] > 0]
            parts.append(rows.assign(agent_id=pd.NA, target_id=pd.NA)[list(BOUT_COLUMNS)])
        whole = dict.fromkeys(("video_id", "start_frame", "stop_frame"), "int64")
        kept = [part for part in parts if len(part)] or parts
        return pd.concat(kept, ignore_index=True).astype({**whole, "agent_id": "Int64", "target_id": "Int64"})

    def material(self, recording: Recording) -> Material:
        """Return the material of one film, which is opened when it is first used."""
        return Material(recording, open_film=lambda: self.film(recording))

    def film(self, recording: Recording) -> FilmFile:
        """Return one film."""
        row = self.manifest[recording.video_id]
        centers = np.load(self.root / row["centers"], allow_pickle=False) if row["centers"] else None
        numbers = self.root / row["embeddings"] if row["embeddings"] else None
        return FilmFile(self.root / row["file"], self.cache, centers, numbers, facts_of(row), row["name"])

    def data_faults(self, recordings: Iterable[Recording]) -> list[str]:
        """Return one fault for each film whose file is not there."""
        names = ((recording, self.root / self.manifest[recording.video_id]["file"]) for recording in recordings)
        return [
            f"Expected the film of video {recording.video_id} at {path}, but got no such file. {_MEND}"
            for recording, path in names
            if not path.is_file()
        ]

    def contents(self, recordings: Sequence[Recording], bouts: pd.DataFrame) -> tuple[Content, ...]:
        """Return the content of each film: films of one group have equal contents. `bouts` are theirs."""
        return tuple(self._content(recording, bouts) for recording in recordings)

    def _content(self, recording: Recording, bouts: pd.DataFrame) -> Content:
        row, own = self.manifest[recording.video_id], bouts[bouts["video_id"] == recording.video_id]
        labels = own[["action", "start_frame", "stop_frame"]].to_numpy().tolist()
        data = hashlib.blake2s(repr((row["sha256"], labels)).encode(), digest_size=16).hexdigest()
        marks = np.empty(0, np.uint64)
        return Content(recording.video_id, f"group {row['content_group']}", marks, None, data, frames=row["frames"])


def recording_of(row: Mapping[str, Any]) -> Recording:
    """Return the recording of a row of the manifest; films have no scale in cm."""
    behaviors = json.loads(row["behaviors"]) if row["behaviors"] is not None else []
    annotated = tuple(Triple(THE_MOUSE, THE_MOUSE, name) for name in sorted(behaviors))
    rate = Fraction(row["rate_numerator"], row["rate_denominator"])
    size = row["width_px"], row["height_px"]
    return Recording(row["lab_id"], row["video_id"], float(rate), math.nan, *size, annotated=annotated, name=row["name"])


def facts_of(row: Mapping[str, Any]) -> FilmFacts:
    """Return the facts of a row of the manifest."""
    return FilmFacts(
        frames=row["frames"],
        rate=Fraction(row["rate_numerator"], row["rate_denominator"]),
        width=row["width_px"],
        height=row["height_px"],
        codec=row["codec"],
        rotation=row["rotation_degrees"],
        variable_rate=row["variable_rate"],
        sha256=row["sha256"],
        pictures=row["pictures"],
    )
