"""Publish the output of a run: commit every table, list the objects for readers without a catalog, remove what no reader needs.

Workers have written new objects beside the old ones. Readers of a table see them with its commit, all at once. Every commit compares
what its table should hold with what it holds, so that a run that was killed between two commits is completed by the next run.
"""

import json
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_state import lineage_rows
from aws_pipeline.curation_task import CurationResult
from aws_pipeline.film_state import film_files, manifest_rows
from aws_pipeline.iceberg import LakeTable
from aws_pipeline.lake import (
    WrittenObject,
    digest,
    encode,
    list_objects,
    read_snapshot,
    remove_objects,
    stored_rows,
    version_of,
    write_object,
    write_parquet,
)
from aws_pipeline.outcome import Outcome
from aws_pipeline.quarantine_store import stored_reasons
from aws_pipeline.retention import Retention, are_newest, clean, is_published, publish_snapshot, read_retention, snapshot_of, tag_of
from behavior.annotations import Occurrences, class_distribution
from behavior.content import content_groups
from behavior.keys import key_of, lab_key, reason_key
from behavior.snapshot import SnapshotObject
from behavior.table import TEXT
from behavior.tables import (
    CLASS_DISTRIBUTION_STATS,
    DATA_QUALITY,
    LINEAGE,
    METADATA_TEST,
    METADATA_TRAIN,
    RAW_METADATA,
    RUNS,
    VIDEO_MANIFEST,
    Table,
)
from behavior.verdicts import QuarantineEntry

_METADATA = {"train": METADATA_TRAIN, "test": METADATA_TEST}
_NAMING = ("put_aside", "by_leave", "excluded")
"""Parts of a summary that name recordings."""


@dataclass(frozen=True)
class Run:
    """What is known of a run before it publishes."""

    name: str
    started: datetime
    summary: Mapping[str, Any]
    """For the table `runs`."""
    code: str = ""
    keep_days: float = 0.0


def publish(plan: CurationPlan, outcome: Outcome, tables: Mapping[str, LakeTable], zone: str, database: str, run: Run) -> int:
    """Commit all tables and publish the snapshot; return how many objects were removed. If nothing changed, nothing is committed.

    Raises CommitConflictError if another run has committed since the tables were opened: then plan anew, with the tables as they are.
    """
    wanted = _wanted(plan, outcome, tables, zone)
    new_reasons, old_reasons = _changed_reasons(zone, outcome.put_aside, run.name)
    for key, content in new_reasons.items():
        write_object(zone, key, content)
    changes = {name: _change(tables[name], objects) for name, objects in wanted.items() if name != RUNS.name}
    files = film_files(outcome.films)
    retention, current = read_retention(zone, run.keep_days), read_snapshot(zone)
    if any(new or gone for new, gone in changes.values()) or new_reasons or old_reasons or not is_published(current, tables):
        digests = {one.key: one.sha256 for each in wanted.values() for one in each.values()}
        now = _commit(changes, tables, zone, database, run, retention, digests, files)
    else:
        now, retention = tables, retention.while_current(current.run if current else "")
        if retention.expired:  # a run was killed before it cleaned up
            for name, opened in tables.items():
                opened.commit([], [], expired=retention.of_table(name))
    remove_objects(zone, sorted(old_reasons))
    return clean(zone, database, now, retention, run.name, {one.key for one in files})


def _wanted(plan: CurationPlan, outcome: Outcome, tables: Mapping[str, LakeTable], zone: str) -> dict[str, dict[str, WrittenObject]]:
    """Return the objects that each table should hold, by table and key; those of tables that span recordings are written."""
    wanted = {name: dict[str, WrittenObject]() for name in tables}
    for result in outcome.all_accepted:
        for one in result.objects:
            wanted[one.table][one.key] = one
    spanning: list[tuple[Table, str | None, pa.Table]] = []
    spanning += [(table, None, rows) for table, rows in spanning_tables(plan, outcome.accepted).items()]
    spanning += [(LINEAGE, lab, rows) for lab, rows in lineage_rows(outcome.all_accepted).items()]
    spanning += [(VIDEO_MANIFEST, None, manifest_rows(outcome.films, plan.films))]
    stored = list_objects(zone, sorted({table.location for table, _, _ in spanning}))
    for table, lab, rows in spanning:
        if rows:  # Iceberg takes an object without rows for none
            one = _write_spanning(zone, tables[table.name], lab, rows, stored)
            wanted[table.name][one.key] = one
    return wanted


def _commit(
    changes: Mapping[str, tuple[list[WrittenObject], list[str]]],
    tables: Mapping[str, LakeTable],
    zone: str,
    database: str,
    run: Run,
    retention: Retention,
    digests: Mapping[str, str],
    files: tuple[SnapshotObject, ...],
) -> Mapping[str, LakeTable]:
    """Commit the changes of all tables, the table `runs` last, and publish the list of objects; return the tables as committed."""
    tag = tag_of(run.name)
    first = [name for name in changes if name != LINEAGE.name]

    def commit(name: str) -> LakeTable:
        return tables[name].commit(*changes[name], tag, retention.of_table(name))

    with ThreadPoolExecutor(len(first)) as pool:
        after = dict(zip(first, pool.map(commit, first), strict=True))
        after[LINEAGE.name] = commit(LINEAGE.name)  # after the others: what it lists is in them
        former = tables[RUNS.name]
        runs = _write_spanning(zone, former, None, _run_rows(zone, former, run), ())
        after[RUNS.name] = former.commit([runs], list(former.entries), tag, retention.of_table(RUNS.name))
    listed = snapshot_of(run.name, after, {**digests, runs.key: runs.sha256}, files)
    publish_snapshot(zone, listed, lambda: are_newest(zone, database, after))
    return after


