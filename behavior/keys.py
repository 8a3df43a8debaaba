"""Keys of the lake's objects: from the content of an object to its key, and back. Only this file knows folders, file names and `lab_id=`.

Raw zone: metadata/<split>.csv, <split>_tracking/lab_id=<lab>/<video>.parquet, train_annotation/lab_id=<lab>/<video>.parquet.
Data directory: the same files as <split>.csv, <split>_tracking/<lab>/<video>.parquet, train_annotation/<lab>/<video>.parquet.
Curated zone: tracking_curated/lab_id=<lab>/<split>-<video>-<version>.parquet, annotations_enriched/lab_id=<lab>/train-<video>-<version>
.parquet, lineage/lab_id=<lab>/lineage-<version>.parquet (tables of predictions too), and <table>/<table>-<version>.parquet for the
tables that span recordings.
Raw zone, too: landing/lab_id=<lab>/landing-<version>.parquet, with Hive's folder for null where the lab would be for metadata.
A version is a digest of 16 hexadecimal digits: an object is never changed, a new version has a new key. A curated zone that is no
lake's, such as a simulated one, has keys without versions. snapshots/<run>.json lists the objects of a run, snapshots/current.json those
of the last one; iceberg/<table>/ has the metadata of the tables, where no reader of Parquet files looks.
Films: film_labels/lab_id=<lab>/film-<video>-<version>.parquet; their other keys are in behavior/film_keys.py.
Both zones: quarantine/reasons/<name>.json, why something was put aside; in the curated zone quarantine/decisions/<name>.json, what a
person decided about it. A name is <split>-<video>, <split>-row-<number> for a row without a usable id, object-<digest> for an object
that is no recording's. No reader of tables takes JSON for rows, and quarantine/ is no table's folder.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from behavior.contract import Fault, refuse
from behavior.film_keys import FILM, lab_of_film_key
from behavior.ids import lab_fault, video_fault
from behavior.recording import Recording
from behavior.tables import (
    ANNOTATIONS_ENRICHED,
    CURATED_TABLES,
    FILM_LABELS,
    LANDING,
    PREDICTION_TABLES,
    RAW_ANNOTATION,
    RAW_METADATA,
    RAW_TRACKING,
    TRACKING_CURATED,
    Table,
)

SPLITS = ("train", "test")
RAW_TABLES: dict[str, tuple[Table, ...]] = {"train": (RAW_TRACKING, RAW_ANNOTATION), "test": (RAW_TRACKING,)}
"""Raw tables with an object for each recording of a split; tracking comes first and is required."""
_PER_RECORDING = (TRACKING_CURATED, ANNOTATIONS_ENRICHED, FILM_LABELS)
"""Curated tables with an object for each recording, or each film."""
_CURATED_TABLES: dict[str, tuple[Table, ...]] = {
    "train": (TRACKING_CURATED, ANNOTATIONS_ENRICHED),
    "test": (TRACKING_CURATED,),
    FILM: (FILM_LABELS,),
}
_VERSION = r"(?:-([0-9a-f]{16}))?"
_RECORDING_KEY = re.compile(rf"([a-z_]+)/lab_id=([^/]+)/(?:(train|test|film)-)?([0-9]+){_VERSION}\.parquet")
_SPANNING_KEY = re.compile(rf"([a-z_]+)/(?:lab_id=([^/]+)/)?\1{_VERSION}\.parquet")
_RECORDING_FILE = re.compile(r"([a-z_]+)/([^/]+)/([0-9]+)\.parquet")
REASONS, DECISIONS = "quarantine/reasons", "quarantine/decisions"
"""Folders of a zone: entries in quarantine, and decisions of a person, one JSON object each."""
SNAPSHOTS, CURRENT_SNAPSHOT = "snapshots", "snapshots/current.json"
"""Folder of the lists of objects, one for each run that is still readable, and the list of the last run."""
ICEBERG = "iceberg"
"""Folder of the metadata of the tables."""
UNDERWAY = "underway"
"""Folder of the marks of runs that are under way."""
NO_LAB = "__HIVE_DEFAULT_PARTITION__"
"""Where a lab would be in the folder of rows without one: readers of Hive folders take it for null, and no lab may have this name."""
PINS = "pins"
"""Folder of pins: a pin keeps the objects of a run from being removed."""


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
    version: str | None = None
    """Digest of what a curated object depends on: 16 hexadecimal digits."""

    def __post_init__(self) -> None:
        """Raise ContractError for a lab or video that leads out of its folder, ValueError for a table without such an object."""
        nothing = self.lab is None and self.video is None
        if self.table is RAW_METADATA:
            known = self.split in SPLITS and nothing
        elif self.split is None:
            known = not self.table.by_split and self.table not in _PER_RECORDING and self.video is None
            known = known and ((self.lab is not None) == (self.table.partition is not None) or self.table is LANDING)
        else:
            known = self.table in (*RAW_TABLES.get(self.split, ()), *_CURATED_TABLES.get(self.split, ())) and not nothing
        places = (lab_fault(self.lab), video_fault(self.video)) if self.split and not nothing else (self.lab and lab_fault(self.lab),)
        if known and any(places):  # mostly not: there may be a hundred thousand objects
            refuse(fault for fault in places if fault)
        if not known:
            got = f"split {self.split}, lab {self.lab}, video {self.video}"
            raise ValueError(f"Expected an object that table {self.table.name} has, but got {got}. Compare behavior/keys.py.")

    @property
    def key(self) -> str:
        """The object's key in its zone."""
        if self.table is RAW_METADATA:
            return f"metadata/{self.split}.csv"
        if self.table.by_split:
            return f"{self.split}_{self.table.name}/{lab_partition(str(self.lab))}/{self.video}.parquet"
        without_lab = f"{self.table.location}{self.table.partition}={NO_LAB}/" if self.table.partition else self.table.location
        folder = lab_folder(self.table, self.lab) if self.lab else without_lab
        name = self.table.name if self.video is None else f"{self.split}-{self.video}"
        return f"{folder}{name}{f'-{self.version}' if self.version else ''}.parquet"

    @property
    def file(self) -> str:
        """The file of a data directory that becomes this object of the raw zone, relative to the directory."""
        return f"{self.split}.csv" if self.video is None else f"{self.split}_{self.table.name}/{self.lab}/{self.video}.parquet"


