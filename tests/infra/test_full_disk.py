"""A disk that fills: every call is refused with one sentence, what was there stays whole, and no run seems to run for ever.

/dev/full is a file to which the kernel refuses every byte with the very error of a full disk: a link to it stands where something is
to be written.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from simulated_lake import build_lake
from small_disk import small_disk
from tiny_training import tiny_recipe

from infra.local.jobs.processes import last_words
from infra.local.jobs.runs import RunStore
from training.fitting.prepare import prepare

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def no_room_for(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/full")


@pytest.fixture
def s3(endpoint: Any) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="zone")
    client.put_object(Bucket="zone", Key="a", Body=b"old", Metadata={"lab": "Quiet"})
    return client


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The next names that the store gives to what it writes aside."""
    given = [f"{number:032x}" for number in range(1, 9)]
    coming = iter(given)
    for module in ("object_store", "records"):
        monkeypatch.setattr(f"infra.local.s3.{module}.uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=next(coming))))
    return given


@pytest.mark.parametrize("which", [0, 1], ids=["the object's bytes", "the object's record"])
@pytest.mark.parametrize("size", [10, 9 << 20])
def test_a_put_is_refused_once_and_the_old_object_stays(s3: Any, endpoint: Any, names: list[str], which: int, size: int) -> None:
    staged = endpoint.root / ".aws" / "s3" / "staged"
    no_room_for(staged / names[which])

    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="zone", Key="a", Body=bytes(size))
    assert refused.value.response["Error"]["Code"] == "InsufficientStorage"
    assert "Free some space and try again." in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    found = s3.get_object(Bucket="zone", Key="a")
    assert (found["Body"].read(), found["Metadata"]) == (b"old", {"lab": "Quiet"})
    assert os.listdir(staged) == []
    s3.put_object(Bucket="zone", Key="a", Body=b"new")
    assert s3.get_object(Bucket="zone", Key="a")["Body"].read() == b"new"


