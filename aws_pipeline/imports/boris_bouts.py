"""Read BORIS: its projects, and its exported events in the old layout, in the new one, and aggregated.

Times of events include the time offset of the observation, and count from the beginning of the first film of player 1. A state event is
two events: the first of a subject, behavior and modifiers starts it, the next one stops it.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation, one_rate, triples_in
from aws_pipeline.imports.foreign_pose import unreadable

NO_SUBJECT = "No focal subject"
_NO_FILM = {"", "na", "not found"}
"""What BORIS writes in place of a film: of a live observation, or of an event past the last film."""
_OLD_HEADER = ("time", "media file path")
_NEW_HEADER = "observation id"


@dataclass(frozen=True)
class _Event:
    time: float
    subject: str
    behavior: str
    modifiers: str
    status: str
    """START, STOP, POINT; for a state event of a project empty: then the order says it."""


def is_project(content: Any) -> bool:
    """Return whether parsed json is a project."""
    return isinstance(content, dict) and {"behaviors_conf", "observations"} <= content.keys()


def is_events(first: str) -> bool:
    """Return whether a text with this first line is a table of events."""
    cells = [cell.strip().strip('"').lower() for cell in first.replace("\t", ",").split(",")]
    return cells[0] == _NEW_HEADER or tuple(cells[:2]) == _OLD_HEADER


def read_project(content: dict[str, Any], where: str) -> list[Observation]:
    """Return the observations of a project. Its ethogram is what an observer looked for, unless the description lists triples."""
    types = {one["code"]: str(one.get("type", "")) for one in content["behaviors_conf"].values()}
    subjects = tuple(str(one["name"]) for one in content.get("subjects_conf", {}).values())
    observations = []
    for name, one in content["observations"].items():
        shift = float(one.get("time offset") or 0)
        events = [_project_event(row, types, shift) for row in one.get("events", ())]
        films, fps = _films(one)
        bouts, notes = _paired(events, films[0].length_s if len(films) == 1 else None)
        looked_for = triples_in(str(one.get("description", "")))
        observations.append(
            Observation(name, "BORIS", bouts, False, films, fps, tuple(types), subjects, looked_for, _annotator(content), notes)
        )
    if not observations:
        raise unreadable(where, "observations in a project of BORIS", "none", "Observe a recording first.")
    return observations


def read_events(path: Path, where: str) -> list[Observation]:
    """Return the observations of exported events, in any of the three layouts."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    delimiter = "\t" if text.splitlines()[0].count("\t") >= text.splitlines()[0].count(",") else ","
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    headings = [number for number, row in enumerate(rows) if len(row) > 1 and row[0].strip().lower() == _NEW_HEADER and row[1:]]
    if headings and headings[0] == 0 and not {"subject", "behavior"} <= {cell.strip().lower() for cell in rows[0]}:
        ends = [*headings[1:], len(rows)]
        return [_old_layout(rows[start:end], path, where) for start, end in zip(headings, ends, strict=True)]
    if tuple(cell.strip().lower() for cell in rows[0][:2]) == _OLD_HEADER:
        return [_old_layout(rows, path, where)]
    return _new_layout(rows, where)


def _project_event(row: Sequence[Any], types: dict[str, str], shift: float) -> _Event:
    time, subject, code, modifiers = (*row, "", "", "")[:4]
    point = types.get(str(code), "").lower().startswith("point")
    return _Event(float(time) - shift, str(subject), str(code), str(modifiers), "POINT" if point else "")


def _films(observation: dict[str, Any]) -> tuple[tuple[Film, ...], float | None]:
    """Return the films of all players, each at its offset, and their common frame rate."""
    files, media = observation.get("file") or {}, observation.get("media_info") or {}
    lengths, offsets = media.get("length", {}), media.get("offset", {})
    films = []
    for player, paths in sorted(files.items()) if isinstance(files, dict) else ():
        start = float(offsets.get(player) or 0)
        for path in paths:
            length = lengths.get(path)
            films.append(Film(path, start, float(length) if length else None))
            start += float(length or 0)
    used = {film.name for film in films}
    return tuple(films), one_rate(";".join(str(rate) for path, rate in media.get("fps", {}).items() if path in used))


def _annotator(content: dict[str, Any]) -> str:
    return str(content.get("observer") or "")


def _old_layout(rows: list[list[str]], path: Path, where: str) -> Observation:
    """Return one observation: a heading of names and values, then the events below a row that begins with Time."""
    at = next((number for number, row in enumerate(rows) if tuple(cell.strip().lower() for cell in row[:2]) == _OLD_HEADER), None)
    if at is None:
        raise unreadable(where, "events below a row that begins with Time", "none")
    heading = {row[0].strip().lower(): row[1].strip() for row in rows[:at] if len(row) > 1 and row[0].strip()}
    events = [_cells(rows[at], row) for row in rows[at + 1 :] if any(cell.strip() for cell in row)]
    shift = _float(heading.get("time offset (s)")) or 0.0
    return _observation(heading.get("observation id") or path.stem, events, shift, heading.get("description", ""), where)


