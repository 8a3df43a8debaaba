"""Read tables with a row for each frame and a column for each behavior, 0 or 1, as SimBA and DeepEthogram write them.

-1, or an empty cell, is a frame that nobody has labeled: the behavior does not count as looked for.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from aws_pipeline.imports.foreign_bouts import NO_BEHAVIORS, ForeignBout, Observation, runs_of_ones
from aws_pipeline.imports.foreign_pose import unreadable

_INDEX = ("", "frame", "frames", "index", "unnamed: 0", "frame_number", "scorer")
_MARKS = {"0": False, "0.0": False, "1": True, "1.0": True, "-1": None, "-1.0": None, "": None, "nan": None}


def is_frame_table(text: str, chosen: Sequence[str] = ()) -> bool:
    """Return whether a text is such a table: some column is named in `chosen`, or all but the index hold 0 and 1 only."""
    header, rows = _read(text, most=200)
    columns = _columns(header)
    if not rows or not columns:
        return False
    if any(name in chosen for name in columns.values()):
        return True
    return all(row[place].strip().lower() in _MARKS for row in rows if len(row) == len(header) for place in columns)


def read_frame_table(path: Path, text: str, where: str, chosen: Sequence[str] = ()) -> list[Observation]:
    """Return the observation of one film: its behaviors are the columns in `chosen`, else all columns of 0 and 1.

    Raises ContractError for a row that is cut off, other values than 0 and 1, and frames that do not follow each other.
    """
    header, rows = _read(text)
    columns = {place: name for place, name in _columns(header).items() if not chosen or name in chosen}
    if short := next((number for number, row in enumerate(rows, start=2) if len(row) != len(header)), None):
        raise unreadable(where, f"{len(header)} cells in each row", f"{len(rows[short - 2])} in row {short}", "The file may be cut off.")
    first = _first_frame(header, rows, where)
    bouts, complete, notes = [], [], []
    for place, name in columns.items():
        cells = [row[place].strip().lower() for row in rows]
        if strange := next((cell for cell in cells if cell not in _MARKS), None):
            raise unreadable(where, f"0 or 1 in column {name}", repr(strange), "Name the columns of behaviors with --annotated.")
        marks = [_MARKS[cell] for cell in cells]
        if None in marks:
            notes.append(f"{name} is labeled in {len(marks) - marks.count(None)} of {len(marks)} frames: it does not count as annotated.")
        else:
            complete.append(name)
        if name.lower() not in NO_BEHAVIORS:
            bouts += [ForeignBout("", "", name, first + start, first + stop) for start, stop in runs_of_ones(bool(mark) for mark in marks)]
    bouts.sort(key=lambda bout: (bout.start, bout.stop))
    program = "DeepEthogram" if "background" in columns.values() else "a table with a row for each frame"
    return [Observation(path.stem, program, tuple(bouts), True, ethogram=tuple(complete), notes=tuple(notes))]


def _read(text: str, most: int | None = None) -> tuple[list[str], list[list[str]]]:
    first = text.splitlines()[0] if text else ""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    header = [cell.strip() for cell in next(reader, [])]
    rows = []
    for row in reader:
        if row:
            rows.append(row)
        if most and len(rows) >= most:
            break
    return header, rows


def _columns(header: list[str]) -> dict[int, str]:
    """Return the columns of behaviors, by place."""
    return {place: name for place, name in enumerate(header) if name.lower() not in _INDEX}


def _first_frame(header: list[str], rows: list[list[str]], where: str) -> int:
    """Return the frame of the first row, from its index if there is one."""
    if not rows or not header or header[0].lower() not in _INDEX:
        return 0
    try:
        frames = [int(float(row[0])) for row in rows]
    except ValueError:
        return 0
    if any(frame != frames[0] + number for number, frame in enumerate(frames)):
        raise unreadable(where, "a row for each frame, in order", "frames that do not follow each other", "Add the missing rows.")
    return frames[0]
