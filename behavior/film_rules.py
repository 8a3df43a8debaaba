"""What a lab says about all of its films: films.toml and individuals.csv of a data directory.

`EXAMPLE` is such a films.toml; every line may be left out.
"""

import csv
import io
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from behavior.contract import ContractError, Fault, refuse
from behavior.film_keys import VIDEOS
from behavior.ids import lab_fault
from behavior.pain import MERGED, PAIN_BEHAVIORS

LAB = "lab"
"""The lab of a film that lies in no folder of its lab, if films.toml does not name one."""
EXAMPLE = """lab = "MyLab"            # of films that lie in no folder of their lab
also = ["groom"]         # behaviors that count beside the usual six
labels_fps = 25          # frame rate that the labels count at, if it is not that of each film
[merge]
dance = "active"         # behaviors that count as another
"""
_MEND = "Correct the file; docs/films.md shows one."


@dataclass(frozen=True)
class LabelRules:
    """What labels may say."""

    merged: Mapping[str, str]
    """Behaviors that count as another."""
    behaviors: tuple[str, ...] = PAIN_BEHAVIORS
    """Behaviors that count."""

    @classmethod
    def with_more(cls, merged: Mapping[str, str], also: Sequence[str]) -> "LabelRules":
        """Return the usual rules with more behaviors that are merged, and more that count."""
        return cls({**MERGED, **merged}, (*PAIN_BEHAVIORS, *(name for name in also if name not in PAIN_BEHAVIORS)))


STANDARD_RULES = LabelRules(MERGED)


@dataclass(frozen=True)
class FilmRules:
    """What holds for all films of a data directory."""

    labels: LabelRules = STANDARD_RULES
    """Behaviors that labels may name."""
    labels_fps: float | None = None
    """Frame rate that the labels count at; None for that of each film."""
    lab: str = LAB
    """Lab of films that lie in no folder of their lab."""
    individuals: Mapping[str, str] = field(default_factory=dict)
    """The mouse in a film, by the film's name, or by <lab>/<name>."""

    def individual_of(self, lab: str, film: str) -> str | None:
        """Return the mouse in a film of a lab; None if it is not known."""
        return self.individuals.get(f"{lab}/{film}", self.individuals.get(film))


def parse_film_rules(rules: bytes | None, individuals: bytes | None, where: tuple[str, str]) -> FilmRules:
    """Read the bytes of a films.toml and of an individuals.csv (None if there is no such file); `where` are their names in messages.

    Raises ContractError with all faults of both.
    """
    faults = list[Fault]()
    told: dict[str, Any] = {}
    try:
        told = tomllib.loads(rules.decode()) if rules else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.append(Fault("file-unreadable", where[0], f"Expected TOML, but got: {error}.", _MEND))
    faults += _rule_faults(told, where[0])
    known: dict[str, str] = {}
    try:
        known = _individuals(individuals, where[1]) if individuals else {}
    except ContractError as error:
        faults += error.faults
    refuse(faults)
    labels = LabelRules.with_more(told.get("merge", {}), told.get("also", []))
    return FilmRules(labels, told.get("labels_fps"), told.get("lab", LAB), known)


def _rule_faults(told: Mapping[str, Any], where: str) -> Iterator[Fault]:
    def fault(expected: str, got: object) -> Fault:
        return Fault("file-unreadable", where, f"Expected {expected}, but got {got!r}.", _MEND)

    if unknown := sorted(told.keys() - {"lab", "also", "labels_fps", "merge"}):
        yield fault("lab, also, labels_fps or merge", ", ".join(unknown))
    if wrong := lab_fault(told.get("lab", LAB), where):
        yield wrong
    rate, also, merge = told.get("labels_fps", 1.0), told.get("also", []), told.get("merge", {})
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 1 <= rate <= 2000:
        yield fault("labels_fps from 1 to 2,000", rate)
    if not isinstance(also, list) or not all(isinstance(name, str) and name.strip() for name in also):
        yield fault("also to be a list of behaviors", also)
        also = []
    if not isinstance(merge, dict) or not all(isinstance(name, str) and name.strip() for name in merge.values()):
        yield fault('merge to hold lines such as dance = "active"', merge)
        return
    if unknown := sorted(set(merge.values()) - {*STANDARD_RULES.behaviors, *also}):
        yield fault("merge to name behaviors that count (also adds some)", ", ".join(unknown))


def _individuals(data: bytes, where: str) -> dict[str, str]:
    """Return the mouse in each film, from a table with the columns film and individual. Raises ContractError."""
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig")), skipinitialspace=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ContractError(Fault("file-unreadable", where, f"Expected a CSV table, but got: {error}.", "Export it again.")) from None
    columns = [str(name) for name in rows[0]] if rows else ["film", "individual"]
    if not {"film", "individual"} <= set(columns):
        message = f"Expected the columns film and individual, but got {', '.join(columns)}."
        raise ContractError(Fault("column-missing", where, message, "Name the columns so."))
    return {_film_of(PurePath(row["film"])): row["individual"] for row in rows if row["film"] and row["individual"]}


def _film_of(path: PurePath) -> str:
    """Return the name of a film, with its lab if the path has a folder of it."""
    return path.stem if path.parent.name in ("", VIDEOS) else f"{path.parent.name}/{path.stem}"
