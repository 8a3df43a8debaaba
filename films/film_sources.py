"""The films, label files and embeddings of a data directory.

Films lie in Videos/ or Videos/<lab>/; labels in Annotations/ or Annotations/<lab>/, as <film>.csv or <film>_<anything>.csv; numbers that
another program computed from each frame beside the film, as <film>.npy. individuals.csv and films.toml say what holds for all films.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from behavior.contract import Fault
from behavior.film_keys import INDIVIDUALS_FILE, RULES_FILE, VIDEOS, is_film_name
from behavior.film_rules import FilmRules, parse_film_rules
from behavior.ids import lab_fault
from films.folder import FilmPath, films_below

ANNOTATIONS = "Annotations"
"""Folder with label files."""


@dataclass(frozen=True)
class FilmSource(FilmPath):
    """A film as the lab has it, with its labels."""

    labels: Path | None
    """Its labels; None for a film without labels."""
    embeddings: Path | None
    """Numbers of each frame; None if there are none."""


@dataclass(frozen=True)
class Findings:
    """The films of a folder, and what is wrong with the folder."""

    films: tuple[FilmSource, ...]
    """Sound ones, by path."""
    faulty: Mapping[tuple[str, str], tuple[Fault, ...]]
    """By lab and name: films of which something is wrong, and labels without a film."""
    files: Mapping[tuple[str, str], tuple[Path, ...]]
    """The files of each of these."""
    rules: FilmRules
    """What holds for all films."""


def has_films(folder: Path) -> bool:
    """Return whether a data directory has a folder of films."""
    return (folder / VIDEOS).is_dir()


def find_films(folder: Path) -> Findings:
    """Return the films of a data directory. Raises ContractError if individuals.csv or films.toml cannot be read."""
    rules = read_film_rules(folder)
    paths = films_below(folder / VIDEOS, rules.lab)
    tables = [path for path in sorted((folder / ANNOTATIONS).rglob("*.csv")) if path.is_file()]
    owned = _owners(tables, [one.path.stem for one in paths])
    n_labs = Counter(one.path.stem for one in {(one.lab, one.path.stem): one for one in paths}.values())
    faulty: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    files: dict[tuple[str, str], list[Path]] = defaultdict(list)
    films, taken = list[FilmSource](), set[Path]()
    for one in paths:
        of_film = [table for table, stem in owned.items() if stem == one.path.stem and _lab_of(table, folder, one.lab) == one.lab]
        taken.update(of_film)
        beside = one.path.with_suffix(".npy")
        films.append(FilmSource(one.lab, one.path, of_film[0] if of_film else None, beside if beside.is_file() else None))
        who = one.lab, one.path.stem
        files[who] += [one.path, *of_film, *([beside] if beside.is_file() else [])]
        faulty[who] += _faults(one, of_film)
        if n_labs[one.path.stem] > 1 and (shared := [table for table in of_film if table.parent == folder / ANNOTATIONS]):
            text = f"Expected the lab of these labels, because {n_labs[one.path.stem]} labs have a film {one.path.stem}, but got none."
            faulty[who].append(
                Fault("label-layout", str(shared[0]), text, f"Move them to {ANNOTATIONS}/{one.lab}/ if they are of this lab.")
            )
    for table in tables:
        if table not in taken:
            mend = "Add it, or name the labels <film>_<anything>.csv."
            who = _lab_of(table, folder, rules.lab), table.stem
            faulty[who].append(Fault("film-missing", str(table), "Expected the film of these labels, but got none.", mend))
            files[who].append(table)
    for fault, numbered in _same_numbers(films):
        faulty[numbered.lab, numbered.path.stem].append(fault)
    wrong = {who: tuple(each) for who, each in faulty.items() if each}
    sound = tuple(one for one in films if (one.lab, one.path.stem) not in wrong)
    return Findings(sound, wrong, {who: tuple(dict.fromkeys(files[who])) for who in wrong}, rules)


def read_film_rules(folder: Path) -> FilmRules:
    """Return what individuals.csv and films.toml of a data directory say. Raises ContractError if one cannot be read."""
    rules, individuals = (folder / name for name in (RULES_FILE, INDIVIDUALS_FILE))
    read = [path.read_bytes() if path.is_file() else None for path in (rules, individuals)]
    return parse_film_rules(read[0], read[1], (RULES_FILE, INDIVIDUALS_FILE))


def _lab_of(table: Path, folder: Path, default: str) -> str:
    """Return the lab of a label file: its folder below Annotations/; one that lies in no folder is of any film of its name."""
    parts = table.relative_to(folder / ANNOTATIONS).parts
    return parts[0] if len(parts) > 1 else default


def _faults(one: FilmPath, of_film: Sequence[Path]) -> Iterator[Fault]:
    if fault := lab_fault(one.lab, str(one.path)):
        yield fault
    if not is_film_name(one.path.stem):
        message = f"Expected a name of one line and at most 200 characters that begins with no dot, but got {one.path.name!r}."
        yield Fault("film-unreadable", str(one.path), message, "Rename the film.")
    if len(of_film) > 1:
        message = f"Expected one label file, but got {', '.join(table.name for table in of_film)}."
        yield Fault("label-layout", str(one.path), message, "Keep one of them.")


def _owners(tables: Sequence[Path], stems: Sequence[str]) -> dict[Path, str]:
    """Return for each label file the film that its name begins with; of several films the one with the longest name."""
    owners = {}
    for table in tables:
        fitting = [stem for stem in stems if table.stem == stem or table.stem.startswith((f"{stem}_", f"{stem}."))]
        if fitting:
            owners[table] = max(fitting, key=len)
    return owners


def _same_numbers(films: Sequence[FilmSource]) -> Iterator[tuple[Fault, FilmSource]]:
    """Yield a fault for each film with the number of another one: the same name in another container."""
    seen: dict[int, FilmSource] = {}
    for one in films:
        other = seen.setdefault(one.video_id, one)
        if other is not one:
            message = f"Expected one film of this name in its lab, but got {other.path} too."
            for each in (one, other):
                yield Fault("video-repeated", str(each.path), message, "Rename one of the films."), each
