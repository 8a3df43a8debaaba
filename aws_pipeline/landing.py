"""Commit what an upload has landed to the table `landing`: one object for each lab, of which an upload replaces those that it changes.

The table lies in the raw zone, beside what it describes: who may upload may write it, and no step that reads the raw zone can change it.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import pyarrow as pa

from aws_pipeline.iceberg import LakeTable, open_tables
from aws_pipeline.lake import WrittenObject, encode, read_snapshot, stored_rows, version_of, write_parquet
from aws_pipeline.landed import LandedFile
from aws_pipeline.merging import merged_at_last
from aws_pipeline.retention import are_newest, clean, publish_snapshot, read_retention, snapshot_of, tag_of
from behavior.keys import lab_key, lab_of, object_of
from behavior.tables import LANDING


def record(zone: str, database: str, run: str, landed: Iterable[LandedFile], gone: Iterable[str] = ()) -> bool:
    """Commit rows of objects that were landed, and remove those of objects that are gone; return whether anything changed.

    Rows of other uploads stay; those of an object that somebody removed are completed by the next uploads. Raises UsageError if there is
    no database.
    """
    by_lab = _by_lab(landed, gone)
    if not by_lab:
        return False

    def merge(lost: bool) -> bool:
        table = open_tables(zone, database, [LANDING], create=True)[LANDING.name]
        return _commit(zone, database, run, table, by_lab, lost=lost)

    return merged_at_last(LANDING.name, merge)


_Rows = dict[str, LandedFile | None]
"""Rows by key; None for one that is gone."""


def _by_lab(landed: Iterable[LandedFile], gone: Iterable[str]) -> dict[str | None, _Rows]:
    by_lab: dict[str | None, _Rows] = {}
    changes: list[tuple[str, LandedFile | None]] = [*((one.key, one) for one in landed), *((key, None) for key in gone)]
    for key, row in changes:
        by_lab.setdefault(lab_of(key), {})[key] = row
    return by_lab


def _commit(zone: str, database: str, run: str, table: LakeTable, by_lab: Mapping[str | None, _Rows], *, lost: bool) -> bool:
    new, replaced = list[WrittenObject](), list[str]()
    of_lab: dict[str | None, list[str]] = {}
    for key in table.entries:
        held = object_of(key)
        of_lab.setdefault(held.lab if held else None, []).append(key)
    for lab, rows in by_lab.items():
        former = sorted(of_lab.get(lab, ()))
        merged = _merged(zone, former, rows, lost=lost)
        data = encode(merged, table.column_ids)
        key = lab_key(LANDING, lab, version_of(data))
        kept = [key] if merged.num_rows else []  # Iceberg takes an object without rows for none
        replaced += [each for each in former if each not in kept]
        if kept and key not in former:
            new.append(write_parquet(zone, LANDING, key, data))
    listed = read_snapshot(zone)
    if not new and not replaced and listed and listed.tables[LANDING.name].snapshot_id == table.snapshot_id:
        return False
    retention = read_retention(zone, keep_days=0.0)
    after = table.commit(new, replaced, tag_of(run), retention.of_table(LANDING.name))
    now = {LANDING.name: after}
    digests = {each.key: each.sha256 for table in listed.tables.values() for each in table.objects if each.sha256} if listed else {}
    digests |= {one.key: one.sha256 for one in new}
    publish_snapshot(zone, snapshot_of(run, now, digests), lambda: are_newest(zone, database, now))
    clean(zone, database, now, retention, run)
    return True


def _merged(zone: str, former: Iterable[str], rows: _Rows, *, lost: bool) -> pa.Table:
    """Return the rows of a lab by key: those of the table, replaced and completed by `rows`.

    Raises FileNotFoundError for an object of the table that is not there, unless it counts as `lost`.
    """
    merged: dict[str, object] = {}
    for key in former:
        merged |= {row["key"]: row for row in stored_rows(zone, LANDING, key, lost=lost).to_pylist()}
    merged |= {key: row.row() for key, row in rows.items() if row}
    for key in (key for key, row in rows.items() if row is None):
        with suppress(KeyError):
            del merged[key]
    return pa.Table.from_pylist([merged[key] for key in sorted(merged)], schema=LANDING.schema)
