"""Query results as Athena leaves them: values as text, the CSV with its quotes, and pages of it read back."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from behavior.whole_file import whole_file
from infra.local.athena.trino.java_text import java_number
from infra.local.athena.trino.kinds import Kind, is_decimal

_PRECISION = {"varchar": 2147483647, "bigint": 19, "integer": 10, "smallint": 5, "tinyint": 3, "double": 17, "real": 17, "timestamp": 3}
_NAMES = {"real": "float"}
"""Types that a result names otherwise than Trino does."""
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)')


def _strings(texts: Iterable[str | None]) -> pa.Array:
    """Return texts as Arrow's. `pa.array` and `pa.scalar` import pandas, to ask whether they got an object of it: 0.2 s in each process."""
    builder = pa.lib.StringBuilder()
    builder.append_values(texts)
    return builder.finish()


_QUOTE, _COMMA, _BLANK, _NOTHING, _UTC = _strings(['"', ",", " ", "", "UTC"])


def column_info(name: str, kind: Kind) -> dict[str, Any]:
    """Describe one result column."""
    precision, scale = kind.numbers if is_decimal(kind) else (_PRECISION.get(kind.name, 0), 0)
    if kind.name == "varchar" and kind.numbers:
        (precision,) = kind.numbers
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": name,
        "Label": name,
        "Type": _NAMES.get(kind.name, kind.name),
        "Precision": precision,
        "Scale": scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": kind.name == "varchar",
    }


def write_csv(path: Path, columns: Sequence[tuple[str, Kind]], batches: Iterable[pa.RecordBatch]) -> None:
    """Write a result: every value quoted, a missing one as nothing at all; readers see the whole file or none."""
    with _whole_file(path) as out:
        out.write((",".join(_quoted(name) for name, _ in columns) + "\n").encode())
        for batch in batches:
            cells = [_cells(column, kind) for column, (_, kind) in zip(batch.columns, columns, strict=True)]
            lines = pc.binary_join_element_wise(*cells, _COMMA).to_pylist()
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


def _cells(column: pa.Array, kind: Kind) -> pa.Array:
    """Return a column as quoted text, empty for nulls."""
    texts = texts_of(column, kind)
    quoted = pc.binary_join_element_wise(_QUOTE, pc.replace_substring(texts, '"', '""'), _QUOTE, _NOTHING)
    return pc.fill_null(quoted, _NOTHING)


def texts_of(column: pa.Array, kind: Kind) -> pa.Array:
    """Return the values of a column as Athena prints them."""
    return _nested_texts(column, kind) if kind.inside else _texts(column)


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_floating(kind):
        return _strings(None if text is None else java_number(text) for text in pc.cast(column, pa.string()).to_pylist())
    if pa.types.is_timestamp(kind):
        naive = pc.cast(pc.cast(column, pa.timestamp("ms", kind.tz), safe=False), pa.timestamp("ms"))
        text = pc.cast(naive, pa.string())
        return pc.binary_join_element_wise(text, _UTC, _BLANK) if kind.tz else text
    simple = pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind)
    if simple or pa.types.is_date(kind) or pa.types.is_large_string(kind):
        return pc.cast(column, pa.string())
    return _strings(None if value is None else _plain_text(value) for value in column.to_pylist())


def _plain_text(value: object) -> str:
    return value.hex(" ") if isinstance(value, bytes) else str(value)


def _nested_texts(column: pa.Array, kind: Kind) -> pa.Array:
    return _strings(None if value is None else _text(value, kind) for value in column.to_pylist())


def _text(value: Any, kind: Kind) -> str:
    """Return a value inside an array, map or row, or one of a rare type, as Athena prints it."""
    if value is None:
        return "null"
    if kind.name == "array":
        return "[" + ", ".join(_text(item, kind.inside[0]) for item in value) + "]"
    if kind.name == "map":
        key, content = kind.inside
        return "{" + ", ".join(f"{_text(name, key)}={_text(item, content)}" for name, item in value) + "}"
    if kind.name == "row":
        pairs = zip(value.items(), kind.inside, strict=True)
        return "{" + ", ".join(f"{name}={_text(item, each)}" for (name, item), each in pairs) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return java_number(_shortest(value, kind))
    if isinstance(value, datetime.datetime):
        zone = " UTC" if kind.name == "timestamp with time zone" else ""
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}{zone}"
    return value.hex(" ") if isinstance(value, bytes) else str(value)


def _shortest(value: float, kind: Kind) -> str:
    """Return the fewest digits that tell a number from its neighbors, of which a real has fewer than a double."""
    return str(pc.cast(pa.scalar(value, pa.float32()), pa.string())) if kind.name == "real" else repr(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
