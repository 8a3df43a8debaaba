"""The plan of an upload: the sound files of a data directory, and the recordings that are left out, with reasons."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aws_pipeline.landed import Present, Stamp
from behavior.balance import Balance
from behavior.contract import ContractError, Fault, UsageError
from behavior.ids import lab_fault
from behavior.keys import RAW_TABLES, SPLITS, LakeObject, file_of, key_of, object_of
from behavior.metadata_rows import JudgedMetadata, JudgedRow, judge_metadata
from behavior.parquet_file import footer_faults
from behavior.tables import RAW_METADATA, RAW_TRACKING
from behavior.verdicts import QuarantineEntry, by_name

METADATA = tuple(key_of(RAW_METADATA, split) for split in SPLITS)


@dataclass(frozen=True)
class Upload:
    """One file and the key of its object."""

    path: Path
    key: str
    source: str
    """Its name, relative to the data directory."""
    stamp: Stamp
    """What the file system said of it before it was checked."""
    recording: str | None = None
    """Name of its recording; None for metadata."""
    unchanged: bool = False
    """Whether the raw zone has it, and nothing has touched it since: then it is neither read nor sent."""
    forced: bool = False
    """Whether it is sent even if the raw zone has it."""


@dataclass(frozen=True)
class UploadPlan:
    """Files to send, and recordings that are left out."""

    uploads: tuple[Upload, ...]
    """Metadata last, so that all recordings in the metadata are there before it."""
    left_out: tuple[QuarantineEntry, ...] = ()
    """Recordings with a missing or broken file; the ETL puts them aside for these reasons."""
    faulty_rows: tuple[QuarantineEntry, ...] = ()
    """Recordings with a faulty row; the metadata are sent unchanged, and the ETL judges them again."""
    balances: tuple[Balance, ...] = ()
    """Counts of recordings and files, by outcome."""
    present: Present = field(default_factory=Present)
    """What the raw zone held when this was planned."""

    @property
    def put_aside(self) -> list[QuarantineEntry]:
        """All recordings that are left out or have a faulty row, by name."""
        return by_name([*self.left_out, *self.faulty_rows])

    def without(self, unsent: Mapping[str, tuple[Fault, ...]]) -> "UploadPlan":
        """Return the plan without files that changed while they were uploaded; their recordings are left out. `unsent` is by key."""
        before = {one.name: one for one in self.left_out}
        entries = dict(before)
        for item in (item for item in self.uploads if item.key in unsent):
            name, held = str(item.recording), object_of(item.key)
            entry = entries.get(name) or QuarantineEntry(name, (), str(held.lab) if held else "")
            entries[name] = replace(entry, faults=(*entry.faults, *unsent[item.key]), keys=(*entry.keys, item.source))
        moved = {"recordings": ("sound", "put aside", len(entries) - len(before)), "files": ("sound", "left out", len(unsent))}
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

    Raises UsageError if `data_dir` is no data directory, ContractError if its metadata cannot be read or no recording is sound.
    """
    require_data_directory(data_dir)
    paths = {split: data_dir / file_of(RAW_METADATA, split) for split in SPLITS}
    csvs = {split: path for split, path in paths.items() if path.is_file()}
    stamps = {split: Stamp.of(path) for split, path in csvs.items()}
    judged: dict[str, JudgedMetadata] = {}
    faults: list[Fault] = []
    for split, path in csvs.items():
        try:
            judged[split] = judge_metadata(path.read_bytes(), split, path.name)
        except ContractError as error:
            faults += error.faults
    rows = [(split, row) for split, metadata in judged.items() for row in metadata.rows]
    present = look({row.lab for _, row in rows if row.recording}) if look and not faults else Present()
    objects = {row.name: _objects(split, row) for split, row in rows}
    files = {row.name: _files(data_dir, split, row, objects[row.name], present, force) for split, row in rows}
    wrong = [row for _, row in rows if row.recording is None]
    left_out = [row for _, row in rows if row.recording and files[row.name].faults]
    n_sound = len(rows) - len(wrong) - len(left_out)
    faulty_rows = [QuarantineEntry(row.name, row.faults, row.lab, tuple(files[row.name].unsent)) for row in wrong]
    without_files = [QuarantineEntry(row.name, tuple(files[row.name].faults), row.lab, tuple(files[row.name].unsent)) for row in left_out]
    if faults or not n_sound:
        every = (fault for one in (*faulty_rows, *without_files) for fault in one.faults)
        raise ContractError([*faults, *every] or _nothing(data_dir))
    uploads = [each for one in files.values() for each in one.uploads]
    names = (one.file for each in objects.values() for one in each)
    n_back = sum(len(one.unsent) for one in files.values())
    n_rows, n_again = (sum(amounts) for amounts in zip(*((len(one.table), one.duplicates) for one in judged.values()), strict=True))
    aside = len(wrong) + len(left_out)
    balances = (
        Balance("recordings", n_rows, {"sound": n_sound, "put aside": aside, "repeated": n_again}),
        Balance(
            "files",
            _present(data_dir, names),
            {"sound": len(uploads), "left out": n_back},
        ),
    )
    metadata = [_metadata(csvs[split], key_of(RAW_METADATA, split), stamp, present, force) for split, stamp in stamps.items() if stamp]
    return UploadPlan((*uploads, *metadata), tuple(by_name(without_files)), tuple(by_name(faulty_rows)), balances, present)


def require_data_directory(data_dir: Path) -> None:
    """Raise UsageError for a folder that is no data directory."""
    if not (data_dir / file_of(RAW_METADATA, "train")).is_file():
        raise UsageError(
            f"Expected a data directory with train.csv, but got {data_dir}. "
            "Give --data-dir or MABE_DATA_DIR, or make a sample: python aws_pipeline/sample_data.py."
        )


def _metadata(path: Path, key: str, stamp: Stamp, present: Present, force: bool) -> Upload:
    return Upload(path, key, path.name, stamp, None, present.is_unchanged(key, stamp) and not force, force)


def _moved(balance: Balance, source: str, target: str, count: int) -> Balance:
    """Return a balance in which some of one outcome have another one."""
    parts = {**balance.parts, source: balance.parts[source] - count, target: balance.parts[target] + count}
    return Balance(balance.unit, balance.total, parts)


def _nothing(data_dir: Path) -> Fault:
    return Fault("table-empty", str(data_dir), "Expected a recording in train.csv, but got none.", "Add a row for each recording.")


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


def _files(data_dir: Path, split: str, row: JudgedRow, objects: Sequence[LakeObject], present: Present, force: bool) -> _Files:
    """Return the files of a recording: those to send, those to leave out, and faults. It may lack annotation, but not tracking."""
    files = _Files([], [], [])
    for one in objects:
        name, stamp = one.file, Stamp.of(f"{data_dir}/{one.file}")
        if stamp is None:
            if one.table is RAW_TRACKING and row.recording:
                message = f"Expected a file {one.file}, but got none."
                files.faults.append(Fault("file-missing", file_of(RAW_METADATA, split), message, "Add it or remove the row."))
            continue
        path, unchanged = data_dir / name, present.is_unchanged(one.key, stamp) and not force
        faults = footer_faults(one.table, path, name, mend="Export the file again.") if row.recording and not unchanged else ()
        files.faults.extend(faults)
        if row.recording and not faults:
            files.uploads.append(Upload(path, one.key, name, stamp, row.name, unchanged, force))
        else:
            files.unsent.append(name)
    return files
