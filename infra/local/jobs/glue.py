"""Glue job runs, for real: StartJobRun runs the job's script as a Spark process with the job's arguments, state, log and error."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import uuid
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.control.moto_app import REGION
from infra.local.errors import ServiceError, full_disk, is_full
from infra.local.jobs import spark_conf
from infra.local.jobs.processes import Process, job_environment, last_words, run_logged
from infra.local.jobs.runs import RunRecord, RunStore
from infra.local.jobs.unpacked_code import UnpackedCode

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.object_store import ObjectStore

LOG_GROUP = "/aws-glue/jobs"
_DRIVER = str(Path(__file__).with_name("glue_driver.py"))
_STOP_GRACE_S = 10.0
_KEEP_DAYS = 90.0
"""Glue remembers runs so long."""
_PRINCIPAL = "glue.amazonaws.com"


class GlueJobs:
    """Answers the job-run operations of Glue; jobs themselves, like the whole catalog, are the control plane's."""

    def __init__(self, store: ObjectStore, control: ControlPlane, guard: Guard, endpoint_url: str) -> None:
        self.store = store
        self.control = control
        self.guard = guard
        self.endpoint_url = endpoint_url
        self.runs = RunStore(store.root / ".aws" / "runs" / "glue", _KEEP_DAYS)
        self.unpacked = UnpackedCode(store.root / ".aws" / "unpacked")

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane."""
        answers = {
            "StartJobRun": self._start,
            "GetJobRun": self._get,
            "GetJobRuns": self._list,
            "BatchStopJobRun": self._stop,
            "UpdateJob": self._update_job,
        }
        return answers[operation](request) if operation in answers else None

    def close(self) -> None:
        """End what still runs, and say so in its record."""
        self.runs.stop_own()

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["JobName"]
        with self.runs.locked():
            job = self.control.invoke("glue", "GetJob", {"JobName": name})["Job"]
            if not self.guard.trusts(job["Role"], _PRINCIPAL):
                what = f"Role {job['Role']} should be given assume role permissions for Glue Service"
                raise ServiceError("InvalidInputException", f"{what}: it is not there, or its trust policy names others than {_PRINCIPAL}.")
            details = _run_details(job, request)
            most = (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1
            active = sum(run.active for run in self._of_job(name))
            if active >= most:
                what = f"Expected at most {most} run(s) of job {name} at once, but got {active} active. Wait for it or stop it."
                raise ServiceError("ConcurrentRunsExceededException", what)
            run = self.runs.create(f"jr_{uuid.uuid4().hex}", details, "STARTING")
        threading.Thread(target=self._run, args=[run.run_id, job], name=run.run_id, daemon=True).start()
        return {"JobRunId": run.run_id}

    def _run(self, run_id: str, job: dict[str, Any]) -> None:
        run = self.runs.update(run_id, state="RUNNING")
        timeout_s = run.details["Timeout"] * 60.0
        try:
            workplace, log = self.runs.workplace(run_id), self.runs.log(run_id)
            script, libraries = self._fetch_code(workplace, job, run)
            mounts = _Mounts(workplace / "conf", self.store, _spark_conf(run.details["Arguments"].get("--conf") or ""))
            _require_modules(run.details["Arguments"].get("--additional-python-modules") or "")
            command = [sys.executable, _DRIVER, str(script), *_script_arguments(run)]
            environment = self._environment(workplace, libraries, self.guard.identities.issue(job["Role"], "GlueJobRunnerSession"))
            outcome = run_logged(
                command, environment, workplace, log, timeout_s, lambda child: self._started(run_id, child), mounts.refresh
            )
            self._conclude(run_id, outcome.code, timeout_s)
        except Exception as error:  # a run that cannot be made is a failed run, with its reason
            error = full_disk(self.store.root) if is_full(error) else error
            self.runs.update(run_id, state="FAILED", reason=f"LAUNCH ERROR: {getattr(error, 'message', error)}")
        finally:
            shutil.rmtree(self.runs.folder / run_id, ignore_errors=True)

    def _started(self, run_id: str, child: Process) -> None:
        if self.runs.update(run_id, child=child).state == "STOPPING":
            child.stop_group(_STOP_GRACE_S)

    def _conclude(self, run_id: str, code: int | None, timeout_s: float) -> None:
        run = self.runs.get(run_id)
        if run is not None and run.state == "STOPPING":
            self.runs.update(run_id, state="STOPPED")
        elif code is None:
            self.runs.update(run_id, state="TIMEOUT", reason=f"The run took longer than its timeout of {timeout_s / 60:g} minutes.")
        elif code == 0:
            self.runs.update(run_id, state="SUCCEEDED")
        else:
            self.runs.update(run_id, state="FAILED", reason=last_words(self.runs.log(run_id)) or f"The script ended with status {code}.")

    def _fetch_code(self, workplace: Path, job: dict[str, Any], run: RunRecord) -> tuple[Path, list[Path]]:
        """Copy the script and its libraries to where the run works; return the script, and the folders of its libraries."""
        libraries = [workplace / "libraries"]
        libraries[0].mkdir(exist_ok=True)
        for uri in filter(None, (run.details["Arguments"].get("--extra-py-files") or "").split(",")):
            source = self._fetch(uri.strip(), workplace, job["Role"])
            if source.suffix == ".py":
                source.replace(libraries[0] / source.name)
            else:
                libraries.append(self.unpacked.folder_of(source))
        return self._fetch(job["Command"]["ScriptLocation"], workplace, job["Role"]), libraries

    def _fetch(self, uri: str, workplace: Path, role: str) -> Path:
        self.guard.require_of_role(role, "s3:GetObject", uri)
        source = self.store.local_path(uri)
        if not source.is_file():
            raise ServiceError("NoSuchKey", f"Expected a file at {uri}, but got none. Upload it before the run.")
        return Path(shutil.copy(source, workplace / source.name))

    def _environment(self, workplace: Path, libraries: list[Path], access_key: str) -> dict[str, str]:
        own = {"PYTHONPATH": os.pathsep.join(map(str, libraries)), **spark_conf.spark_environment(workplace / "conf")}
        return {**job_environment(self.endpoint_url, REGION, access_key), **own}

    def _update_job(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write a job's definition anew: the control plane knows no update. No run starts while there is no definition."""
        name = request["JobName"]
        with self.runs.locked():
            self.control.invoke("glue", "GetJob", {"JobName": name})
            self.control.invoke("glue", "DeleteJob", {"JobName": name})
            self.control.invoke("glue", "CreateJob", {"Name": name, **request["JobUpdate"]})
        return {"JobName": name}

    def _of_job(self, name: str) -> list[RunRecord]:
        return [run for run in self.runs.all() if run.details["JobName"] == name]

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(request["RunId"])
        if run is None or run.details["JobName"] != request["JobName"]:
            what = f"Expected a run of job {request['JobName']}, but got {request['RunId']!r}. List them with GetJobRuns."
            raise ServiceError("EntityNotFoundException", what)
        return {"JobRun": _job_run(run)}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        self.control.invoke("glue", "GetJob", {"JobName": request["JobName"]})
        runs = self._of_job(request["JobName"])
        start = int(request.get("NextToken") or 0)
        end = start + int(request.get("MaxResults") or 200)
        return {"JobRuns": [_job_run(run) for run in runs[start:end]], **({"NextToken": str(end)} if end < len(runs) else {})}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        name, stopped, errors = request["JobName"], [], []
        for run_id in request["JobRunIds"]:
            run = self.runs.get(run_id)
            if run is not None and run.details["JobName"] == name and run.active:
                self.runs.stop(run_id, _STOP_GRACE_S)
                stopped.append({"JobName": name, "JobRunId": run_id})
            else:
                fault = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": f"Expected an active run, but got {run_id!r}."}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": fault})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}


