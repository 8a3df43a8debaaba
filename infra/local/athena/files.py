"""The files behind a table: which of a folder's count, which folders are partitions, which of those a query needs; and Parquet footers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from infra.local.athena.trino.kinds import Kind, duckdb_type, quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HIDDEN = ("_", ".")
"""First characters of file names that Hive, and so Athena, does not read."""
_FEW = 1000
"""So many more footers than there were are remembered before anybody looks which files are gone."""
_FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True)
class Partition:
    """One registered folder of a table; a table without partition keys is one partition without values."""

    values: tuple[str, ...]
    folder: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Footer:
    """What a Parquet file says of itself."""

    columns: tuple[str, ...]
    stored_bytes: dict[str, int]
    """Column (lower case) -> bytes of its chunks."""
    ids: dict[int, str]
    """Field id of Iceberg -> column (lower case); nothing for a file that was not written for Iceberg."""


class FooterCache:
    """Footers of Parquet files, read once for as long as a file keeps its size and time.

    Those of files that are gone are forgotten now and then: the lake never changes a file, so each night brings other ones.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], Footer]] = {}
        self._most = _FEW

    def of(self, path: Path) -> Footer:
        """Return a file's footer."""
        status = os.stat(path)
        version = (status.st_size, status.st_mtime_ns)
        known = self._known.get(path)
        if known is None or known[0] != version:
            known = self._known[path] = (version, _read_footer(path))
            if len(self._known) > self._most:
                self._known = {each: footer for each, footer in list(self._known.items()) if each.exists()}
                self._most = 2 * len(self._known) + _FEW
        return known[1]

    def __len__(self) -> int:
        """Return how many footers are known."""
        return len(self._known)


def data_files(folder: Path) -> tuple[Path, ...]:
    """Return the data files below a folder, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        found += [Path(parent, name) for name in names if not name.startswith(HIDDEN)]
    return tuple(sorted(found))


def key_folders(folder: Path, keys: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Yield (values, folder) of each folder `key1=a/key2=b` below `folder`."""
    if not keys:
        yield (), folder
        return
    for below in sorted(folder.glob(f"{keys[0]}=*")):
        if below.is_dir():
            for values, deepest in key_folders(below, keys[1:]):
                yield (unquote(below.name.partition("=")[2]), *values), deepest


def partitions_left(
    connection: DuckDBPyConnection,
    alias: str,
    conditions: Sequence[str],
    keys: Mapping[str, Kind],
    values: Sequence[tuple[str | None, ...]],
) -> list[int]:
    """Return which partitions, by their place in `values`, are left by conditions on keys alone of a table of that alias."""
    if not values:
        return []
    names = ", ".join(map(quote, keys))
    marks = ", ".join(f"CAST(? AS {duckdb_type(kind)})" for kind in keys.values())
    rows = ", ".join(f"({number}, {marks})" for number in range(len(values)))
    where = " AND ".join(conditions)
    sql = f'SELECT "$number" FROM (VALUES {rows}) AS {alias}("$number", {names}) WHERE {where}'
    return [number for (number,) in sorted(connection.execute(sql, [value for row in values for value in row]).fetchall())]


def _read_footer(path: Path) -> Footer:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    stored: dict[str, int] = {}
    names = [metadata.schema.column(number).path.partition(".")[0].lower() for number in range(metadata.num_columns)]
    for group in range(metadata.num_row_groups):
        chunks = metadata.row_group(group)
        for number, name in enumerate(names):
            stored[name] = stored.get(name, 0) + chunks.column(number).total_compressed_size
    columns = metadata.schema.to_arrow_schema()
    ids = {int(field.metadata[_FIELD_ID]): field.name.lower() for field in columns if _FIELD_ID in (field.metadata or {})}
    return Footer(tuple(f"{field.name} {field.type}" for field in columns), stored, ids)
