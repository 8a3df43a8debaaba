"""Publish the output of a run for readers: objects, tables that span recordings, partitions, and the reasons for quarantine."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_task import CurationResult
from aws_pipeline.lake import copy_objects, list_objects, remove_objects, set_partitions, write_object, write_parquet
from aws_pipeline.outcome import Outcome
from behavior.annotations import Occurrences, class_distribution
from behavior.content import content_groups
from behavior.keys import REASONS, key_of, object_of, reason_key, staging_key
from behavior.tables import CLASS_DISTRIBUTION_STATS, CURATED_TABLES, METADATA_TEST, METADATA_TRAIN, RAW_METADATA, Table

_METADATA = {"train": METADATA_TRAIN, "test": METADATA_TEST}


def publish(plan: CurationPlan, outcome: Outcome, curated: str, database: str, run: str) -> int:
    """Copy all objects to their final keys, register partitions, remove old objects; return how many were removed.

    Workers do not write to final keys: readers would see new tracking with old metadata until the last recording is done. A copy is
    one short request within the store. Afterwards the zone has only the accepted recordings: earlier versions of recordings that are
    put aside or excluded are removed too, because their metadata are gone. Raises OSError if an object is missing at the end.
    """
    keys = {key for result in outcome.accepted for key in result.keys}
    for table, rows in spanning_tables(plan, outcome.accepted).items():
        write_parquet(curated, staging_key(run, key_of(table)), rows, compression="zstd")
        keys.add(key_of(table))
    reasons = {reason_key(one.name): replace(one, run=run).to_json() for one in outcome.put_aside}
    for key, content in reasons.items():
        write_object(curated, staging_key(run, key), content)
    copy_objects(curated, {staging_key(run, key): key for key in sorted({*keys, *reasons})})
    written = [one for one in map(object_of, keys) if one]
    for table in CURATED_TABLES:
        if table.partition:
            set_partitions(curated, database, table, {str(one.lab) for one in written if one.table is table})
    present = list_objects(curated, [table.location for table in CURATED_TABLES]).keys()
    if missing := sorted(keys - present):
        raise OSError(f"Expected {len(keys)} objects in {curated}, but got none at {missing[0]}. Start the same command again.")
    former = [*(present - keys), *(list_objects(curated, [REASONS]).keys() - reasons.keys())]
    remove_objects(curated, sorted(former))
    return len(present - keys)


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
    return tables
