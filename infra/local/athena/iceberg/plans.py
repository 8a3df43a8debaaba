"""Which files a query reads of an Iceberg table at a snapshot. A snapshot never changes, so its answers are remembered: it takes longer to
read its manifests than to do all the rest before the query.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyiceberg.manifest import DataFile, FileFormat

from infra.local.athena.iceberg.pruning import row_filter
from infra.local.athena.trino.limits import Limits
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from infra.local.athena.iceberg.metadata import StoreFiles

_MOST_FILES = 100_000
"""Of all plans that are remembered, together."""


@dataclass(frozen=True)
class PlannedFile:
    """One data file, and where its bytes are."""

    data: DataFile
    path: Path


class Plans:
    """The files of tables by snapshot and limits; those asked for last are remembered."""

    def __init__(self, files: StoreFiles, most_files: int = _MOST_FILES) -> None:
        self._files = files
        self._most = most_files
        self._known: OrderedDict[tuple[str, int, tuple[Limits, ...]], Sequence[PlannedFile]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, table: Table, schema: Schema, snapshot: Snapshot, limits: Sequence[Limits]) -> Sequence[PlannedFile]:
        """Return the files that may hold rows within limits. Raises ServiceError for what is not on this disk."""
        key = (table.metadata_location, snapshot.snapshot_id, tuple(limits))
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = tuple(self._planned(table, schema, snapshot, limits))
        with self._lock:
            self._known[key] = found
            while len(self._known) > 1 and sum(map(len, self._known.values())) > self._most:
                self._known.popitem(last=False)
        return found

    def __len__(self) -> int:
        """Return how many plans are known."""
        return len(self._known)

    def _planned(self, table: Table, schema: Schema, snapshot: Snapshot, limits: Sequence[Limits]) -> Iterator[PlannedFile]:
        newest = table.schema()
        names = {
            field.name.lower(): newest.find_field(field.field_id).name
            for field in schema.fields
            if field.field_id in newest.field_ids  # a limit is looked up in the newest schema, also for an old snapshot
        }
        named = ".".join(table.name())
        for task in table.scan(row_filter(limits, names), snapshot_id=snapshot.snapshot_id).plan_files():
            if task.delete_files:
                what = f"row-level deletes, as {named} has them, are not on this disk"
                raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: {what}. Rewrite its data files.")
            if task.file.file_format != FileFormat.PARQUET:
                what = f"the format {task.file.file_format.name} of {task.file.file_path} is not on this disk"
                raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: {what}. Write Parquet.")
            yield PlannedFile(task.file, self._files.path(task.file.file_path))
