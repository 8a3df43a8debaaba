"""Start a run of the Glue job with the code of this working tree, follow it to its end, return its summary."""

import argparse
import json
import math
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings, add_policy_flag, endpoint, policy_text, settings, with_policy
from aws_pipeline.job_code import GLUE_SCRIPT, glue_code
from aws_pipeline.terminal import JobFailed, run, size
from behavior.balance import Balance
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, Fault, UsageError
from behavior.workplace import REPOSITORY
from reports.progress import Progress

DEPLOY = "python -m infra.deploy"
LIST = "python aws_pipeline/quarantine.py list"
_MOST_TOLD = 20
_CORES = {"G.1X": 4, "G.2X": 8}
"""Tasks that a worker runs at once."""
_PER_EXECUTOR, _MOST_EXECUTORS = 200, 9
"""Recordings for which one more executor is worth its start, and most executors."""
_ACTIVE = {"WAITING", "STARTING", "RUNNING", "STOPPING"}


def run_job(chosen: Settings) -> dict[str, Any]:
    """Run the job on the raw zone and return its summary.

    The summary holds videos (the accepted ones; rows_in, rows_out, bytes_in, bytes_out are theirs), put_aside (name, lab and faults of
    each), by_leave (codes by name: accepted although the contract alone rejects them), excluded (names), balances (what went in and
    what became of it), removed, ignored (raw objects no metadata names), notes (how many rows were repaired or are worth a look, by
    code of the fault), contract (its version), run, seconds by step.
    Raises ContractError with the faults of the data set, JobFailed for any other end, UsageError if there is no job, it is running, or
    it has other code than this working tree and lies on AWS.
    """
    import boto3

    glue, s3 = boto3.client("glue"), boto3.client("s3")
    policy = policy_text(chosen)
    bucket, name = chosen.bucket("artifacts"), f"glue/runs/{uuid.uuid4().hex}"
    key, arguments = f"{name}.json", {"--SUMMARY_URI": f"s3://{bucket}/{name}.json"}
    job = _require_this_code(glue, chosen)
    if policy:
        s3.put_object(Bucket=bucket, Key=f"{name}.toml", Body=policy.encode())
        arguments["--POLICY_URI"] = f"s3://{bucket}/{name}.toml"
    try:
        started = glue.start_job_run(JobName=chosen.glue_job, **_workers(_n_recordings(s3, chosen), job["WorkerType"], arguments))
    except glue.exceptions.ConcurrentRunsExceededException:
        raise UsageError(f"Expected job {chosen.glue_job} to be idle, but got a run under way. Wait for it or stop it.") from None

    def summary() -> dict[str, Any]:
        try:
            return dict(json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]))
        except s3.exceptions.NoSuchKey:
            return {}

    ended = _follow(glue, chosen.glue_job, started["JobRunId"], summary)
    status = summary()
    if status.get("faults"):
        raise ContractError(Fault(**fault) for fault in status["faults"])
    if ended["JobRunState"] != "SUCCEEDED":
        reason = f"{ended['JobRunState']}: {ended.get('ErrorMessage') or 'no reason given'}"
        raise JobFailed(f"Expected run {ended['Id']} of {chosen.glue_job} to succeed, but got {reason} Read its log.")
    return status


def workers_for(n_recordings: int) -> int:
    """Return the number of workers, the driver included, for so many recordings."""
    return 1 + min(max(1, math.ceil(n_recordings / _PER_EXECUTOR)), _MOST_EXECUTORS)


def _workers(n_recordings: int, worker_type: str, arguments: dict[str, str]) -> dict[str, Any]:
    """Return what of a run depends on its data: the number of workers, and how many parts Spark makes at least.

    Executors register only while a run goes on, so Spark itself would count too few cores.
    """
    workers = workers_for(n_recordings)
    conf = f"spark.default.parallelism={(workers - 1) * _CORES[worker_type]}"
    return {"WorkerType": worker_type, "NumberOfWorkers": workers, "Arguments": {**arguments, "--conf": conf}}


def _n_recordings(s3: Any, chosen: Settings) -> int:
    """Return the number of tracking objects in the raw zone."""
    pages = s3.get_paginator("list_objects_v2")
    prefixes = [f"{split}_tracking/" for split in ("train", "test")]
    return sum(page["KeyCount"] for prefix in prefixes for page in pages.paginate(Bucket=chosen.bucket("raw"), Prefix=prefix))


