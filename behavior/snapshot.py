"""The list of a lake's objects at one moment, as JSON: for readers without a catalog, such as training, and to pin what was read.

A later run of the ETL publishes another list; this one goes on naming the same objects, and their content is checked by digests.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from behavior.keys import LakeObject, object_of
from behavior.tables import Table

FORMAT = 1


@dataclass(frozen=True)
class SnapshotObject:
    """One object of a table."""

    key: str
    """Its key in the curated zone."""
    rows: int | None = None
    n_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class TableSnapshot:
    """One table at that moment."""

    snapshot_id: int | None
    """Its snapshot in the catalog, for time travel in SQL; None without a catalog."""
    objects: tuple[SnapshotObject, ...]
    """By key."""


@dataclass(frozen=True)
class Snapshot:
    """All tables of a lake at one moment."""

    run: str
    """The run that published it."""
    published: str
    """When, UTC, ISO 8601."""
    tables: Mapping[str, TableSnapshot]
    """By name of the table."""
    files: tuple[SnapshotObject, ...] = ()
    """By key: films, and other objects that are no tables."""

    def keys(self, table: Table, lab: str | None = None) -> list[str]:
        """Return the keys of a table's objects, of one lab or of all, sorted."""
        return [each.key for each in self._objects(table) if lab is None or _held(each.key).lab == lab]

    @property
    def every_key(self) -> Iterator[str]:
        """The keys of all objects, of tables and files."""
        yield from (each.key for table in self.tables.values() for each in table.objects)
        yield from (each.key for each in self.files)

    def lab_of(self, key: str) -> str | None:
        """Return the lab of an object; None for a table that spans labs."""
        return _held(key).lab

    def key_of(self, table: Table, split: str, video: int) -> str | None:
        """Return the key of a recording's object of a table, or None if there is none."""
        return self._by_recording.get((table.name, split, video))

    def _objects(self, table: Table) -> tuple[SnapshotObject, ...]:
        return self.tables[table.name].objects if table.name in self.tables else ()

    @cached_property
    def _by_recording(self) -> dict[tuple[str, str | None, int | None], str]:
        held = ((name, _held(each.key), each.key) for name, table in self.tables.items() for each in table.objects)
        return {(name, one.split, one.video): key for name, one, key in held if one.video is not None}

    def to_json(self) -> bytes:
        """Return its JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Self:
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        try:
            content: dict[str, Any] = json.loads(data)
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}")
            tables = {
                name: TableSnapshot(table["snapshot_id"], tuple(SnapshotObject(**each) for each in table["objects"]))
                for name, table in content["tables"].items()
            }
            files = tuple(SnapshotObject(**each) for each in content.get("files", ()))  # lists of earlier versions lack them
            return cls(content["run"], content["published"], tables, files)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            got = f"{type(error).__name__} {error}"
            raise ValueError(f"Expected the list of a lake's objects in {where}, but got: {got}. Run the ETL job again.") from None


def snapshot_of_keys(keys: Iterable[str]) -> Snapshot:
    """Return the snapshot of a folder that has no list, such as a simulated zone: its objects are all that lie there."""
    by_table: dict[str, list[SnapshotObject]] = {}
    for key in sorted(keys):
        if held := object_of(key):
            by_table.setdefault(held.table.name, []).append(SnapshotObject(key))
    return Snapshot("", "", {name: TableSnapshot(None, tuple(objects)) for name, objects in by_table.items()})


def _held(key: str) -> LakeObject:
    held = object_of(key)
    if held is None:
        raise ValueError(f"Expected the key of an object of the lake, but got {key}. Run the ETL job again.")
    return held
