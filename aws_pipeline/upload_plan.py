"""What an upload has to send: the sound files of a data directory, and what is left out, with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from behavior.balance import Balance
from behavior.contract import ContractError, Fault, UsageError
from behavior.ids import lab_fault
from behavior.keys import RAW_TABLES, SPLITS, LakeObject, file_of, key_of
from behavior.metadata_rows import JudgedMetadata, JudgedRow, judge_metadata
from behavior.parquet_file import footer_faults
from behavior.tables import RAW_METADATA, RAW_TRACKING
from behavior.verdicts import QuarantineEntry, by_name

METADATA = tuple(key_of(RAW_METADATA, split) for split in SPLITS)


@dataclass(frozen=True)
class Upload:
    """One file and the object it becomes."""

    path: Path
    key: str


@dataclass(frozen=True)
class UploadPlan:
    """What there is to send and what stays behind."""

    uploads: tuple[Upload, ...]
    """Metadata last: a reader who finds it finds all it names."""
    left_out: tuple[QuarantineEntry, ...] = ()
    """Recordings with a file that is missing or none of the right table; the ETL puts them aside for these reasons."""
    faulty_rows: tuple[QuarantineEntry, ...] = ()
    """Recordings with a faulty row; the metadata goes up as it is, and the ETL sees for itself."""
    balances: tuple[Balance, ...] = ()
    """Recordings and files: what the directory holds, and what becomes of it."""

    @property
    def put_aside(self) -> list[QuarantineEntry]:
        """All that stays behind, by name."""
        return by_name([*self.left_out, *self.faulty_rows])


@dataclass(frozen=True)
class _Files:
    uploads: list[Upload]
    unsent: list[str]
    faults: list[Fault]


def plan_uploads(data_dir: Path) -> UploadPlan:
    """Check a data directory and return what there is to upload.

    Raises UsageError if `data_dir` is no data directory, ContractError if its metadata cannot be read or no recording is sound.
    """
    if not (data_dir / file_of(RAW_METADATA, "train")).is_file():
        raise UsageError(
            f"Expected a data directory with train.csv, but got {data_dir}. "
            "Give --data-dir or MABE_DATA_DIR, or make a sample: python aws_pipeline/sample_data.py."
        )
    found = {split: data_dir / file_of(RAW_METADATA, split) for split in SPLITS}
    csvs = {split: path for split, path in found.items() if path.is_file()}
    judged: dict[str, JudgedMetadata] = {}
    faults: list[Fault] = []
    for split, path in csvs.items():
        try:
            judged[split] = judge_metadata(path.read_bytes(), split, path.name)
        except ContractError as error:
            faults += error.faults
    rows = [(split, row) for split, metadata in judged.items() for row in metadata.rows]
    files = {row.name: _files(data_dir, split, row) for split, row in rows}
    wrong = [row for _, row in rows if row.recording is None]
    left_out = [row for _, row in rows if row.recording and files[row.name].faults]
    n_sound = len(rows) - len(wrong) - len(left_out)
    faulty_rows = [QuarantineEntry(row.name, row.faults, row.lab, tuple(files[row.name].unsent)) for row in wrong]
    without_files = [QuarantineEntry(row.name, tuple(files[row.name].faults), row.lab, tuple(files[row.name].unsent)) for row in left_out]
    if faults or not n_sound:
        every = (fault for one in (*faulty_rows, *without_files) for fault in one.faults)
        raise ContractError([*faults, *every] or _nothing(data_dir))
    uploads = [each for one in files.values() for each in one.uploads]
    n_back = sum(len(one.unsent) for one in files.values())
    n_rows, n_again = (sum(amounts) for amounts in zip(*((len(one.table), one.duplicates) for one in judged.values()), strict=True))
    aside = len(wrong) + len(left_out)
    balances = (
        Balance("recordings", n_rows, {"sound": n_sound, "put aside": aside, "repeated": n_again}),
        Balance("files", _present(data_dir, rows), {"sound": len(uploads), "left out": n_back}),
    )
    metadata = [Upload(path, key_of(RAW_METADATA, split)) for split, path in csvs.items()]
    return UploadPlan((*uploads, *metadata), tuple(by_name(without_files)), tuple(by_name(faulty_rows)), balances)


def _nothing(data_dir: Path) -> Fault:
    return Fault("table-empty", str(data_dir), "Expected a recording in train.csv, but got none.", "Add a row for each recording.")


def _objects(split: str, row: JudgedRow) -> list[LakeObject]:
    """Return the objects that a row's recording can have; none if the row does not say whose it is."""
    if row.video is None or lab_fault(row.lab):
        return []
    return [LakeObject(table, split, row.lab, row.video) for table in RAW_TABLES[split]]


def _present(data_dir: Path, rows: Sequence[tuple[str, JudgedRow]]) -> int:
    return sum((data_dir / one.file).is_file() for split, row in rows for one in _objects(split, row))


def _files(data_dir: Path, split: str, row: JudgedRow) -> _Files:
    """Return the files of a recording: what to send, what to keep back, and why. It may lack annotation, but not tracking."""
    files = _Files([], [], [])
    for one in _objects(split, row):
        path = data_dir / one.file
        if not path.is_file():
            if one.table is RAW_TRACKING and row.recording:
                message = f"Expected a file {one.file}, but got none."
                files.faults.append(Fault("file-missing", file_of(RAW_METADATA, split), message, "Add it or remove the row."))
            continue
        faults = footer_faults(one.table, path, one.file, mend="Export the file again.") if row.recording else ()
        files.faults.extend(faults)
        if row.recording and not faults:
            files.uploads.append(Upload(path, one.key))
        else:
            files.unsent.append(one.file)
    return files