def _new_layout(rows: list[list[str]], where: str) -> list[Observation]:
    """Return the observations of a table with a header in its first row."""
    by_name: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows[1:]:
        if any(cell.strip() for cell in row):
            cells = _cells(rows[0], row)
            by_name[cells["observation id"]].append(cells)
    if not by_name:
        raise unreadable(where, "events", "a header without rows")
    return [
        _observation(name, events, _float(events[0].get("time offset (s)")) or 0.0, events[0].get("description", ""), where)
        for name, events in by_name.items()
    ]


def _observation(name: str, rows: list[dict[str, str]], shift: float, description: str, where: str) -> Observation:
    fps = one_rate(";".join(row.get("fps") or row.get("fps (frame/s)") or "" for row in rows))
    paths = [row.get("media file path") or row.get("media file name") or row.get("media file") or "" for row in rows]
    length = next((number for row in rows if (number := _float(row.get("total length") or row.get("media duration (s)")))), None)
    names = list(dict.fromkeys(path for path in paths if path.lower() not in _NO_FILM))
    films = _films_of_source(rows[0]) or (tuple(Film(path, 0.0, length) for path in names) if len(names) == 1 else ())
    notes: tuple[str, ...] = ()
    if rows and "start (s)" in rows[0]:
        bouts = tuple(_aggregated(row, shift, where) for row in rows)
    else:
        events = [_row_event(row, shift, where) for row in rows]
        bouts, notes = _paired(events, length)
    return Observation(name, "BORIS", bouts, films=films, fps=fps, looked_for=triples_in(description), notes=notes)


def _films_of_source(row: dict[str, str]) -> tuple[Film, ...]:
    """Return the films of player 1 in a row of the new layout, one after the other; none if it does not say them all.

    Columns `source` and `media duration (s)` are such as "player #1:a.mp4;b.mp4|player #2:top.mp4" and "10.000;20.000|30.000".
    """
    mark, _, listed = (row.get("source") or "").split("|")[0].partition(":")
    lengths = [_float(text) for text in (row.get("media duration (s)") or "").split("|")[0].split(";")]
    names = listed.split(";")
    if mark != "player #1" or len(names) != len(lengths):
        return ()
    films, start = list[Film](), 0.0
    for name, length in zip(names, lengths, strict=True):
        if length is None:
            return ()
        films.append(Film(name, start, length))
        start += length
    return tuple(films)


def _row_event(row: dict[str, str], shift: float, where: str) -> _Event:
    status = (row.get("status") or row.get("behavior type") or row.get("type") or "").strip().upper()
    return _Event(_time(row.get("time"), where) - shift, row.get("subject", ""), row.get("behavior", ""), _modifiers(row), status)


def _aggregated(row: dict[str, str], shift: float, where: str) -> ForeignBout:
    start = _time(row.get("start (s)"), where) - shift
    stop = start if row.get("behavior type", "").upper() == "POINT" else _time(row.get("stop (s)"), where) - shift
    return ForeignBout(_subject(row.get("subject", "")), _modifiers(row), row.get("behavior", ""), start, stop)


def _paired(events: Iterable[_Event], length_s: float | None) -> tuple[tuple[ForeignBout, ...], tuple[str, ...]]:
    """Return the bouts of events, and notes about states that begin or end nowhere."""
    bouts, notes = [], []
    running: dict[tuple[str, str, str], float] = {}
    order = {"STOP": 0, "": 1, "POINT": 1, "START": 2}  # at one time: a state ends before the next one of its kind begins
    for event in sorted(events, key=lambda one: (one.time, order.get(one.status, 1))):
        who = (event.subject, event.behavior, event.modifiers)
        if event.status == "POINT":
            bouts.append(_bout(who, event.time, event.time))
        elif event.status == "STOP" and who not in running:
            notes.append(f"Left out: {event.behavior} stops at {event.time:g} s and never began.")
        elif who in running:
            bouts.append(_bout(who, running.pop(who), event.time))
            if event.status == "START":
                notes.append(f"{event.behavior} starts at {event.time:g} s while it lasts; the first bout ends there.")
                running[who] = event.time
        else:
            running[who] = event.time
    for who, start in running.items():
        if length_s is not None and length_s > start:
            bouts.append(_bout(who, start, length_s))
            notes.append(f"{who[1]} starts at {start:g} s and never stops; it ends with the film.")
        else:
            notes.append(f"Left out: {who[1]} starts at {start:g} s and never stops.")
    return tuple(sorted(bouts, key=lambda bout: (bout.start, bout.stop))), tuple(notes)


def _bout(who: tuple[str, str, str], start: float, stop: float) -> ForeignBout:
    subject, behavior, modifiers = who
    return ForeignBout(_subject(subject), modifiers, behavior, start, stop)


def _subject(name: str) -> str:
    return "" if name.strip() == NO_SUBJECT else name.strip()


def _modifiers(row: dict[str, str]) -> str:
    """Return all modifiers of a row as a project writes them: joined by a bar."""
    return "|".join(value for name, value in row.items() if name.startswith("modifier") and value)


def _cells(header: list[str], row: list[str]) -> dict[str, str]:
    return {name.strip().lower(): value.strip() for name, value in zip(header, row, strict=False)}


def _float(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _time(text: object, where: str) -> float:
    number = _float(text)
    if number is None:
        raise unreadable(where, "times in seconds", repr(text), "Export the events with times in seconds.")
    return number
