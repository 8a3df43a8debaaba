"""Query results as Athena leaves them: values as text, the CSV with its quotes, and pages of it read back."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from behavior.whole_file import whole_file
from infra.local.athena.dialect import athena_type

_PRECISION = {"varchar": 2147483647, "bigint": 19, "integer": 10, "smallint": 5, "tinyint": 3, "double": 17, "float": 17, "timestamp": 3}
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)')


def column_info(name: str, duckdb_name: str) -> dict[str, Any]:
    """Describe one result column."""
    kind = athena_type(duckdb_name)
    precision, scale = _PRECISION.get(kind, 0), 0
    if found := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb_name):
        precision, scale = int(found[1]), int(found[2])
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": kind,
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind == "varchar",
    }


def write_csv(path: Path, names: Sequence[str], batches: Iterable[pa.RecordBatch]) -> None:
    """Write a result: every value quoted, a missing one as nothing at all; readers see the whole file or none."""
    with _whole_file(path) as out:
        out.write((",".join(_quoted(name) for name in names) + "\n").encode())
        for batch in batches:
            cells = [_cells(column) for column in batch.columns]
            lines = pc.binary_join_element_wise(*cells, ",").to_pylist()
            out.write("".join(f"{line}\n" for line in lines).encode())


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write the plain text that a statement without rows leaves."""
    with _whole_file(path) as out:
        out.write("".join(f"{line}\n" for line in lines).encode())


def read_page(path: Path, offset: int, limit: int) -> tuple[list[list[str | None]], int | None]:
    """Read up to `limit` rows of a result from a byte offset; return them and where the next page begins."""
    rows: list[list[str | None]] = []
    plain = path.suffix == ".txt"
    with open(path, "rb") as source:
        source.seek(offset)
        while len(rows) < limit:
            record = source.readline()
            while not plain and record.count(b'"') % 2:
                record += source.readline()
            if not record:
                return rows, None
            text = record.decode()
            rows.append(list(text.rstrip("\n").split("\t")) if plain else _cells_of(text))
        position = source.tell()
        return rows, position if source.read(1) else None


@contextlib.contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when it is complete, and not at all if that fails."""
    with whole_file(path) as draft, open(draft, "wb") as handle:
        yield handle


def _cells_of(record: str) -> list[str | None]:
    cells: list[str | None] = []
    for match in _CELL.finditer(record):
        cells.append(match[1].replace('""', '"') if match[1] is not None else None)
        if match[3] != ",":
            break
    return cells


def _cells(column: pa.Array) -> pa.Array:
    """Return a column as quoted text, empty for nulls."""
    texts = _texts(column)
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.fill_null(quoted, "")


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_floating(kind):
        return pa.array([None if text is None else _java_number(text) for text in pc.cast(column, pa.string()).to_pylist()], pa.string())
    if pa.types.is_timestamp(kind):
        naive = pc.cast(pc.cast(column, pa.timestamp("ms", kind.tz), safe=False), pa.timestamp("ms"))
        text = pc.cast(naive, pa.string())
        return pc.binary_join_element_wise(text, "UTC", " ") if kind.tz else text
    simple = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind)
    if simple or pa.types.is_date(kind) or pa.types.is_large_string(kind):
        return pc.cast(column, pa.string())
    return pa.array([None if value is None else _text(value) for value in column.to_pylist()], pa.string())


def _text(value: object) -> str:
    """Return a value inside an array, map or row, or one of a rare type, as Athena prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _java_number(repr(value))
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):  # a map
        return "{" + ", ".join(f"{_text(key)}={_text(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    return str(value)


def _java_number(text: str) -> str:
    """Rewrite a float as Java, and so Athena, prints it: 1.0E7, 0.001, 1.0E-4, NaN, Infinity."""
    value = float(text)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        plain = f"{decimal.Decimal(text):f}"
        return plain if "." in plain else f"{plain}.0"
    sign, digits, exponent = decimal.Decimal(text).normalize().as_tuple()
    shown = "".join(map(str, digits))
    return f"{'-' if sign else ''}{shown[0]}.{shown[1:] or '0'}E{int(exponent) + len(shown) - 1}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
