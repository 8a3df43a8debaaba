"""Iceberg tables of the catalog: the table itself at one of its versions, or one of its metadata tables; and what a table is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from infra.local.athena.files import FooterCache
from infra.local.athena.iceberg.iceberg_table import IcebergTable
from infra.local.athena.iceberg.metadata import MetadataFiles, StoreFiles, snapshot_of
from infra.local.athena.iceberg.metadata_tables import MetadataTable, is_metadata_table
from infra.local.athena.iceberg.plans import Plans
from infra.local.athena.trino.scopes import TableVersion
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.s3.object_store import ObjectStore


class IcebergCatalog:
    """Reads Iceberg tables by what the catalog says of them."""

    def __init__(self, store: ObjectStore, footers: FooterCache) -> None:
        self.store = store
        self.footers = footers
        self.files = StoreFiles(store.local_path)
        self.metadata = MetadataFiles(self.files)
        self.plans = Plans(self.files)

    def table(
        self, database: str, name: str, record: dict[str, Any], part: str = "", version: TableVersion | None = None
    ) -> IcebergTable | MetadataTable:
        """Return a table, or the metadata table that `part` names. Raises ServiceError if there is none of that name or version."""
        table = self.metadata.table(database, name, record)
        if not part:
            return IcebergTable(database, name, record, table, snapshot_of(table, version), self.plans, self.store.root, self.footers)
        if not is_metadata_table(part):
            raise ServiceError("EntityNotFoundException", f"Table {name}${part} not found.")
        if version is not None:
            raise ServiceError(
                "InvalidRequestException", f"NOT_SUPPORTED: a version of the metadata table {name}${part} is not on this disk."
            )
        return MetadataTable(database, f"{name}${part}", record, table, part)

    def partition_fields(self, database: str, name: str, record: dict[str, Any]) -> list[tuple[str, str, str]]:
        """Return (name, transform, column) of what a table is partitioned by now."""
        table = self.metadata.table(database, name, record)
        columns = {field.field_id: field.name for field in table.schema().fields}
        return [(field.name, str(field.transform), columns[field.source_id]) for field in table.spec().fields]

    def addresses(self, database: str, name: str, record: dict[str, Any]) -> Iterator[str]:
        """Yield the address of every object that a table is made of, in any of its snapshots: data, manifests and metadata."""
        table = self.metadata.table(database, name, record)
        manifests = {}
        for snapshot in table.snapshots():
            yield snapshot.manifest_list
            manifests.update({manifest.manifest_path: manifest for manifest in snapshot.manifests(self.files)})
        files = {
            entry.data_file.file_path
            for each in manifests.values()
            for entry in each.fetch_manifest_entry(self.files, discard_deleted=False)
        }
        yield from sorted(files)
        yield from manifests
        yield from (entry.metadata_file for entry in table.metadata.metadata_log)
        yield table.metadata_location
