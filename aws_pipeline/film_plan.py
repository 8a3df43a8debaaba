"""The films of a curation run: objects of the raw zone, or files of a data directory, matched by lab and name, and judged."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from aws_pipeline.film_work import FilmWork, RawObject
from aws_pipeline.lake import StoredObject, digest, read_object
from aws_pipeline.landed import Landed, differences
from behavior.contract import ContractError, Fault
from behavior.film_keys import FILM, INDIVIDUALS_KEY, RULES_KEY, FilmPart, RawFilmObject, film_number, recording_beside
from behavior.film_rules import FilmRules, parse_film_rules
from behavior.keys import object_name, recording_name
from behavior.policy import Policy
from behavior.verdicts import QuarantineEntry, Rules
from films.film_sources import find_films


@dataclass
class FilmPlan:
    """The films to curate, and those that are left out."""

    work: list[FilmWork] = field(default_factory=list)
    put_aside: list[QuarantineEntry] = field(default_factory=list)
    excluded: list[QuarantineEntry] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    """Keys that name nothing, if a policy does not put them aside."""
    notes: list[Fault] = field(default_factory=list)
    n_files: int = 0
    """Objects in the folders of films."""


@dataclass
class FoundFilms:
    """The films of a raw zone or of a data directory, before they are judged."""

    films: dict[tuple[str, str], dict[str, RawObject]] = field(default_factory=lambda: defaultdict(dict))
    """By lab and name: objects by kind."""
    faulty: dict[tuple[str, str], list[Fault]] = field(default_factory=lambda: defaultdict(list))
    """What is wrong with some of them."""
    foreign: list[str] = field(default_factory=list)
    """Keys that name nothing."""
    rules: FilmRules = field(default_factory=FilmRules)
    """What holds for all films."""
    notes: list[Fault] = field(default_factory=list)
    refused: tuple[Fault, ...] = ()
    """Why none of them can be judged: what should hold for all films cannot be read."""
    n_files: int = 0


_KINDS = {FilmPart.PICTURES: "film", FilmPart.LABELS: "labels", FilmPart.EMBEDDINGS: "embeddings"}


def films_of_zone(
    raw: str, stored: Mapping[str, StoredObject], landed: Mapping[str, Landed], versions: Mapping[str, str], policy: Policy
) -> FoundFilms:
    """Return the films of a raw zone; `stored` are the objects in folders of films, `versions` those of the metadata, by key."""
    found = FoundFilms(n_files=len(stored))
    for key, one in sorted(stored.items()):
        held = RawFilmObject.of_key(key)
        if held is None:
            found.foreign.append(key)
            continue
        who = held.lab, held.name
        kind = _KINDS[held.part]
        if kind in found.films[who]:
            text = f"Expected one film of a name, but got {found.films[who][kind].key} as well."
            found.faulty[who].append(Fault("video-repeated", key, text, "Rename one of the films."))
            kind = key  # so that it is counted
        found.films[who][kind] = RawObject(key, one.version, one.n_bytes, landed.get(key))
    try:
        contents = [_metadata(raw, key, found, landed, versions, policy) for key in (RULES_KEY, INDIVIDUALS_KEY)]
        found.rules = parse_film_rules(contents[0], contents[1], (RULES_KEY, INDIVIDUALS_KEY))
    except ContractError as error:
        found.refused = error.faults
    return found


def films_of_directory(folder: Path) -> FoundFilms:
    """Return the films of a data directory, with names of files as keys."""
    found = FoundFilms()
    try:
        findings = find_films(folder)
    except ContractError as error:
        found.refused = error.faults
        return found
    found.rules = findings.rules
    for one in findings.films:
        parts = {"film": one.path, "labels": one.labels, "embeddings": one.embeddings}
        found.films[one.lab, one.path.stem] = {kind: _file(path, folder) for kind, path in parts.items() if path}
    for who, faults in findings.faulty.items():
        found.faulty[who] += faults
        found.films[who] = {str(path): _file(path, folder) for path in findings.files[who]}
    found.n_files = sum(map(len, found.films.values()))
    return found


def plan_films(found: FoundFilms, tracks: Mapping[tuple[str, int], RawObject], rules: Rules) -> FilmPlan:
    """Judge the films that were found by what is known before one is read. `tracks` is tracking by lab and number of the recording."""
    plan = FilmPlan(notes=list(found.notes), n_files=found.n_files)
    for key in found.foreign:
        text = f"Expected a key like {FilmPart.PICTURES}/lab_id=<lab>/<film>.mp4, but got this one."
        fault = Fault("key-foreign", key, text, "Remove the object.")
        if rules.policy.rejecting([fault]):
            plan.put_aside.append(QuarantineEntry(object_name(key), (fault,), keys=(key,), of_metadata=False))
        else:
            plan.notes.append(fault)
            plan.ignored.append(key)
    seen = _same_numbers(found)
    for (lab, title), own in sorted(found.films.items()):
        number = film_number(lab, title)
        name = recording_name(FILM, number)
        shown = lab, recording_beside(lab, title)
        beside = {"tracks": tracks[shown]} if shown in tracks else {}
        aside = QuarantineEntry(name, (), lab, tuple(one.key for one in own.values()), of_metadata=False)
        faults = [*found.refused, *found.faulty.get((lab, title), ()), *seen.get((lab, title), ())]
        if name in rules.left_out:
            faults += rules.left_out[name].faults
        elif "film" not in own and not faults:
            text = "Expected the film of these labels or numbers, but got none."
            faults.append(Fault("film-missing", next(iter(aside.keys)), text, "Upload it, or remove the object."))
        if rules.excludes(name):
            plan.excluded.append(aside)
        elif faults:
            plan.put_aside.append(replace(aside, faults=tuple(faults)))
        else:
            individual = found.rules.individual_of(lab, title)
            parts = {**own, **beside}
            labelling, policy = found.rules.labels, rules.policy_of(name)
            plan.work.append(FilmWork(lab, title, parts, labelling, found.rules.labels_fps, individual, policy))
    planned = {recording_name(FILM, film_number(lab, title)) for lab, title in found.films}
    plan.put_aside += [
        replace(one, keys=(), of_metadata=False)  # the upload sent nothing of it
        for name, one in rules.left_out.items()
        if name.startswith(f"{FILM}-") and name not in planned and not rules.excludes(name)
    ]
    return plan


def _same_numbers(found: FoundFilms) -> dict[tuple[str, str], list[Fault]]:
    """Return the faults of films whose lab and name give the number of another one: by chance, so nearly never."""
    by_number: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for who in found.films:
        by_number[film_number(*who)].append(who)
    faults: dict[tuple[str, str], list[Fault]] = {}
    for number, owners in by_number.items():
        for who in owners if len(owners) > 1 else ():
            others = ", ".join(f"{lab}/{title}" for lab, title in owners if (lab, title) != who)
            text = f"Expected a film with a number of its own, but got {number} for {others} too."
            faults[who] = [Fault("video-repeated", f"{who[0]}/{who[1]}", text, "Rename one of the films.")]
    return faults


def _file(path: Path, folder: Path) -> RawObject:
    return RawObject(path.relative_to(folder).as_posix(), n_bytes=path.stat().st_size)


def _metadata(
    raw: str, key: str, found: FoundFilms, landed: Mapping[str, Landed], versions: Mapping[str, str], policy: Policy
) -> bytes | None:
    """Return the bytes of what holds for all films; None if the lab says nothing."""
    if key not in versions:
        return None
    try:
        data = read_object(raw, key)
    except FileNotFoundError:  # it was removed meanwhile
        return None
    found.notes += differences(key, digest(data), versions[key], landed.get(key), policy)
    return data.to_pybytes()
