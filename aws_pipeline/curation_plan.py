"""The plan of a curation run: the recordings of the raw zone, matched with their metadata, and judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from aws_pipeline.curation_work import Work
from aws_pipeline.film_plan import FilmPlan, films_of_directory, films_of_zone, plan_films
from aws_pipeline.film_work import FilmWork, RawObject
from aws_pipeline.lake import StoredObject, digest, list_objects, read_object
from aws_pipeline.landed import Landed, differences, read_digests
from behavior.contract import ContractError, Fault
from behavior.film_keys import RAW_FILM_FOLDERS
from behavior.keys import (
    METADATA_FOLDERS,
    RAW_TABLES,
    RAW_ZONE,
    RECORDING_FOLDERS,
    SPLITS,
    LakeObject,
    Layout,
    foreign_key,
    object_name,
)
from behavior.metadata_rows import JudgedRow, judge_metadata
from behavior.tables import RAW_METADATA, RAW_TRACKING
from behavior.verdicts import QuarantineEntry, Rules, by_name
from films.film_sources import has_films

_MOST_PLANS = 3
"""Uploads that replace metadata again and again must not keep a run from its work."""


@dataclass(frozen=True)
class CurationPlan:
    """The recordings to curate, those that are left out, and the faults of the data set as a whole."""

    work: tuple[Work, ...]
    metadata: dict[str, pa.Table]
    """Raw metadata by split, all rows."""
    faults: tuple[Fault, ...] = ()
    """Faults of the data set: with any of them the run is refused."""
    put_aside: tuple[QuarantineEntry, ...] = ()
    """Recordings and objects with faults, which are not curated."""
    excluded: tuple[QuarantineEntry, ...] = ()
    """Recordings that a person excluded."""
    ignored: tuple[str, ...] = ()
    """Keys of recordings that are not in the metadata, for example of an earlier data set. They are neither read nor deleted."""
    notes: tuple[Fault, ...] = ()
    """Repairs and flags of the metadata."""
    repeated: int = 0
    """Repeated rows of the metadata."""
    n_files: int = 0
    """Objects in the folders of recordings."""
    versions: dict[str, str] = field(default_factory=dict)
    """Versions of the metadata, by key."""
    films: tuple[FilmWork, ...] = ()
    """The films to curate."""

    @property
    def all_work(self) -> tuple[Work | FilmWork, ...]:
        """Recordings and films to curate."""
        return (*self.work, *self.films)


@dataclass(frozen=True)
class _RawZone:
    uri: str
    stored: Mapping[str, StoredObject]
    """Objects in the folders of recordings, by key."""
    landed: Mapping[str, Landed]
    """What the table `landing` says, by key."""
    versions: Mapping[str, str]
    """Versions of the metadata, by key."""
    layout: Layout
    has_films: bool = False
    """Whether there are films: then recordings are not required."""


Objects = Mapping[int, Sequence[LakeObject]]
"""The objects of a split, by video."""


@dataclass
class _Draft:
    work: list[Work] = field(default_factory=list)
    metadata: dict[str, pa.Table] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    put_aside: list[QuarantineEntry] = field(default_factory=list)
    excluded: list[QuarantineEntry] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    repeated: int = 0


def plan_work(raw: str, rules: Rules | None = None, layout: Layout = RAW_ZONE) -> CurationPlan:
    """Match the objects of the raw zone with its metadata, and judge both. Faults of one recording do not affect others.

    With another layout `raw` is a data directory, as a file:// address, and keys are names of files. If an upload replaces metadata
    meanwhile, the plan is made anew: what was listed before would contradict what was read after.
    """
    rules = rules or Rules()
    plan = _planned(raw, rules, layout)
    for _ in range(_MOST_PLANS - 1):
        if layout is not RAW_ZONE or plan.versions == _versions(raw):
            break
        plan = _planned(raw, rules, layout)
    return plan


def _versions(raw: str) -> dict[str, str]:
    """Return the versions of the metadata, by key."""
    return {key: one.version for key, one in sorted(list_objects(raw, METADATA_FOLDERS).items())}


def _planned(raw: str, rules: Rules, layout: Layout) -> CurationPlan:
    draft, versions = _Draft(), _versions(raw)
    landed = read_digests(raw) if layout is RAW_ZONE else {}
    listed = list_objects(raw, [*RECORDING_FOLDERS, *(RAW_FILM_FOLDERS if layout is RAW_ZONE else ())])
    of_films = {key: one for key, one in listed.items() if key.partition("/")[0] in RAW_FILM_FOLDERS}
    stored = {key: one for key, one in listed.items() if key not in of_films}
    films = _plan_films(_RawZone(raw, stored, landed, versions, layout), of_films, rules)
    raw_zone = _RawZone(raw, stored, landed, versions, layout, has_films=films.n_files > 0)
    objects, foreign = _by_video(stored, layout)
    if rules.policy.rejecting(foreign):
        draft.put_aside += [QuarantineEntry(object_name(one.where), (one,), keys=(one.where,), of_metadata=False) for one in foreign]
    else:
        draft.notes += foreign
        draft.ignored += [one.where for one in foreign]
    for split in SPLITS:
        _plan_split(draft, raw_zone, split, objects[split], rules)
    return CurationPlan(
        tuple(draft.work),
        draft.metadata,
        tuple(sorted(draft.faults, key=str)),
        tuple(by_name([*draft.put_aside, *films.put_aside])),
        tuple(by_name([*draft.excluded, *films.excluded])),
        (*draft.ignored, *films.ignored),
        (*draft.notes, *films.notes),
        draft.repeated,
        len(stored) + films.n_files,
        versions,
        tuple(films.work),
    )


def _plan_films(raw_zone: _RawZone, stored: Mapping[str, StoredObject], rules: Rules) -> FilmPlan:
    """Return the plan of films; tracking of a recording of the same lab and number says where the mouse of a film is."""
    if raw_zone.layout is RAW_ZONE:
        found = films_of_zone(raw_zone.uri, stored, raw_zone.landed, raw_zone.versions, rules.policy)
    elif not has_films(folder := Path(unquote(urlsplit(raw_zone.uri).path))):
        return FilmPlan()
    else:
        found = films_of_directory(folder)
    held = ((key, raw_zone.layout.object_of(key)) for key in raw_zone.stored) if found.films else ()
    tracks = {
        (str(one.lab), one.video): RawObject(key, raw_zone.stored[key].version, raw_zone.stored[key].n_bytes, raw_zone.landed.get(key))
        for key, one in held
        if one and one.table is RAW_TRACKING and one.video is not None
    }
    return plan_films(found, tracks, rules)


def _plan_split(draft: _Draft, raw_zone: _RawZone, split: str, objects: Objects, rules: Rules) -> None:
    """Add one split to the draft."""
    raw, stored, layout = raw_zone.uri, raw_zone.stored, raw_zone.layout
    where = layout.name_of(LakeObject(RAW_METADATA, split))
    of_nobody = [layout.name_of(one) for own in objects.values() for one in own]
    try:
        data = read_object(raw, where)
        draft.notes += differences(where, digest(data), raw_zone.versions.get(where, ""), raw_zone.landed.get(where), rules.policy)
        metadata = judge_metadata(data.to_pybytes(), split, where, rules.policy_of)
    except FileNotFoundError:
        if split == "train" and not raw_zone.has_films:
            message = f"Expected {_a(layout.unit)} {where}, but got none."
            draft.faults.append(Fault("file-missing", raw, message, "Run python aws_pipeline/s3_upload.py."))
        draft.ignored += of_nobody
        return
    except ContractError as error:
        draft.faults += error.faults
        draft.ignored += of_nobody
        return
    draft.metadata[split] = metadata.table
    draft.repeated += metadata.duplicates
    listed = {row.video for row in metadata.rows}
    draft.ignored += [layout.name_of(one) for video, own in objects.items() if video not in listed for one in own]
    for row in metadata.rows:
        own = objects.get(row.video, ()) if row.video is not None else ()
        aside = QuarantineEntry(row.name, (), row.lab, tuple(map(layout.name_of, own)))
        if rules.excludes(row.name):
            draft.excluded.append(aside)
        elif faults := _faults(row, own, split, rules, where, layout):
            draft.put_aside.append(QuarantineEntry(row.name, faults, row.lab, aside.keys))
        elif row.recording:
            tracking, *rest = aside.keys
            versions = tuple(stored[key].version for key in aside.keys)
            n_bytes, policy = stored[tracking].n_bytes, rules.policy_of(row.name)
            landed = tuple(map(raw_zone.landed.get, aside.keys))
            draft.work.append(Work(split, row.recording, tracking, n_bytes, rest[0] if rest else None, versions, row.row, policy, landed))
            draft.notes += row.faults


def _by_video(names: Iterable[str], layout: Layout) -> tuple[dict[str, dict[int, list[LakeObject]]], list[Fault]]:
    """Return the objects of each split by video, tracking first, and a fault for each object with a foreign key."""
    objects: dict[str, dict[int, list[LakeObject]]] = {split: {} for split in SPLITS}
    faults = []
    for name in sorted(names):
        lake_object = layout.object_of(name)
        if not lake_object or lake_object.split is None or lake_object.video is None:
            faults.append(foreign_key(name, layout))
            continue
        objects[lake_object.split].setdefault(lake_object.video, []).append(lake_object)
    for split, by_video in objects.items():
        for each in by_video.values():
            each.sort(key=lambda one: RAW_TABLES[split].index(one.table))
    return objects, faults


def _faults(row: JudgedRow, objects: Sequence[LakeObject], split: str, rules: Rules, where: str, layout: Layout) -> tuple[Fault, ...]:
    """Return the faults of a recording in its metadata and the names of its objects."""
    faults = [] if row.recording else list(row.faults)
    for table in RAW_TABLES[split]:
        names = [layout.name_of(one) for one in objects if one.table is table]
        for other in names[1:]:
            message = f"Expected one {layout.unit} per video, but got {names[0]} as well."
            faults.append(Fault("video-repeated", other, message, "Remove one."))
    if not row.recording:
        return tuple(faults)
    for one in objects:
        if one.lab != row.recording.lab_id:
            message = f"Expected lab {row.recording.lab_id} as {where} says, but got {one.lab}."
            faults.append(Fault("lab-contradiction", layout.name_of(one), message, f"Correct the row or move the {layout.unit}."))
    if row.name in rules.left_out:
        faults += rules.left_out[row.name].faults
    elif not any(one.table is RAW_TRACKING for one in objects):
        expected = layout.name_of(LakeObject(RAW_TRACKING, split, row.recording.lab_id, row.recording.video_id))
        message = f"Expected {_a(layout.unit)} {expected}, but got none."
        faults.append(Fault("file-missing", where, message, f"{layout.add} or remove the row."))
    return tuple(faults)


def _a(unit: str) -> str:
    return f"an {unit}" if unit[0] in "aeiou" else f"a {unit}"
