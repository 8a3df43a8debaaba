"""Step 2: curate. Raw zone -> curated zone, as a Glue job.

    python aws_pipeline/glue_etl.py                for users: start a run of the deployed job and follow it to its end
    glue_etl.py --JOB_NAME J --RAW_URI s3://raw-zone --CURATED_URI s3://curated-zone --DATABASE mabe [--SUMMARY_URI s3://.../x.json]
                                                   for Glue, on this disk or on AWS: the run itself

Reads   metadata/{train,test}.csv, {train,test}_tracking/lab_id=<lab>/<video>.parquet and train_annotation/... of the raw zone.
Writes  tracking_curated/ and annotations_enriched/ (partitioned by lab, one object per recording), metadata_train/, metadata_test/
        and class_distribution_stats/ of the curated zone; registers partitions; removes objects of
        recordings that are no longer in the metadata.

Spark distributes recordings, not rows: a task reads whole objects, calls the same `curate` as serving, and writes whole objects to a
folder where no reader looks. If all recordings are sound, these objects are copied to their final keys, together with the tables that
span recordings, and old objects are removed. A run that is refused changes no table.

Exit codes: 0 all curated, 1 unexpected, 2 usage, configuration or a full disk, 4 the input breaks its contract or the run failed,
            5 AWS refuses.
"""

import argparse
import json
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if not __package__ and "--JOB_NAME" not in sys.argv:  # in Glue, the packages are in a library
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa

from aws_pipeline.curation_plan import CurationPlan, in_parts, plan_work
from aws_pipeline.curation_task import CurationResult, curate_part
from aws_pipeline.lake import copy_objects, list_objects, remove_objects, set_partitions, write_object, write_parquet
from behavior.annotations import Occurrences, class_distribution
from behavior.content import content_groups
from behavior.contract import EXIT_OK, ContractError, exit_code_of, refuse
from behavior.keys import STAGING, key_of, object_of, staging_key
from behavior.tables import CLASS_DISTRIBUTION_STATS, CURATED_TABLES, METADATA_TEST, METADATA_TRAIN, RAW_METADATA, Table