class _Mounts:
    """The buckets that one run sees, kept in step with the store while it runs."""

    def __init__(self, folder: Path, store: ObjectStore, conf: Mapping[str, str]) -> None:
        self.folder = folder
        self.store = store
        self.mounted = store.buckets()
        spark_conf.write_conf(folder, store.root, self.mounted, conf)

    def refresh(self) -> None:
        """Mount buckets that were made since."""
        buckets = self.store.buckets()
        if buckets != self.mounted:
            self.mounted = buckets
            spark_conf.write_mounts(self.folder, self.store.root, buckets)


def log_group(run: RunRecord) -> str:
    """Return how the names of the run's log groups begin."""
    return str(run.details["Arguments"].get("--custom-logGroup-prefix") or LOG_GROUP)


def _require_modules(modules: str) -> None:
    """Raise ServiceError for packages that Glue would install and that are not here in these versions: nothing is installed here."""
    for module in filter(None, modules.split(",")):
        name, _, wanted = module.strip().partition("==")
        try:
            found = version(name.partition("[")[0])
        except PackageNotFoundError:
            found = ""
        if not found or (wanted and found != wanted):
            what = f"Expected module {module.strip()} of --additional-python-modules to be installed here, but got {found or 'none'}"
            raise ServiceError("InvalidInputException", f"{what}. Install it.")


def _spark_conf(text: str) -> dict[str, str]:
    """Read --conf. The parallelism of Glue's workers means nothing here, where the cores of this machine work."""
    pairs = (each.strip().partition("=") for each in text.split("--conf"))
    return {name.strip(): value.strip() for name, _, value in pairs if name and name.strip() != "spark.default.parallelism"}


def _run_details(job: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run of this job is, the request's words before the job's."""
    arguments = {**(job.get("DefaultArguments") or {}), **(request.get("Arguments") or {}), **(job.get("NonOverridableArguments") or {})}
    kept = {key: request.get(key) or job.get(key) for key in ("WorkerType", "NumberOfWorkers", "MaxCapacity", "ExecutionClass")}
    return {
        "JobName": job["Name"],
        "Arguments": arguments,
        "Timeout": request.get("Timeout") or job.get("Timeout") or 2880,
        "GlueVersion": job.get("GlueVersion") or "5.1",
        **{key: value for key, value in kept.items() if value is not None},
    }


def _script_arguments(run: RunRecord) -> list[str]:
    """Return the command line that Glue gives a script; options that Glue reads itself are handed on as well, as it does."""
    words = ["--JOB_NAME", run.details["JobName"], "--JOB_RUN_ID", run.run_id]
    for name, value in run.details["Arguments"].items():
        words += [name, *([str(value)] if value not in (None, "") else [])]
    return words


def _job_run(run: RunRecord) -> dict[str, Any]:
    times = {"StartedOn": run.created_s, "LastModifiedOn": run.changed_s, "CompletedOn": run.ended_s}
    return {
        **run.details,
        **{name: time_s for name, time_s in times.items() if time_s is not None},
        "Id": run.run_id,
        "Attempt": 0,
        "JobRunState": run.state,
        **({"ErrorMessage": run.reason} if run.reason else {}),
        "ExecutionTime": round(run.duration_s),
        "LogGroupName": log_group(run),
        "PredecessorRuns": [],
    }
