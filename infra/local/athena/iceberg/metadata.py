"""The metadata of Iceberg tables, read by pyiceberg from the plain files of the store; and which snapshot a query asks for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import Table

from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from pyiceberg.table.snapshots import Snapshot

    from infra.local.athena.trino.scopes import TableVersion

_KEPT = 64
"""Versions of tables whose metadata is kept: a metadata file never changes, each commit writes another one."""
_NEWEST_FORMAT = 2


class StoreFile(InputFile):
    """One object of the store, to be read."""

    def __init__(self, location: str, path: Path) -> None:
        super().__init__(location)
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def exists(self) -> bool:
        """Say whether it is there."""
        return self._path.is_file()

    def open(self, seekable: bool = True) -> InputStream:
        """Open it. Raises FileNotFoundError."""
        return cast(InputStream, open(self._path, "rb"))


class StoreFiles(FileIO):
    """How pyiceberg reads here: objects are plain files, and nothing is written."""

    def __init__(self, local_path: Callable[[str], Path]) -> None:
        super().__init__()
        self._local_path = local_path

    def new_input(self, location: str) -> InputFile:
        """Return an object to be read."""
        return StoreFile(location, self.path(location))

    def new_output(self, location: str) -> OutputFile:
        """Refuse to write."""
        raise PermissionError(f"Expected to read only, but got {location} to write.")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuse to delete."""
        raise PermissionError(f"Expected to read only, but got {location} to delete.")

    def path(self, location: str) -> Path:
        """Return the file behind an address. Raises ServiceError for one that is not on S3."""
        if not location.startswith(("s3://", "s3a://", "s3n://")):
            what = f"Expected metadata of Iceberg that names s3:// addresses, but got {location}"
            raise ServiceError("InvalidRequestException", f"ICEBERG_INVALID_METADATA: {what}. Write the table anew.")
        return self._local_path(location)


class MetadataFiles:
    """Tables by the address of their metadata, each parsed once."""

    def __init__(self, files: StoreFiles) -> None:
        self.files = files
        self._known: OrderedDict[str, Table] = OrderedDict()
        self._lock = threading.Lock()

    def table(self, database: str, name: str, record: dict[str, Any]) -> Table:
        """Return a table as it is now. Raises ServiceError for metadata that is missing, faulty or too new."""
        location = str((record.get("Parameters") or {}).get("metadata_location", ""))
        with self._lock:  # several queries run at once
            if location not in self._known:
                self._known[location] = self._read(database, name, location)
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            return self._known[location]

    def _read(self, database: str, name: str, location: str) -> Table:
        try:
            metadata = FromInputFile.table_metadata(self.files.new_input(location))
        except FileNotFoundError:
            what = f"ICEBERG_MISSING_METADATA: Metadata not found in metadata location for table {database}.{name}"
            raise ServiceError("InvalidRequestException", f"{what}: {location}") from None
        except (ValidationError, ValueError) as error:  # pydantic's errors are ValueErrors
            what = f"ICEBERG_INVALID_METADATA: Invalid metadata file for table {database}.{name}"
            raise ServiceError("InvalidRequestException", f"{what}: {location}: {error}") from None
        if metadata.format_version > _NEWEST_FORMAT:
            what = f"Iceberg table format version {metadata.format_version} of {database}.{name} is not on this disk"
            raise ServiceError("InvalidRequestException", f"NOT_SUPPORTED: {what}. Write it with format version {_NEWEST_FORMAT}.")
        return Table((database, name), metadata, location, self.files, NoopCatalog(database))


def snapshot_of(table: Table, version: TableVersion | None) -> Snapshot | None:
    """Return the snapshot that a query reads; None for a table without any. Raises ServiceError if there is none of that version."""
    if version is None:
        return table.current_snapshot()
    if version.sort == "VERSION":
        found = table.snapshot_by_id(version.value)
        if found is None:
            raise ServiceError("InvalidRequestException", f"INVALID_ARGUMENTS: Iceberg snapshot ID does not exists: {version.value}")
        return found
    found = table.snapshot_as_of_timestamp(version.value)
    if found is None:
        moment = datetime.fromtimestamp(version.value / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        named = ".".join(f'"{part}"' for part in table.name())
        raise ServiceError("InvalidRequestException", f"INVALID_ARGUMENTS: No version history table {named} at or before {moment}")
    return found
