"""Iceberg tables of the lake: created from behavior/tables.py, opened with their lists of objects, and committed.

Only the driver of a job uses this; workers write objects. `lab_id` is nowhere in the objects: it is in the partition of an entry of the
table, and in the key. The metadata of a table lie outside its folder. See docs/decisions/0016.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NoSuchIcebergTableError,
    NoSuchNamespaceError,
    NoSuchPropertyException,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as Handle
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.update import AssertRefSnapshotId
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import BinaryType, BooleanType, DoubleType, FloatType, IcebergType, IntegerType, LongType, NestedField, StringType

from aws_pipeline.glue_catalog import connect, metadata_location
from aws_pipeline.lake import WrittenObject
from aws_pipeline.manifests import change_of
from behavior.contract import UsageError
from behavior.keys import ICEBERG, object_of
from behavior.table import NAME, TEXT, Table, doc

_TYPES: dict[pa.DataType, IcebergType] = {
    pa.int32(): IntegerType(),
    pa.int64(): LongType(),
    pa.float32(): FloatType(),
    pa.float64(): DoubleType(),
    pa.bool_(): BooleanType(),
    pa.binary(): BinaryType(),
    TEXT: StringType(),
    NAME: StringType(),
}
_THREADS = 12
_BOUNDED = ("video_id", "mouse_id", "video_frame")
"""Columns with bounds in the entries of a table, by which a query skips objects; bounds of others would prune nothing."""
_PROPERTIES = {
    "write.metadata.metrics.default": "none",
    **{f"write.metadata.metrics.column.{name}": "full" for name in _BOUNDED},
    "commit.retry.num-retries": "0",  # a run whose tables were changed by another one plans anew
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "5",
}


class CommitConflictError(RuntimeError):
    """Another run has committed to a table since it was opened: plan anew, with the tables as they are now."""


@dataclass(frozen=True)
class LakeTable:
    """A table as it was when it was opened. A commit fails if another run has committed since then."""

    table: Table
    zone: str
    handle: Handle
    entries: Mapping[str, DataFile]
    """Key -> entry, for every object of the current snapshot."""

    def is_newest(self) -> bool:
        """Return whether nobody has changed the table since it was opened or committed."""
        return metadata_location(".".join(self.handle.name())) == self.handle.metadata_location

    @property
    def column_ids(self) -> dict[str, int]:
        """Iceberg's number of each column."""
        return {field.name: field.field_id for field in self.handle.schema().fields}

    @property
    def snapshot_id(self) -> int | None:
        """Its current snapshot; None if nothing was ever committed."""
        snapshot = self.handle.current_snapshot()
        return snapshot.snapshot_id if snapshot else None

    def commit(
        self, new: Iterable[WrittenObject], gone: Iterable[str], tag: str | None = None, expired: "Expired | None" = None
    ) -> "LakeTable":
        """Add and remove objects in one snapshot, tag it, and forget expired snapshots, all in one change of the catalog.

        Return the table as it is then.

        Raises CommitConflictError if another run has committed to the table since it was opened.
        """
        entries, removed = {one.key: self._entry(one) for one in new}, {key: self.entries[key] for key in gone}
        if not entries and not removed and not tag and not expired:
            return self
        try:
            with self.handle.transaction() as transaction:
                if entries or removed:
                    with change_of(transaction, {"run": tag or ""}) as change:
                        for entry in removed.values():
                            change.delete_data_file(entry)
                        for entry in entries.values():
                            change.append_data_file(entry)
                else:  # a tag alone would fit any state; pyiceberg takes only the first requirement about snapshots, so this one is first
                    transaction._apply((), (_unchanged(self.snapshot_id),))
                current = transaction.table_metadata.current_snapshot()
                if tag and current and tag not in transaction.table_metadata.refs:
                    ManageSnapshots(transaction).create_tag(current.snapshot_id, tag).commit()
                if expired:
                    expired.forget(transaction, tag)
        except CommitFailedException as error:
            raise CommitConflictError(f"Expected to commit to {self.table.name}, but got: {error}") from error
        stay = {key: entry for key, entry in self.entries.items() if key not in removed}
        return replace(self, entries={**stay, **entries})

    def _entry(self, one: WrittenObject) -> DataFile:
        # it loads pandas, and so is loaded with the first table: see glue_catalog.py
        from pyiceberg.io.pyarrow import compute_statistics_plan, data_file_statistics_from_parquet_metadata, parquet_path_to_id_mapping

        held = object_of(one.key)
        if one.footer is None or held is None:
            raise ValueError(f"Expected a new object of {self.table.name}, but got {one.key}. Curate it again.")
        schema = self.handle.schema()
        plan = compute_statistics_plan(schema, self.handle.metadata.properties)
        statistics = data_file_statistics_from_parquet_metadata(one.footer, plan, parquet_path_to_id_mapping(schema))
        entry = DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=f"{self.zone}/{one.key}",
            file_format=FileFormat.PARQUET,
            partition=Record(held.lab) if self.table.partition else Record(),
            file_size_in_bytes=one.n_bytes,
            sort_order_id=None,
            equality_ids=None,
            key_metadata=None,
            **statistics.to_serialized_dict(),
        )
        entry.spec_id = self.handle.spec().spec_id
        return entry


