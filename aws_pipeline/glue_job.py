"""Run the Glue job from outside: bring its code up to date, start a run, follow it to its end, and return what it says of itself."""

import argparse
import io
import json
import sys
import time
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_pipeline.config import REPOSITORY, Settings, endpoint, settings
from aws_pipeline.script import run, size
from behavior.contract import EXIT_OK, EXIT_UNEXPECTED, ContractError, Fault, UsageError

SCRIPT = "aws_pipeline/glue_etl.py"
LIBRARY = ("behavior", "aws_pipeline/__init__.py", "aws_pipeline/curation_plan.py", "aws_pipeline/curation_task.py", "aws_pipeline/lake.py")
"""Folders and files of this repository that the script imports."""
_ACTIVE = {"WAITING", "STARTING", "RUNNING", "STOPPING"}
_SILENCE_S = 10.0

Tell = Callable[[str, int, int], None]
"""Called with the run's state, parts done, and parts in all (0: not known yet)."""


class JobFailed(RuntimeError):
    """A run ended without success, and not because of its input."""


def run_job(chosen: Settings, tell: Tell | None = None) -> dict[str, Any]:
    """Run the job on the raw zone as it is, to its end, and return its summary.

    The summary holds videos, rows_in, rows_out, bytes_in, bytes_out, removed, ignored (raw objects no metadata names), notes (how many
    rows were repaired or are worth a look, by code of the fault), seconds by step.
    Raises ContractError with the faults of the input, JobFailed for any other end, UsageError if there is no job or it is running.
    """
    import boto3

    glue, s3 = boto3.client("glue"), boto3.client("s3")
    bucket, key = chosen.bucket("artifacts"), f"glue/runs/{uuid.uuid4().hex}.json"
    _upload_code(glue, s3, chosen.glue_job)
    try:
        started = glue.start_job_run(JobName=chosen.glue_job, Arguments={"--SUMMARY_URI": f"s3://{bucket}/{key}"})
    except glue.exceptions.ConcurrentRunsExceededException:
        raise UsageError(f"Expected job {chosen.glue_job} to be idle, but got a run under way. Wait for it or stop it.") from None

    def summary() -> dict[str, Any]:
        try:
            return dict(json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]))
        except s3.exceptions.NoSuchKey:
            return {}

    ended = _follow(glue, chosen.glue_job, started["JobRunId"], summary, tell or _PlainLines())
    said = summary()
    if said.get("faults"):
        raise ContractError(Fault(**fault) for fault in said["faults"])
    if ended["JobRunState"] != "SUCCEEDED":
        reason = f"{ended['JobRunState']}: {ended.get('ErrorMessage') or 'no reason given'}"
        raise JobFailed(f"Expected run {ended['Id']} of {chosen.glue_job} to succeed, but got {reason} Read its log.")
    return said


def library_zip() -> bytes:
    """Return the library as a zip, the same bytes for the same code."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for place in LIBRARY:
            path = REPOSITORY / place
            for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(REPOSITORY))), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _upload_code(glue: Any, s3: Any, name: str) -> None:
    """Put script and library where the job's definition expects them."""
    try:
        job = glue.get_job(JobName=name)["Job"]
    except glue.exceptions.EntityNotFoundException:
        raise UsageError(f"Expected a Glue job {name}, but got none. Deploy the stack first.") from None
    code = {
        job["Command"]["ScriptLocation"]: (REPOSITORY / SCRIPT).read_bytes(),
        job["DefaultArguments"]["--extra-py-files"]: library_zip(),
    }
    for uri, content in code.items():
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body=content)


def _follow(glue: Any, name: str, run_id: str, summary: Callable[[], dict[str, Any]], tell: Tell) -> dict[str, Any]:
    """Look at a run until it is over; Ctrl-C stops the run as well."""
    pause_s = 0.2
    try:
        while True:
            found: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
            if found["JobRunState"] not in _ACTIVE:
                return found
            said = summary() if found["JobRunState"] == "RUNNING" else {}
            tell(found["JobRunState"], said.get("done", 0), said.get("of", 0))
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.2, 2.0 if found["JobRunState"] == "RUNNING" else 5.0)
    except KeyboardInterrupt:
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
        raise


class _PlainLines:
    """Tells of a run on stderr: every change of state, and now and then how far it is."""

    def __init__(self) -> None:
        self._started = self._told = time.monotonic()
        self._state = ""

    def __call__(self, state: str, done: int, of: int) -> None:
        now = time.monotonic()
        if state == self._state and now - self._told < _SILENCE_S:
            return
        self._state, self._told = state, now
        parts = f", {done} of {of} parts" if of else ""
        print(f"glue job: {state.lower()}{parts}, {now - self._started:.0f} s", file=sys.stderr, flush=True)


class _Bar:
    """Tells of a run as a bar on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("glue job: {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self.bar.add_task("starting", total=None)

    def __call__(self, state: str, done: int, of: int) -> None:
        self.bar.update(self._task, description=state.lower(), completed=done, total=of or None)


def _run_and_tell(chosen: Settings) -> dict[str, Any]:
    if not sys.stderr.isatty():
        return run_job(chosen)
    teller = _Bar()
    with teller.bar:
        return run_job(chosen, teller)


def _main(description: str) -> int:
    parser = argparse.ArgumentParser(
        prog=Path(SCRIPT).name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    arguments = parser.parse_args()
    chosen = settings()
    with endpoint(chosen):
        try:
            summary = _run_and_tell(chosen)
        except JobFailed as error:
            print(f"error: {error}", file=sys.stderr)
            return EXIT_UNEXPECTED
    where = f"in {chosen.mock_dir}" if chosen.local else "on AWS"
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in summary["seconds"].items())
    notes = "".join(f"; {code}: {count:,}" for code, count in summary["notes"].items())
    print(
        json.dumps(summary)
        if arguments.json
        else f"{chosen.uri('curated')} {where}: {summary['videos']} recordings, {summary['rows_in']:,} rows in, "
        f"{summary['rows_out']:,} rows out ({size(summary['bytes_out'])}), {summary['removed']} old objects removed, "
        f"{summary['ignored']} raw objects that no metadata names left out{notes}; {seconds}"
    )
    return EXIT_OK


def main(description: str) -> int:
    """Start and follow a run as the script's bare command does; return the exit code."""
    return run(lambda: _main(description))
