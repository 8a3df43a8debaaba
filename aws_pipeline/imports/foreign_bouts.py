"""What one observer wrote about one recording in another program, before anything is decided about it."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from behavior.contract import ContractError
from behavior.recording import parse_annotated

NO_BEHAVIORS = frozenset(("other", "none", "background", "nothing", "no behavior", "unlabeled"))
"""Names by which programs fill the time in which nothing that they look for happens, in lower case."""


@dataclass(frozen=True)
class ForeignBout:
    """One bout; a point event ends where it begins."""

    subject: str
    """The animal that acts, as the file calls it; empty if it does not say it."""
    target: str
    """The animal acted upon, or self; empty if the file does not say it."""
    behavior: str
    """As the file calls it."""
    start: float
    """In frames of the film, or in seconds; see `Observation.in_frames`."""
    stop: float
    """The same; excluded."""
    annotator: str = ""
    """Who wrote it, if the file says it of each bout."""


@dataclass(frozen=True)
class Film:
    """A film that an observation is about."""

    name: str
    """Its file, with or without folders."""
    start_s: float = 0.0
    """When it begins, in seconds of the observation."""
    length_s: float | None = None
    """Its length, if the file says it."""


@dataclass(frozen=True)
class Observation:
    """What one observer wrote about one recording, or about several films one after the other."""

    name: str
    """Name of the observation, or of the file."""
    program: str
    bouts: tuple[ForeignBout, ...]
    in_frames: bool = False
    """Whether bouts are in frames; else in seconds."""
    films: tuple[Film, ...] = ()
    fps: float | None = None
    """Frames per second, if the file says it."""
    ethogram: tuple[str, ...] | None = None
    """The behaviors that the observer looked for; None if the file cannot say it."""
    subjects: tuple[str, ...] = ()
    """Animals that the observer looked at, if the file says it."""
    looked_for: tuple[str, ...] | None = None
    """The triples that the observer looked for, such as mouse1,self,rear, if the file says it; they count more than `ethogram`."""
    annotator: str = ""
    notes: tuple[str, ...] = ()
    """What was left out or decided while reading, one sentence each."""


def triples_in(text: str) -> tuple[str, ...] | None:
    """Return the triples of a JSON list of them, as exports of this project write it; None for any other text."""
    try:
        listed = json.loads(text)
        if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
            return None
        parse_annotated(text)
    except (ValueError, ContractError):
        return None
    return tuple(listed)


def runs_of_ones(values: Iterable[bool]) -> list[tuple[int, int]]:
    """Return start and stop, excluded, of each stretch of true values."""
    runs, start, number = [], None, -1
    for number, value in enumerate(values):
        if value and start is None:
            start = number
        elif not value and start is not None:
            runs.append((start, number))
            start = None
    return runs if start is None else [*runs, (start, number + 1)]


def one_rate(text: object) -> float | None:
    """Return a frame rate from texts such as 30, 30;30;30 or NA; None if they say none, or several."""
    rates = set()
    for part in re.split(r"[;|]", str(text or "")):
        try:
            rates.add(float(part))
        except ValueError:
            continue
    rates = {rate for rate in rates if math.isfinite(rate) and rate > 0}
    return rates.pop() if len(rates) == 1 else None


def stem(name: str) -> str:
    """Return the name of a film without folders and ending, wherever it was written."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"\.[A-Za-z0-9]{2,5}$", "", last)
