"""The plan of an upload: the sound files of a data directory, and the recordings and films that are left out, with reasons.

A data directory has recordings, films, or both. What it does not have at all stays in the raw zone as it is.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from aws_pipeline.film_upload import FilmUploads, plan_film_uploads
from aws_pipeline.landed import Present, Stamp
from aws_pipeline.upload_item import Upload
from behavior.balance import Balance
from behavior.contract import ContractError, Fault, UsageError
from behavior.film_keys import FILM
from behavior.ids import lab_fault
from behavior.keys import RAW_TABLES, SPLITS, LakeObject, file_of, key_of, lab_of
from behavior.metadata_rows import JudgedMetadata, JudgedRow, judge_metadata
from behavior.parquet_file import footer_faults
from behavior.tables import RAW_METADATA, RAW_TRACKING
from behavior.verdicts import QuarantineEntry, by_name
from films.film_sources import Findings, find_films, has_films

METADATA = tuple(key_of(RAW_METADATA, split) for split in SPLITS)


@dataclass(frozen=True)
class UploadPlan:
    """Files to send, and recordings that are left out."""

    uploads: tuple[Upload, ...]
    """Metadata last, so that all recordings in the metadata are there before it."""
    left_out: tuple[QuarantineEntry, ...] = ()
    """Recordings and films with a missing or broken file; the ETL puts them aside for these reasons."""
    faulty_rows: tuple[QuarantineEntry, ...] = ()
    """Recordings with a faulty row; the metadata are sent unchanged, and the ETL judges them again."""
    balances: tuple[Balance, ...] = ()
    """Counts of recordings, files and films, by outcome."""
    present: Present = field(default_factory=Present)
    """What the raw zone held when this was planned."""
    gone: tuple[str, ...] = ()
    """Keys of the raw zone that this data directory once had and must not leave there: metadata, and labels of its films."""
    has_recordings: bool = True
    """Whether the data directory has recordings."""
    has_films: bool = False
    """Whether it has films."""

    @property
    def put_aside(self) -> list[QuarantineEntry]:
        """All recordings that are left out or have a faulty row, by name."""
        return by_name([*self.left_out, *self.faulty_rows])

    def is_about(self, name: str) -> bool:
        """Return whether this plan replaces what earlier uploads said of a recording or a film, by its name in quarantine."""
        return self.has_films if name.startswith(f"{FILM}-") else self.has_recordings

    def without(self, unsent: Mapping[str, tuple[Fault, ...]]) -> "UploadPlan":
        """Return the plan without files that changed while they were uploaded; their recordings are left out. `unsent` is by key."""
        before = {one.name: one for one in self.left_out}
        entries = dict(before)
        for item in (item for item in self.uploads if item.key in unsent):
            name = str(item.recording)
            entry = entries.get(name) or QuarantineEntry(name, (), str(lab_of(item.key) or ""))
            entries[name] = replace(entry, faults=(*entry.faults, *unsent[item.key]), keys=(*entry.keys, item.source))
        n_films = sum(name.startswith(f"{FILM}-") for name in entries.keys() - before.keys())
        n_files = sum(not str(item.recording).startswith(f"{FILM}-") for item in self.uploads if item.key in unsent)
        moved = {
            "recordings": ("sound", "put aside", len(entries) - len(before) - n_films),
            "files": ("sound", "left out", n_files),
            "films": ("sound", "put aside", n_films),
        }
        return replace(
            self,
            uploads=tuple(item for item in self.uploads if item.key not in unsent),
            left_out=tuple(by_name(entries.values())),
            balances=tuple(_moved(balance, *moved[balance.unit]) for balance in self.balances),
        )


@dataclass(frozen=True)
class _Files:
    uploads: list[Upload]
    unsent: list[str]
    faults: list[Fault]


def plan_uploads(data_dir: Path, look: Callable[[Collection[str]], Present] | None = None, *, force: bool = False) -> UploadPlan:
    """Check a data directory and return the plan of its upload.

    `look` returns what the raw zone has of some labs: files that were landed and that nothing has touched since are not read again. With
    `force` everything is read and sent.

    Raises UsageError if `data_dir` is no data directory, ContractError if its metadata cannot be read or no recording and no film is sound.
    """
    require_data_directory(data_dir)
    paths = {split: data_dir / file_of(RAW_METADATA, split) for split in SPLITS}
    csvs = {split: path for split, path in paths.items() if path.is_file()}
    stamps = {split: Stamp.of(path) for split, path in csvs.items()}
    judged, faults = _judged(csvs)
    found = _found_films(data_dir, faults)
    rows = [(split, row) for split, metadata in judged.items() for row in metadata.rows]
    labs = {row.lab for _, row in rows if row.recording} | ({one.lab for one in found.films} if found else set())
    with ThreadPoolExecutor(1) as beside:  # S3 is asked while the file system is
        looking = beside.submit(look, labs) if look and not faults else None
        objects = {row.name: _objects(split, row) for split, row in rows}
        files_of = {name: [(one, one.file, Stamp.of(f"{data_dir}/{one.file}")) for one in each] for name, each in objects.items()}
        present = looking.result() if looking else Present()
    files = {row.name: _files(data_dir, split, row, files_of[row.name], present, force) for split, row in rows}
    wrong = [row for _, row in rows if row.recording is None]
    left_out = [row for _, row in rows if row.recording and files[row.name].faults]
    n_sound = len(rows) - len(wrong) - len(left_out)
    faulty_rows = [QuarantineEntry(row.name, row.faults, row.lab, tuple(files[row.name].unsent)) for row in wrong]
    without_files = [QuarantineEntry(row.name, tuple(files[row.name].faults), row.lab, tuple(files[row.name].unsent)) for row in left_out]
    films = plan_film_uploads(data_dir, found, present, force=force) if found else None
    if faults or not (n_sound or (films and films.uploads)):
        every = (fault for one in (*faulty_rows, *without_files, *(films.left_out if films else ())) for fault in one.faults)
        raise ContractError([*faults, *every] or _nothing(data_dir))
    uploads = [each for one in files.values() for each in one.uploads]
    n_present = _present(data_dir, (name for each in files_of.values() for _, name, _ in each))
    n_rows, n_again = sum(len(one.table) for one in judged.values()), sum(one.duplicates for one in judged.values())
    balances = (
        Balance("recordings", n_rows, {"sound": n_sound, "put aside": len(wrong) + len(left_out), "repeated": n_again}),
        Balance("files", n_present, {"sound": len(uploads), "left out": sum(len(one.unsent) for one in files.values())}),
    )
    metadata = [
        Upload.compared(csvs[split], key_of(RAW_METADATA, split), csvs[split].name, stamp, present, force=force)
        for split, stamp in stamps.items()
        if stamp
    ]
    gone = sorted(set(METADATA) & present.objects.keys() - {item.key for item in metadata}) if csvs else []
    recordings = UploadPlan(
        (*uploads, *metadata),
        tuple(by_name(without_files)),
        tuple(by_name(faulty_rows)),
        balances if csvs else (),
        present,
        tuple(gone),
        has_recordings=bool(csvs),
    )
    return _with_films(recordings, films) if films else recordings


def _judged(csvs: Mapping[str, Path]) -> tuple[dict[str, JudgedMetadata], list[Fault]]:
    """Return the judged metadata by split, and the faults of files that cannot be read."""
    judged: dict[str, JudgedMetadata] = {}
    faults: list[Fault] = []
    for split, path in csvs.items():
        try:
            judged[split] = judge_metadata(path.read_bytes(), split, path.name)
        except ContractError as error:
            faults += error.faults
    return judged, faults


def _found_films(data_dir: Path, faults: list[Fault]) -> Findings | None:
    """Return the films of a data directory, if it has any; what is wrong with all of them is added to the faults."""
    try:
        return find_films(data_dir) if has_films(data_dir) else None
    except ContractError as error:
        faults += error.faults
        return None


def _with_films(plan: UploadPlan, films: FilmUploads) -> UploadPlan:
    """Return the plan of recordings and films together."""
    parts = [item for item in plan.uploads if not item.is_metadata]
    metadata = [item for item in plan.uploads if item.is_metadata]
    return replace(
        plan,
        uploads=(*parts, *films.uploads, *metadata, *films.metadata),
        left_out=tuple(by_name([*plan.left_out, *films.left_out])),
        balances=(*plan.balances, films.balance),
        gone=(*plan.gone, *films.gone),
        has_films=True,
    )


def require_data_directory(data_dir: Path) -> None:
    """Raise UsageError for a folder that is no data directory."""
    if not (data_dir / file_of(RAW_METADATA, "train")).is_file() and not has_films(data_dir):
        raise UsageError(
            f"Expected a data directory with train.csv or Videos/, but got {data_dir}. "
            "Give --data-dir or MABE_DATA_DIR, or make a sample: python aws_pipeline/sample_data.py."
        )


def _moved(balance: Balance, source: str, target: str, count: int) -> Balance:
    """Return a balance in which some of one outcome have another one."""
    parts = {**balance.parts, source: balance.parts[source] - count, target: balance.parts[target] + count}
    return Balance(balance.unit, balance.total, parts)


def _nothing(data_dir: Path) -> Fault:
    text = "Expected a recording in train.csv, or a film in Videos/, but got none."
    return Fault("table-empty", str(data_dir), text, "Add a row for each recording.")


def _objects(split: str, row: JudgedRow) -> list[LakeObject]:
    """Return the objects that a row's recording can have; none if the row has no valid lab and video."""
    if row.video is None or lab_fault(row.lab):
        return []
    return [LakeObject(table, split, row.lab, row.video) for table in RAW_TABLES[split]]


