"""Start a run of the Glue job with the code of this working tree, follow it to its end, return its summary."""

import argparse
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_pipeline.config import Settings, add_policy_flag, endpoint, policy_text, settings, with_policy
from aws_pipeline.curation_options import LITTLE_BYTES, Options
from aws_pipeline.etl_plan import due_bytes_of, show_plan
from aws_pipeline.expected import ANYTHING, Allowed, add_allowed_flags, allowed_of, expected_curation
from aws_pipeline.glue_workers import sized_run
from aws_pipeline.job_code import GLUE_SCRIPT, glue_code
from aws_pipeline.preparation import Prepared, nothing_to_do, prepare
from aws_pipeline.terminal import JobFailed, run, size
from behavior.balance import Balance
from behavior.contract import EXIT_OK, EXIT_PUT_ASIDE, ContractError, Fault, UsageError
from behavior.policy import STANDARD, parse_policy
from behavior.workplace import REPOSITORY
from reports.progress import Progress

DEPLOY = "python -m infra.deploy"
LIST = "python aws_pipeline/quarantine.py list"
_MOST_TOLD = 20
_POLL_PART = 0.01
"""A run is asked for its state again after this part of the time that it has taken so far, within these limits, s."""
_LEAST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_ACTIVE = {"WAITING", "STARTING", "RUNNING", "STOPPING"}


@dataclass(frozen=True)
class Order:
    """What a user asks of a run."""

    force: bool = False
    """Curate every recording, also unchanged ones."""
    keep_days: float = 0.0
    """Objects of earlier runs stay readable so many days, for time travel and for pinned snapshots."""
    allowed: Allowed = ANYTHING
    """A run that would do more is refused."""


_AS_USUAL = Order()


def run_job(chosen: Settings, order: Order = _AS_USUAL) -> tuple[dict[str, Any], bool]:
    """Run the job on the raw zone; return its summary, and whether it was needed. If nothing changed, no job is started.

    The summary holds curated_anew (how many recordings this run curated), videos (the accepted ones; rows_in, rows_out, bytes_in,
    bytes_out are theirs), put_aside (name, lab and faults of each), by_leave (codes by name: accepted although the contract alone rejects
    them), excluded (names), balances (what went in and what became of it), removed, ignored (raw objects no metadata names), notes (how
    many rows were repaired or are worth a look, by code of the fault), contract (its version), run, seconds by step.
    Raises ContractError with the faults of the data set, JobFailed for any other end, UsageError if there is no job, it is running, more
    is due than the order allows, or it has other code than this working tree and lies on AWS.
    """
    import boto3

    glue, s3 = boto3.client("glue"), boto3.client("s3")
    policy = policy_text(chosen)
    bucket, name = chosen.bucket("artifacts"), f"glue/runs/{uuid.uuid4().hex}"
    code, worker_type = _require_this_code(glue, chosen)
    known = prepared(chosen, force=order.force)
    if not order.force and (summary_before := nothing_to_do(known, code)):
        return summary_before, False
    due_bytes = due_bytes_of(known)
    order.allowed.refuse(expected_curation(len(known.due.work), due_bytes))
    key, arguments = f"{name}.json", {"--SUMMARY_URI": f"s3://{bucket}/{name}.json", "--CODE": code}
    arguments |= {"--FORCE": str(order.force).lower(), "--KEEP_DAYS": str(order.keep_days)}
    arguments |= {"--DUE_BYTES": str(due_bytes), "--LITTLE_BYTES": str(LITTLE_BYTES)}
    if policy:
        s3.put_object(Bucket=bucket, Key=f"{name}.toml", Body=policy.encode())
        arguments["--POLICY_URI"] = f"s3://{bucket}/{name}.toml"
    try:
        started = glue.start_job_run(JobName=chosen.glue_job, **sized_run(len(known.due.work), worker_type, arguments))
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
    return status, True


def prepared(chosen: Settings, *, force: bool = False) -> Prepared:
    """Return what a run would know before it curates; nothing is changed, and no job is started. Call it within `endpoint`."""
    policy = parse_policy(text, str(chosen.policy)) if (text := policy_text(chosen)) else STANDARD
    options = Options(chosen.uri("raw"), chosen.uri("curated"), chosen.database, force=force)
    return prepare(options, policy, create=False)


