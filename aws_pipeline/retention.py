"""What of earlier runs stays readable: the lists of objects in snapshots/, pins, and the removal of objects that no list needs.

A run is kept if it is the last one, if it was published less than some days ago, or if somebody pinned it: a training job pins the
snapshot that it reads. Objects of other runs are removed, so that a plain reader of a table's folder sees what SQL sees.
"""

from collections.abc import Callable, Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aws_pipeline.connections import s3_client
from aws_pipeline.iceberg import Expired, LakeTable, open_tables
from aws_pipeline.lake import StoredObject, bucket_of, list_objects, read_folder, remove_objects
from aws_pipeline.pins import pinned_runs, read_pins
from aws_pipeline.underway import others_underway
from behavior.film_keys import CURATED_FILM_FOLDERS
from behavior.keys import CURRENT_SNAPSHOT, ICEBERG, SNAPSHOTS, snapshot_key
from behavior.snapshot import Snapshot, SnapshotObject, TableSnapshot

_ORPHAN_AGE = timedelta(days=1)
"""Nothing that is older and that no table names belongs to a run or a reader that has not ended."""


@dataclass(frozen=True)
class Retention:
    """The runs whose lists are stored, kept and expired."""

    kept: Mapping[str, Snapshot]
    expired: Mapping[str, Snapshot]

    def while_current(self, run: str) -> Self:
        """Return the same if no other run is published and this one stays the last one."""
        return self.keeping({run})

    def keeping(self, runs: Container[str]) -> Self:
        """Return the same in which these runs are kept, too."""
        kept = {name: one for name, one in self.expired.items() if name in runs}
        return replace(self, kept={**self.kept, **kept}, expired={name: one for name, one in self.expired.items() if name not in runs})

    def of_table(self, name: str) -> Expired:
        """Return what of a table stays readable."""
        ids = (run.tables[name].snapshot_id for run in self.kept.values() if name in run.tables)
        return Expired(frozenset(map(tag_of, self.kept)), frozenset(one for one in ids if one is not None))


NOTHING = Retention({}, {})
"""For tables that no run keeps: only their newest state stays readable."""


def tag_of(run: str) -> str:
    """Return the tag of a run's snapshots in every table."""
    return f"run-{run}"


def read_retention(zone: str, keep_days: float) -> Retention:
    """Return the stored runs of a lake, by what becomes of them now that another run is about to be published."""
    now = datetime.now(UTC)
    pinned = pinned_runs(zone)
    kept, expired = dict[str, Snapshot](), dict[str, Snapshot]()
    for key, data in read_folder(zone, SNAPSHOTS).items():
        if key == CURRENT_SNAPSHOT:
            continue
        snapshot = Snapshot.from_json(data, key)
        young = now - datetime.fromisoformat(snapshot.published) < timedelta(days=keep_days)
        (kept if young or snapshot.run in pinned else expired)[snapshot.run] = snapshot
    return Retention(kept, expired)


def is_published(current: Snapshot | None, tables: Mapping[str, LakeTable]) -> bool:
    """Return whether the list of objects is that of the tables as they are; a run that was killed after its commits has not published."""
    if current is None:
        return False
    listed = {name: table.snapshot_id for name, table in current.tables.items()}
    return all(listed.get(name) == one.snapshot_id for name, one in tables.items())


def snapshot_of(run: str, tables: Mapping[str, LakeTable], digests: Mapping[str, str], files: tuple[SnapshotObject, ...] = ()) -> Snapshot:
    """Return the list of the objects of tables as they were committed, and of files; `digests` are SHA-256 by key, where known."""
    listed = {
        name: TableSnapshot(
            one.snapshot_id,
            tuple(
                SnapshotObject(key, entry.record_count, entry.file_size_in_bytes, digests.get(key))
                for key, entry in sorted(one.entries.items())
            ),
        )
        for name, one in tables.items()
    }
    return Snapshot(run, datetime.now(UTC).isoformat(timespec="seconds"), listed, files)


