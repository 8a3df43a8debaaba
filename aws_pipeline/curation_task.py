"""The task of a worker: read the objects of each recording, check and curate, write its objects, and return a few numbers."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from aws_pipeline.curation_work import Work
from aws_pipeline.film_task import FilmResult, curate_film
from aws_pipeline.film_work import FilmWork
from aws_pipeline.lake import WrittenObject, count_rows, digest, digest_of, encode, read_object, write_parquet
from aws_pipeline.landed import differences
from behavior.annotations import Behavior, bout_lengths, enrich, sound_bouts
from behavior.content import Content, content_of
from behavior.contract import ContractError, Fault
from behavior.curation import WRITE_OPTIONS, CuratedTracking, curate, to_table
from behavior.keys import key_of, recording_name
from behavior.parquet_file import read_rows
from behavior.quality import quality_of
from behavior.quality_flags import quality_flags
from behavior.tables import ANNOTATIONS_ENRICHED, FILM_LABELS, RAW_ANNOTATION, RAW_TRACKING, TRACKING_CURATED, Table

_ANY_FRAMES = range(np.iinfo(np.int32).max)
"""Limits for bouts if tracking cannot be read."""
_OUTPUTS: tuple[tuple[Table, dict[str, Any]], ...] = ((TRACKING_CURATED, WRITE_OPTIONS), (ANNOTATIONS_ENRICHED, {}))

ColumnIds = dict[str, dict[str, int]]
"""Table -> column -> Iceberg's number of the column."""


@dataclass(frozen=True)
class CurationResult:
    """Faults and numbers of one recording: a few hundred bytes, and its content, with a mark for about 32 frames of a mouse."""

    split: str
    video_id: int
    lab: str = ""
    faults: tuple[Fault, ...] = ()
    """Faults for which it goes to quarantine; empty if it is accepted."""
    notes: tuple[Fault, ...] = ()
    """Repairs and flags."""
    inputs: dict[str, str] = field(default_factory=dict)
    """All that it depends on, as `Work.inputs`."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of its raw objects, by key: tracking, then annotation."""
    fingerprint: str = ""
    """Digest of `digests` and `inputs`, in the keys of its objects."""
    objects: tuple[WrittenObject, ...] = ()
    """Its objects in the curated zone: tracking, then bouts."""
    files: tuple[WrittenObject, ...] = ()
    """Objects that are no tables: a recording has none."""
    run: str = ""
    """Run that curated it."""
    rows_in: int = 0
    """Tracking rows; for a recording in quarantine, as far as they can be counted."""
    rows_out: int = 0
    bytes_in: int = 0
    first_frame: int = 0
    frames: int = 0
    mice: int = 0
    bodyparts: tuple[str, ...] = ()
    seen_share: float = 0.0
    bouts: dict[Behavior, np.ndarray] = field(default_factory=dict)
    """Lengths of annotated bouts, frames."""
    quality: dict[str, Any] = field(default_factory=dict)
    """Its row of `DATA_QUALITY`."""
    content: Content | None = None
    """Digests of its content."""

    @property
    def name(self) -> str:
        """Its name, such as train-7."""
        return recording_name(self.split, self.video_id)

    @property
    def bytes_out(self) -> int:
        """Bytes of its objects."""
        return sum(one.n_bytes for one in self.objects)


AnyWork = Work | FilmWork
AnyResult = CurationResult | FilmResult


_AT_A_TIME = 2
"""Small recordings that a worker has in its hands: while one waits for S3, it works on the other."""
_LARGE_BYTES = 16 << 20
"""Of larger ones, and of films, it has one, so that its memory stays bounded."""


def curate_part(part: Iterable[AnyWork], raw: str, curated: str, run: str, ids: ColumnIds | None) -> Iterator[AnyResult]:
    """Yield the results of recordings and films. Broken contracts become the faults of a result; without `ids` they are only checked."""

    def curate_one(work: AnyWork) -> AnyResult:
        if isinstance(work, FilmWork):
            return curate_film(work, raw, curated, run, ids[FILM_LABELS.name] if ids else None)
        try:
            return _curate(work, raw, curated, run, ids)
        except ContractError as error:
            rows = count_rows(raw, work.tracking)
            video, lab = work.recording.video_id, work.recording.lab_id
            return CurationResult(work.split, video, lab, error.faults, inputs=work.inputs, run=run, rows_in=rows, bytes_in=work.n_bytes)

    small, large = list[AnyWork](), list[AnyWork]()
    for work in part:
        (large if isinstance(work, FilmWork) or work.n_bytes > _LARGE_BYTES else small).append(work)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield from (pool.map if len(small) > 1 else map)(curate_one, small)  # the driver gives one at a time, from threads of its own
    yield from map(curate_one, large)


