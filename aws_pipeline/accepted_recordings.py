"""A data directory with only the accepted recordings and films of another one: metadata with their rows, and links to the files.

Inference and scoring read raw files, and must not fail because of recordings that the ETL put aside.
"""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_pipeline.lake import read_object, read_snapshot
from behavior.film_keys import FILM, INDIVIDUALS_FILE, RULES_FILE, VIDEOS
from behavior.keys import RECORDING_FOLDERS, SPLITS, file_of, recording_name
from behavior.metadata_rows import judge_metadata
from behavior.parquet_file import read_rows
from behavior.tables import METADATA_TEST, METADATA_TRAIN, RAW_METADATA, VIDEO_MANIFEST
from behavior.whole_file import write_text
from films.film_sources import ANNOTATIONS, FilmSource, find_films, has_films


def accepted_recordings(data_dir: Path, accepted: Mapping[str, set[int]], view: Path) -> Path:
    """Return `data_dir` if it has only accepted recordings and films, else `view`, a new directory with these only.

    `accepted` are video ids by split; films are a split, too. Raises ContractError for metadata that cannot be read.
    """
    texts = {}
    left_out = 0
    for split in SPLITS:
        path = data_dir / file_of(RAW_METADATA, split)
        if not path.is_file():
            continue
        judged = judge_metadata(path.read_bytes(), split, path.name)
        accepted_rows = {row.row for row in judged.rows if row.video in accepted.get(split, set())}
        left_out += len(judged.table) - len(accepted_rows)
        if accepted_rows:
            texts[path.name] = _rows(path, accepted_rows)
    films = find_films(data_dir) if has_films(data_dir) else None
    kept = [one for one in films.films if one.video_id in accepted.get(FILM, set())] if films else []
    if films:
        left_out += len(films.films) + len(films.faulty) - len(kept)
    if not left_out:
        return data_dir
    if view.is_dir():
        shutil.rmtree(view)
    view.mkdir(parents=True)
    for name, text in texts.items():
        write_text(view / name, text)
    for folder in RECORDING_FOLDERS:
        if (data_dir / folder).is_dir():
            (view / folder).symlink_to((data_dir / folder).resolve(), target_is_directory=True)
    for one in kept:
        _link_film(one, view)
    for name in (RULES_FILE, INDIVIDUALS_FILE) if films else ():
        if (data_dir / name).is_file():
            (view / name).symlink_to((data_dir / name).resolve())
    return view


def _link_film(one: FilmSource, view: Path) -> None:
    """Link a film, its labels and its embeddings, in folders of its lab."""
    for path, folder in ((one.path, VIDEOS), (one.embeddings, VIDEOS), (one.labels, ANNOTATIONS)):
        if path is not None:
            link = view / folder / one.lab / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def read_accepted(curated: str, by_leave: Mapping[str, Sequence[str]]) -> dict[str, set[int]]:
    """Return the recordings of the curated zone, by split, whose raw files can also be used.

    `by_leave` are the fault codes of recordings that only a policy or a release accepted. With a keypoint at two places in one frame, the
    raw file cannot be used, because its reader does not know the policy.
    """
    contradictory = {name for name, codes in by_leave.items() if "place-contradiction" in codes}
    snapshot = read_snapshot(curated)
    accepted = {}
    for split, table in zip(SPLITS, (METADATA_TRAIN, METADATA_TEST), strict=True):
        for key in snapshot.keys(table) if snapshot else ():
            videos = read_rows(table, read_object(curated, key), key).column("video_id").to_pylist()
            accepted[split] = {video for video in videos if recording_name(split, video) not in contradictory}
    keys = snapshot.keys(VIDEO_MANIFEST) if snapshot else []
    manifest = (read_rows(VIDEO_MANIFEST, read_object(curated, key), key).column("video_id").to_pylist() for key in keys)
    return {**accepted, FILM: {video for videos in manifest for video in videos}}


def _rows(path: Path, accepted_rows: set[int]) -> str:
    """Return the text of a CSV file with these of its rows, from 0 on after the header."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = (row for row in csv.reader(file) if row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *(row for number, row in enumerate(rows) if number in accepted_rows)])
    return text.getvalue()
