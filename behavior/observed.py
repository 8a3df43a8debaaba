"""What was looked for and what was seen: the same two tables for annotations of experts and for predictions of a recognizer.

A triple is (recording, agent, target, behavior). One that was not looked for is unknown: it has no row, and no statistic.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from behavior.annotations import PAIR, SELF
from behavior.contract import ContractError
from behavior.recording import Recording

TRIPLE = ["video_id", "agent_id", "target_id", "action"]
"""Columns that name a triple; agent and target are <NA> where a recognizer names no mouse."""
Span = tuple[int, int]
"""First frame of a recording in the numbers of its film, and its number of frames."""


@dataclass(frozen=True)
class Observed:
    """Bouts, and the triples that somebody looked for in recordings of one split."""

    triples: pd.DataFrame
    """lab_id, `TRIPLE`, kind, first_frame, frame_count, frames_per_second; a row for each triple, sorted."""
    bouts: pd.DataFrame
    """`TRIPLE`, start_frame, stop_frame, of these triples only, within the recording; sorted by triple, start and stop."""

    @classmethod
    def of(cls, triples: pd.DataFrame, bouts: pd.DataFrame) -> "Observed":
        """Return both, with bouts clipped to the frames of their recording; bouts of other triples or without frames are left out."""
        triples = _numbered(triples).sort_values(["lab_id", *TRIPLE], ignore_index=True)
        spans = triples[[*TRIPLE, "first_frame", "frame_count"]]
        inside = _numbered(bouts).merge(spans, on=TRIPLE)
        start = inside["start_frame"].clip(lower=inside["first_frame"])
        stop = inside["stop_frame"].clip(upper=inside["first_frame"] + inside["frame_count"])
        clipped = inside.assign(start_frame=start, stop_frame=stop)[stop > start].drop(columns=["first_frame", "frame_count"])
        return cls(triples, clipped.sort_values([*TRIPLE, "start_frame", "stop_frame"], ignore_index=True))

    def only(self, chosen: pd.Series) -> "Observed":
        """Return the chosen triples ([rows of `triples`] bool) with their bouts."""
        triples = self.triples[chosen].reset_index(drop=True)
        return replace(self, triples=triples, bouts=self.bouts.merge(triples[TRIPLE], on=TRIPLE))


def annotated_by_experts(recordings: Iterable[Recording], spans: Mapping[int, Span], bouts: pd.DataFrame) -> Observed:
    """Return what experts annotated. `spans` are by video; `bouts` have `behavior.bouts.BOUT_COLUMNS` at least."""
    rows = [
        (one.lab_id, one.video_id, agent, target, action, SELF if agent == target else PAIR, *spans[one.video_id], one.fps)
        for one in recordings
        for agent, target, action in one.annotated
    ]
    columns = ["lab_id", *TRIPLE, "kind", "first_frame", "frame_count", "frames_per_second"]
    return Observed.of(pd.DataFrame(rows, columns=columns), bouts)


def predicted_by_recognizer(bouts: pa.Table, triples: pa.Table) -> Observed:
    """Return what a recognizer predicted, from rows of both `behavior.tables.PREDICTION_TABLES` with lab_id.

    Raises ContractError for rows of several splits or recognizers: a video id names a recording of one split only.
    """
    for name in ("split", "recognizer"):
        several = sorted(set(triples.column(name).to_pylist()) | set(bouts.column(name).to_pylist()))
        if len(several) > 1:
            raise ContractError([f"Expected predictions of one {name}, but got {', '.join(several)}. Write one file for each."])
    columns = ["lab_id", *TRIPLE, "kind", "first_frame", "frame_count", "frames_per_second"]
    extra = [name for name in ("confidence", "threshold") if name in bouts.column_names]
    return Observed.of(triples.select(columns).to_pandas(), bouts.select([*TRIPLE, "start_frame", "stop_frame", *extra]).to_pandas())


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with whole numbers: agent and target as Int64, so that <NA> finds <NA> in a join."""
    kinds = dict.fromkeys(("agent_id", "target_id"), "Int64")
    whole = {name: "int64" for name in ("video_id", "start_frame", "stop_frame", "first_frame", "frame_count") if name in rows}
    text = {name: object for name in ("lab_id", "action", "kind") if name in rows}
    return rows.astype({**kinds, **whole, **text})


def seconds(frames: pd.Series, fps: pd.Series) -> np.ndarray:
    """Return frames in seconds."""
    return np.asarray(frames, float) / np.asarray(fps, float)
