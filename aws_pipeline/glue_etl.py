"""Step 2: curate. Raw zone -> curated zone, as a Glue job.

    python aws_pipeline/glue_etl.py [--policy FILE] [--plan | --explain | --force] [--max-cost USD] [--max-bytes N] [--keep-days N]
                                                   for users: start a run of the deployed job and follow it to its end
    glue_etl.py --JOB_NAME J --RAW_URI s3://raw-zone --CURATED_URI s3://curated-zone --DATABASE mabe [--POLICY_URI s3://.../x.toml]
                [--SUMMARY_URI s3://.../x.json]    for Glue, on this disk or on AWS: the run itself

Reads   metadata/{train,test}.csv, {train,test}_tracking/lab_id=<lab>/<video>.parquet and train_annotation/... of the raw zone; films,
        their labels and embeddings: film/, film_annotation/, film_embedding/, metadata/films.toml, metadata/individuals.csv.
Writes  the tables of the curated zone, which are Iceberg tables: tracking_curated, annotations_enriched and film_labels (one object per
        recording or film and version), metadata_train, metadata_test, class_distribution_stats, video_manifest, lineage, runs; copies of
        the films in films/; snapshots/ with the lists of their objects; quarantine/reasons/.

Only recordings that are new or changed are curated: --explain says why each one is or is not. A changed recording replaces its rows,
a removed one removes them. Readers see the old state of a table until its commit, and then the new one. Two runs at once both end well:
the second to commit plans anew. A killed run leaves nothing that a reader sees, and the next run uses what it has written.

A recording that breaks its contract goes to quarantine with its reasons, and all others are curated: one bad file does not stop the
run. See python aws_pipeline/quarantine.py list. A policy (default: MABE_POLICY) changes the severity of fault codes; python
aws_pipeline/validate.py --codes lists the codes and the possible changes. Only a fault of the whole data set refuses the run: a broken
train.csv or test.csv, or no sound recording in train.csv.

Spark distributes recordings, not rows: a task reads whole objects, calls the same `curate` as serving, and writes whole objects. If little
is due, the driver does the same without Spark. A run that is refused changes no table.

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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

if not __package__ and "--JOB_NAME" not in sys.argv:  # in Glue, the packages are in a library
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_task import AnyResult, AnyWork
from aws_pipeline.curation_workers import curate_all, spark_context
from aws_pipeline.iceberg import CommitConflictError
from aws_pipeline.lake import write_object
from aws_pipeline.outcome import Outcome, refuse_nothing_accepted, settle
from aws_pipeline.preparation import LITTLE_BYTES, Options, Prepared, prepare, read_policy
from aws_pipeline.publication import Run, publish
from aws_pipeline.underway import underway
from behavior.contract import CONTRACT_VERSION, EXIT_CONTRACT, EXIT_OK, ContractError
from behavior.curation import CURATION_VERSION
from behavior.keys import recording_name
from behavior.policy import STANDARD, Policy

_STATUS_EVERY_S = 2.0
_MOST_ATTEMPTS = 10
"""A run plans anew so many times if other runs commit before it does."""


class _RefusedRun(SystemExit):
    """Ends the process with the exit code of its faults; Glue reports its text as the error of the run."""

    def __init__(self, error: ContractError) -> None:
        super().__init__(f"ContractError: {error}")
        self.code = EXIT_CONTRACT


def run_curation(options: Options) -> dict[str, Any]:
    """Do the whole job and return its summary. Raises ContractError with all faults if the data set as a whole is faulty."""
    started, clock, policy = datetime.now(UTC), [time.monotonic()], read_policy(options.policy)
    with ThreadPoolExecutor(1) as aside:
        preparing = aside.submit(prepare, options, policy, create=True)
        if options.due_bytes is None or options.due_bytes > options.little_bytes:
            spark_context()  # the JVM starts meanwhile
        prepared = preparing.result()
    clock.append(time.monotonic())
    name = uuid.uuid4().hex
    with underway(options.curated, name):
        summary, removed = _curate_and_publish(prepared, options, Run(name, started, {}, options.code, options.keep_days), clock)
    clock.append(time.monotonic())
    steps = zip(("session", "tracking", "tables"), clock, clock[1:], strict=False)
    return {**summary, "removed": removed, "seconds": {name: round(end - start, 2) for name, start, end in steps}}


def _curate_and_publish(prepared: Prepared, options: Options, run: Run, clock: list[float]) -> tuple[dict[str, Any], int]:
    """Curate what is due and publish it; return the summary, and how many objects were removed. If another run commits first, plan anew."""
    own = dict[str, AnyResult]()
    for _ in range(_MOST_ATTEMPTS):
        plan = prepared.plan
        own |= {one.name: one for one in _curate(_not_done(prepared.due.work, own), options, run.name, prepared)}
        results = [*prepared.due.ready, *(_with_first_run(own[work.name], prepared.former) for work in prepared.due.work)]
        outcome = settle(plan, sorted(results, key=lambda one: (one.split, one.video_id)), options.raw)
        for balance in outcome.balances:
            print(balance, flush=True)
        refuse_nothing_accepted(plan, outcome, options.raw)
        of_run = {"run": run.name, "code": options.code, "curated_anew": len(prepared.due.work)}
        summary = {**_recording_facts(plan, outcome, prepared.policy), **of_run}
        clock[2:] = [time.monotonic()]
        try:
            return summary, publish(plan, outcome, prepared.tables, options.curated, options.database, replace(run, summary=summary))
        except CommitConflictError as error:
            print(f"another run has committed; planning anew: {error}", flush=True)
            prepared = prepare(options, prepared.policy, create=True)
    raise CommitConflictError(
        f"Expected to commit within {_MOST_ATTEMPTS} attempts, but got a conflict each time. Start fewer runs at once."
    )


def _with_first_run(result: AnyResult, former: Mapping[str, AnyResult]) -> AnyResult:
    """Return a result; if an earlier run had the same, before somebody deleted its object, that run stays in its lineage."""
    known = former.get(result.name)
    return replace(result, run=known.run) if known and known.fingerprint == result.fingerprint else result


def _not_done(work: Sequence[AnyWork], own: Mapping[str, AnyResult]) -> list[AnyWork]:
    """Return the work without what an earlier attempt of this run has done with the same inputs."""
    return [one for one in work if one.name not in own or own[one.name].inputs != one.inputs]


def _recording_facts(plan: CurationPlan, outcome: Outcome, policy: Policy) -> dict[str, Any]:
    """Return the part of the summary about recordings, and print the repairs and flags of each."""
    accepted = outcome.accepted
    counts: Counter[str] = Counter()
    of_work = {one.name: one.policy for one in plan.all_work}
    by_policy = [(policy, plan.notes), *((of_work[one.name], one.notes) for one in outcome.all_accepted)]
    for judge, note in ((judge, note) for judge, notes in by_policy for note in notes):
        print(f"{judge.severity(note.code)}: {note}")
        counts[note.code] += note.count
    for one in outcome.put_aside:
        for fault in one.faults:
            print(f"put aside: {one.name}: {fault}")
    return {
        "contract": CONTRACT_VERSION,
        "curation": CURATION_VERSION,
        "videos": len(accepted),
        "films": len(outcome.films),
        **{name: sum(getattr(result, name) for result in accepted) for name in ("rows_in", "rows_out", "bytes_in", "bytes_out")},
        "ignored": len(plan.ignored),
        "versions": plan.versions,
        "notes": dict(sorted(counts.items())),
        "put_aside": [one.summary() for one in outcome.put_aside],
        "by_leave": _by_leave(outcome.all_accepted),
        "excluded": [one.name for one in outcome.excluded],
        "balances": {balance.unit: balance.to_json() for balance in outcome.balances},
    }


def _by_leave(accepted: Sequence[AnyResult]) -> dict[str, list[str]]:
    """Return the recordings and films that only a policy or a decision accepted, with the codes of their faults."""
    codes_by_name = {}
    for result in accepted:
        if codes := sorted({note.code for note in STANDARD.rejecting(result.notes)}):
            codes_by_name[recording_name(result.split, result.video_id)] = codes
    return codes_by_name


def _curate(work: Sequence[AnyWork], options: Options, run: str, prepared: Prepared) -> list[AnyResult]:
    """Curate recordings and films. If the data set as a whole is faulty, they are only checked, and nothing is written."""
    print(f"{len(prepared.due.ready)} recordings are unchanged", flush=True)
    ids = None if prepared.plan.faults else {name: table.column_ids for name, table in prepared.tables.items()}
    told = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _STATUS_EVERY_S:
            told = time.monotonic()
            _write_status(options, {"done": done, "of": of})

    return list(curate_all(work, options, run, ids, tell))


def _options(arguments: Sequence[str]) -> Options:
    """Read the arguments of a Glue job: `--NAME value`; other arguments are ignored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name in ("JOB_NAME", "RAW_URI", "CURATED_URI", "DATABASE"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--POLICY_URI")
    parser.add_argument("--SUMMARY_URI")
    parser.add_argument("--CODE", default="")
    parser.add_argument("--KEEP_DAYS", type=float, default=0.0)
    parser.add_argument("--DUE_BYTES", type=int)
    parser.add_argument("--LITTLE_BYTES", type=int, default=LITTLE_BYTES)
    parser.add_argument("--FORCE", choices=("true", "false"), default="false")
    known, _ = parser.parse_known_args(arguments)
    places = known.RAW_URI.rstrip("/"), known.CURATED_URI.rstrip("/"), known.DATABASE, known.POLICY_URI, known.SUMMARY_URI
    return Options(*places, known.CODE, known.KEEP_DAYS, known.FORCE == "true", known.DUE_BYTES, known.LITTLE_BYTES)


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
