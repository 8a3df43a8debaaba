"""Read tables with a row for each bout: csv in frames or in seconds, the tidy table that this project exports, and raw annotations."""

import csv
import difflib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from aws_pipeline.imports.foreign_bouts import ForeignBout, Observation, one_rate
from aws_pipeline.imports.foreign_pose import unreadable
from behavior.contract import UsageError

_NAMES = {
    "behavior": "behavior behaviour action label event",
    "subject": "agent agent_id subject mouse animal individual",
    "target": "target target_id partner recipient",
    "recording": "recording recording_name video video_id film observation",
    "fps": "fps frames_per_second",
    "annotator": "annotator observer rater",
}
_COLUMN = {spelling: name for name, spellings in _NAMES.items() for spelling in spellings.split()}
_EDGE = re.compile(r"(start|begin|onset|stop|end|offset)(?:[ _]?(?:\(?(frames?|s|sec|secs|seconds|time)\)?))?")
_STARTS = ("start", "begin", "onset")
UNITS = ("frames", "seconds")


def is_bout_table(text: str) -> bool:
    """Return whether a text has a header of such a table."""
    columns, edges = _header(_split(text.splitlines()[0]) if text else [])
    return "behavior" in columns.values() and len({name for name, _ in edges.values()}) == 2


def read_bout_csv(path: Path, text: str, where: str, unit: str | None = None, stop_included: bool = False) -> list[Observation]:
    """Return one observation for each recording in the table. Raises UsageError if nobody says the unit, ContractError for broken rows."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.splitlines()[0]))
    header = [cell.strip() for cell in next(rows)]
    return _observations(path, header, list(rows), where, unit, stop_included)


def read_bout_parquet(path: Path, where: str, unit: str | None = None, stop_included: bool = False) -> list[Observation]:
    """Return the same of a Parquet file: a tidy table, or the raw annotation of one recording."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(where, "a Parquet file", str(error), "Copy it again.") from None
    columns = [["" if value is None else str(value) for value in column.to_pylist()] for column in table.columns]
    return _observations(path, table.column_names, list(map(list, zip(*columns, strict=True))), where, unit, stop_included)


def _observations(
    path: Path, header: list[str], rows: Iterable[list[str]], where: str, unit: str | None, stop_included: bool
) -> list[Observation]:
    columns, edges = _header(header)
    chosen, start, stop = _edges(edges, where, unit)
    if "behavior" not in columns.values():
        near = difflib.get_close_matches("behavior", header, n=1)
        raise unreadable(where, "a column behavior", ", ".join(header), f"Rename column {near[0]}." if near else "Add it.")
    place = {name: number for number, name in reversed(columns.items())}  # of recording and video_id the first one
    one_frame = 1.0 if stop_included and chosen == "frames" else 0.0
    bouts: dict[str, list[ForeignBout]] = defaultdict(list)
    rates = set()
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise unreadable(where, f"{len(header)} cells in each row", f"{len(row)} in row {number}", "The file may be cut off.")
        cell: Mapping[str, str] = {name: row[at].strip() for name, at in place.items()}
        try:
            edge = float(row[start]), float(row[stop]) + one_frame
        except ValueError:
            raise unreadable(where, f"numbers in {header[start]} and {header[stop]}", f"others in row {number}", "Correct it.") from None
        rates.add(cell.get("fps", ""))
        agent, target = (_mouse(cell.get(name, ""), header[place[name]] if name in place else "") for name in ("subject", "target"))
        bouts[cell.get("recording") or path.stem].append(ForeignBout(agent, target, cell["behavior"], *edge, cell.get("annotator", "")))
    fps = one_rate(";".join(rates))
    return [
        Observation(name, "a table of bouts", tuple(own), chosen == "frames", fps=fps, annotator=_only({bout.annotator for bout in own}))
        for name, own in bouts.items()
    ]


def _header(header: list[str]) -> tuple[dict[int, str], dict[int, tuple[str, str]]]:
    """Return the columns with a known meaning, and those of starts and stops with their units (empty if the name says none)."""
    columns, edges = {}, {}
    for place, name in enumerate(header):
        key = name.strip().lower()
        if key in _COLUMN:
            columns[place] = _COLUMN[key]
        elif edge := _EDGE.fullmatch(key):
            unit = "" if not edge[2] else "frames" if edge[2].startswith("frame") else "seconds"
            edges[place] = ("start" if edge[1] in _STARTS else "stop", unit)
    return columns, edges


def _edges(edges: dict[int, tuple[str, str]], where: str, unit: str | None) -> tuple[str, int, int]:
    """Return the unit and the columns of start and stop: those in the unit that is asked for, else frames, else seconds."""
    for wanted in (unit,) if unit else UNITS:
        found = {name: place for place, (name, own) in reversed(edges.items()) if own in (wanted, "") and (own or unit)}
        if len(found) == 2:
            return str(wanted), found["start"], found["stop"]
    if unit is None and len({name for name, own in edges.values() if not own}) == 2:
        message = "Expected columns such as start_frame or start_s, but got start and stop without a unit."
        raise UsageError(f"{where}: {message} Give --unit frames or --unit seconds.")
    raise unreadable(where, f"columns with start and stop in {unit or 'frames or seconds'}", "others", "Rename the columns.")


def _only(names: set[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def _mouse(name: str, column: str) -> str:
    """Return a subject; numbers in the columns of raw annotations are those of mice."""
    return f"mouse{name}" if column.endswith("_id") and name.isdigit() else name


def _delimiter(first: str) -> str:
    return max(",;\t", key=first.count)


def _split(first: str) -> list[str]:
    return [cell.strip().strip('"') for cell in first.split(_delimiter(first))]
