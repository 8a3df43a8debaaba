"""Bouts for BORIS: a project file, and tabular events as BORIS exports them.

A recording is an observation, the agent its subject, and the target a modifier named target (mouse2, or self). A bout is two events of one
state behavior: the first starts it, the second stops it. The stop is the time of the frame after the last. The description of an
observation lists, as JSON, what was looked for: BORIS has no place for behaviors that were not looked for in one observation only.
The layout is that of project format 7.0, which BORIS 7 and all later versions open.
"""

import csv
import io
import json
from math import isnan
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

from behavior.whole_file import write_text
from inference.exports.tidy_bouts import Film, TidyBouts

KEYS = ascii_lowercase + digits
"""Keys of behaviors on the keyboard, in turn; BORIS asks if two behaviors share one."""
NO_SUBJECT = ""
"""The subject of behaviors that name no mouse."""
_UNKNOWN_DATE = "1970-01-01T00:00:00"
_MOST_FPS = 250
"""At higher frame rates a millisecond, BORIS's resolution, is too coarse to find the frame again."""
_HEADER = ("Time", "Media file path", "Total length", "FPS", "Subject", "Behavior", "Behavioral category", "Comment", "Status")


def write_boris_project(tidy: TidyBouts, path: Path, name: str = "bouts") -> None:
    """Write a project with one observation for each recording. Bouts of one triple must not overlap (`TidyBouts.merged`)."""
    write_text(path, json.dumps(project(tidy, name), indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def project(tidy: TidyBouts, name: str) -> dict[str, Any]:
    """Return the content of a project file."""
    triples = [triple.split(",") for film in tidy.films.values() for triple in film.looked_for]
    behaviors = sorted({triple[-1] for triple in triples})
    subjects = sorted({triple[0] for triple in triples if len(triple) > 1})
    targets = {behavior: sorted({triple[1] for triple in triples if len(triple) > 1 and triple[2] == behavior}) for behavior in behaviors}
    return {
        "time_format": "hh:mm:ss",
        "project_name": name,
        "project_date": _UNKNOWN_DATE,
        "project_description": "",
        "project_format_version": "7.0",
        "subjects_conf": {
            str(place): {"key": str(place + 1) if place < 9 else "", "name": subject, "description": ""}
            for place, subject in enumerate(subjects)
        },
        "behaviors_conf": {str(place): _behavior(behavior, targets[behavior], place) for place, behavior in enumerate(behaviors)},
        "behavioral_categories": [],
        "independent_variables": {},
        "coding_map": {},
        "converters": {},
        "observations": {film.name: _observation(tidy, video, film) for video, film in tidy.films.items()},
    }


def write_boris_events(tidy: TidyBouts, path: Path) -> None:
    """Write tabular events as BORIS exports them: one recording after another, each with its heading; .csv or else tabs.

    Bouts of one triple must not overlap (`TidyBouts.merged`).
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter="," if path.suffix == ".csv" else "\t", lineterminator="\n")
    for video, film in tidy.films.items():
        empty: list[str] = []
        looked_for = json.dumps(list(film.looked_for), ensure_ascii=False)
        heading = [
            *(["Observation id", film.name], empty, ["Media file(s)"], empty, ["Player #1", film.media], empty),
            *(["Observation date", _UNKNOWN_DATE.replace("T", " ")], empty, ["Description", looked_for], empty),
            *(["Time offset (s)", "0.0"], empty, ["independent variables"], ["variable", "value"], empty),
        ]
        has_target = any("," in triple for triple in film.looked_for)
        header = [*_HEADER[:7], *(["Modifier 1"] if has_target else []), *_HEADER[7:]]
        for row in (*heading, header):
            writer.writerow(row + [""] * (len(header) - len(row)))
        fixed = [film.media, f"{film.frames / film.fps:.3f}", f"{film.fps:g}"]
        for time, subject, behavior, target, comment, status in _events(tidy, video, film):
            place = f"{time:.{_decimals(film.fps)}f}"
            writer.writerow([place, *fixed, subject, behavior, "", *([target] if has_target else []), comment, status])
    write_text(path, text.getvalue())


def _behavior(name: str, targets: list[str], place: int) -> dict[str, Any]:
    modifiers = {"0": {"name": "target", "description": "", "type": 0, "values": targets}} if targets else {}
    return {
        "type": "State event",
        "key": KEYS[place % len(KEYS)],
        "code": name,
        "description": "",
        "category": "",
        "modifiers": modifiers,
        "excluded": "",
        "coding map": "",
    }


def _observation(tidy: TidyBouts, video: int, film: Film) -> dict[str, Any]:
    events = [list(event[:5]) for event in _events(tidy, video, film)]
    return {
        "file": {"1": [film.media], "2": []},
        "type": "MEDIA",
        "date": _UNKNOWN_DATE,
        "description": json.dumps(list(film.looked_for), ensure_ascii=False),
        "time offset": 0.0,
        "events": events,
        "independent_variables": {},
        "visualize_spectrogram": False,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {film.media: round(film.frames / film.fps, 3)},
            "fps": {film.media: film.fps},
            "hasVideo": {film.media: True},
            "hasAudio": {film.media: False},
            "offset": {"1": 0.0, "2": 0.0},
        },
    }


def _events(tidy: TidyBouts, video: int, film: Film) -> list[tuple[float, str, str, str, str, str]]:
    """Return time, subject, behavior, modifier, comment and status of all events, by time; at one time, stops come first."""
    events = list[tuple[float, str, str, str, str, str]]()
    for bout in tidy.of(video):
        who = (bout.agent or NO_SUBJECT, bout.behavior, bout.target or "")
        confidence = "" if isnan(bout.confidence) else f"confidence {bout.confidence:.3f}"
        comment = "; ".join(filter(None, (bout.note, confidence)))
        events.append((round(bout.start_s, _decimals(film.fps)), *who, comment, "START"))
        events.append((round(bout.stop_s, _decimals(film.fps)), *who, "", "STOP"))
    return sorted(events, key=lambda event: (event[0], event[5] == "START"))


def _decimals(fps: float) -> int:
    return 3 if fps <= _MOST_FPS else 6
