"""What a curation run has to do: the recordings of the raw zone, matched with their metadata, and divided into parts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapreplace

import pyarrow as pa

from aws_pipeline.lake import list_objects, read_object
from behavior.contract import ContractError, Fault
from behavior.keys import RAW_FOLDERS, RAW_TABLES, SPLITS, LakeObject, foreign_key, key_of, object_of
from behavior.recording import Recording, sound_recordings
from behavior.tables import RAW_ANNOTATION, RAW_METADATA, RAW_TRACKING, parse_metadata

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
class CurationPlan:
    """What there is to do, and what is wrong with it already."""

    work: tuple[Work, ...]
    metadata: dict[str, pa.Table]
    """Raw metadata by split."""
    faults: tuple[Fault, ...]
    ignored: tuple[str, ...] = ()
    """Keys of recordings that no metadata names: of an earlier data set, say. They are left where they are and left out."""


Objects = Mapping[tuple[str, int], LakeObject]
"""The objects of a split, by table and video."""


def plan_work(raw: str) -> CurationPlan:
    """Match the objects of the raw zone with its metadata; every mismatch is a fault. Sound recordings are planned in any case."""
    n_bytes = list_objects(raw, RAW_FOLDERS)
    objects, faults = _by_video(key for key in n_bytes if not key.startswith(RAW_METADATA.name))
    work: list[Work] = []
    metadata: dict[str, pa.Table] = {}
    ignored: list[str] = []
    for split in SPLITS:
        where, own = key_of(RAW_METADATA, split), objects[split]
        if where not in n_bytes:
            if split == "train":
                message = f"Expected an object {where}, but got none."
                faults.append(Fault("file-missing", raw, message, "Run python aws_pipeline/s3_upload.py."))
            ignored += [each.key for each in own.values()]
            continue
        try:
            metadata[split] = parse_metadata(read_object(raw, where).to_pybytes(), where)
        except ContractError as error:
            faults += error.faults
            continue
        recordings, wrong = sound_recordings(metadata[split].to_pylist(), where)
        listed = set(metadata[split].column("video_id").to_pylist())
        ignored += [each.key for (_, video), each in own.items() if video not in listed]
        faults += [*wrong, *_mismatches(own, recordings, where, split)]
        work += _work(own, recordings, split, n_bytes)
    return CurationPlan(tuple(work), metadata, tuple(sorted(faults, key=str)), tuple(ignored))


def in_parts(work: Sequence[Work], cores: int) -> list[list[Work]]:
    """Divide the work into parts of about equal bytes, the largest recordings first.

    One or two parts per core, more if there is much: a part costs Spark a quarter of a second (Python below 3.12 reads pyspark.zip
    anew for each), and a large part keeps the other cores waiting at the end.
    """
    n_bytes = sum(one.n_bytes for one in work)
    n_parts = max(cores, min(2 * cores, n_bytes // _SMALL_PART_BYTES), n_bytes // _PART_BYTES)
    parts: list[list[Work]] = [[] for _ in range(min(len(work), n_parts))]
    loads = [(0, number) for number in range(len(parts))]  # a heap: the part with the least to do is on top
    for one in sorted(work, key=lambda one: -one.n_bytes):
        load, number = loads[0]
        parts[number].append(one)
        heapreplace(loads, (load + one.n_bytes, number))
    return parts


def _work(objects: Objects, recordings: Sequence[Recording], split: str, n_bytes: Mapping[str, int]) -> list[Work]:
    work = []
    for recording in recordings:
        tracking, annotation = (objects.get((table.name, recording.video_id)) for table in (RAW_TRACKING, RAW_ANNOTATION))
        if tracking:
            work.append(Work(split, recording, tracking.key, n_bytes[tracking.key], annotation.key if annotation else None))
    return work


def _by_video(keys: Iterable[str]) -> tuple[dict[str, dict[tuple[str, int], LakeObject]], list[Fault]]:
    """Return the objects of each split by table and video, and a fault for each that holds no recording or holds one again."""
    objects: dict[str, dict[tuple[str, int], LakeObject]] = {split: {} for split in RAW_TABLES}
    faults = []
    for key in sorted(keys):
        held = object_of(key)
        if not held or held.split is None or held.video is None:
            faults.append(foreign_key(key))
            continue
        first = objects[held.split].setdefault((held.table.name, held.video), held)
        if first is not held:
            message = f"Expected one object per video, but got {first.key} as well."
            faults.append(Fault("video-repeated", key, message, "Remove one."))
    return objects, faults


def _mismatches(objects: Objects, recordings: Sequence[Recording], where: str, split: str) -> Iterator[Fault]:
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    for (_, video), each in objects.items():
        if labs.get(video, each.lab) != each.lab:
            message = f"Expected lab {labs[video]} as {where} says, but got {each.lab}."
            yield Fault("lab-contradiction", each.key, message, "Correct the row or move the object.")
    for recording in recordings:
        if (RAW_TRACKING.name, recording.video_id) not in objects:
            message = f"Expected an object {key_of(RAW_TRACKING, split, recording)}, but got none."
            yield Fault("file-missing", where, message, "Upload it or remove the row.")
