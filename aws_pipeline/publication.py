"""Put what a run made where readers look: objects, the tables that span recordings, partitions, and the reasons for the quarantine."""

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
from behavior.keys import REASONS, key_of, object_of, reason_key, staged
from behavior.tables import CLASS_DISTRIBUTION_STATS, CURATED_TABLES, METADATA_TEST, METADATA_TRAIN, RAW_METADATA, Table

_METADATA = {"train": METADATA_TRAIN, "test": METADATA_TEST}


def publish(plan: CurationPlan, outcome: Outcome, curated: str, database: str, run: str) -> int:
    """Put all objects where readers look, register partitions, remove what former runs left; return how many objects that were.

    Workers do not write to these keys themselves: readers would see new tracking beside old metadata until the last recording is
    done. A copy costs one short request, and the store sends itself the bytes. The zone then holds the accepted recordings and no
    others: of one that is put aside or excluded an earlier version leaves as well, for the metadata that described it is gone.
    Raises OSError if an object is not there in the end.
    """
    keys = {key for result in outcome.accepted for key in result.keys}
    for table, rows in spanning_tables(plan, outcome.accepted).items():
        write_parquet(curated, staged(run, key_of(table)), rows, compression="zstd")
        keys.add(key_of(table))
    reasons = {reason_key(one.name): replace(one, run=run).to_json() for one in outcome.put_aside}
    for key, content in reasons.items():
        write_object(curated, staged(run, key), content)
    copy_objects(curated, {staged(run, key): key for key in sorted({*keys, *reasons})})
    held = [one for one in map(object_of, keys) if one]
    for table in CURATED_TABLES:
        if table.partition:
            set_partitions(curated, database, table, {str(one.lab) for one in held if one.table is table})
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
        found = [by_video[split, one.recording.video_id] for one in own]
        rows = raw_rows.take(pa.array([one.row for one in own], pa.int64()))
        groups = content_groups([result.content for result in found if result.content])
        columns = {
            "first_frame": [result.first_frame for result in found],
            "frame_count": [result.frames for result in found],
            "mice_tracked": [result.mice for result in found],
            "bodyparts": [json.dumps(result.bodyparts) for result in found],
            "seen_share": [result.seen_share for result in found],
            "content_group": [groups[result.video_id] for result in found],
        }
        for name, values in columns.items():
            rows = rows.append_column(_METADATA[split].schema.field(name), pa.array(values, _METADATA[split].schema.field(name).type))
        tables[_METADATA[split]] = _METADATA[split].check(rows, key_of(RAW_METADATA, split))
    train = [(one.recording, by_video[one.split, one.recording.video_id]) for one in work if one.split == "train"]
    tables[CLASS_DISTRIBUTION_STATS] = class_distribution(Occurrences(one, result.frames, result.bouts) for one, result in train)
    return tables
