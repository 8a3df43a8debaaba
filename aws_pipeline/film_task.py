"""The task of a worker for one film: count its frames by decoding, read its labels, and write film and labels to the curated zone.

A film goes through a file on the worker's disk, so that memory does not depend on its length. The film in the curated zone is a copy whose
key names its content: who trains on the tables of one run reads the films of that run, whatever was uploaded since.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from aws_pipeline.film_work import FilmWork
from aws_pipeline.lake import VERSION_DIGITS, WrittenObject, digest_of, encode, write_file, write_parquet
from aws_pipeline.raw_film import RawFilm
from behavior.contract import ContractError, Fault, UsageError
from behavior.film import FilmFacts
from behavior.film_keys import FILM, film_centers_key, film_embeddings_key, film_key
from behavior.keys import LakeObject, recording_name
from behavior.tables import FILM_LABELS

if TYPE_CHECKING:
    import pandas as pd  # loaded only for films with labels: recordings need none of it


@dataclass(frozen=True)
class FilmResult:
    """Faults and facts of one film."""

    video_id: int
    lab: str = ""
    faults: tuple[Fault, ...] = ()
    """Faults for which it goes to quarantine; empty if it is accepted."""
    notes: tuple[Fault, ...] = ()
    """Repairs and flags."""
    inputs: dict[str, str] = field(default_factory=dict)
    """All that it depends on, as `FilmWork.inputs`."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of its raw objects, by kind."""
    raw_keys: dict[str, str] = field(default_factory=dict)
    """Keys of its raw objects, by kind."""
    fingerprint: str = ""
    """Digest of `digests` and `inputs`."""
    objects: tuple[WrittenObject, ...] = ()
    """Its labels in the curated zone, if it has any."""
    files: tuple[WrittenObject, ...] = ()
    """Its files in the curated zone: the film, and perhaps places of the mouse and embeddings."""
    run: str = ""
    """Run that curated it."""
    bytes_in: int = 0
    row: dict[str, Any] = field(default_factory=dict)
    """Its row of `VIDEO_MANIFEST`, without what other films or individuals.csv decide."""

    split = FILM
    rows_in = 0

    @property
    def name(self) -> str:
        """Its name, such as film-7."""
        return recording_name(FILM, self.video_id)


def curate_film(work: FilmWork, raw: str, curated: str, run: str, column_ids: dict[str, int] | None) -> FilmResult:
    """Curate one film; a broken contract becomes the faults of the result. Without `column_ids` it is only checked.

    Raises UsageError on a worker without PyAV.
    """
    _require_decoder()
    empty = FilmResult(work.video_id, work.lab, inputs=work.inputs, run=run, bytes_in=work.n_bytes)
    try:
        with tempfile.TemporaryDirectory(prefix="film-") as folder:
            return _curated(work, RawFilm(work, raw, Path(folder)), curated, empty, column_ids)
    except ContractError as error:
        return replace(empty, faults=error.faults)


def _curated(work: FilmWork, source: RawFilm, curated: str, empty: FilmResult, column_ids: dict[str, int] | None) -> FilmResult:
    from films.probe import probe

    key = work.objects["film"].key
    with _named(key, source.film()) as film:
        probed = probe(film)
    notes = [*(replace(fault, where=key) for fault in probed.faults)]
    bouts, more = _labels(work, source, probed.facts)
    notes += more
    embeddings = _embeddings(work, source, probed.facts.frames)
    centers = _centers(work, source, probed.facts.frames)
    notes += source.notes
    work.policy.refuse(notes)
    texts = (*source.digests.values(), *(text for kind, text in work.inputs.items() if kind not in work.objects))
    fingerprint = digest_of(*texts)
    result = replace(
        empty,
        notes=tuple(notes),
        digests=source.digests,
        raw_keys={kind: one.key for kind, one in work.objects.items()},
        fingerprint=fingerprint,
        row=_row(work, probed.facts, bouts, source.digests.get("labels"), centers is not None, embeddings, fingerprint),
    )
    if column_ids is None:
        return result
    files = [write_file(curated, result.row["file"], film, source.digests["film"])]
    for column, array in (("centers", centers), ("embeddings", embeddings)):
        if array is not None:
            files.append(_write_array(curated, result.row[column], array))
    return replace(result, files=tuple(files), objects=tuple(_write_labels(work, bouts, fingerprint, curated, column_ids)))


