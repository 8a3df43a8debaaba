"""Read DeepLabCut's tables, csv and h5, of one or several animals; Lightning Pose, Anipose (2-D) and DeepLabCut's tracklets share them.

A csv has three header rows, scorer, bodyparts, coords, or four with individuals. Cells are found by their names, never by their place.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from aws_pipeline.imports.foreign_pose import EXPORT_AGAIN, ForeignPose, unreadable
from behavior.contract import ContractError, Fault

_WHAT = "a table of tracks as DeepLabCut writes it"
NO_ANIMAL = "single"
"""DeepLabCut's name for the points of a multi-animal project that belong to no animal, such as corners of the arena."""
_ONE_ANIMAL = "mouse"
_MOST_HEADER = 6
"""Rows in which the header must end."""
_COORDS = ("x", "y", "likelihood")


@dataclass(frozen=True)
class _Columns:
    """The header of a table, by column."""

    scorer: str
    animals: tuple[str, ...]
    bodyparts: tuple[str, ...]
    coords: tuple[str, ...]


def read_csv_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read a csv. Raises ContractError for one that is cut off, has unnamed columns, or holds training labels."""
    data = path.read_bytes()
    head = data.split(b"\n", _MOST_HEADER)[:_MOST_HEADER]  # the rest is numbers, and may be large
    try:
        lines = [line.decode("utf-8-sig").rstrip("\r") for line in head]
    except UnicodeDecodeError:
        lines = [line.decode("cp1252").rstrip("\r") for line in head]  # what Excel writes on Windows
    delimiter = max(",;\t", key=lines[0].count)
    n_header = next((n for n, line in enumerate(lines, start=1) if line.lower().startswith(f"coords{delimiter}")), 0)
    if not n_header:
        raise unreadable(where, _WHAT, "no row that begins with coords in its header")
    header = list(csv.reader(lines[:n_header], delimiter=delimiter))
    width = len(header[-1])
    if wrong := [row[0] for row in header if len(row) != width]:
        raise unreadable(where, _WHAT, f"{wrong[0]} with another number of cells than coords")
    columns = _columns({row[0].strip().lower(): row[1:] for row in header}, where)
    notes = () if data.endswith((b"\n", b"\r")) else ("The last row has no line end: the file may be cut off there.",)
    if n_header < len(lines) and re.fullmatch(rf"\D+{re.escape(delimiter)}*", lines[n_header]):
        n_header += 1  # pandas writes the name of the index into a row of its own
    body = data[sum(len(line) + 1 for line in head[:n_header]) :]
    values = _values(body, n_header, width, delimiter, where)
    return [_pose(path, where, columns, values[0], values[1:], notes)]


def read_h5_pose(path: Path, where: str) -> list[ForeignPose]:
    """Read an h5. Raises ContractError for a table of something else."""
    import pandas as pd

    try:
        with pd.HDFStore(path, mode="r") as store:
            tables = [store[key] for key in store.keys()]  # noqa: SIM118  (a store is no dict)
    except Exception as error:  # PyTables has an exception of its own for each kind of damage
        raise unreadable(where, _WHAT, f"a file that PyTables cannot read: {error}") from None
    tables = [table for table in tables if {"bodyparts", "coords"} <= {str(name) for name in table.columns.names}]
    if len(tables) != 1:
        raise unreadable(where, _WHAT, f"{len(tables)} tables with bodyparts and coords")
    (table,) = tables
    levels = {str(name): table.columns.get_level_values(str(name)).astype(str).tolist() for name in table.columns.names}
    index = np.array([_frame(value, where) for value in table.index], np.int64)
    return [_pose(path, where, _columns(levels, where), index, table.to_numpy(np.float64).T)]


def _columns(rows: dict[str, list[str]], where: str) -> _Columns:
    """Return the header from its rows by name. Raises ContractError for 3-D, and for columns without a name."""
    bodyparts, coords = (tuple(cell.strip() for cell in rows.get(name, ())) for name in ("bodyparts", "coords"))
    animals = tuple(cell.strip() for cell in rows.get("individuals", [_ONE_ANIMAL] * len(coords)))
    if not bodyparts or not coords:
        raise unreadable(where, _WHAT, "no row of bodyparts or coords in its header")
    if "z" in coords:
        raise unreadable(where, "2-D tracks", "a coordinate z", "Import the 2-D tracks of one camera.")
    without = [str(number) for number, cells in enumerate(zip(animals, bodyparts, coords, strict=True), start=2) if not all(cells)]
    if without:
        raise unreadable(where, "a name over each column", f"none over column {', '.join(without)}", "Name these columns.")
    return _Columns(next(iter(rows.get("scorer", [])), "").strip(), animals, bodyparts, coords)


def _values(body: bytes, n_header: int, width: int, delimiter: str, where: str) -> list[np.ndarray]:
    """Return the columns of a csv below its header; the first one holds frame numbers."""
    names = [str(number) for number in range(width)]
    how = pa_csv.ConvertOptions(column_types={**dict.fromkeys(names, pa.float64()), "0": pa.string()}, null_values=["", "nan", "NaN"])
    if not body.strip():
        return [np.empty(0, np.int64), *(np.empty(0) for _ in names[1:])]
    try:
        table = pa_csv.read_csv(pa.py_buffer(body), pa_csv.ReadOptions(column_names=names), pa_csv.ParseOptions(delimiter=delimiter), how)
    except pa.ArrowInvalid as error:
        row = re.search(r"[Rr]ow #(\d+)", str(error))
        at = f" (row {int(row[1]) + n_header} of the file)" if row else ""
        raise unreadable(
            where,
            f"{width} numbers in each row",
            f"{str(error).partition(': ')[2] or error}{at}",
            f"The file may be cut off. {EXPORT_AGAIN}",
        ) from None
    frames = np.array([_frame(value, where) for value in table.column("0").to_pylist()], np.int64)
    return [frames, *(table.column(name).to_numpy() for name in names[1:])]


def _frame(value: object, where: str) -> int:
    """Return a frame number. Raises ContractError for the name of an image, which training labels have in its place."""
    try:
        number = float(value)  # type: ignore[arg-type]
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    if isinstance(value, tuple) or (isinstance(value, str) and re.search(r"labeled-data|\.(png|jpg)", value)):
        raise unreadable(where, "tracks", f"labels for training (image {value!r})", "Analyze the film, and import the result.")
    raise unreadable(where, "a frame number in the first column", repr(value))


def _pose(
    path: Path, where: str, columns: _Columns, frames: np.ndarray, values: "list[np.ndarray] | np.ndarray", notes: tuple[str, ...] = ()
) -> ForeignPose:
    """Return the pose of one file from its columns."""
    place = {}
    for number, cell in enumerate(zip(columns.animals, columns.bodyparts, columns.coords, strict=True)):
        if cell in place:
            raise ContractError(
                Fault("column-repeated", where, f"Expected each column once, but got {' '.join(cell)} again.", EXPORT_AGAIN)
            )
        place[cell] = number
    animals = tuple(name for name in dict.fromkeys(columns.animals) if name != NO_ANIMAL)
    bodyparts = tuple(dict.fromkeys(part for one, part in zip(columns.animals, columns.bodyparts, strict=True) if one != NO_ANIMAL))
    if NO_ANIMAL in columns.animals:
        things = dict.fromkeys(part for one, part in zip(columns.animals, columns.bodyparts, strict=True) if one == NO_ANIMAL)
        notes += (f"Left out, because they belong to no animal ({NO_ANIMAL}): {', '.join(things)}.",)
    if strange := sorted({name for name in columns.coords if name not in _COORDS}):
        notes += (f"Not read: {', '.join(strange)}.",)
    dense = np.full((3, len(animals), len(bodyparts), len(frames)), np.nan, np.float32)
    for (animal, part, coord), number in place.items():
        if animal != NO_ANIMAL and coord in _COORDS:
            dense[_COORDS.index(coord), animals.index(animal), bodyparts.index(part)] = values[number]
    if half := [part for part in bodyparts if not any((one, part, axis) in place for one in animals for axis in "xy")]:
        raise unreadable(where, "x and y of each bodypart", f"neither for {', '.join(half)}")
    xy, likelihood = dense[:2], dense[2]
    lost = (xy == 0).all(axis=0) & (likelihood == 0)  # so multi-animal tables say that a point was not found
    lost |= np.isnan(xy).any(axis=0)
    xy[:, lost] = np.nan
    stem = path.stem
    scorer = re.sub(r"\.\d+$", "", columns.scorer)
    name = stem[: stem.index(scorer)].rstrip("_-. ") if scorer and stem.find(scorer) > 0 else stem
    known = likelihood if "likelihood" in columns.coords else None
    program = "Lightning Pose" if scorer.endswith("_tracker") else "DeepLabCut"
    return ForeignPose(name, f"{program} {scorer}".strip(), animals, bodyparts, frames, xy, known, notes=notes)