_STATUS_EVERY_S = 2.0
_METADATA = {"train": METADATA_TRAIN, "test": METADATA_TEST}


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes."""

    raw: str
    curated: str
    database: str
    summary: str | None
    """Object for the progress of the run, and in the end its summary or its faults, which are hard to read from a log."""


class _RefusedRun(SystemExit):
    """Ends the process with the exit code of its faults; Glue reports its text as the error of the run."""

    def __init__(self, error: ContractError) -> None:
        super().__init__(f"ContractError: {error}")
        self.code = exit_code_of(error.faults)


def run_curation(options: Options) -> dict[str, Any]:
    """Do the whole job and return its summary. Raises ContractError with the faults of all recordings."""
    clock = [time.monotonic()]
    with ThreadPoolExecutor(1) as aside:  # while the JVM starts
        planning = aside.submit(plan_work, options.raw)
        spark = _spark()
        plan = planning.result()
    clock.append(time.monotonic())
    _remove_staged(options)  # of a killed run; only one run of the job is allowed at a time
    try:
        name = uuid.uuid4().hex
        results = _curate(spark, plan, options, None if plan.faults else name)
        refuse([*plan.faults, *(fault for result in results for fault in result.faults)])
        clock.append(time.monotonic())
        removed = _publish(plan, results, options, name)
    finally:
        _remove_staged(options)
    clock.append(time.monotonic())
    totals = {name: sum(getattr(result, name) for result in results) for name in ("rows_in", "rows_out", "bytes_in", "bytes_out")}
    steps = zip(("session", "tracking", "tables"), clock, clock[1:], strict=False)
    return {
        "videos": len(results),
        **totals,
        "removed": removed,
        "ignored": len(plan.ignored),
        "notes": _count_notes(results),
        "seconds": {name: round(end - start, 2) for name, start, end in steps},
    }


def _spark() -> Any:
    from pyspark import SparkConf, SparkContext

    # No SparkSession: no SQL is needed, and its first small aggregation takes as long as curating 150 recordings.
    return SparkContext.getOrCreate(SparkConf().setAppName("mabe-curate"))


def _curate(spark: Any, plan: CurationPlan, options: Options, name: str | None) -> list[CurationResult]:
    """Curate all recordings on the workers; objects are staged under the name of the run; without a name nothing is written."""
    raw, curated = options.raw, options.curated
    parts = in_parts(plan.work, spark.defaultParallelism)
    print(f"{len(plan.work)} recordings in {len(parts)} parts", flush=True)
    if not parts:
        return []
    task = spark.parallelize(parts, len(parts)).flatMap(lambda part: curate_part(part, raw, curated, name))
    with ThreadPoolExecutor(1) as aside:
        job = aside.submit(task.collect)
        while not wait([job], timeout=_STATUS_EVERY_S).done:
            stages = [spark.statusTracker().getStageInfo(number) for number in spark.statusTracker().getActiveStageIds()]
            _write_status(options, {"done": sum(stage.numCompletedTasks for stage in stages if stage), "of": len(parts)})
    return sorted(job.result(), key=lambda result: (result.split, result.video_id))


def _publish(plan: CurationPlan, results: Sequence[CurationResult], options: Options, name: str) -> int:
    """Copy all objects to their final keys, register partitions, remove old objects; return how many were removed.

    Workers do not write to final keys, because the last of thousands of recordings may be broken: then readers would see new tracking
    with old metadata. Checking all recordings before writing would mean reading each twice; a copy is one short request within the
    store.
    """
    keys = {key for result in results for key in result.keys}
    for table, rows in _spanning_tables(plan, results).items():
        write_parquet(options.curated, staging_key(name, key_of(table)), rows, compression="zstd")
        keys.add(key_of(table))
    copy_objects(options.curated, {staging_key(name, key): key for key in sorted(keys)})
    written = [one for one in map(object_of, keys) if one]
    for table in CURATED_TABLES:
        if table.partition:
            set_partitions(options.curated, options.database, table, {str(one.lab) for one in written if one.table is table})
    former = list_objects(options.curated, [table.location for table in CURATED_TABLES]).keys() - keys
    return remove_objects(options.curated, sorted(former))


def _remove_staged(options: Options) -> None:
    remove_objects(options.curated, list_objects(options.curated, [STAGING]))


def _count_notes(results: Sequence[CurationResult]) -> dict[str, int]:
    """Print the repairs and flags of each recording, and return the total number of rows for each code."""
    counts: Counter[str] = Counter()
    for note in (note for result in results for note in result.notes):
        print(f"{note.severity}: {note}")
        counts[note.code] += note.count
    return dict(sorted(counts.items()))


def _spanning_tables(plan: CurationPlan, results: Sequence[CurationResult]) -> dict[Table, pa.Table]:
    by_video = {(result.split, result.video_id): result for result in results}
    tables = {}
    for split, rows in plan.metadata.items():
        of_split = [by_video[split, video] for video in rows.column("video_id").to_pylist()]
        groups = content_groups([result.content for result in of_split if result.content])
        columns = {
            "first_frame": [result.first_frame for result in of_split],
            "frame_count": [result.frames for result in of_split],
            "mice_tracked": [result.mice for result in of_split],
            "bodyparts": [json.dumps(result.bodyparts) for result in of_split],
            "seen_share": [result.seen_share for result in of_split],
            "content_group": [groups[result.video_id] for result in of_split],
        }
        for name, values in columns.items():
            rows = rows.append_column(_METADATA[split].schema.field(name), pa.array(values, _METADATA[split].schema.field(name).type))
        tables[_METADATA[split]] = _METADATA[split].check(rows, key_of(RAW_METADATA, split))
    train = [(work.recording, by_video[work.split, work.recording.video_id]) for work in plan.work if work.split == "train"]
    tables[CLASS_DISTRIBUTION_STATS] = class_distribution(Occurrences(one, result.frames, result.bouts) for one, result in train)
    return tables


def _options(arguments: Sequence[str]) -> Options:
    """Read the arguments of a Glue job: `--NAME value`; other arguments are ignored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name in ("JOB_NAME", "RAW_URI", "CURATED_URI", "DATABASE"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--SUMMARY_URI")
    known, _ = parser.parse_known_args(arguments)
    return Options(known.RAW_URI.rstrip("/"), known.CURATED_URI.rstrip("/"), known.DATABASE, known.SUMMARY_URI)


def _write_status(options: Options, news: dict[str, Any]) -> None:
    if options.summary:
        zone, _, key = options.summary.rpartition("/")
        write_object(zone, key, json.dumps(news).encode())


def main() -> int:
    """Run the job if Glue starts this script, else start a run of the deployed job."""
    if "--JOB_NAME" not in sys.argv:
        from aws_pipeline.glue_job import main as start_and_follow

        return start_and_follow(__doc__)
    options = _options(sys.argv[1:])
    try:
        summary = run_curation(options)
    except ContractError as error:
        _write_status(options, {"faults": [asdict(fault) for fault in error.faults]})
        traceback.print_exc()
        raise _RefusedRun(error) from None
    _write_status(options, summary)
    print(json.dumps(summary), flush=True)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
