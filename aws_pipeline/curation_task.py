"""What a Spark worker does with each recording: read its objects, curate, write its objects, and hand back a few numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from aws_pipeline.curation_plan import Work
from aws_pipeline.lake import parse_parquet, read_object, write_parquet
from behavior.annotations import Behavior, bout_lengths, enrich
from behavior.content import Content, content_of
from behavior.contract import ContractError, refuse
from behavior.curation import WRITE_OPTIONS, Curated, curate, to_table
from behavior.tables import ANNOTATIONS_ENRICHED, TRACKING_CURATED


@dataclass(frozen=True)
class Result:
    """What became of one recording; a few hundred bytes, and those of its content: a mark about every 32 frames of a mouse."""

    split: str
    video_id: int
    faults: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    """Keys written in the curated zone."""
    rows_in: int = 0
    rows_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    frames: int = 0
    mice: int = 0
    seen_share: float = 0.0
    bouts: dict[Behavior, np.ndarray] = field(default_factory=dict)
    """Lengths of annotated bouts, frames."""
    content: Content | None = None
    """What tells it from other recordings."""


def curate_part(part: Iterable[Work], raw: str, curated: str, *, write: bool) -> Iterator[Result]:
    """Curate recordings one by one; `write=False` only checks them. What breaks the contract becomes the faults of a result."""
    for work in part:
        try:
            yield _curate(work, raw, curated, write=write)
        except ContractError as error:
            yield Result(work.split, work.recording.video_id, error.faults)


def _curate(work: Work, raw: str, curated: str, *, write: bool) -> Result:
    rows, pose, bouts = _read(work, raw)
    table = to_table(pose, work.recording, work.split)
    outputs = [(TRACKING_CURATED, table, WRITE_OPTIONS)] if write else []
    if bouts is not None and write:
        outputs.append((ANNOTATIONS_ENRICHED, bouts, {"compression": "zstd"}))
    keys = [kind.key(f"{work.split}-{work.recording.video_id}.parquet", work.recording.lab_id) for kind, _, _ in outputs]
    sizes = [write_parquet(curated, key, content, **how) for key, (_, content, how) in zip(keys, outputs, strict=True)]
    return Result(
        work.split,
        work.recording.video_id,
        keys=tuple(keys),
        rows_in=len(rows),
        rows_out=len(table),
        bytes_in=work.n_bytes,
        bytes_out=sum(sizes),
        frames=pose.frames,
        mice=len(pose.mice),
        seen_share=float(pose.seen.mean()),
        bouts={} if bouts is None else bout_lengths(bouts),
        content=content_of(work.recording.video_id, pose, _annotated(bouts)),
    )


def _annotated(bouts: pa.Table | None) -> pd.DataFrame:
    rows = ANNOTATIONS_ENRICHED.schema.empty_table() if bouts is None else bouts.filter(bouts.column("annotated"))
    return rows.to_pandas()


def _read(work: Work, raw: str) -> tuple[pa.Table, Curated, pa.Table | None]:
    """Return raw tracking, curated tracking, and enriched bouts. Raises ContractError with the faults of both objects."""
    faults: list[str] = []
    bouts = None
    try:
        rows = parse_parquet(read_object(raw, work.tracking), work.tracking)
        pose = curate(rows, work.recording)
    except ContractError as error:
        faults += error.faults
    if work.annotation:
        try:
            bouts = enrich(parse_parquet(read_object(raw, work.annotation), work.annotation), work.recording, work.annotation)
        except ContractError as error:
            faults += error.faults
    refuse(faults)
    return rows, pose, bouts
