"""What a training job gets of this repository."""

import re
import tarfile
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from curated_lake import aws_on_this_disk

from aws_pipeline import job_code, launching, sagemaker_train, training_request
from aws_pipeline.config import Settings
from behavior.contract import UsageError
from behavior.keys import CURRENT_SNAPSHOT
from behavior.snapshot import Snapshot, SnapshotObject, TableSnapshot


def the_pins_of_a_job() -> list[str]:
    """Return what the container is asked to install."""
    return job_code.pins(*job_code.IN_THE_CONTAINER)


class Bucket:
    """An S3 client that knows the objects of one bucket."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, int]:
        assert (Bucket, MaxKeys) == ("artifacts", 1)
        return {"KeyCount": min(sum(key.startswith(Prefix) for key in self.keys), MaxKeys)}


def test_only_a_job_with_checkpoints_is_resumed(monkeypatch: pytest.MonkeyPatch):
    state, model = "mabe-trees-20260102-101500/checkpoints/state.safetensors", "mabe-cnn-20260102-111500/output/model.tar.gz"
    bucket = Bucket(f"training/{state}", f"training/{model}")
    chosen = Settings(local=True, data_dir=Path(), mock_dir=Path(), region="us-east-1")
    monkeypatch.setattr("boto3.client", lambda service: bucket)
    sagemaker_train.require_checkpoints("mabe-trees-20260102-101500-20260102101501", chosen)
    for job in ("mabe-cnn-20260102-111500-20260102111501", "mabe-trees-2026-1", "nosuch"):
        with pytest.raises(UsageError, match=f"but got {job}. Name another or leave it out."):
            sagemaker_train.require_checkpoints(job, chosen)


def test_no_job_is_sent_whose_checkpoint_has_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sagemaker_train, "submit", lambda *_, **__: pytest.fail("a job was sent"))
    (tmp_path / "taken").write_text("a file")
    chosen = Settings(local=True, data_dir=Path(), mock_dir=Path(), region="us-east-1")
    with pytest.raises(UsageError, match=r"taken to be a folder, but got a file"):
        sagemaker_train.train(sagemaker_train.TrainingRequest("trees", {}), chosen, tmp_path / "taken")


def test_a_job_gets_the_versions_of_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lock = ("av==18.0.1", "lightgbm==4.0.1", "numpy==2.0.1", "pandas==2.5.0", "pyarrow==22.0.0", "safetensors==0.6.1", "")
    (tmp_path / "requirements.lock").write_text("\n".join(lock))
    monkeypatch.setattr(job_code, "REPOSITORY", tmp_path)
    assert the_pins_of_a_job() == ["av==18.0.1", "lightgbm==4.0.1", "pandas==2.5.0", "pyarrow==22.0.0", "safetensors==0.6.1"]


def test_without_a_checkout_a_job_gets_the_versions_installed_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here = {"pyarrow": "23.0.0", "pandas": "2.4.0", "safetensors": "0.7.0", "lightgbm": "4.6.0", "av": "18.0.0"}
    monkeypatch.setattr(job_code, "REPOSITORY", tmp_path)
    monkeypatch.setattr(job_code, "version", here.__getitem__)
    assert the_pins_of_a_job() == ["pyarrow==23.0.0", "pandas==2.4.0", "safetensors==0.7.0", "lightgbm==4.6.0", "av==18.0.0"]


def test_without_a_checkout_and_without_a_package_that_training_needs_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def version(name: str) -> str:
        if name == "lightgbm":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(job_code, "REPOSITORY", tmp_path)
    monkeypatch.setattr(job_code, "version", version)
    with pytest.raises(UsageError, match=r"but got no lightgbm\. Install it"):
        the_pins_of_a_job()


def test_a_job_of_no_epochs_is_refused_before_a_machine_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["sagemaker_train.py", "--epochs", "0"])
    assert sagemaker_train.main() == 2
    assert capsys.readouterr().err == "error: Expected --epochs of 1 or more, but got 0. Leave it out for the recipe's.\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """The deployed stacks on this disk, and a few bytes in the curated zone."""
    with aws_on_this_disk(tmp_path_factory.mktemp("train") / "s3_mock") as chosen:
        s3, object_ = boto3.client("s3"), SnapshotObject("metadata_train/a.parquet", rows=1, n_bytes=1000)
        s3.put_object(Bucket="curated-zone", Key=object_.key, Body=b"x" * 1000)
        snapshot = Snapshot("run-1", "2026-11-25T01:02:03+00:00", {"metadata_train": TableSnapshot(1, (object_,))})
        s3.put_object(Bucket="curated-zone", Key=CURRENT_SNAPSHOT, Body=snapshot.to_json())
        yield chosen


def submitted(lake, recipe="trees", **asked) -> dict:
    """What SageMaker was asked for; the job itself is stopped at once."""
    job = sagemaker_train.submit(sagemaker_train.TrainingRequest(recipe, {"epochs": 2}, **asked), lake, wait=False)
    client = boto3.client("sagemaker")
    found = client.describe_training_job(TrainingJobName=job.training_job_name)
    with suppress(ClientError):  # it ends by itself, because there is nothing to learn
        client.stop_training_job(TrainingJobName=job.training_job_name)
    return {**found, "Tags": client.list_tags(ResourceArn=found["TrainingJobArn"])["Tags"]}


def test_a_plan_says_what_the_job_would_read_its_machine_and_its_price_and_starts_nothing(lake, monkeypatch, capsys):
    def plan(*flags: str) -> tuple[int, list[str], str]:
        monkeypatch.setattr("sys.argv", ["sagemaker_train.py", "--plan", *flags])
        code = sagemaker_train.main()
        told = capsys.readouterr()
        return code, told.out.splitlines(), told.err

    before = boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    code, lines, _ = plan("--instance-type", "ml.g5.12xlarge", "--spot", "--max-hours", "2", "--input-mode", "File")
    assert code == 0
    assert lines[:3] == [
        "reads    run run-1, published 2026-11-25T01:02:03+00:00: 1 object, at most 1.0 kB, downloaded before the start",
        "machine  ml.g5.12xlarge, 4 processes, a disk of 31 GB",
        "time     at most 2 h of training; 4 h with waiting for spot machines",
    ]
    price = "at most 14.18 US dollars on AWS on demand, usually about 5.67 on spot machines"  # 2 h at 7.09; 0.4 of it
    assert lines[3] == f"cost     free on this disk; {price} (us-east-1, list prices of 2025)"
    assert lines[4:] == ["Nothing was started (--plan)."]

    code, lines, err = plan("--max-hours", "10", "--max-cost", "14")
    assert (code, lines[1]) == (2, "machine  ml.g5.xlarge, 1 process, a disk of 30 GB")
    assert err.startswith("error: Expected training (10 h of ml.g5.xlarge on demand) of at most 14 US dollars on AWS, but got up to 14.08")
    assert "the price of ml.new.huge is not known here" in plan("--instance-type", "ml.new.huge")[1][3]
    assert plan("--snapshot", "run-0")[0] == 2
    assert boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == before


@pytest.mark.filterwarnings("ignore")  # the SDK's own, dozens of them
def test_a_job_opens_the_curated_zone_on_demand_and_says_whose_it_is(lake):
    asked = submitted(lake)
    assert {channel["ChannelName"]: channel["InputMode"] for channel in asked["InputDataConfig"]}["curated"] == "FastFile"
    assert asked["ResourceConfig"]["VolumeSizeInGB"] == 30
    assert asked["TrainingJobName"].startswith("mabe-trees-")
    assert asked["Tags"] == [{"Key": "mabe:deployment", "Value": "mabe"}]
    assert asked["RoleArn"].endswith(":role/mabe-training")
    assert {name: asked["HyperParameters"][name] for name in ("recipe", "epochs", "snapshot")} == {
        "recipe": "trees",
        "epochs": "2",
        "snapshot": "run-1",
    }
    assert [each["Name"] for each in asked["AlgorithmSpecification"]["MetricDefinitions"]] == ["train_loss", "val_score"]
    assert asked["CheckpointConfig"]["S3Uri"].startswith("s3://artifacts/training/mabe-trees-")


LISTENER = """
import os, pathlib, signal, sys, time