@dataclass(frozen=True)
class Expired:
    """What of a table stays readable; other tags and snapshots are forgotten."""

    tags: frozenset[str]
    """Tags that stay."""
    kept: frozenset[int]
    """Snapshots that stay, beside those with a tag."""

    def forget(self, transaction: Any, new: str | None) -> None:
        """Add the removals to a transaction of the table; the tag that it sets stays."""
        tags = [name for name, ref in transaction.table_metadata.refs.items() if ref.snapshot_ref_type == SnapshotRefType.TAG]
        for tag in sorted(set(tags) - self.tags - {new}):
            ManageSnapshots(transaction).remove_tag(tag).commit()
        named = {ref.snapshot_id for ref in transaction.table_metadata.refs.values()}
        present = {snapshot.snapshot_id for snapshot in transaction.table_metadata.snapshots}
        if old := sorted(present - named - self.kept):
            ExpireSnapshots(transaction).by_ids(old).commit()


def open_tables(zone: str, database: str, tables: Iterable[Table], *, create: bool) -> dict[str, LakeTable]:
    """Return tables by name, with their lists of objects.

    With `create`, tables that do not exist are created, and columns that they lack are added; without it such tables are left out.
    Raises UsageError for a table that cannot become what behavior/tables.py says.
    """
    catalog = connect()
    with ThreadPoolExecutor(_THREADS) as pool:
        opened = pool.map(lambda table: _open(catalog, zone, database, table, create), tables)
        return {one.table.name: one for one in opened if one}


def _open(catalog: Catalog, zone: str, database: str, table: Table, create: bool) -> LakeTable | None:
    name = f"{database}.{table.name}"
    loaded = _load(catalog, name, zone, forget_broken=create)
    if loaded is None and not create:
        return None
    handle, entries = loaded or (_create(catalog, zone, database, table), {})
    place = handle.location().rstrip("/")
    if place != f"{zone}/{table.name}":
        raise UsageError(f"Expected table {name} at {zone}/{table.name}, but got one at {place}. Use another database.")
    opened = handle.metadata_location if loaded else ""
    if create:
        _evolve(handle, table)
    return LakeTable(table, zone, handle, entries if handle.metadata_location == opened else _entries(handle, zone))


def _load(catalog: Catalog, name: str, zone: str, *, forget_broken: bool) -> tuple[Handle, dict[str, DataFile]] | None:
    """Return a table and its entries; None if there is none, or if somebody emptied the zone, so that nobody can read it.

    A table of this zone whose metadata are gone is removed from the catalog if `forget_broken`. Raises UsageError for one that is not
    Iceberg's.
    """
    tried = ""
    while True:
        try:
            handle = catalog.load_table(name)
            return handle, _entries(handle, zone)
        except (NoSuchIcebergTableError, NoSuchPropertyException):
            got = "a table of another kind, such as that of an earlier version"
            raise UsageError(f"Expected {name} to be an Iceberg table, but got {got}. Drop it, or use another database.") from None
        except NoSuchTableError:
            return None
        except FileNotFoundError:
            place = metadata_location(name)
            if place != tried:  # another run may have committed, and removed what it replaced
                tried = place
                continue
            if place and not place.startswith(f"{zone}/{ICEBERG}/"):
                raise UsageError(f"Expected the metadata of {name} in {zone}, but got {place}. Use another database.") from None
            if forget_broken:
                with suppress(NoSuchTableError):  # another run was faster
                    catalog.drop_table(name)
            return None


def _unchanged(snapshot_id: int | None) -> AssertRefSnapshotId:
    """Return the requirement that nobody has committed to a table since it had this snapshot."""
    return AssertRefSnapshotId.model_validate({"ref": MAIN_BRANCH, "snapshot-id": snapshot_id})


def _entries(handle: Handle, zone: str) -> dict[str, DataFile]:
    return {task.file.file_path.removeprefix(f"{zone}/"): task.file for task in handle.scan().plan_files()}


def _create(catalog: Catalog, zone: str, database: str, table: Table) -> Handle:
    fields = _fields(table)
    lab = [field for field in fields if field.name == table.partition]
    spec = PartitionSpec(*(PartitionField(field.field_id, 1000, IdentityTransform(), field.name) for field in lab))
    properties = {**_PROPERTIES, "write.metadata.path": f"{zone}/{ICEBERG}/{table.name}", "comment": table.grain}
    try:
        return catalog.create_table(f"{database}.{table.name}", Schema(*fields), f"{zone}/{table.name}", spec, properties=properties)
    except TableAlreadyExistsError:  # another run was faster
        return catalog.load_table(f"{database}.{table.name}")
    except NoSuchNamespaceError:
        raise UsageError(f"Expected a database {database} in the catalog, but got none. Deploy the stack first.") from None


def _fields(table: Table) -> list[NestedField]:
    names = [(field.name, _TYPES[field.type], doc(field)) for field in table.schema]
    names += [(table.partition, StringType(), "laboratory")] if table.partition else []
    return [NestedField(number, name, kind, required=False, doc=text or None) for number, (name, kind, text) in enumerate(names, start=1)]


def _evolve(handle: Handle, table: Table) -> None:
    """Add the columns that the table in the catalog lacks. Raises UsageError for a column of another type."""
    present = {field.name: field.field_type for field in handle.schema().fields}
    declared = {field.name: field for field in _fields(table)}
    for name, field in declared.items():
        if name in present and present[name] != field.field_type:
            got = f"{present[name]}"
            mend = "Curate into another database, or drop the table and run the ETL again."
            raise UsageError(f"Expected column {name} of {table.name} to be {field.field_type}, but got {got}. {mend}")
    missing = [field for name, field in declared.items() if name not in present]
    if not missing:
        return
    try:
        with handle.update_schema() as change:
            for field in missing:
                change.add_column(field.name, field.field_type, field.doc)
    except CommitFailedException:  # another run was faster, perhaps with the same columns
        _evolve(handle.refresh(), table)
