"""What the ETL remembers of films: rows of the table `lineage`, the manifest of all films, and their files in the list of a run."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from aws_pipeline.film_task import FilmResult
from aws_pipeline.film_work import FilmWork
from aws_pipeline.lake import WrittenObject
from behavior.contract import Fault
from behavior.film_keys import FILM
from behavior.snapshot import SnapshotObject
from behavior.tables import FILM_LABELS, VIDEO_MANIFEST


def manifest_rows(films: Sequence[FilmResult], work: Iterable[FilmWork]) -> pa.Table:
    """Return the rows of `VIDEO_MANIFEST` of accepted films, by number. `work` says who is filmed."""
    individuals = {one.video_id: one.individual for one in work}
    rows = [{**film.row, "individual": individuals.get(film.video_id)} for film in sorted(films, key=lambda film: film.video_id)]
    groups = film_groups(rows)
    return pa.Table.from_pylist([{**row, "content_group": groups[row["video_id"]]} for row in rows], schema=VIDEO_MANIFEST.schema)


def film_groups(rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return for each film the smallest id among those of the same file, the same pictures or the same individual of a lab."""
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


def film_files(films: Iterable[FilmResult]) -> tuple[SnapshotObject, ...]:
    """Return the files of accepted films, by key, for the list of a run."""
    files = {one.key: SnapshotObject(one.key, None, one.n_bytes, one.sha256) for film in films for one in film.files}
    return tuple(files[key] for key in sorted(files))


def film_to_row(film: FilmResult) -> dict[str, Any]:
    """Return the row of `LINEAGE` of an accepted film."""
    pictures, *others = film.files
    facts = {
        "notes": [asdict(note) for note in film.notes],
        "row": film.row,
        "bytes_in": film.bytes_in,
        "raw_keys": film.raw_keys,
        "digests": film.digests,
        "files": [[one.key, one.n_bytes, one.sha256] for one in others],
    }
    labels = film.objects[0] if film.objects else None
    return {
        "split": FILM,
        "video_id": film.video_id,
        "run": film.run,
        "fingerprint": film.fingerprint,
        "inputs": json.dumps(film.inputs, sort_keys=True),
        "tracking_key": film.raw_keys["film"],
        "tracking_sha256": film.digests["film"],
        "annotation_key": film.raw_keys.get("labels"),
        "annotation_sha256": film.digests.get("labels"),
        "curated_key": pictures.key,
        "curated_sha256": pictures.sha256,
        "curated_rows": film.row["frames"],
        "curated_bytes": pictures.n_bytes,
        "bouts_key": labels.key if labels else None,
        "bouts_sha256": labels.sha256 if labels else None,
        "bouts_rows": labels.rows if labels else None,
        "bouts_bytes": labels.n_bytes if labels else None,
        "facts": json.dumps(facts, sort_keys=True),
        "marks": b"",
    }


def film_from_row(row: Mapping[str, Any], lab: str) -> FilmResult:
    """Return the film of a row of `LINEAGE`."""
    facts = json.loads(row["facts"])
    first = WrittenObject("films", row["curated_key"], 0, row["curated_bytes"], row["curated_sha256"])
    others = (WrittenObject(key.partition("/")[0], key, 0, n_bytes, sha256) for key, n_bytes, sha256 in facts["files"])
    labels = WrittenObject(FILM_LABELS.name, row["bouts_key"], row["bouts_rows"], row["bouts_bytes"], row["bouts_sha256"])
    return FilmResult(
        row["video_id"],
        lab,
        notes=tuple(Fault(**note) for note in facts["notes"]),
        inputs=json.loads(row["inputs"]),
        digests=facts["digests"],
        raw_keys=facts["raw_keys"],
        fingerprint=row["fingerprint"],
        objects=(labels,) if row["bouts_key"] else (),
        files=(first, *others),
        run=row["run"],
        bytes_in=facts["bytes_in"],
        row=facts["row"],
    )