def _present(data_dir: Path, names: Iterable[str]) -> int:
    """Return how many of these files the listings of their folders have: the plan is compared with it."""
    listed: dict[str, frozenset[str]] = {}
    count = 0
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in listed:
            place = data_dir / folder
            listed[folder] = frozenset(entry.name for entry in os.scandir(place) if entry.is_file()) if place.is_dir() else frozenset()
        count += file in listed[folder]
    return count


_StampedFile = tuple[LakeObject, str, Stamp | None]
"""An object, its file relative to the data directory, and what the file system says of it; None if there is no such file."""


def _files(data_dir: Path, split: str, row: JudgedRow, stamped: Sequence[_StampedFile], present: Present, force: bool) -> _Files:
    """Return the files of a recording: those to send, those to leave out, and faults. It may lack annotation, but not tracking."""
    files = _Files([], [], [])
    for one, name, stamp in stamped:
        if stamp is None:
            if one.table is RAW_TRACKING and row.recording:
                message = f"Expected a file {name}, but got none."
                files.faults.append(Fault("file-missing", file_of(RAW_METADATA, split), message, "Add it or remove the row."))
            continue
        item = Upload.compared(data_dir / name, one.key, name, stamp, present, recording=row.name, force=force)
        faults = footer_faults(one.table, item.path, name, mend="Export the file again.") if row.recording and not item.unchanged else ()
        files.faults.extend(faults)
        if row.recording and not faults:
            files.uploads.append(item)
        else:
            files.unsent.append(name)
    return files
