"""From films and label files as a lab has them to a zone that training reads.

A film is decoded whole once: its frames are counted, never believed. A film that breaks the contract is put aside with its reasons; the
others are used.
"""

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from behavior.contract import ContractError, Fault, Severity
from behavior.film_labels import STANDARD_RULES, LabelRules, read_labels
from behavior.keys import film_centers_key, film_key, film_labels_key, key_of
from behavior.tables import FILM_LABELS, VIDEO_MANIFEST
from behavior.whole_file import whole_file, write_json
from films.film_file import FilmFile
from films.probe import sha256_of
from films.tracks import centers_of, tracks_beside
from training.material.film_sources import FilmSource

REASONS_FILE = "put_aside.json"
"""In the zone: why films were put aside."""


@dataclass(frozen=True)
class CuratedFilm:
    """A film that was read, or put aside."""

    source: FilmSource
    """The film."""
    row: Mapping[str, Any] | None
    """Its row of the manifest, without the content group; None if it was put aside."""
    bouts: pd.DataFrame | None
    """Its labels; None without labels, and for a film that has not changed."""
    faults: tuple[Fault, ...]
    """Everything that a person should know."""


def curate_film(
    source: FilmSource, known: Mapping[str, Any] | None, rules: LabelRules = STANDARD_RULES, labels_fps: float | None = None
) -> CuratedFilm:
    """Read one film and its labels. `known` is its row from an earlier run: what has not changed is not decoded again."""
    digest = sha256_of(source.path)
    labels = source.labels.read_bytes() if source.labels else None
    labels_digest = None if labels is None else hashlib.sha256(labels + repr((rules, labels_fps)).encode()).hexdigest()
    if known and (known["sha256"], known["labels_sha256"]) == (digest, labels_digest):
        return CuratedFilm(source, {**known, "individual": source.individual}, None, ())
    try:
        film = FilmFile(source.path)
        facts, faults = film.probed.facts, list(film.probed.faults)
    except ContractError as error:
        return CuratedFilm(source, None, None, error.faults)
    bouts = None
    if labels is None:
        faults.append(Fault("film-unlabelled", str(source.path), "Expected labels, but got none.", "Training does not use the film."))
    else:
        read = read_labels(labels, str(source.labels), facts.frames, facts.fps, rules, labels_fps)
        faults += read.faults
        bouts = read.bouts
    if any(fault.severity is Severity.REJECT for fault in faults):
        return CuratedFilm(source, None, None, tuple(faults))
    row = {
        "lab_id": source.lab,
        "video_id": source.video_id,
        "name": source.path.stem,
        "file": film_key(source.lab, source.video_id, source.path.suffix.lower()),
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
        "labels_sha256": labels_digest,
        "behaviors": None if bouts is None or bouts.empty else json.dumps(list(rules.behaviors)),
        "labelled_frames": 0 if bouts is None else int((bouts["stop_frame"] - bouts["start_frame"]).sum()),
        "individual": source.individual,
    }
    return CuratedFilm(source, row, bouts, tuple(faults))


def known_rows(root: Path) -> dict[int, dict[str, Any]]:
    """Return the rows of the manifest of an earlier run by video id; nothing for a new zone."""
    path = root / key_of(VIDEO_MANIFEST)
    return {row["video_id"]: row for row in pq.read_table(path).to_pylist()} if path.is_file() else {}


def write_film(root: Path, film: CuratedFilm) -> None:
    """Write film, labels and, from tracks beside the film, places of the mouse into the zone, each whole or not at all.

    On one disk the film in the zone is a second name of the same file.
    """
    assert film.row is not None
    target = root / film.row["file"]
    if not target.is_file() or not os.path.samefile(target, film.source.path):
        with whole_file(target) as beside:
            try:
                os.link(film.source.path, beside)
            except OSError:  # another disk
                shutil.copyfile(film.source.path, beside)
    tracks = tracks_beside(film.source.path)
    if tracks is not None:
        with whole_file(root / film_centers_key(film.row["lab_id"], film.row["video_id"])) as beside:
            np.save(beside, centers_of(tracks, film.row["frames"]))
    if film.bouts is not None:
        table = pa.Table.from_pandas(film.bouts.assign(video_id=film.row["video_id"]), schema=FILM_LABELS.schema, preserve_index=False)
        with whole_file(root / film_labels_key(film.row["lab_id"], film.row["video_id"])) as beside:
            pq.write_table(table, beside)


def write_manifest(root: Path, films: Iterable[CuratedFilm], faults: Sequence[Fault]) -> None:
    """Write the manifest of all films that were read, and the reasons why others were put aside."""
    kept = [one.row for one in films if one.row is not None]
    groups = content_groups(kept)
    rows = [{**row, "content_group": groups[row["video_id"]]} for row in sorted(kept, key=lambda row: row["video_id"])]
    with whole_file(root / key_of(VIDEO_MANIFEST)) as beside:
        pq.write_table(pa.Table.from_pylist(rows, schema=VIDEO_MANIFEST.schema), beside)
    rejecting = [one for one in faults if one.severity is Severity.REJECT]
    reasons = [{"code": one.code, "where": one.where, "text": one.text, "mend": one.mend} for one in rejecting]
    write_json(root / REASONS_FILE, {"reasons": reasons})


def content_groups(rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return for each film the smallest id among those of the same file, the same pictures or the same individual."""
    group = {row["video_id"]: row["video_id"] for row in rows}

    def smallest(video: int) -> int:
        while group[video] != video:
            video = group[video]
        return video

    same: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row in rows:
        same["file", row["sha256"]].append(row["video_id"])
        same["pictures", row["pictures"]].append(row["video_id"])
        if row["individual"] is not None:
            same["individual", row["lab_id"], row["individual"]].append(row["video_id"])
    for videos in same.values():
        for other in videos[1:]:
            first, second = sorted((smallest(videos[0]), smallest(other)))
            group[second] = first
    return {video: smallest(video) for video in group}