def _curate(work: Work, raw: str, curated: str, run: str, ids: ColumnIds | None) -> CurationResult:
    source = _Source(work, raw)
    rows, pose = source.tracking()
    bouts, mended = source.bouts(pose.pose.film_frames)
    quality = quality_of(work.recording, work.split, pose, bouts)
    notes = (*source.notes, *pose.pose.notes, *mended, *quality_flags(quality, work.tracking))
    work.policy.refuse(notes)
    fingerprint = digest_of(*source.digests.values(), *(text for kind, text in work.inputs.items() if kind not in _OBJECTS))
    return CurationResult(
        work.split,
        work.recording.video_id,
        work.recording.lab_id,
        notes=notes,
        inputs=work.inputs,
        digests=source.digests,
        fingerprint=fingerprint,
        objects=tuple(_write(work, fingerprint, pose, bouts, curated, ids)) if ids else (),
        run=run,
        rows_in=rows,
        rows_out=int(pose.seen.size),
        bytes_in=work.n_bytes,
        first_frame=pose.first_frame,
        frames=pose.frames,
        mice=len(pose.mice),
        bodyparts=pose.bodyparts,
        seen_share=float(pose.seen.mean()),
        bouts={} if bouts is None else bout_lengths(bouts),
        quality=quality,
        content=content_of(work.recording.video_id, pose, bouts and bouts.filter(bouts.column("annotated"))),
    )


_OBJECTS = ("tracking", "annotation")
"""Inputs that a digest of their content replaces in the fingerprint: an object that was copied is the same object."""


def _write(
    work: Work, fingerprint: str, pose: CuratedTracking, bouts: pa.Table | None, curated: str, ids: ColumnIds
) -> Iterator[WrittenObject]:
    """Write the objects of a recording. Their keys name their content: a killed run's object is the same as the next run's."""
    for (table, options), rows in zip(_OUTPUTS, (to_table(pose, work.recording, work.split), bouts), strict=True):
        if rows:  # Iceberg takes an object without rows for none
            key = key_of(table, work.split, work.recording, fingerprint)
            yield write_parquet(curated, table, key, encode(rows, ids[table.name], table.keys, **options))


class _Source:
    """The raw objects of one recording, each read once; `digests` are the SHA-256 of what was read, by key.

    `notes` name objects that something else than the upload wrote.
    """

    def __init__(self, work: Work, raw: str) -> None:
        self.work, self.raw = work, raw
        self.digests: dict[str, str] = {}
        self.notes: list[Fault] = []
        self._landed = dict(zip(work.keys, zip(work.versions, work.landed, strict=True), strict=True)) if work.landed else {}

    def tracking(self) -> tuple[int, CuratedTracking]:
        """Return the number of rows, and the curated tracking. Raises ContractError, also with the faults of the annotation."""
        try:
            rows = self._read(self.work.tracking, RAW_TRACKING)
            return len(rows), curate(rows, self.work.recording, self.work.policy)
        except ContractError as error:
            raise ContractError([*error.faults, *self._annotation_faults()]) from None

    def bouts(self, film_frames: range) -> tuple[pa.Table | None, list[Fault]]:
        """Return enriched bouts, if the recording has an annotation, and the repairs. Raises ContractError."""
        work = self.work
        if not work.annotation:
            return None, []
        bouts, mended = sound_bouts(self._read(work.annotation, RAW_ANNOTATION), film_frames, work.annotation, work.policy)
        return enrich(bouts, work.recording, work.annotation), mended

    def _annotation_faults(self) -> tuple[Fault, ...]:
        try:
            self.bouts(_ANY_FRAMES)
        except ContractError as error:
            return error.faults
        return ()

    def _read(self, key: str, table: Table) -> pa.Table:
        """Return the rows of a raw object. Raises ContractError if there is none, if it is broken, or if it is not what was uploaded."""
        near = self.raw.startswith("file:")
        mend = "Export the file again." if near else "Upload the file again."
        try:
            data = read_object(self.raw, key)
        except FileNotFoundError:
            raise ContractError(Fault("file-missing", key, "Expected an object, but got none.", mend)) from None
        if not near:  # a file of a data directory was never uploaded
            self.digests[key] = digest(data)
            if key in self._landed:
                self.notes += differences(key, self.digests[key], *self._landed[key], self.work.policy)
        return read_rows(table, data, key, mend=mend, threads=False)