def _row(
    work: FilmWork,
    facts: FilmFacts,
    bouts: pd.DataFrame | None,
    labels_sha256: str | None,
    has_centers: bool,
    embeddings: np.ndarray | None,
    fingerprint: str,
) -> dict[str, Any]:
    place = work.lab, work.video_id
    ending = Path(work.objects["film"].key).suffix
    return {
        "lab_id": work.lab,
        "video_id": work.video_id,
        "name": work.title,
        "file": film_key(*place, facts.sha256[:VERSION_DIGITS], ending),
        "centers": film_centers_key(*place, fingerprint) if has_centers else None,
        "embeddings": None if embeddings is None else film_embeddings_key(*place, fingerprint),
        "frames": facts.frames,
        "rate_numerator": facts.rate.numerator,
        "rate_denominator": facts.rate.denominator,
        "width_px": facts.width,
        "height_px": facts.height,
        "codec": facts.codec,
        "rotation_degrees": facts.rotation,
        "variable_rate": facts.variable_rate,
        "sha256": facts.sha256,
        "pictures": facts.pictures,
        "labels_sha256": labels_sha256,
        "behaviors": None if bouts is None or bouts.empty else json.dumps(list(work.labelling.behaviors)),
        "labelled_frames": 0 if bouts is None else int((bouts["stop_frame"] - bouts["start_frame"]).sum()),
    }


def _labels(work: FilmWork, source: RawFilm, facts: FilmFacts) -> tuple[pd.DataFrame | None, list[Fault]]:
    """Return the labels of a film, None without any, and flags. Raises ContractError."""
    if "labels" not in work.objects:
        text = "Expected labels, but got none."
        return None, [Fault("film-unlabelled", work.objects["film"].key, text, "Training does not use the film.")]
    from behavior.film_labels import read_labels

    key, data = work.objects["labels"].key, source.bytes_of("labels")
    read = read_labels(data, key, facts.frames, facts.fps, work.labelling, work.labels_fps, work.policy)
    work.policy.refuse(read.faults)
    return read.bouts, list(read.faults)


def _embeddings(work: FilmWork, source: RawFilm, frames: int) -> np.ndarray | None:
    """Return the numbers of each frame [T, D]; None without any. Raises ContractError if they are not of this film."""
    if "embeddings" not in work.objects:
        return None
    key, mend = work.objects["embeddings"].key, "Compute the embeddings again, one row for each frame."
    try:
        numbers = np.load(io.BytesIO(source.bytes_of("embeddings")), allow_pickle=False)
    except ValueError as error:
        raise ContractError(Fault("file-unreadable", key, f"Expected an .npy file of numbers, but got: {error}.", mend)) from None
    if numbers.ndim != 2 or len(numbers) != frames or numbers.dtype.kind not in "fiu":
        got = f"an array of shape {numbers.shape} and type {numbers.dtype}"
        raise ContractError(
            Fault("file-unreadable", key, f"Expected one row of numbers for each of {frames:,} frames, but got {got}.", mend)
        )
    if not np.isfinite(numbers).all():
        raise ContractError(Fault("file-unreadable", key, "Expected finite numbers, but got NaN or infinite ones.", mend))
    return numbers


def _centers(work: FilmWork, source: RawFilm, frames: int) -> np.ndarray | None:
    """Return the places of the mouse [T, 2], from tracks of the same film; None without tracks. Raises ContractError."""
    if "tracks" not in work.objects:
        return None
    from films.tracks import centers_of

    return centers_of(pa.py_buffer(source.bytes_of("tracks")), frames, work.objects["tracks"].key)


def _write_labels(
    work: FilmWork, bouts: pd.DataFrame | None, fingerprint: str, curated: str, column_ids: dict[str, int]
) -> Iterator[WrittenObject]:
    if bouts is not None and len(bouts):  # Iceberg takes an object without rows for none
        rows = pa.Table.from_pandas(bouts.assign(video_id=work.video_id), schema=FILM_LABELS.schema, preserve_index=False)
        key = LakeObject(FILM_LABELS, FILM, work.lab, work.video_id, fingerprint).key
        yield write_parquet(curated, FILM_LABELS, key, encode(rows, column_ids))


def _write_array(curated: str, key: str, array: np.ndarray) -> WrittenObject:
    with tempfile.TemporaryDirectory(prefix="film-") as folder:
        path = Path(folder) / "array.npy"
        np.save(path, array, allow_pickle=False)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return write_file(curated, key, path, sha256)


@contextmanager
def _named(key: str, path: Path) -> Iterator[Path]:
    """Yield a path; faults of it name the key of its object."""
    try:
        yield path
    except ContractError as error:
        raise ContractError(replace(fault, where=key) for fault in error.faults) from None


def _require_decoder() -> None:
    """Raise UsageError without PyAV: films must not go to quarantine because a worker lacks a package."""
    from importlib.util import find_spec

    if find_spec("av") is None:
        mend = "Deploy the job again: it then asks for av by --additional-python-modules."
        raise UsageError(f"Expected PyAV on the workers, to count the frames of films, but got none. {mend}")
