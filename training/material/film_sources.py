"""The films and label files of a folder as a lab has it.

Films lie in Videos/ or Videos/<lab>/, or in train_video/<lab>/; labels in Annotations/ beside Videos/, or in train_annotation/<lab>/, as
<film>.csv or <film>_<anything>.csv.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from behavior.contract import ContractError, Fault
from behavior.ids import lab_fault
from films.folder import TRAIN_VIDEO, VIDEOS, FilmPath, films_below

INDIVIDUALS = "individuals.csv"
"""A table beside the folders of films: columns film and individual."""
_FOLDERS = ((VIDEOS, "Annotations"), (TRAIN_VIDEO, "train_annotation"))


@dataclass(frozen=True)
class FilmSource(FilmPath):
    """A film as the lab has it, with its labels."""

    labels: Path | None
    """Its labels; None for a film without labels."""
    individual: str | None
    """The mouse, if it is known."""


@dataclass(frozen=True)
class Findings:
    """The films of a folder, and what is wrong with the folder."""

    films: tuple[FilmSource, ...]
    """By lab and name."""
    faults: tuple[Fault, ...]
    """Labels without a film, films with two label files, and the like."""


def find_films(folder: Path, lab: str) -> Findings:
    """Return the films below a folder; those that lie in no folder of a lab are of `lab`. Raises ContractError if there are none."""
    films, faults = list[FilmSource](), list[Fault]()
    individuals = _individuals(folder / INDIVIDUALS)
    for videos, annotations in _FOLDERS:
        paths = films_below(folder / videos, lab)
        tables = [path for path in sorted((folder / annotations).rglob("*.csv")) if path.is_file()]
        owned = _owners(tables, [one.path.stem for one in paths])
        faults += [_without_film(table) for table in tables if table not in owned]
        for one in paths:
            own_lab, path = one.lab, one.path
            places = ((), (own_lab,))
            named = [table for table, stem in owned.items() if stem == path.stem]
            own = [table for table in named if table.relative_to(folder / annotations).parts[:-1] in places]
            if len(own) > 1:
                message = f"Expected one label file, but got {', '.join(table.name for table in own)}."
                faults.append(Fault("label-layout", str(path), message, "Keep one of them."))
            elif fault := lab_fault(own_lab, str(path)):
                faults.append(fault)
            else:
                films.append(FilmSource(own_lab, path, own[0] if own else None, individuals.get(path.stem)))
    if not films:
        got = f"none in {' and '.join(str(folder / videos) for videos, _ in _FOLDERS)}"
        missing = Fault("file-missing", str(folder), f"Expected films, but got {got}.", "Name the folder that holds Videos/.")
        raise ContractError([missing, *faults])
    faults += _same_numbers(films)
    broken = {fault.where for fault in faults}
    return Findings(tuple(one for one in films if str(one.path) not in broken), tuple(faults))


def _owners(tables: Sequence[Path], stems: Sequence[str]) -> dict[Path, str]:
    """Return for each label file the film that its name begins with; of several films the one with the longest name."""
    owners = {}
    for table in tables:
        fitting = [stem for stem in stems if table.stem == stem or table.stem.startswith((f"{stem}_", f"{stem}."))]
        if fitting:
            owners[table] = max(fitting, key=len)
    return owners


def _individuals(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    table = pd.read_csv(path, dtype=str, skipinitialspace=True)
    if not {"film", "individual"} <= set(table.columns):
        message = f"Expected the columns film and individual, but got {', '.join(table.columns)}."
        raise ContractError([Fault("column-missing", str(path), message, "Name the columns so.")])
    return {Path(film).stem: individual for film, individual in table[["film", "individual"]].dropna().itertuples(index=False)}


def _without_film(table: Path) -> Fault:
    mend = "Add it, or name the labels <film>_<anything>.csv."
    return Fault("film-missing", str(table), "Expected the film of these labels, but got none.", mend)


def _same_numbers(films: Sequence[FilmSource]) -> Iterator[Fault]:
    seen: dict[int, FilmSource] = {}
    for one in films:
        other = seen.setdefault(one.video_id, one)
        if other is not one:
            message = f"Expected films with numbers of their own, but got {one.video_id} for {other.path} too."
            yield Fault("video-repeated", str(one.path), message, "Rename one of the films.")
