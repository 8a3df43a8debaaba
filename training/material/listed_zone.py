"""What a curated zone holds: the objects of the lake's last run, or of a pinned one, or all that lies in a folder without lists."""

from collections.abc import Iterable
from pathlib import Path

from behavior.contract import ContractError
from behavior.keys import CURRENT_SNAPSHOT
from behavior.snapshot import Snapshot, snapshot_of_keys
from behavior.tables import Table


def root_of(place: Path) -> Path:
    """Return the folder of a zone that is named by its folder, or by one of its lists, snapshots/<run>.json."""
    return place.parents[1] if place.is_file() else place


def snapshot_at(place: Path, tables: Iterable[Table]) -> Snapshot:
    """Return the list of the objects of a zone; of a folder without lists, what lies there of these tables.

    Raises ContractError if the list cannot be read.
    """
    root = root_of(place)
    listed = place if place.is_file() else root / CURRENT_SNAPSHOT
    if not listed.is_file():
        folders = (root / table.location for table in tables)
        return snapshot_of_keys(file.relative_to(root).as_posix() for folder in folders for file in folder.rglob("*.parquet"))
    try:
        return Snapshot.from_json(listed.read_bytes(), str(listed))
    except ValueError as error:
        raise ContractError([str(error)]) from None