def publish_snapshot(zone: str, snapshot: Snapshot, is_newest: Callable[[], bool]) -> bool:
    """Store the list of a run; it becomes the current one unless `is_newest` says that another run has committed since. Return whether.

    A run that was overtaken may publish later than its follower looks. So the follower compares anew with what is published then.
    """
    s3 = s3_client()
    bucket, root = bucket_of(zone)
    key, body = root + CURRENT_SNAPSHOT, snapshot.to_json()
    condition = _unchanged(s3, bucket, key)
    s3.put_object(Bucket=bucket, Key=root + snapshot_key(snapshot.run), Body=body)
    while is_newest():
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body, **condition)
            return True
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                raise
            condition = _unchanged(s3, bucket, key)
    return False


def _unchanged(s3: Any, bucket: str, key: str) -> dict[str, str]:
    """Return the condition that an object is still as it is now, or still missing."""
    try:
        return {"IfMatch": s3.head_object(Bucket=bucket, Key=key)["ETag"]}
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return {"IfNoneMatch": "*"}


def as_now(zone: str, database: str, tables: Mapping[str, LakeTable]) -> Mapping[str, LakeTable]:
    """Return tables as they are now: the same ones if nobody has changed them since they were opened or committed."""
    with ThreadPoolExecutor(max(len(tables), 1)) as pool:
        if all(pool.map(LakeTable.is_newest, tables.values())):
            return tables
    return open_tables(zone, database, [one.table for one in tables.values()], create=False)


def are_newest(zone: str, database: str, tables: Mapping[str, LakeTable]) -> bool:
    """Return whether tables still have the snapshots with which they were opened or committed."""
    now = as_now(zone, database, tables)
    return {name: one.snapshot_id for name, one in now.items()} == {name: one.snapshot_id for name, one in tables.items()}


def clean(
    zone: str, database: str, tables: Mapping[str, LakeTable], retention: Retention, run: str, files: Container[str] | None = None
) -> int:
    """Remove what no kept run needs, and return how many objects.

    `files` are the keys of the films that are needed now; without them no film is removed.

    If no other run is under way, that is every object without an entry: of expired runs, of killed ones, or of an attempt of this run that
    was overtaken. Else only objects of expired runs are removed, and old ones. Metadata are removed when they are old, because a reader
    may have begun with them.
    """
    folders = [*(one.table.location for one in tables.values()), *(CURATED_FILM_FOLDERS if files is not None else ())]
    # The order matters: what a run writes that begins after the look at the marks is not listed; one that ended before has committed.
    objects = list_objects(zone, folders)
    alone = not others_underway(zone, run)
    tables, (pinned, old_pins) = as_now(zone, database, tables), read_pins(zone)
    retention = retention.keeping(pinned)
    needed = {key for one in tables.values() for key in one.entries}
    needed |= {key for snapshot in retention.kept.values() for key in snapshot.every_key}
    expired = {key for snapshot in retention.expired.values() for key in snapshot.every_key}
    old = datetime.now(UTC) - _ORPHAN_AGE
    needed |= {key for key in objects if key in files} if files else set()
    free = {key for key, one in objects.items() if key not in needed and (alone or key in expired or _before(one, old))}
    own = [f"{ICEBERG}/{name}" for name in tables]  # tables of others, such as predictions, lie beside them
    metadata = {key for key, one in list_objects(zone, own).items() if _before(one, old)}
    metadata -= _metadata_keys(zone, tables) if metadata else set()
    remove_objects(zone, sorted({*free, *metadata, *old_pins, *map(snapshot_key, retention.expired)}))
    return len(free)


def _before(one: StoredObject, time: datetime) -> bool:
    return one.modified is not None and one.modified < time


def _metadata_keys(zone: str, tables: Mapping[str, LakeTable]) -> set[str]:
    """Return the keys of all metadata that the tables need."""
    needed = set()
    for one in tables.values():
        needed |= {one.handle.metadata_location, *(entry.metadata_file for entry in one.handle.metadata.metadata_log)}
        for snapshot in one.handle.snapshots():
            needed |= {snapshot.manifest_list, *(manifest.manifest_path for manifest in snapshot.manifests(one.handle.io))}
    return {place.removeprefix(f"{zone}/") for place in needed}