def lab_partition(lab: str) -> str:
    """Return the name of a lab's folder in every table that is partitioned by lab."""
    return f"lab_id={lab}"


def key_of(table: Table, split: str | None = None, recording: Recording | None = None, version: str | None = None) -> str:
    """Return the key of a recording's rows of a table, or of a table that spans recordings. Raises as `LakeObject` does."""
    return replace(_object(table, split, recording), version=version).key


def lab_key(table: Table, lab: str | None, version: str) -> str:
    """Return the key of all rows of one lab, or of none, for a table with one object for each lab. Raises as `LakeObject` does."""
    return LakeObject(table, None, lab, None, version).key


def file_of(table: Table, split: str, recording: Recording | None = None) -> str:
    """Return the file of a data directory, relative to it, with a recording's rows of a raw table, or with a split's metadata."""
    return _object(table, split, recording).file


def object_of(key: str) -> LakeObject | None:
    """Return the content of the object at a key, or None for a key that this lake does not use."""
    if key in _METADATA:
        return _METADATA[key]
    if match := _RECORDING_KEY.fullmatch(key):
        one = _recording_object(match[1], match[3], match[2], match[4], match[5])
    else:
        match = _SPANNING_KEY.fullmatch(key)
        one = _spanning_object(match[1], match[2], match[3]) if match else None
    return one if one and one.key == key else None  # 007 is 7 as a number, but another key


def foreign_key(key: str, layout: "Layout | None" = None) -> Fault:
    """Return the fault of an object in a raw folder, or of a file in a data directory, with a name that this lake does not use."""
    lab, what = ("<lab>" if layout is DATA_DIRECTORY else "lab_id=<lab>"), (layout or RAW_ZONE).unit
    message = f"Expected a key like {key.partition('/')[0]}/{lab}/<video>.parquet, but got this one."
    return Fault("key-foreign", key, message, f"Remove the {what}.")


def lab_folder(table: Table, lab: str) -> str:
    """Return the prefix of a lab's objects of a curated table. Raises ContractError for a lab that leads out of it."""
    refuse(fault for fault in (lab_fault(lab),) if fault)
    return f"{table.location}{table.partition}={lab}/"


