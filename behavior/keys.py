"""Keys of the lake's objects: from the content of an object to its key, and back. Only this file knows folders, file names and `lab_id=`.

Raw zone: metadata/<split>.csv, <split>_tracking/lab_id=<lab>/<video>.parquet, train_annotation/lab_id=<lab>/<video>.parquet.
Data directory: the same files as <split>.csv, <split>_tracking/<lab>/<video>.parquet, train_annotation/<lab>/<video>.parquet.
Curated zone: tracking_curated/lab_id=<lab>/<split>-<video>.parquet, annotations_enriched/lab_id=<lab>/train-<video>.parquet, and
<table>/<table>.parquet for the tables that span recordings.
"""

import re
from dataclasses import dataclass

from behavior.contract import ContractError, Fault, refuse
from behavior.ids import lab_fault, video_fault
from behavior.recording import Recording
from behavior.tables import ANNOTATIONS_ENRICHED, CURATED_TABLES, RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING, TRACKING_CURATED, Table

SPLITS = ("train", "test")
RAW_TABLES: dict[str, tuple[Table, ...]] = {"train": (RAW_TRACKING, RAW_ANNOTATION), "test": (RAW_TRACKING,)}
"""Raw tables with an object for each recording of a split; tracking comes first and is required."""
_CURATED_TABLES: dict[str, tuple[Table, ...]] = {"train": (TRACKING_CURATED, ANNOTATIONS_ENRICHED), "test": (TRACKING_CURATED,)}
_RECORDING_KEY = re.compile(r"([a-z_]+)/lab_id=([^/]+)/(?:(train|test)-)?([0-9]+)\.parquet")
STAGING = "_staging"
"""Folder of the curated zone for objects of a run that has not ended. Query engines skip names that begin with an underscore."""


@dataclass(frozen=True)
class LakeObject:
    """The content of one object: the rows of one recording in a table, or all rows of a table that spans recordings."""

    table: Table
    """The table."""
    split: str | None = None
    """train or test; None for a curated table that spans recordings."""
    lab: str | None = None
    """Lab of the recording; None for a table that spans recordings."""
    video: int | None = None
    """Id of the recording; None for a table that spans recordings."""

    def __post_init__(self) -> None:
        """Raise ContractError for a lab or video that leads out of its folder, ValueError for a table without such an object."""
        if self.video is None and self.lab is None:
            known = self.split in (SPLITS if self.table is RAW_METADATA else (None,)) and not self.table.partition
        else:
            known = self.table in (*RAW_TABLES.get(self.split or "", ()), *_CURATED_TABLES.get(self.split or "", ()))
            refuse(fault for fault in (lab_fault(self.lab), video_fault(self.video)) if fault)
        if not known:
            got = f"split {self.split}, lab {self.lab}, video {self.video}"
            raise ValueError(f"Expected an object that table {self.table.name} has, but got {got}. Compare behavior/keys.py.")

    @property
    def key(self) -> str:
        """The object's key in its zone."""
        if self.video is None:
            return f"metadata/{self.split}.csv" if self.table is RAW_METADATA else f"{self.table.location}{self.table.name}.parquet"
        if self.table.zone == "raw":
            return f"{self.split}_{self.table.name}/lab_id={self.lab}/{self.video}.parquet"
        return f"{lab_folder(self.table, str(self.lab))}{self.split}-{self.video}.parquet"

    @property
    def file(self) -> str:
        """The file of a data directory that becomes this object of the raw zone, relative to the directory."""
        return f"{self.split}.csv" if self.video is None else f"{self.split}_{self.table.name}/{self.lab}/{self.video}.parquet"


def key_of(table: Table, split: str | None = None, recording: Recording | None = None) -> str:
    """Return the key of a recording's rows of a table, or of a table that spans recordings. Raises as `LakeObject` does."""
    return _object(table, split, recording).key


def file_of(table: Table, split: str, recording: Recording | None = None) -> str:
    """Return the file of a data directory, relative to it, with a recording's rows of a raw table, or with a split's metadata."""
    return _object(table, split, recording).file


def object_of(key: str) -> LakeObject | None:
    """Return the content of the object at a key, or None for a key that this lake does not use."""
    if key in _SPANNING:
        return _SPANNING[key]
    match = _RECORDING_KEY.fullmatch(key)
    if not match or match[1] not in _FOLDERS:
        return None
    table, split = _FOLDERS[match[1]]
    try:
        lake_object = LakeObject(table, split or match[3], match[2], int(match[4]))
    except (ContractError, ValueError):
        return None
    return lake_object if lake_object.key == key else None  # 007 is 7 as a number, but another key


def foreign_key(key: str) -> Fault:
    """Return the fault of an object in a raw folder with a key that this lake does not use."""
    message = f"Expected a key like {key.partition('/')[0]}/lab_id=<lab>/<video>.parquet, but got this one."
    return Fault("key-foreign", key, message, "Remove the object.")


def lab_folder(table: Table, lab: str) -> str:
    """Return the prefix of a lab's objects of a curated table. Raises ContractError for a lab that leads out of it."""
    refuse(fault for fault in (lab_fault(lab),) if fault)
    return f"{table.location}{table.partition}={lab}/"


def staging_key(run: str, key: str) -> str:
    """Return the key under which an object is written first, where no reader looks, until the whole run is sound."""
    return f"{STAGING}/{run}/{key}"


def _object(table: Table, split: str | None, recording: Recording | None) -> LakeObject:
    return LakeObject(table, split, recording.lab_id, recording.video_id) if recording else LakeObject(table, split)


_SPANNING = {
    one.key: one
    for one in (
        *(LakeObject(RAW_METADATA, split) for split in SPLITS),
        *(LakeObject(table) for table in CURATED_TABLES if not table.partition),
    )
}
_FOLDERS: dict[str, tuple[Table, str | None]] = {
    **{f"{split}_{table.name}": (table, split) for split, tables in RAW_TABLES.items() for table in tables},
    **{table.name: (table, None) for table in CURATED_TABLES if table.partition},
}
RAW_FOLDERS = ("metadata", *(f"{split}_{table.name}" for split, tables in RAW_TABLES.items() for table in tables))
"""Folders of the raw zone; the lake ignores any other folder there."""
