"""Step 2: curate. Raw zone -> curated zone, as a Glue job.

    python aws_pipeline/glue_etl.py                a person: start a run of the deployed job, follow it to its end
    glue_etl.py --JOB_NAME J --RAW_URI s3://raw-zone --CURATED_URI s3://curated-zone --DATABASE mabe [--SUMMARY_URI s3://.../x.json]
                                                   Glue, here or on AWS: the run itself

Reads   metadata/{train,test}.csv, {train,test}_tracking/lab_id=<lab>/<video>.parquet and train_annotation/... of the raw zone.
Writes  tracking_curated/ and annotations_enriched/ (partitioned by lab, one object per recording), metadata_train/, metadata_test/
        and class_distribution_stats/ of the curated zone; registers partitions; removes what is left of recordings that are gone.

Spark distributes recordings, never rows: a task reads whole objects, calls the `curate` that serving calls, and writes whole
objects, to a place where no reader looks. Only when every recording is sound are they copied to their own keys, with the tables that
span recordings, and old objects removed: a run that is refused leaves all tables as they were.

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

if not __package__ and "--JOB_NAME" not in sys.argv:  # Glue brings the packages as a library
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa

from aws_pipeline.curation_plan import Plan, in_parts, plan_work
from aws_pipeline.curation_task import Result, curate_part
from aws_pipeline.lake import copy_objects, list_objects, remove_objects, set_partitions, write_object, write_parquet
from behavior.annotations import Occurrences, class_distribution
from behavior.content import content_groups
from behavior.contract import EXIT_CONTRACT, EXIT_OK, ContractError, refuse
from behavior.keys import STAGING, key_of, object_of, staged
from behavior.tables import CLASS_DISTRIBUTION_STATS, CURATED_TABLES, METADATA_TEST, METADATA_TRAIN, RAW_METADATA, Table

_TELL_S = 2.0
_METADATA = {"train": METADATA_TRAIN, "test": METADATA_TEST}


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes."""

    raw: str
    curated: str
    database: str
    summary: str | None
    """Object that takes how far the run is, and in the end its summary or its faults: a log is a poor place to read them from."""


class _Refused(SystemExit):
    """Ends the process with the exit code of its faults; its text is what Glue reports as the run's error."""

    def __init__(self, error: ContractError) -> None:
        super().__init__(f"ContractError: {error}")
        self.code = EXIT_CONTRACT


def run(options: Options) -> dict[str, Any]:
    """Do the whole job and return its summary. Raises ContractError with the faults of all recordings."""
    clock = [time.monotonic()]
    with ThreadPoolExecutor(1) as aside:  # the JVM starts meanwhile
        planning = aside.submit(plan_work, options.raw)
        spark = _spark()
        plan = planning.result()
    clock.append(time.monotonic())
    _remove_staged(options)  # of a run that was killed; the job allows one run at a time
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

    # No SparkSession: nothing here is SQL, and the first small aggregation of the SQL engine costs as much as curating 150 recordings.
    return SparkContext.getOrCreate(SparkConf().setAppName("mabe-curate"))


def _curate(spark: Any, plan: Plan, options: Options, name: str | None) -> list[Result]:
    """Let the workers curate all recordings; their objects wait under the run's name, without one nothing is written."""
    raw, curated = options.raw, options.curated
    parts = in_parts(plan.work, spark.defaultParallelism)
    print(f"{len(plan.work)} recordings in {len(parts)} parts", flush=True)
    if not parts:
        return []
    task = spark.parallelize(parts, len(parts)).flatMap(lambda part: curate_part(part, raw, curated, name))
    with ThreadPoolExecutor(1) as aside:
        job = aside.submit(task.collect)
        while not wait([job], timeout=_TELL_S).done:
            stages = [spark.statusTracker().getStageInfo(number) for number in spark.statusTracker().getActiveStageIds()]
            _tell(options, {"done": sum(stage.numCompletedTasks for stage in stages if stage), "of": len(parts)})
    return sorted(job.result(), key=lambda result: (result.split, result.video_id))


def _publish(plan: Plan, results: Sequence[Result], options: Options, name: str) -> int:
    """Put all objects where readers look, register partitions, remove what former runs left; return how many objects that were.

    Workers do not write to these keys themselves, because the last recording of thousands may be the broken one: then readers would
    see new tracking beside old metadata. To check all recordings before any is written would mean to read and decode each twice;
    a copy costs one short request, and the store sends itself the bytes.
    """
    keys = {key for result in results for key in result.keys}
    for table, rows in _spanning_tables(plan, results).items():
        write_parquet(options.curated, staged(name, key_of(table)), rows, compression="zstd")
        keys.add(key_of(table))
    copy_objects(options.curated, {staged(name, key): key for key in sorted(keys)})
    held = [one for one in map(object_of, keys) if one]
    for table in CURATED_TABLES:
        if table.partition:
            set_partitions(options.curated, options.database, table, {str(one.lab) for one in held if one.table is table})
    former = list_objects(options.curated, [table.location for table in CURATED_TABLES]).keys() - keys
    return remove_objects(options.curated, sorted(former))


def _remove_staged(options: Options) -> None:
    remove_objects(options.curated, list_objects(options.curated, [STAGING]))


def _count_notes(results: Sequence[Result]) -> dict[str, int]:
    """Print what was repaired or looks strange, recording by recording, and return how many rows of all have each."""
    counts: Counter[str] = Counter()
    for note in (note for result in results for note in result.notes):
        print(f"{note.severity}: {note}")
        counts[note.code] += note.count
    return dict(sorted(counts.items()))


def _spanning_tables(plan: Plan, results: Sequence[Result]) -> dict[Table, pa.Table]:
    by_video = {(result.split, result.video_id): result for result in results}
    tables = {}
    for split, rows in plan.metadata.items():
        found = [by_video[split, video] for video in rows.column("video_id").to_pylist()]
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
    train = [(work.recording, by_video[work.split, work.recording.video_id]) for work in plan.work if work.split == "train"]
    tables[CLASS_DISTRIBUTION_STATS] = class_distribution(Occurrences(one, result.frames, result.bouts) for one, result in train)
    return tables


def _options(arguments: Sequence[str]) -> Options:
    """Read a job's arguments as Glue gives them: `--NAME value`, and others that are not for us."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name in ("JOB_NAME", "RAW_URI", "CURATED_URI", "DATABASE"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--SUMMARY_URI")
    known, _ = parser.parse_known_args(arguments)
    return Options(known.RAW_URI.rstrip("/"), known.CURATED_URI.rstrip("/"), known.DATABASE, known.SUMMARY_URI)


def _tell(options: Options, news: dict[str, Any]) -> None:
    if options.summary:
        zone, _, key = options.summary.rpartition("/")
        write_object(zone, key, json.dumps(news).encode())


def main() -> int:
    """Run the job as Glue does, or ask Glue to."""
    if "--JOB_NAME" not in sys.argv:
        from aws_pipeline.glue_job import main as start_and_follow

        return start_and_follow(__doc__)
    options = _options(sys.argv[1:])
    try:
        summary = run(options)
    except ContractError as error:
        _tell(options, {"faults": [asdict(fault) for fault in error.faults]})
        traceback.print_exc()
        raise _Refused(error) from None
    _tell(options, summary)
    print(json.dumps(summary), flush=True)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