def leave(*_):
    pathlib.Path(os.environ["SM_MODEL_DIR"], "said").write_text(" ".join(sys.argv[1:]))
    sys.exit(130)

signal.signal(signal.SIGTERM, leave)
print("epoch=0 listening", flush=True)
time.sleep(300)
"""


@pytest.mark.filterwarnings("ignore")
def test_the_program_itself_hears_that_its_machine_is_taken_away(lake, tmp_path: Path, monkeypatch, caplog):
    """AWS tells the first process of the container only, and so does the stand-in: no shell may stand before the program."""

    @contextmanager
    def listener():
        (tmp_path / "training").mkdir()
        (tmp_path / "training" / "train.py").write_text(LISTENER)
        (tmp_path / "requirements.txt").write_text("")
        yield tmp_path

    monkeypatch.setattr(sagemaker_train, "staged_code", listener)
    job = sagemaker_train.submit(sagemaker_train.TrainingRequest("trees", {"epochs": 2}), lake, wait=False).training_job_name
    client, logs, deadline = boto3.client("sagemaker"), boto3.client("logs"), time.monotonic() + 60
    log = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": f"{job}/algo-1"}
    while True:
        with suppress(ClientError):  # before the job has a log
            if any(event["message"] == "epoch=0 listening" for event in logs.get_log_events(**log)["events"]):
                break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    client.stop_training_job(TrainingJobName=job)
    while (found := client.describe_training_job(TrainingJobName=job))["TrainingJobStatus"] in ("InProgress", "Stopping"):
        assert time.monotonic() < deadline + 30, "two minutes later it is killed"
        time.sleep(0.2)
    assert found["TrainingJobStatus"] == "Stopped"
    told = "\n".join(event["message"] for event in logs.get_log_events(**log, startFromHead=True)["events"])
    shown = re.findall(r"(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)[=: \"']+([^\s*\"']\S*)", told)
    assert shown == [], "credentials of the job's role stand in its log"
    assert "AWS_SECRET_ACCESS_KEY=******" in told
    assert "not passed as command-line arguments" not in caplog.text, "they are, by the request itself"
    bucket, _, key = found["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    boto3.client("s3").download_file(bucket, key, str(tmp_path / "model.tar.gz"))
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        said = tar.extractfile("said").read().decode()
    assert said == "--recipe trees --epochs 2 --snapshot run-1"


@pytest.mark.filterwarnings("ignore")
def test_a_machine_with_several_gpus_gets_a_process_for_each(lake):
    request = sagemaker_train.TrainingRequest("cnn_transformer", instance_type="ml.g5.12xlarge")
    assert training_request.command_of(request) == (
        "exec $SM_PYTHON_CMD -m torch.distributed.run --standalone --nproc-per-node=4 training/train.py"
    )
    assert training_request.command_of(replace(request, instance_type="ml.g5.xlarge")) == "exec $SM_PYTHON_CMD training/train.py"


def test_the_gpus_of_a_machine_are_those_that_the_sdk_knows():
    from sagemaker.core.instance_types_gpu_info import retrieve

    known = retrieve("us-east-1")
    several = {name: info["Count"] for name, info in known.items() if info["Count"] > 1 and not name.startswith("ml.p2.")}
    assert {name: launching.GPUS[name] for name in several} == several


def test_trees_are_not_sent_to_a_machine_with_several_gpus(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["sagemaker_train.py", "--recipe", "trees_far", "--instance-type", "ml.g5.12xlarge"])
    assert sagemaker_train.main() == 2
    assert "Expected a machine without several GPUs for trees_far, but got ml.g5.12xlarge" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_job_that_downloads_the_zone_gets_a_volume_for_it_and_a_spot_job_a_limit_of_waiting(lake, monkeypatch):
    monkeypatch.setattr(training_request, "_VOLUME_GB", 7)
    asked = submitted(lake, input_mode="File", spot=True, max_hours=2.0, max_wait_hours=5.0, instance_type="ml.g5.2xlarge")
    assert {channel["ChannelName"]: channel["InputMode"] for channel in asked["InputDataConfig"]}["curated"] == "File"
    assert asked["ResourceConfig"]["VolumeSizeInGB"] == 8, "a thousand bytes take a whole gigabyte"
    assert asked["ResourceConfig"]["InstanceType"] == "ml.g5.2xlarge"
    assert asked["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 18000}
    assert asked["EnableManagedSpotTraining"] is True


def test_the_longest_recipe_of_the_longest_prefix_still_fits_the_name_of_a_job():
    chosen = Settings(local=False, data_dir=Path(), mock_dir=Path(), region="ap-southeast-2", prefix="x" * 33)
    name = training_request.base_name("cnn_transformer_plus_without_anything", chosen)
    assert len(name) + len("-20260102101500") == 63
    assert name.startswith("x" * 20 + "-cnn-transformer-plus")


@pytest.mark.parametrize("flags", [["--max-hours", "0"], ["--max-hours", "5", "--max-wait-hours", "4"]])
def test_a_job_that_could_not_wait_long_enough_is_refused(flags: list[str], monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["sagemaker_train.py", *flags])
    assert sagemaker_train.main() == 2
    assert capsys.readouterr().err.startswith("error: Expected 0 < --max-hours <= --max-wait-hours, but got")
