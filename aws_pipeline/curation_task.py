"""What a worker does with each recording: read its objects, check and curate, write its objects, and hand back a few numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa

from aws_pipeline.curation_plan import Work
from aws_pipeline.lake import count_rows, read_table, write_parquet
from behavior.annotations import Behavior, bout_lengths, enrich, sound_bouts
from behavior.content import Content, content_of
from behavior.contract import ContractError, Fault
from behavior.curation import WRITE_OPTIONS, Curated, curate, to_table
from behavior.keys import key_of, staged
from behavior.tables import ANNOTATIONS_ENRICHED, RAW_ANNOTATION, RAW_TRACKING, TRACKING_CURATED

_ANY_FRAMES = range(np.iinfo(np.int32).max)
"""What bouts are compared with where tracking cannot be read."""


@dataclass(frozen=True)
class CurationResult:
    """What became of one recording; a few hundred bytes, and those of its content: a mark about every 32 frames of a mouse."""

    split: str
    video_id: int
    faults: tuple[Fault, ...] = ()
    """Why it goes to quarantine; empty if it is accepted."""
    notes: tuple[Fault, ...] = ()
    """What was repaired in it, and what is worth a look."""
    keys: tuple[str, ...] = ()
    """Keys in the curated zone of the objects that were written, as readers will know them."""
    rows_in: int = 0
    """Tracking rows; of a recording that goes to quarantine, those that can be counted."""
    rows_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    first_frame: int = 0
    frames: int = 0
    mice: int = 0
    bodyparts: tuple[str, ...] = ()
    seen_share: float = 0.0
    bouts: dict[Behavior, np.ndarray] = field(default_factory=dict)
    """Lengths of annotated bouts, frames."""
    content: Content | None = None
    """What tells it from other recordings."""


def curate_part(part: Iterable[Work], raw: str, curated: str, run: str | None) -> Iterator[CurationResult]:
    """Curate recordings one by one. What breaks the contract becomes the faults of a result.

    Objects are written where they wait for the end of `run`; without a run recordings are only checked.
    """
    for work in part:
        try:
            yield _curate(work, raw, curated, run)
        except ContractError as error:
            rows = count_rows(raw, work.tracking)
            yield CurationResult(work.split, work.recording.video_id, error.faults, rows_in=rows, bytes_in=work.n_bytes)


def _curate(work: Work, raw: str, curated: str, run: str | None) -> CurationResult:
    rows, pose = _tracking(work, raw)
    bouts, mended = _bouts(work, raw, pose.pose.film_frames)
    notes = (*pose.pose.notes, *mended)
    work.policy.refuse(notes)
    written = _write(work, pose, bouts, curated, run) if run else {}
    return CurationResult(
        work.split,
        work.recording.video_id,
        notes=notes,
        keys=tuple(written),
        rows_in=rows,
        rows_out=int(pose.seen.size),
        bytes_in=work.n_bytes,
        bytes_out=sum(written.values()),
        first_frame=pose.first_frame,
        frames=pose.frames,
        mice=len(pose.mice),
        bodyparts=pose.bodyparts,
        seen_share=float(pose.seen.mean()),
        bouts={} if bouts is None else bout_lengths(bouts),
        content=content_of(work.recording.video_id, pose, _annotated(bouts)),
    )


def _write(work: Work, pose: Curated, bouts: pa.Table | None, curated: str, run: str) -> dict[str, int]:
    """Write what readers shall see, where it waits; return the bytes of each object by the key that readers will know."""
    outputs = [(TRACKING_CURATED, to_table(pose, work.recording, work.split), WRITE_OPTIONS)]
    if bouts is not None:
        outputs.append((ANNOTATIONS_ENRICHED, bouts, {"compression": "zstd"}))
    by_key = {key_of(table, work.split, work.recording): (content, how) for table, content, how in outputs}
    return {key: write_parquet(curated, staged(run, key), content, **how) for key, (content, how) in by_key.items()}


def _annotated(bouts: pa.Table | None) -> pd.DataFrame:
    rows = ANNOTATIONS_ENRICHED.schema.empty_table() if bouts is None else bouts.filter(bouts.column("annotated"))
    return rows.to_pandas()


def _tracking(work: Work, raw: str) -> tuple[int, Curated]:
    """Return how many rows of tracking there are, and what they become. Raises ContractError with the faults of annotation as well."""
    try:
        rows = read_table(raw, work.tracking, RAW_TRACKING)
        return len(rows), curate(rows, work.recording, work.policy)
    except ContractError as error:
        raise ContractError([*error.faults, *_annotation_faults(work, raw)]) from None


def _bouts(work: Work, raw: str, film_frames: range) -> tuple[pa.Table | None, list[Fault]]:
    """Return enriched bouts, if the recording has an annotation, and what was mended. Raises ContractError."""
    if not work.annotation:
        return None, []
    bouts, mended = sound_bouts(read_table(raw, work.annotation, RAW_ANNOTATION), film_frames, work.annotation, work.policy)
    return enrich(bouts, work.recording, work.annotation), mended


def _annotation_faults(work: Work, raw: str) -> tuple[Fault, ...]:
    try:
        _bouts(work, raw, _ANY_FRAMES)
    except ContractError as error:
        return error.faults
    return ()
