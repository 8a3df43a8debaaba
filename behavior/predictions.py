"""Predictions: the bouts of a recognizer and what it looked for, in the tables of the lake.

A triple that a recognizer looked for and that has no bout is absent; one that it did not look for is unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from behavior.annotations import PAIR, SELF
from behavior.bouts import scored_bout_table
from behavior.recording import Recording
from behavior.table import Table
from behavior.tables import PREDICTABLE_TRIPLES, PREDICTED_BOUTS

ARENA = "arena"
"""The kind of a behavior that names no mouse."""
ENDING = ".predictable.parquet"
"""End of the name of the file with what was looked for, beside the file with the bouts."""


@dataclass(frozen=True)
class Source:
    """Where predictions come from."""

    split: str
    """train or test."""
    recognizer: str
    """Digest of its files, as column `recognizer` of the tables says."""
    recipe: str
    """Its recipe."""


@dataclass(frozen=True)
class Predictions:
    """The predictions in one or more recordings."""

    bouts: pd.DataFrame
    """Columns `behavior.bouts.SCORED_COLUMNS`, in the frame numbers of the film."""
    triples: pd.DataFrame
    """What was looked for: video_id, agent_id, target_id, action, first_frame, frame_count."""

    @classmethod
    def joined(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Return the predictions of all parts, in their order."""
        parts = [cls(scored_bout_table([]), triple_table([])), *parts]
        return cls(*(pd.concat([getattr(part, name) for part in parts], ignore_index=True) for name in ("bouts", "triples")))

    def tables(self, recordings: Iterable[Recording], source: Source) -> tuple[pa.Table, pa.Table]:
        """Return rows of `PREDICTED_BOUTS` and of `PREDICTABLE_TRIPLES`, each with lab_id as its first column, sorted by lab and video."""
        by_video = {recording.video_id: recording for recording in recordings}
        lengths = self.bouts["stop_frame"] - self.bouts["start_frame"]
        fps = self.bouts["video_id"].map({video: one.fps for video, one in by_video.items()}).astype(float)
        bouts = self.bouts.assign(duration_s=lengths.to_numpy() / fps.to_numpy())
        return _rows(PREDICTED_BOUTS, bouts, by_video, source), _rows(PREDICTABLE_TRIPLES, self.triples, by_video, source)


def triple_table(rows: Sequence[tuple[int, int | None, int | None, str, int, int]]) -> pd.DataFrame:
    """Return rows (video_id, agent_id, target_id, action, first_frame, frame_count) as a table; <NA> where a row names no mouse."""
    table = pd.DataFrame(rows, columns=["video_id", "agent_id", "target_id", "action", "first_frame", "frame_count"])
    whole = dict.fromkeys(("video_id", "first_frame", "frame_count"), "int64")
    return table.astype({**whole, "agent_id": "Int64", "target_id": "Int64"})


def beside(bouts: Path) -> Path:
    """Return the file with what was looked for, from the file with the bouts."""
    return bouts.with_name(bouts.stem + ENDING)


def _rows(table: Table, frame: pd.DataFrame, by_video: dict[int, Recording], source: Source) -> pa.Table:
    kind = np.where(frame["agent_id"].isna(), ARENA, np.where((frame["agent_id"] == frame["target_id"]).fillna(False), SELF, PAIR))
    whole = frame.assign(
        lab_id=frame["video_id"].map({video: one.lab_id for video, one in by_video.items()}).astype(object),
        frames_per_second=frame["video_id"].map({video: one.fps for video, one in by_video.items()}).astype(float),
        kind=kind.astype(object),
        split=source.split,
        recognizer=source.recognizer,
        recipe=source.recipe,
    ).sort_values(["lab_id", "video_id"], kind="stable")
    return pa.Table.from_pandas(whole, schema=table.with_partition().schema, preserve_index=False)