def _require_this_code(glue: Any, chosen: Settings) -> dict[str, Any]:
    """Return the definition of the job, which then has the code of this working tree.

    If it has other code, it is deployed on this disk; on AWS, UsageError is raised: a person must decide.
    """
    code, job = glue_code(chosen), _definition(glue, chosen)
    if (job["Command"]["ScriptLocation"], job.get("DefaultArguments", {}).get("--extra-py-files", "")) == (code.script, code.library):
        return job
    if not chosen.local:
        raise UsageError(
            f"Expected job {chosen.glue_job} to have the code of this working tree, but got other code. Deploy this one: {DEPLOY}"
        )
    print(f"job {chosen.glue_job} has other code than this working tree: deploying this one", file=sys.stderr)
    done = subprocess.run([sys.executable, "-m", "infra.deploy"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise JobFailed(f"Expected {DEPLOY} to succeed, but got exit code {done.returncode}. Correct the error above.", done.returncode)
    return _definition(glue, chosen)


def _definition(glue: Any, chosen: Settings) -> dict[str, Any]:
    """Return the definition of the job. Raises UsageError if there is none."""
    try:
        return dict(glue.get_job(JobName=chosen.glue_job)["Job"])
    except glue.exceptions.EntityNotFoundException:
        raise UsageError(f"Expected a Glue job {chosen.glue_job}, but got none. Deploy the stack first: {DEPLOY}") from None


def _follow(glue: Any, name: str, run_id: str, summary: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Wait until a run is over; Ctrl-C also stops the run."""
    pause_s = 0.2
    try:
        with Progress("glue job") as shown:
            while True:
                job_run: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
                if job_run["JobRunState"] not in _ACTIVE:
                    return job_run
                status = summary() if job_run["JobRunState"] == "RUNNING" else {}
                shown.update(job_run["JobRunState"].lower(), status.get("done", 0), status.get("of", 0))
                time.sleep(pause_s)
                pause_s = min(pause_s * 1.2, 2.0 if job_run["JobRunState"] == "RUNNING" else 5.0)
    except KeyboardInterrupt:
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
        raise


def _main(description: str) -> int:
    parser = argparse.ArgumentParser(
        prog=Path(GLUE_SCRIPT).name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add_policy_flag(parser)
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    arguments = parser.parse_args()
    chosen = with_policy(settings(), arguments.policy)
    with endpoint(chosen):
        summary = run_job(chosen)
    print(json.dumps(summary) if arguments.json else _in_words(summary, chosen))
    return EXIT_PUT_ASIDE if summary["put_aside"] else EXIT_OK


def _in_words(summary: dict[str, Any], chosen: Settings) -> str:
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    notes = "".join(f"; {code}: {count:,}" for code, count in summary["notes"].items())
    done = (
        f"{chosen.uri('curated')} {chosen.place}: {summary['videos']} recordings, {summary['rows_in']:,} rows in, "
        f"{summary['rows_out']:,} rows out ({size(summary['bytes_out'])}), {summary['removed']} old objects removed, "
        f"{summary['ignored']} raw objects that are not in the metadata ignored{notes}; {seconds}"
    )
    return "\n".join([done, *balance_lines(summary), *put_aside_lines(summary)])


def balance_lines(summary: dict[str, Any]) -> list[str]:
    """Return a line for each balance of a summary."""
    return [str(Balance.from_json(unit, counts)) for unit, counts in summary["balances"].items()]


def put_aside_lines(summary: dict[str, Any]) -> list[str]:
    """Return lines for recordings that were put aside (not all if there are many), and the next thing to do."""
    put_aside = summary["put_aside"]
    lines = [f"put aside: {one['name']}: {one['faults'][0]}" for one in put_aside[:_MOST_TOLD]]
    lines += [f"put aside: {len(put_aside) - _MOST_TOLD} more"] if len(put_aside) > _MOST_TOLD else []
    return [*lines, f"See all reasons: {LIST}"] if lines else []


def main(description: str) -> int:
    """Start and follow a run for the command line; return the exit code."""
    return run(lambda: _main(description))
