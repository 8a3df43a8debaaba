"""Glue job runs on this disk: scripts really run, and every end they can take is told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from infra.local.jobs.processes import Process, last_words
from infra.local.jobs.runs import OWNER_DIED, RunStore

SECONDS = 60.0


@pytest.fixture
def artifacts(endpoint: Any, make_role: Any) -> Any:
    make_role("role", "glue")
    s3 = boto3.client("s3")
    for bucket in ("artifacts", "raw-zone", "curated-zone"):
        s3.create_bucket(Bucket=bucket)
    return s3


def make_job(s3: Any, script: str, name: str = "job", **definition: Any) -> Any:
    """Put a script where Glue fetches it from and define a job that runs it."""
    s3.put_object(Bucket="artifacts", Key=f"glue/{name}.py", Body=script.encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://artifacts/glue/{name}.py"}
    glue = boto3.client("glue")
    glue.create_job(Name=name, Role="role", Command=command, GlueVersion="5.1", **definition)
    return glue


def run_to_end(glue: Any, name: str = "job", **request: Any) -> dict[str, Any]:
    return wait(glue, glue.start_job_run(JobName=name, **request)["JobRunId"], name)


def wait(glue: Any, run_id: str, name: str = "job") -> dict[str, Any]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        run = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        if run["JobRunState"] not in ("STARTING", "RUNNING", "STOPPING"):
            return run
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} did not end within {SECONDS} s")


@pytest.mark.spark
def test_a_plain_pyspark_script_reads_and_writes_s3_addresses(artifacts: Any, endpoint: Any) -> None:
    script = """
import sys
from pyspark.sql import SparkSession
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
rows = spark.read.option("header", True).csv(arguments["--RAW_URI"] + "/metadata/train.csv")
rows.write.partitionBy("lab_id").parquet(arguments["--CURATED_URI"] + "/recordings/")
"""
    artifacts.put_object(Bucket="raw-zone", Key="metadata/train.csv", Body=b"lab_id,video_id\nCRIM13,1\nCRIM13,2\nRat,3\n")
    glue = make_job(artifacts, script, DefaultArguments={"--RAW_URI": "s3://raw-zone", "--CURATED_URI": "s3://curated-zone"})

    run = run_to_end(glue)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert run["StartedOn"] <= run["CompletedOn"]
    folder = endpoint.root / "curated-zone" / "recordings"
    assert pq.read_table(folder / "lab_id=CRIM13").column("video_id").to_pylist() == ["1", "2"]


def test_arguments_come_as_glue_gives_them_and_those_of_the_run_win(artifacts: Any, endpoint: Any) -> None:
    script = "import json, os, sys, boto3; boto3.client('s3').put_object(Bucket='curated-zone', Key='seen', Body=json.dumps(sys.argv[1:]))"
    glue = make_job(artifacts, script, DefaultArguments={"--DATABASE": "default", "--RAW_URI": "s3://raw-zone"})

    run = run_to_end(glue, Arguments={"--DATABASE": "mabe"})
    words = json.loads((endpoint.root / "curated-zone" / "seen").read_text())
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given == {"--JOB_NAME": "job", "--JOB_RUN_ID": run["Id"], "--DATABASE": "mabe", "--RAW_URI": "s3://raw-zone"}


def test_extra_python_files_are_what_the_script_imports(artifacts: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("mouse/__init__.py", "PAWS = 4")
    artifacts.put_object(Bucket="artifacts", Key="glue/mouse.zip", Body=packed.getvalue())
    artifacts.put_object(Bucket="artifacts", Key="glue/tail.py", Body=b"LENGTH = 8")
    libraries = "s3://artifacts/glue/mouse.zip, s3://artifacts/glue/tail.py"
    glue = make_job(
        artifacts, "import mouse, tail; assert (mouse.PAWS, tail.LENGTH) == (4, 8)", DefaultArguments={"--extra-py-files": libraries}
    )

    assert run_to_end(glue)["JobRunState"] == "SUCCEEDED"


def test_a_library_is_unpacked_once_and_when_nothing_uses_it_any_more_it_goes(artifacts: Any, endpoint: Any) -> None:
    glue, unpacked = make_job(artifacts, "import mouse; print(mouse.__file__)"), endpoint.root / ".aws" / "unpacked"
    seen = []
    for paws in (4, 4, 5):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("mouse.py"), f"PAWS = {paws}")
        artifacts.put_object(Bucket="artifacts", Key="glue/mouse.zip", Body=packed.getvalue())
        if paws == 5:
            os.utime(seen[-1][0], (0, 0))
        run = run_to_end(glue, Arguments={"--extra-py-files": "s3://artifacts/glue/mouse.zip"})
        assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
        seen.append([one for one in unpacked.iterdir() if (one / "mouse.py").is_file()])
    assert seen[0] == seen[1]
    assert len(seen[2]) == 1
    assert seen[2] != seen[0]


def test_a_failing_script_ends_failed_with_its_exception_and_keeps_its_log(artifacts: Any, endpoint: Any) -> None:
    glue = make_job(artifacts, "print('so far so good')\nraise ValueError('Expected cheese, but got soap.\\nBring cheese.')")

    run = run_to_end(glue)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "ValueError: Expected cheese, but got soap.\nBring cheese."
    assert "so far so good" in (endpoint.root / ".aws" / "runs" / "glue" / f"{run['Id']}.log").read_text()


def test_a_script_that_leaves_with_a_status_has_failed_with_its_last_line(artifacts: Any) -> None:
    run = run_to_end(make_job(artifacts, "import sys; sys.exit('Expected a mouse, but got none.')"))

    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Expected a mouse, but got none.")


def test_a_script_or_library_that_is_not_there_fails_the_run_and_not_the_endpoint(artifacts: Any) -> None:
    glue = make_job(artifacts, "", DefaultArguments={"--extra-py-files": "s3://artifacts/glue/nope.zip"})

    run = run_to_end(glue)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("LAUNCH ERROR: Expected a file at s3://artifacts/glue/nope.zip")


def test_a_second_run_is_refused_while_the_first_is_active(artifacts: Any) -> None:
    glue = make_job(artifacts, "import time; time.sleep(60)", ExecutionProperty={"MaxConcurrentRuns": 1})
    run_id = glue.start_job_run(JobName="job")["JobRunId"]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName="job")

    stopped = glue.batch_stop_job_run(JobName="job", JobRunIds=[run_id, "jr_nope"])
    assert [each["JobRunId"] for each in stopped["SuccessfulSubmissions"]] == [run_id]
    assert [each["JobRunId"] for each in stopped["Errors"]] == ["jr_nope"]
    assert wait(glue, run_id)["JobRunState"] == "STOPPED"
    assert [run["Id"] for run in glue.get_job_runs(JobName="job")["JobRuns"]] == [run_id]


def test_a_stopped_run_takes_everything_with_it_that_it_started(artifacts: Any, endpoint: Any) -> None:
    script = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
time.sleep(60)
"""
    glue = make_job(artifacts, script)
    run_id = glue.start_job_run(JobName="job")["JobRunId"]
    log = endpoint.root / ".aws" / "runs" / "glue" / f"{run_id}.log"
    child = Process.of(int(eventually(lambda: log.exists() and log.read_text().endswith("\n") and log.read_text()).split()[1]))
    assert child.alive

    glue.batch_stop_job_run(JobName="job", JobRunIds=[run_id])
    assert wait(glue, run_id)["JobRunState"] == "STOPPED"
    eventually(lambda: not child.alive)