def lab_of(key: str) -> str | None:
    """Return the lab of any object of the lake; None for one that spans labs, and for a key that this lake does not use."""
    held = object_of(key)
    return held.lab if held else lab_of_film_key(key)


def snapshot_key(run: str) -> str:
    """Return the key of the list of objects of a run."""
    return f"{SNAPSHOTS}/{run}.json"


def file_object(name: str) -> LakeObject | None:
    """Return the content of a file of a data directory, by its relative name; None for a file of no recording."""
    match = _RECORDING_FILE.fullmatch(name)
    one = _recording_object(match[1], None, match[2], match[3]) if match else None
    return one if one and one.file == name else None


def _spanning_object(folder: str, lab: str | None, version: str | None) -> LakeObject | None:
    """Return the object of a table that spans recordings, or of one lab of it; None if there is no such object."""
    try:
        return LakeObject(_SPANNING[folder], None, None if lab == NO_LAB else lab, None, version) if folder in _SPANNING else None
    except ValueError:  # also ContractError
        return None


def _recording_object(folder: str, split: str | None, lab: str, video: str, version: str | None = None) -> LakeObject | None:
    """Return the object of a recording in a folder; `split` is used where the folder does not say it. None if there is no such object."""
    if folder not in _FOLDERS:
        return None
    table, own_split = _FOLDERS[folder]
    try:
        return LakeObject(table, own_split or split, lab, int(video), version)
    except ValueError:  # also ContractError
        return None


@dataclass(frozen=True)
class Layout:
    """The layout of recordings in the raw zone, or in a data directory."""

    name_of: Callable[[LakeObject], str]
    """From the content of an object or file to its name."""
    object_of: Callable[[str], LakeObject | None]
    """From its name to its content; None for a name that this lake does not use."""
    unit: str
    """object or file."""
    add: str
    """How to add one that is missing."""


RAW_ZONE = Layout(lambda lake_object: lake_object.key, object_of, "object", "Upload it")
DATA_DIRECTORY = Layout(lambda lake_object: lake_object.file, file_object, "file", "Add it")


def reason_key(name: str) -> str:
    """Return the key of the reasons for which something was put aside."""
    return f"{REASONS}/{name}.json"


def decision_key(name: str) -> str:
    """Return the key of a decision about a recording."""
    return f"{DECISIONS}/{name}.json"


def underway_key(run: str) -> str:
    """Return the key of the mark of a run that is under way."""
    return f"{UNDERWAY}/{run}.json"


def pin_key(name: str) -> str:
    """Return the key of a pin."""
    return f"{PINS}/{name}.json"


def recording_name(split: str, video: int) -> str:
    """Return the name of a recording in quarantine, such as train-7, or film-7 for a film."""
    return f"{split}-{video}"


def row_name(split: str, number: int) -> str:
    """Return the name of a row of metadata, from 1 on, without a valid video id, such as train-row-12."""
    return f"{split}-row-{number}"


def object_name(key: str) -> str:
    """Return the name of an object with a foreign key, such as object-3f2a9c01d4e5b607, because its key may be any text."""
    return f"object-{hashlib.blake2s(key.encode(), digest_size=8).hexdigest()}"


def _object(table: Table, split: str | None, recording: Recording | None) -> LakeObject:
    return LakeObject(table, split, recording.lab_id, recording.video_id) if recording else LakeObject(table, split)


_METADATA = {one.key: one for one in (LakeObject(RAW_METADATA, split) for split in SPLITS)}
_SPANNING = {table.name: table for table in (*CURATED_TABLES, *PREDICTION_TABLES, LANDING) if table not in _PER_RECORDING}
_FOLDERS: dict[str, tuple[Table, str | None]] = {
    **{f"{split}_{table.name}": (table, split) for split, tables in RAW_TABLES.items() for table in tables},
    **{table.name: (table, None) for table in _PER_RECORDING},
}
RAW_FOLDERS = ("metadata", *(f"{split}_{table.name}" for split, tables in RAW_TABLES.items() for table in tables))
"""Folders of the raw zone; the lake ignores any other folder there."""
METADATA_FOLDERS, RECORDING_FOLDERS = RAW_FOLDERS[:1], RAW_FOLDERS[1:]
"""The folder with metadata, in the raw zone; the folders with recordings, in the raw zone and in a data directory."""
