"""Read annotation files (.annot, .txt) of BENTO and of the Caltech behavior annotator.

BENTO writes seconds or frames; its column Duration says whether the stop is included. The Caltech annotator writes frames from 1 on, and
its stop is always included.
"""

import re
from pathlib import Path

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation
from aws_pipeline.imports.foreign_pose import unreadable

_BENTO, _CALTECH = "bento annotation file", "caltech behavior annotator"
_NUMBER = r"(-?\d+(?:\.\d+)?(?:e-?\d+)?)"
_ROW = re.compile(rf"\s*{_NUMBER}[\s,]+{_NUMBER}(?:[\s,]+(\S.*?))?\s*")


def is_annotation(first: str) -> bool:
    """Return whether a text with this first line is such a file."""
    return first.strip().lower().startswith((_BENTO, _CALTECH))


def read_annot(path: Path, where: str) -> list[Observation]:
    """Return the observation of one file; with several channels, each is a subject with the name of the channel."""
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [_bento(path, lines, where) if lines[0].strip().lower().startswith(_BENTO) else _caltech(path, lines, where)]


def _bento(path: Path, lines: list[str], where: str) -> Observation:
    values = {key.strip().lower(): value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}
    fps = float(values.get("annotation framerate") or 0) or None
    films = re.split(r"\s+(?=[A-Za-z]:\\|/)|;", values.get("movie file(s)", ""))
    ethogram = _listed(lines, "list of annotations:")
    channels = _listed(lines, "list of channels:")
    rows, channel, behavior = [], "", ""
    for line in lines:
        if heading := re.fullmatch(r"(.+?)-{5,}\s*", line):
            channel = heading[1].strip()
        elif line.startswith(">"):
            behavior = line[1:].strip()
        elif channel and behavior and (row := _ROW.fullmatch(line)):
            rows.append((channel, behavior, row[1], row[2], row[3]))
    in_frames = all(re.fullmatch(r"-?\d+", text) for row in rows for text in row[2:4])
    one_frame = 1.0 if in_frames else 1 / fps if fps else 0.0
    included = _stop_is_included(rows, one_frame)
    if not in_frames and included and not fps:
        raise unreadable(where, "a line Annotation framerate", "none")
    first = float(values.get("annotation start frame") or (1 if in_frames else 0)) * one_frame
    stop_shift = one_frame if included else 0.0
    several = len(channels) > 1
    bouts = tuple(
        ForeignBout(channel if several else "", "", behavior, float(start) - first, float(stop) - first + stop_shift)
        for channel, behavior, start, stop, _ in rows
    )
    named = tuple(Film(film.strip()) for film in films if film.strip())
    return Observation(path.stem, "BENTO", bouts, in_frames, named, fps, tuple(ethogram) or None, tuple(channels) if several else ())


def _stop_is_included(rows: list[tuple[str, str, str, str, str]], one_frame: float) -> bool:
    """Return whether durations are one frame longer than stop - start; without durations, the stop is included."""
    longer = [abs(float(each[4]) - (float(each[3]) - float(each[2])) - one_frame) < one_frame / 2 for each in rows if each[4]]
    return all(longer)


def _caltech(path: Path, lines: list[str], where: str) -> Observation:
    ethogram, rows, stream, below = [], [], "", False
    for line in lines[1:]:
        if heading := re.match(r"\s*(S\d+)\s*:", line):
            stream, below = heading[1], False
        elif re.fullmatch(r"\s*-{5,}\s*", line):
            below = True
        elif below and (row := re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\S+)\s*", line)):
            rows.append((stream, row[3], int(row[1]) - 1, int(row[2])))
        elif not stream and (pair := re.fullmatch(r"\s*(\S+)\s+(\S)\s*", line)):
            ethogram.append(pair[1])
    if not rows:
        raise unreadable(where, "rows of start, end and type", "none")
    several = len({row[0] for row in rows}) > 1
    bouts = tuple(ForeignBout(stream if several else "", "", behavior, start, stop) for stream, behavior, start, stop in rows)
    return Observation(path.stem, "Caltech behavior annotator", bouts, True, ethogram=tuple(ethogram) or None)


def _listed(lines: list[str], heading: str) -> list[str]:
    """Return the lines below a heading, up to an empty one."""
    at = next((number for number, line in enumerate(lines) if line.strip().lower() == heading), None)
    if at is None:
        return []
    below = lines[at + 1 :]
    end = next((number for number, line in enumerate(below) if not line.strip()), len(below))
    return [line.strip() for line in below[:end]]