def test_a_run_longer_than_its_timeout_is_ended(endpoint: Any) -> None:
    from infra.local.jobs.processes import run_logged

    outcome = run_logged([sys.executable, "-c", "import time; time.sleep(60)"], {}, endpoint.root, endpoint.root / "log", timeout_s=0.3)
    assert outcome.code is None


def test_the_control_plane_keeps_the_job_and_an_update_replaces_its_definition(artifacts: Any) -> None:
    glue = make_job(artifacts, "print(1)", Timeout=5)
    glue.update_job(
        JobName="job", JobUpdate={"Role": "role", "Command": {"Name": "glueetl", "ScriptLocation": "s3://artifacts/x.py"}, "Timeout": 9}
    )

    assert glue.get_job(JobName="job")["Job"]["Timeout"] == 9
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.start_job_run(JobName="nope")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_run(JobName="job", RunId="../../../etc/passwd")


def test_a_run_whose_owner_died_reads_as_failed_and_what_it_started_is_ended(tmp_path: Path) -> None:
    script = f"""
import subprocess, sys
from pathlib import Path
from infra.local.jobs.processes import Process
from infra.local.jobs.runs import RunStore
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
runs = RunStore(Path({str(tmp_path)!r}))
runs.create("run", {{}}, "STARTING")
runs.update("run", state="RUNNING", child=Process.of(child.pid))
print(child.pid)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    child = Process.of(int(told.stdout))
    assert child.alive

    run = RunStore(tmp_path).get("run")
    assert run is not None
    assert (run.state, run.reason) == ("FAILED", OWNER_DIED)
    eventually(lambda: not child.alive)


def test_a_record_that_is_over_never_changes_and_a_stopping_run_does_not_start(tmp_path: Path) -> None:
    runs = RunStore(tmp_path)
    runs.create("run", {}, "STARTING")
    runs.update("run", state="STOPPING")
    assert runs.update("run", state="RUNNING").state == "STOPPING"
    runs.update("run", state="STOPPED")
    assert runs.update("run", state="FAILED", reason="late").reason == ""
    with pytest.raises(FileExistsError):
        runs.create("run", {})
    for odd in ("../run", "", ".hidden", "a/b"):
        assert runs.get(odd) is None
        with pytest.raises(ValueError, match="Expected a run id"):
            runs.create(odd, {})


def test_last_words_are_the_last_exception_whatever_is_printed_around_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "Traceback (most recent call last):\n  File 'a'\nKeyError: 'x'\n\n"
        "During handling of the above exception, another exception occurred:\n\n"
        "Traceback (most recent call last):\nFile 'b', line 3, in <module>\nraise a.B('y')\na.b.BadMouse: no cheese\n"
        "Command failed with exit code 1. Traceback: Traceback (most recent call last):\n  File 'c'\n+++ exit 1\n"
    )
    assert last_words(log) == "a.b.BadMouse: no cheese"
    log.write_text("12:00:00 WARN Utils: something\nplain words\n12:00:01 ERROR x: y\n")
    assert last_words(log) == "plain words"
    assert last_words(tmp_path / "nope") == ""


def eventually(holds: Any, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("status", ["0", ""])
def test_a_script_that_leaves_by_sys_exit_has_failed_also_with_status_0(artifacts: Any, status: str) -> None:
    run = run_to_end(make_job(artifacts, f"import sys; print('done'); sys.exit({status})"))

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("SystemExit: ")


def test_modules_that_glue_would_install_must_be_here_in_their_versions(artifacts: Any) -> None:
    def ended(modules: str) -> dict[str, Any]:
        return run_to_end(glue, Arguments={"--additional-python-modules": modules})

    glue = make_job(artifacts, "import pyiceberg")
    assert ended("pyiceberg")["JobRunState"] == "SUCCEEDED"
    assert "Expected module pyiceberg==0.1.0 of --additional-python-modules" in ended("pyiceberg==0.1.0")["ErrorMessage"]
    assert "but got none" in ended("pyiceberg,no-such-package==1")["ErrorMessage"]


def test_a_job_runs_only_with_a_role_that_glue_may_assume(artifacts: Any, make_role: Any) -> None:
    glue = make_job(artifacts, "", name="mine")
    for role in ("nobody", make_role("of-training", "sagemaker")):
        job = glue.get_job(JobName="mine")["Job"]
        glue.update_job(JobName="mine", JobUpdate={"Role": role, "Command": job["Command"]})
        with pytest.raises(glue.exceptions.InvalidInputException, match="should be given assume role permissions for Glue"):
            glue.start_job_run(JobName="mine")


def test_a_run_does_only_what_its_role_may(artifacts: Any, make_role: Any) -> None:
    code = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::artifacts/glue/*"}
    make_role("reader", "glue", code)
    script = "import boto3; boto3.client('s3').put_object(Bucket='raw-zone', Key='a', Body=b'')"
    artifacts.put_object(Bucket="artifacts", Key="glue/narrow.py", Body=script.encode())
    glue = boto3.client("glue")
    glue.create_job(Name="narrow", Role="reader", Command={"Name": "glueetl", "ScriptLocation": "s3://artifacts/glue/narrow.py"})

    told = run_to_end(glue, "narrow")["ErrorMessage"]
    assert "GlueJobRunnerSession is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::raw-zone/a" in told
    boto3.client("iam").delete_role_policy(RoleName="reader", PolicyName="own")
    told = run_to_end(glue, "narrow")["ErrorMessage"]
    assert "not authorized to perform: s3:GetObject on resource: arn:aws:s3:::artifacts/glue/narrow.py" in told


def test_a_run_logs_to_the_group_that_its_job_names(artifacts: Any) -> None:
    glue = make_job(artifacts, "print('hello')", DefaultArguments={"--custom-logGroup-prefix": "/aws-glue/mine"})
    run = run_to_end(glue)

    assert run["LogGroupName"] == "/aws-glue/mine"
    logs = boto3.client("logs")
    assert [each["logStreamName"] for each in logs.describe_log_streams(logGroupName="/aws-glue/mine/output")["logStreams"]] == [run["Id"]]
    assert logs.describe_log_streams(logGroupName="/aws-glue/jobs/output")["logStreams"] == []
    events = logs.get_log_events(logGroupName="/aws-glue/mine/output", logStreamName=run["Id"])["events"]
    assert [event["message"] for event in events] == ["hello"]
