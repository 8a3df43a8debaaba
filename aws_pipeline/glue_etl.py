"""Step 2: curate. Raw zone -> curated zone, as a Glue job.

    python aws_pipeline/glue_etl.py [--policy FILE]
                                                   for users: start a run of the deployed job and follow it to its end
    glue_etl.py --JOB_NAME J --RAW_URI s3://raw-zone --CURATED_URI s3://curated-zone --DATABASE mabe [--POLICY_URI s3://.../x.toml]
                [--SUMMARY_URI s3://.../x.json]    for Glue, on this disk or on AWS: the run itself

Reads   metadata/{train,test}.csv, {train,test}_tracking/lab_id=<lab>/<video>.parquet and train_annotation/... of the raw zone.
Writes  tracking_curated/ and annotations_enriched/ (partitioned by lab, one object per recording), metadata_train/, metadata_test/
        and class_distribution_stats/ of the curated zone; registers partitions; removes objects of
        recordings that are no longer accepted; quarantine/reasons/ of the curated zone.

A recording that breaks its contract goes to quarantine with its reasons, and all others are curated: one bad file does not stop the
run. See python aws_pipeline/quarantine.py list. A policy (default: MABE_POLICY) changes the severity of fault codes; python
aws_pipeline/validate.py --codes lists the codes and the possible changes. Only a fault of the whole data set refuses the run: a broken
train.csv or test.csv, or no sound recording in train.csv.

Spark distributes recordings, not rows: a task reads whole objects, calls the same `curate` as serving, and writes whole objects to a
folder where no reader looks. When every recording is judged, these objects are copied to their final keys, together with the tables
that span recordings, and old objects are removed. A run that is refused changes no table.

Exit codes: 0 all curated (except what a person excluded), 1 unexpected, 2 usage, configuration or a full disk, 3 finished, but
            something was put aside, 4 the data set breaks its contract or the run failed, 5 AWS refuses. For Glue, a run that ends
            with 3 has succeeded.
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

from aws_pipeline.curation_plan import CurationPlan, in_parts, plan_work
from aws_pipeline.curation_task import CurationResult, curate_part
from aws_pipeline.lake import list_objects, read_object, remove_objects, write_object
from aws_pipeline.outcome import Outcome, refuse_nothing_accepted, settle
from aws_pipeline.publication import publish
from aws_pipeline.quarantine_store import read_decisions, read_reasons
from behavior.contract import CONTRACT_VERSION, EXIT_CONTRACT, EXIT_OK, ContractError
from behavior.keys import STAGING, recording_name
from behavior.policy import STANDARD, Policy, parse_policy
from behavior.verdicts import Rules

_STATUS_EVERY_S = 2.0


@dataclass(frozen=True)
class Options:
    """Where a run reads and writes."""

    raw: str
    curated: str
    database: str
    policy: str | None = None
    """Object with a policy; without one, the severities of the contract are used."""
    summary: str | None = None
    """Object for the progress of the run, and in the end its summary or its faults, which are hard to read from a log."""


class _RefusedRun(SystemExit):
    """Ends the process with the exit code of its faults; Glue reports its text as the error of the run."""

    def __init__(self, error: ContractError) -> None:
        super().__init__(f"ContractError: {error}")
        self.code = EXIT_CONTRACT


def run_curation(options: Options) -> dict[str, Any]:
    """Do the whole job and return its summary. Raises ContractError with all faults if the data set as a whole is faulty."""
    clock = [time.monotonic()]
    with ThreadPoolExecutor(1) as aside:  # while the JVM starts
        planning = aside.submit(_plan, options)
        spark = _spark()
        plan, policy = planning.result()
    clock.append(time.monotonic())
    _remove_staged(options)  # of a killed run; only one run of the job is allowed at a time
    try:
        name = uuid.uuid4().hex
        results = _curate(spark, plan, options, None if plan.faults else name)
        outcome = settle(plan, results, options.raw)
        for balance in outcome.balances:
            print(balance, flush=True)
        refuse_nothing_accepted(plan, outcome, options.raw)
        clock.append(time.monotonic())
        removed = publish(plan, outcome, options.curated, options.database, name)
    finally:
        _remove_staged(options)
    clock.append(time.monotonic())
    steps = zip(("session", "tracking", "tables"), clock, clock[1:], strict=False)
    return {
        **_recording_facts(plan, outcome, policy),
        "run": name,
        "removed": removed,
        "seconds": {name: round(end - start, 2) for name, start, end in steps},
    }


def _plan(options: Options) -> tuple[CurationPlan, Policy]:
    """Read policy, decisions and reasons of the upload, and plan the run."""
    policy = STANDARD
    if options.policy:
        zone, _, key = options.policy.rpartition("/")
        policy = parse_policy(read_object(zone, key).to_pybytes().decode(), options.policy)
    rules = Rules(policy, read_decisions(options.curated), read_reasons(options.raw))
    return plan_work(options.raw, rules), policy


def _recording_facts(plan: CurationPlan, outcome: Outcome, policy: Policy) -> dict[str, Any]:
    """Return the part of the summary about recordings, and print the repairs and flags of each."""
    accepted = outcome.accepted
    counts: Counter[str] = Counter()
    of_recording = {(one.split, one.recording.video_id): one.policy for one in plan.work}
    by_policy = [(policy, plan.notes), *((of_recording[one.split, one.video_id], one.notes) for one in accepted)]
    for judge, note in ((judge, note) for judge, notes in by_policy for note in notes):
        print(f"{judge.severity(note.code)}: {note}")
        counts[note.code] += note.count
    for one in outcome.put_aside:
        for fault in one.faults:
            print(f"put aside: {one.name}: {fault}")
    return {
        "contract": CONTRACT_VERSION,
        "videos": len(accepted),
        **{name: sum(getattr(result, name) for result in accepted) for name in ("rows_in", "rows_out", "bytes_in", "bytes_out")},
        "ignored": len(plan.ignored),
        "notes": dict(sorted(counts.items())),
        "put_aside": [one.summary() for one in outcome.put_aside],
        "by_leave": _by_leave(accepted),
        "excluded": [one.name for one in outcome.excluded],
        "balances": {balance.unit: balance.to_json() for balance in outcome.balances},
    }


def _by_leave(accepted: Sequence[CurationResult]) -> dict[str, list[str]]:
    """Return the recordings that only a policy or a decision accepted, with the codes of their faults."""
    codes_by_name = {}
    for result in accepted:
        if codes := sorted({note.code for note in STANDARD.rejecting(result.notes)}):
            codes_by_name[recording_name(result.split, result.video_id)] = codes
    return codes_by_name


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


def _remove_staged(options: Options) -> None:
    remove_objects(options.curated, list_objects(options.curated, [STAGING]))


def _options(arguments: Sequence[str]) -> Options:
    """Read the arguments of a Glue job: `--NAME value`; other arguments are ignored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name in ("JOB_NAME", "RAW_URI", "CURATED_URI", "DATABASE"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--POLICY_URI")
    parser.add_argument("--SUMMARY_URI")
    known, _ = parser.parse_known_args(arguments)
    return Options(known.RAW_URI.rstrip("/"), known.CURATED_URI.rstrip("/"), known.DATABASE, known.POLICY_URI, known.SUMMARY_URI)


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
    if code := main():  # Glue counts every SystemExit as a failure, also that of sys.exit(0)
        sys.exit(code)