def _change(table: LakeTable, wanted: Mapping[str, WrittenObject]) -> tuple[list[WrittenObject], list[str]]:
    """Return the objects that a table lacks, and the keys of those that it should not have."""
    return [one for key, one in sorted(wanted.items()) if key not in table.entries], sorted(table.entries.keys() - wanted.keys())


def _write_spanning(zone: str, table: LakeTable, lab: str | None, rows: pa.Table, stored: Container[str]) -> WrittenObject:
    """Write all rows of a table, or of one lab of it, at a key that names their content, unless the table and the zone have them."""
    data = encode(rows, table.column_ids)
    version = version_of(data)
    key = lab_key(table.table, lab, version) if lab else key_of(table.table, version=version)
    if key in table.entries and key in stored:
        return WrittenObject(table.table.name, key, len(rows), data.size, digest(data))
    return write_parquet(zone, table.table, key, data)


def _run_rows(zone: str, table: LakeTable, run: Run) -> pa.Table:
    """Return the rows of `RUNS`: those of earlier runs, and one for this run.

    Only this run names recordings in its summary: a table with those of all nights would grow by megabytes each week.
    """
    # if another run removed one, the commit is refused; if somebody did, it is lost
    former = [_earlier(stored_rows(zone, RUNS, key, lost=True), run.name) for key in sorted(table.entries)]
    summary = run.summary
    row = {
        "run": run.name,
        "started": run.started.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "code": run.code,
        "contract": summary["contract"],
        "curation": summary["curation"],
        "recordings": summary["videos"],
        "curated_anew": summary["curated_anew"],
        "put_aside": len(summary["put_aside"]),
        "summary": json.dumps(summary),
    }
    return pa.concat_tables([*former, pa.Table.from_pylist([row], schema=RUNS.schema)])


def _earlier(rows: pa.Table, run: str) -> pa.Table:
    """Return the rows of earlier runs, without names of recordings in their summaries; this run may have tried before."""
    rows = rows.filter(pc.not_equal(rows.column("run"), run))
    column = rows.schema.get_field_index("summary")
    return rows.set_column(column, rows.schema.field(column), pa.array(map(_without_names, rows.column(column).to_pylist()), TEXT))


def _without_names(summary: str) -> str:
    if not any(f'"{name}"' in summary for name in _NAMING):  # so are most: they were shortened by the run after them
        return summary
    return json.dumps({name: value for name, value in json.loads(summary).items() if name not in _NAMING})


def _changed_reasons(zone: str, put_aside: Sequence[QuarantineEntry], run: str) -> tuple[dict[str, bytes], set[str]]:
    """Return the reasons that must be written, by key, and the keys of those that are out of date."""
    former, expected = stored_reasons(zone), {reason_key(one.name): one for one in put_aside}
    known = {key: replace(one, run="") for key, one in former.items() if one}
    new = {key: replace(one, run=run).to_json() for key, one in expected.items() if known.get(key) != replace(one, run="")}
    return new, former.keys() - expected.keys()


def spanning_tables(plan: CurationPlan, accepted: Sequence[CurationResult]) -> dict[Table, pa.Table]:
    """Return the rows of the tables that span recordings, for the accepted recordings of a plan."""
    by_video = {(result.split, result.video_id): result for result in accepted}
    work = [one for one in plan.work if (one.split, one.recording.video_id) in by_video]
    tables = {}
    for split, raw_rows in plan.metadata.items():
        own = [one for one in work if one.split == split]
        results = [by_video[split, one.recording.video_id] for one in own]
        rows = raw_rows.take(pa.array([one.row for one in own], pa.int64()))
        groups = content_groups([result.content for result in results if result.content])
        columns = {
            "first_frame": [result.first_frame for result in results],
            "frame_count": [result.frames for result in results],
            "mice_tracked": [result.mice for result in results],
            "bodyparts": [json.dumps(result.bodyparts) for result in results],
            "seen_share": [result.seen_share for result in results],
            "content_group": [groups[result.video_id] for result in results],
        }
        for name, values in columns.items():
            rows = rows.append_column(_METADATA[split].schema.field(name), pa.array(values, _METADATA[split].schema.field(name).type))
        tables[_METADATA[split]] = _METADATA[split].check(rows, key_of(RAW_METADATA, split))
    train = [(one.recording, by_video[one.split, one.recording.video_id]) for one in work if one.split == "train"]
    tables[CLASS_DISTRIBUTION_STATS] = class_distribution(Occurrences(one, result.frames, result.bouts) for one, result in train)
    tables[DATA_QUALITY] = pa.Table.from_pylist([one.quality for one in accepted], schema=DATA_QUALITY.schema)
    return tables