def _require_this_code(glue: Any, chosen: Settings) -> tuple[str, str]:
    """Return the digest of the job's code, and the type of its workers.

    If the code is not that of this working tree, it is deployed on this disk; on AWS, UsageError is raised: a person must decide.
    """
    code, job = glue_code(chosen), _definition(glue, chosen)
    if (job["Command"]["ScriptLocation"], job.get("DefaultArguments", {}).get("--extra-py-files", "")) == (code.script, code.library):
        return code.digest, job["WorkerType"]
    if not chosen.local:
        raise UsageError(
            f"Expected job {chosen.glue_job} to have the code of this working tree, but got other code. Deploy this one: {DEPLOY}"
        )
    print(f"job {chosen.glue_job} has other code than this working tree: deploying this one", file=sys.stderr)
    done = subprocess.run([sys.executable, "-m", "infra.deploy"], cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise JobFailed(f"Expected {DEPLOY} to succeed, but got exit code {done.returncode}. Correct the error above.", done.returncode)
    return code.digest, _definition(glue, chosen)["WorkerType"]


def _definition(glue: Any, chosen: Settings) -> dict[str, Any]:
    """Return the definition of the job. Raises UsageError if there is none."""
    try:
        return dict(glue.get_job(JobName=chosen.glue_job)["Job"])
    except glue.exceptions.EntityNotFoundException:
        raise UsageError(f"Expected a Glue job {chosen.glue_job}, but got none. Deploy the stack first: {DEPLOY}") from None


def _follow(glue: Any, name: str, run_id: str, summary: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Wait until a run is over; Ctrl-C also stops the run."""
    started = time.monotonic()
    try:
        with Progress("glue job") as shown:
            while True:
                job_run: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
                if job_run["JobRunState"] not in _ACTIVE:
                    return job_run
                status = summary() if job_run["JobRunState"] == "RUNNING" else {}
                shown.update(job_run["JobRunState"].lower(), status.get("done", 0), status.get("of", 0))
                pause_s = _POLL_PART * (time.monotonic() - started)
                time.sleep(min(max(pause_s, _LEAST_PAUSE_S), _LONGEST_PAUSE_S))
    except KeyboardInterrupt:
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
        raise


def _main(description: str) -> int:
    parser = argparse.ArgumentParser(
        prog=Path(GLUE_SCRIPT).name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add_policy_flag(parser)
    parser.add_argument("--json", action="store_true", help="print the summary, or the plan, as one JSON object")
    parser.add_argument("--force", action="store_true", help="curate every recording, also unchanged ones")
    parser.add_argument("--keep-days", type=float, default=0.0, help="objects of earlier runs stay readable so long (default: %(default)s)")
    add_allowed_flags(parser)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--plan", action="store_true", help="only say how much is to be done; change nothing")
    only.add_argument("--explain", action="store_true", help="only say for each recording why it is curated or not; change nothing")
    arguments = parser.parse_args()
    chosen = with_policy(settings(), arguments.policy)
    with endpoint(chosen):
        if arguments.plan or arguments.explain:
            return show_plan(prepared(chosen, force=arguments.force), chosen, explain=arguments.explain, as_json=arguments.json)
        summary, needed = run_job(chosen, Order(arguments.force, arguments.keep_days, allowed_of(arguments)))
    print(json.dumps(summary) if arguments.json else _in_words(summary, chosen, needed=needed))
    return EXIT_PUT_ASIDE if summary["put_aside"] else EXIT_OK


def _in_words(summary: dict[str, Any], chosen: Settings, *, needed: bool) -> str:
    accepted = f"{summary['videos']} recordings" + (f" and {summary['films']} films" if summary.get("films") else "")
    if not needed:
        done = f"{chosen.uri('curated')} {chosen.place}: nothing to do; {accepted} are as run {summary['run']} left them"
        return "\n".join([done, *put_aside_lines(summary)])
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    notes = "".join(f"; {code}: {count:,}" for code, count in summary["notes"].items())
    done = (
        f"{chosen.uri('curated')} {chosen.place}: {accepted}, {summary['curated_anew']} of them curated now, "
        f"{summary['rows_in']:,} rows in, "
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
