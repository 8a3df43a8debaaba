"""The Glue catalog as Athena uses it: tables looked up, their registered partitions found on the disk, new ones registered."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.athena.catalog_tables import CatalogTable
from infra.local.athena.files import FooterCache, Partition, data_files, key_folders
from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.scopes import TableUse, TableVersion
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from infra.local.athena.iceberg.iceberg_catalog import IcebergCatalog
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.object_store import ObjectStore


class AnyTable(Protocol):
    """A table as queries read it."""

    database: str
    name: str
    record: dict[str, Any]

    @property
    def kinds(self) -> dict[str, Kind]:
        """Return column -> type."""

    @property
    def keys(self) -> Collection[str]:
        """Return the columns by which it is partitioned."""

    def rows(self, connection: DuckDBPyConnection, use: TableUse) -> tuple[str, int]:
        """Return a SELECT that DuckDB reads the rows with, and the bytes that Athena would read. Raises ServiceError."""


class Catalog:
    """Looks tables up in the Glue catalog and finds their files."""

    def __init__(self, store: ObjectStore, control: ControlPlane) -> None:
        self.store = store
        self.control = control
        self.footers = FooterCache()

    def table(self, database: str, name: str, version: TableVersion | None = None) -> AnyTable:
        """Return a table. Raises ServiceError: EntityNotFoundException, or for a version of a table that has none."""
        whole, _, part = name.partition("$")
        record = self.record(database, whole)
        if is_iceberg(record):
            return self.iceberg.table(database, whole, record, part, version)
        if part:
            raise ServiceError("EntityNotFoundException", f"Table {name} not found.")
        if version is not None:
            raise ServiceError("InvalidRequestException", "NOT_SUPPORTED: This connector does not support versioned tables")
        return self.hive_table(database, name, record)

    @cached_property
    def iceberg(self) -> IcebergCatalog:
        """Return what reads Iceberg tables; its imports take a quarter of a second."""
        from infra.local.athena.iceberg.iceberg_catalog import IcebergCatalog

        return IcebergCatalog(self.store, self.footers)

    def hive_table(self, database: str, name: str, record: dict[str, Any]) -> CatalogTable:
        """Return a table of Hive's by what the catalog says of it."""
        return CatalogTable(database, name, record, self._partitions(database, name, record), self.store.root, self.footers)

    def record(self, database: str, name: str) -> dict[str, Any]:
        """Return what the catalog says of a table. Raises ServiceError with EntityNotFoundException."""
        found: dict[str, Any] = self.glue("GetTable", {"DatabaseName": database, "Name": name.lower()})["Table"]
        return found

    def has(self, database: str, name: str) -> bool:
        """Say whether there is such a table."""
        try:
            self.record(database, name)
        except ServiceError as error:
            if error.code != "EntityNotFoundException":
                raise
            return False
        return True

    def glue(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call Glue. Raises ServiceError."""
        ask = self.control.recall if operation.startswith("Get") else self.control.invoke
        return ask("glue", operation, request)

    def registered(self, database: str, name: str) -> Iterator[dict[str, Any]]:
        """Yield the partitions that the catalog has of a table."""
        request = {"DatabaseName": database, "TableName": name}
        while True:
            answer = self.glue("GetPartitions", request)
            yield from answer["Partitions"]
            if not answer.get("NextToken"):
                return
            request["NextToken"] = answer["NextToken"]

    def tables(self, database: str) -> Iterator[dict[str, Any]]:
        """Yield what the catalog says of the tables and views of a database."""
        request = {"DatabaseName": database}
        while True:
            answer = self.glue("GetTables", request)
            yield from answer["TableList"]
            if not answer.get("NextToken"):
                return
            request["NextToken"] = answer["NextToken"]

    def register_folders(self, database: str, name: str) -> list[str]:
        """Register the partitions whose folders exist but which the catalog lacks; return the folders' names."""
        record = self.record(database, name)
        keys = [key["Name"] for key in record.get("PartitionKeys") or []]
        if not keys:
            return []
        storage = record["StorageDescriptor"]
        location = storage["Location"].rstrip("/")
        top = self.store.local_path(location)
        known = {tuple(partition["Values"]) for partition in self.registered(database, name)}
        fresh = {folder.relative_to(top).as_posix(): values for values, folder in key_folders(top, keys) if values not in known}
        inputs = [{"Values": [*values], "StorageDescriptor": {**storage, "Location": f"{location}/{at}/"}} for at, values in fresh.items()]
        for start in range(0, len(inputs), 100):  # as many as one request may hold
            batch = {"DatabaseName": database, "TableName": name, "PartitionInputList": inputs[start : start + 100]}
            self.glue("BatchCreatePartition", batch)
        return list(fresh)

    def _partitions(self, database: str, name: str, record: dict[str, Any]) -> list[Partition]:
        location = (record.get("StorageDescriptor") or {}).get("Location")
        if not location:
            return []
        keys = [key["Name"] for key in record.get("PartitionKeys") or []]
        if not keys:
            folder = self.store.local_path(location)
            return [Partition((), folder, data_files(folder))]
        if (record.get("Parameters") or {}).get("projection.enabled") == "true":
            return [Partition(values, folder, data_files(folder)) for values, folder in key_folders(self.store.local_path(location), keys)]
        found = []
        for partition in self.registered(database, name):
            folder = self.store.local_path(partition["StorageDescriptor"]["Location"])
            found.append(Partition(tuple(partition["Values"]), folder, data_files(folder)))
        return found


def columns_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of a table; of an Iceberg table the catalog also remembers those that it had once."""
    columns = [*((record.get("StorageDescriptor") or {}).get("Columns") or []), *(record.get("PartitionKeys") or [])]
    return [column for column in columns if (column.get("Parameters") or {}).get("iceberg.field.current") != "false"]


def is_iceberg(record: dict[str, Any]) -> bool:
    """Say whether a record of the catalog is that of an Iceberg table."""
    return str((record.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"