def test_a_part_is_refused_and_the_upload_goes_on_when_there_is_room(s3: Any, endpoint: Any, names: list[str]) -> None:
    begun = s3.create_multipart_upload(Bucket="zone", Key="b")["UploadId"]
    no_room_for(endpoint.root / ".aws" / "s3" / "staged" / names[0])
    with pytest.raises(ClientError, match="InsufficientStorage"):
        s3.upload_part(Bucket="zone", Key="b", UploadId=begun, PartNumber=1, Body=b"part")
    part = s3.upload_part(Bucket="zone", Key="b", UploadId=begun, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(Bucket="zone", Key="b", UploadId=begun, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert s3.get_object(Bucket="zone", Key="b")["Body"].read() == b"part"


def test_a_change_of_the_catalog_is_refused_and_not_half_made(s3: Any, endpoint: Any) -> None:
    glue, database = boto3.client("glue"), endpoint.server.control._journal._database
    (pages,) = database.execute("pragma page_count").fetchone()
    database.execute(f"pragma max_page_count = {pages}")  # SQLite's own full disk
    with pytest.raises(ClientError, match="InsufficientStorage"):
        glue.create_database(DatabaseInput={"Name": "mabe", "Description": "x" * 100_000})
    database.execute("pragma max_page_count = 1000000")
    assert glue.get_databases()["DatabaseList"] == []
    glue.create_database(DatabaseInput={"Name": "mabe"})


def test_a_run_ends_although_its_record_cannot_be_written_and_is_written_when_there_is_room(tmp_path: Path) -> None:
    runs = RunStore(tmp_path)
    runs.create("run", {}, "STARTING")
    draft = tmp_path / f".run.{os.getpid()}-{threading.get_ident()}.json"
    no_room_for(draft)
    assert runs.update("run", state="FAILED", reason="no room").state == "FAILED"
    assert '"STARTING"' in (tmp_path / "run.json").read_text().split('"details"')[0]

    no_room_for(draft)
    found = runs.get("run")
    assert found is not None
    assert (found.state, found.reason) == ("FAILED", "no room")
    assert runs.get("run") == found
    on_disk = RunStore(tmp_path).get("run")
    assert on_disk is not None
    assert (on_disk.state, on_disk.reason) == ("FAILED", "no room")


def test_a_run_that_cannot_be_recorded_does_not_start(tmp_path: Path) -> None:
    no_room_for(tmp_path / f".run.{os.getpid()}-{threading.get_ident()}.json")
    with pytest.raises(OSError, match="No space left on device"):
        RunStore(tmp_path).create("run", {})
    assert list(tmp_path.glob("run*")) == []


def test_a_glue_run_without_room_for_its_script_fails_with_that_reason(
    s3: Any, endpoint: Any, make_role: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_role("role", "glue")
    s3.put_object(Bucket="zone", Key="job.py", Body=b"print(1)")
    glue = boto3.client("glue")
    glue.create_job(Name="job", Role="role", Command={"Name": "glueetl", "ScriptLocation": "s3://zone/job.py"})
    monkeypatch.setattr("infra.local.jobs.glue.uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex="run")))
    no_room_for(endpoint.root / ".aws" / "runs" / "glue" / "jr_run" / "job.py")
    run = glue.start_job_run(JobName="job")["JobRunId"]
    found = ended(lambda: glue.get_job_run(JobName="job", RunId=run)["JobRun"], "JobRunState")
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", f"LAUNCH ERROR: {no_room_in(endpoint.root)}")


def test_a_training_job_without_room_for_its_settings_fails_with_that_reason(s3: Any, endpoint: Any, make_role: Any) -> None:
    make_role("training", "sagemaker")
    no_room_for(endpoint.root / ".aws/runs/sagemaker/job/ml/input/config/hyperparameters.json")
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="job",
        RoleArn="arn:aws:iam::123456789012:role/training",
        AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File", "ContainerEntrypoint": ["true"]},
        OutputDataConfig={"S3OutputPath": "s3://zone/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    found = ended(lambda: sagemaker.describe_training_job(TrainingJobName="job"), "TrainingJobStatus")
    assert (found["TrainingJobStatus"], found["FailureReason"]) == ("Failed", f"InsufficientStorage: {no_room_in(endpoint.root)}")


FILLS = """
import sys
sys.path[:0] = {paths!r}
import tiny_training
from training.fitting.network_session import NetworkSession

save = NetworkSession.save_state

def save_and_fill(self, folder):
    save(self, folder)
    print(f"saved {{self.trainer.run.underway.batches}}", flush=True)
    try:
        with open(folder.parent / "ballast", "ab", buffering=0) as ballast:
            while ballast.write(bytes(4096)):
                pass
    except OSError:
        pass

NetworkSession.save_state = save_and_fill
sys.exit(tiny_training.main(0, "usual", ["--recipe", "tiny", "--checkpoint-minutes", "0"]))
"""


def test_a_disk_that_fills_at_a_checkpoint_fails_the_job_and_the_checkpoint_before_stays_whole(
    s3: Any, endpoint: Any, make_role: Any, tmp_path: Path
) -> None:
    make_role("training", "sagemaker")
    lake = build_lake(tmp_path / "lake", {"CalMS21_task2": 4}, seconds=10)
    shutil.copytree(lake.curated, endpoint.root / "zone" / "curated")
    script = FILLS.format(paths=[str(ROOT), str(ROOT / "tests")])
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://zone/curated/"}}
    sagemaker = boto3.client("sagemaker")
    with small_disk(endpoint.root / ".aws/runs/sagemaker/job/ml", megabytes=20):
        sagemaker.create_training_job(
            TrainingJobName="job",
            RoleArn="arn:aws:iam::123456789012:role/training",
            AlgorithmSpecification={
                "TrainingImage": "image",
                "TrainingInputMode": "FastFile",
                "ContainerEntrypoint": ["python3", "-c", script],
            },
            InputDataConfig=[{"ChannelName": "curated", "DataSource": source}],
            OutputDataConfig={"S3OutputPath": "s3://zone/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 300},
            CheckpointConfig={"S3Uri": "s3://zone/checkpoints/"},
        )
        found = ended(lambda: sagemaker.describe_training_job(TrainingJobName="job"), "TrainingJobStatus", seconds=120)
    log = (endpoint.root / ".aws/runs/sagemaker/job.log").read_text()
    assert found["TrainingJobStatus"] == "Failed", log
    assert re.fullmatch(
        r"AlgorithmError: Expected room on the disk for .*, but got: .*No space left on device.*"
        r"Free some space and start the same command again\., exit code: 2",
        found["FailureReason"],
        re.DOTALL,
    ), found["FailureReason"]
    saved = [int(line.split()[1]) for line in log.splitlines() if line.startswith("saved ")]
    session = prepare(endpoint.root / "zone" / "curated", tiny_recipe(), 0)
    assert session.restore(endpoint.root / "zone" / "checkpoints")
    assert session.trainer.run.underway.batches == saved[-1] >= 1


def test_last_words_on_a_full_disk_are_that_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_text("epoch=1\nepo")
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    assert last_words(tmp_path / "log") == f"No space left on device on the disk of {tmp_path}."


def no_room_in(root: Path) -> str:
    return f"Expected room for the objects in {root}, but got a full disk (No space left on device). Free some space and try again."


def ended(look: Any, state: str, seconds: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (found := look())[state] in ("STARTING", "RUNNING", "InProgress"):
        assert time.monotonic() < deadline, "it seems to run for ever"
        time.sleep(0.05)
    return dict(found)
