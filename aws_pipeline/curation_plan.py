"""What a curation run has to do: the recordings of the raw zone, matched with their metadata, and divided into parts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from aws_pipeline.lake import list_objects, read_object
from behavior.contract import ContractError
from behavior.recording import Recording, recordings_from_rows
from behavior.tables import parse_metadata

SPLITS = ("train", "test")
_SPLIT_OF = {"train_tracking": "train", "train_annotation": "train", "test_tracking": "test"}
_RECORDING_KEY = re.compile(r"lab_id=([^/]+)/(\d{1,18})\.parquet")
_SMALL_PART_BYTES, _PART_BYTES = 16 << 20, 64 << 20


@dataclass(frozen=True)
class Work:
    """One recording to curate."""

    split: str
    recording: Recording
    tracking: str
    """Key of its tracking in the raw zone."""
    n_bytes: int
    """Bytes of its tracking."""
    annotation: str | None = None
    """Key of its annotation in the raw zone, if there is one."""


@dataclass(frozen=True)
class Plan:
    """What there is to do, and what is wrong with it already."""

    work: tuple[Work, ...]
    metadata: dict[str, pa.Table]
    """Raw metadata by split."""
    faults: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    """Keys of recordings that no metadata names: of an earlier data set, say. They are left where they are and left out."""


@dataclass(frozen=True)
class _Found:
    key: str
    lab: str


def plan_work(raw: str) -> Plan:
    """Match the objects of the raw zone with its metadata; every mismatch is a fault. Sound recordings are planned in any case."""
    objects = list_objects(raw, ["metadata", *_SPLIT_OF])
    work: list[Work] = []
    metadata: dict[str, pa.Table] = {}
    faults: list[str] = []
    ignored: list[str] = []
    for split in SPLITS:
        where = f"metadata/{split}.csv"
        found, wrong = _by_video(objects, split)
        faults += wrong
        if where not in objects:
            if split == "train":
                faults.append(f"{raw}: Expected an object {where}, but got none. Run python aws_pipeline/s3_upload.py.")
            ignored += [each.key for each in found.values()]
            continue
        try:
            metadata[split] = parse_metadata(read_object(raw, where).to_pybytes(), where)
        except ContractError as error:
            faults += error.faults
            continue
        recordings, wrong = _recordings(metadata[split], where)
        faults += wrong
        listed = set(metadata[split].column("video_id").to_pylist())
        ignored += [each.key for (_, video), each in found.items() if video not in listed]
        faults += _mismatches(found, recordings, where, split)
        work += _work(found, recordings, split, objects)
    return Plan(tuple(work), metadata, tuple(faults), tuple(ignored))


def in_parts(work: Sequence[Work], cores: int) -> list[list[Work]]:
    """Divide the work into parts of about equal bytes, the largest recordings first.

    One or two parts per core, more if there is much: a part costs Spark a quarter of a second (Python below 3.12 reads pyspark.zip
    anew for each), and a large part keeps the other cores waiting at the end.
    """
    n_bytes = sum(one.n_bytes for one in work)
    n_parts = max(cores, min(2 * cores, n_bytes // _SMALL_PART_BYTES), n_bytes // _PART_BYTES)
    parts: list[list[Work]] = [[] for _ in range(min(len(work), n_parts))]
    loads = [0] * len(parts)
    for one in sorted(work, key=lambda one: -one.n_bytes):
        least = loads.index(min(loads))
        parts[least].append(one)
        loads[least] += one.n_bytes
    return parts


def _work(found: Mapping[tuple[str, int], _Found], recordings: Sequence[Recording], split: str, objects: Mapping[str, int]) -> list[Work]:
    work = []
    for recording in recordings:
        tracking = found.get((f"{split}_tracking", recording.video_id))
        annotation = found.get((f"{split}_annotation", recording.video_id))
        if tracking:
            work.append(Work(split, recording, tracking.key, objects[tracking.key], annotation.key if annotation else None))
    return work


def _by_video(objects: Mapping[str, int], split: str) -> tuple[dict[tuple[str, int], _Found], Sequence[str]]:
    """Return the objects of a split by folder and video, and a fault for each that names no recording or names one again."""
    found: dict[tuple[str, int], _Found] = {}
    faults = []
    for key in sorted(objects):
        folder, _, rest = key.partition("/")
        match = _RECORDING_KEY.fullmatch(rest)
        if _SPLIT_OF.get(folder) != split:
            continue
        if not match:
            faults.append(f"{key}: Expected a key like {folder}/lab_id=<lab>/<video>.parquet, but got this one. Remove the object.")
        elif first := found.get((folder, int(match[2]))):
            faults.append(f"{key}: Expected one object per video, but got {first.key} as well. Remove one.")
        else:
            found[folder, int(match[2])] = _Found(key, match[1])
    return found, faults


def _recordings(metadata: pa.Table, where: str) -> tuple[list[Recording], Sequence[str]]:
    """Return the sound recordings of a metadata table, and the faults of the others."""
    rows = metadata.to_pylist()
    try:
        return recordings_from_rows(rows, where), ()
    except ContractError as error:
        sound: dict[int, Recording] = {}
        for row in rows:
            try:
                sound.update((each.video_id, each) for each in recordings_from_rows([row]))
            except ContractError:
                continue
        return list(sound.values()), error.faults


def _mismatches(found: Mapping[tuple[str, int], _Found], recordings: Sequence[Recording], where: str, split: str) -> Iterator[str]:
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    for (_, video), each in found.items():
        if labs.get(video, each.lab) != each.lab:
            yield f"{each.key}: Expected lab {labs[video]} as {where} says, but got {each.lab}. Correct the row or move the object."
    for video, lab in labs.items():
        if (f"{split}_tracking", video) not in found:
            yield f"{where}: Expected an object {split}_tracking/lab_id={lab}/{video}.parquet, but got none. Upload it or remove the row."
