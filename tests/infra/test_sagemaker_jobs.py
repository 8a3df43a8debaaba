"""SageMaker training jobs on this disk: the request's entry point really runs, by the unmodified SDK and by plain boto3."""

from __future__ import annotations

import os
import signal
import tarfile
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local.control.moto_app import ACCOUNT
from infra.local.errors import ServiceError
from infra.local.jobs.container import copy_changed
from infra.local.jobs.logs import RunLogs
from infra.local.jobs.sagemaker import SageMakerJobs

REPOSITORY = Path(__file__).resolve().parents[2]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"
IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13"
TRAIN = """
import argparse, os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--recipe")
flags = parser.parse_args()
assert (Path(os.environ["SM_CHANNEL_CURATED"]) / "mice.txt").read_text() == "two mice"
checkpoint = Path(os.environ["SM_CHECKPOINT_DIR"]) / "epoch"
first = int(checkpoint.read_text()) if checkpoint.exists() else 0
for epoch in range(first, flags.epochs):
    checkpoint.write_text(str(epoch + 1))
    print(f"epoch={epoch} val_score={epoch / 10}", flush=True)
if flags.recipe == "hopeless":
    raise ValueError("Expected a recipe that learns, but got hopeless.")
(Path(os.environ["SM_MODEL_DIR"]) / "model.txt").write_text(f"{flags.recipe} from epoch {first}")
(Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "history.txt").write_text("history")
"""

PATIENT = """
import os, signal, sys, time

def leave(*_):
    open(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('saved')
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
print('ready', flush=True)
time.sleep(60)
"""


@pytest.fixture
def sagemaker(endpoint: Any, make_role: Any) -> Any:
    assert make_role("training", "sagemaker") == ROLE
    s3 = boto3.client("s3")
    for bucket in ("artifacts", "curated-zone"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="curated-zone", Key="tables/mice.txt", Body=b"two mice")
    s3.put_object(Bucket="artifacts", Key="code/train.py", Body=TRAIN.encode())
    return boto3.client("sagemaker")


def request(name: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """Ask for the training script as a container would be asked for it."""

    def channel(name: str, uri: str) -> dict[str, Any]:
        return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}

    specification = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "FastFile",
        "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
        **({"ContainerArguments": list(arguments)} if arguments else {}),
        "MetricDefinitions": [{"Name": "val_score", "Regex": "val_score=([0-9.]+)"}],
    }
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": specification,
        "RoleArn": ROLE,
        "InputDataConfig": [channel("curated", "s3://curated-zone/tables/"), channel("code", "s3://artifacts/code/")],
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/training/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "CheckpointConfig": {"S3Uri": "s3://artifacts/checkpoints/"},
        **more,
    }


def run_to_end(sagemaker: Any, asked: dict[str, Any]) -> dict[str, Any]:
    sagemaker.create_training_job(**asked)
    return wait(sagemaker, asked["TrainingJobName"])


def wait(sagemaker: Any, name: str, *states: str, seconds: float = 60.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = sagemaker.describe_training_job(TrainingJobName=name)
        if found["TrainingJobStatus"] in (states or ("Completed", "Failed", "Stopped")):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{name} did not end within {seconds} s")


def gone(folder: Path, seconds: float = 10.0) -> bool:
    """Wait for a folder to be removed: a job is over before its folder is."""
    deadline = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not folder.exists()


def unpacked(root: Path, uri: str) -> dict[str, str]:
    with tarfile.open(root / uri.removeprefix("s3://")) as archive:
        return {name: archive.extractfile(name).read().decode() for name in archive.getnames()}


def test_a_job_runs_its_entry_point_and_sends_home_model_output_and_checkpoints(sagemaker: Any, endpoint: Any) -> None:
    done = run_to_end(sagemaker, request("first", "--epochs", "3", "--recipe", "small"))

    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    assert done["ModelArtifacts"] == {"S3ModelArtifacts": "s3://artifacts/training/first/output/model.tar.gz"}
    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == {"model.txt": "small from epoch 0"}
    assert unpacked(endpoint.root, "s3://artifacts/training/first/output/output.tar.gz") == {"history.txt": "history"}
    assert (endpoint.root / "artifacts" / "checkpoints" / "epoch").read_text() == "3"
    assert [(metric["MetricName"], round(metric["Value"], 3)) for metric in done["FinalMetricDataList"]] == [("val_score", 0.2)]
    steps = [step["Status"] for step in done["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert gone(endpoint.root / ".aws" / "runs" / "sagemaker" / "first")
    assert (endpoint.root / "curated-zone" / "tables" / "mice.txt").read_text() == "two mice"


def test_a_second_job_goes_on_from_the_checkpoints_of_the_first(sagemaker: Any, endpoint: Any) -> None:
    run_to_end(sagemaker, request("first", "--epochs", "2", "--recipe", "small"))
    done = run_to_end(sagemaker, request("second", "--epochs", "4", "--recipe", "small"))

    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == {"model.txt": "small from epoch 2"}


def test_a_failing_script_ends_failed_with_its_exception_and_no_model(sagemaker: Any, endpoint: Any) -> None:
    done = run_to_end(sagemaker, request("hopeless", "--epochs", "1", "--recipe", "hopeless"))

    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"] == "AlgorithmError: ValueError: Expected a recipe that learns, but got hopeless., exit code: 1"
    assert "ModelArtifacts" not in done
    assert not (endpoint.root / "artifacts" / "training").exists()


def test_what_a_script_writes_as_its_failure_is_the_reason(sagemaker: Any) -> None:
    asked = request("own-words")
    words = "import os, sys; open(os.environ['SM_OUTPUT_FAILURE'], 'w').write('The mice are asleep.'); sys.exit(3)"
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", words]

    assert run_to_end(sagemaker, asked)["FailureReason"] == "AlgorithmError: The mice are asleep., exit code: 3"


def test_a_channel_without_data_fails_the_job_before_it_trains(sagemaker: Any) -> None:
    asked = request("empty")
    asked["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://curated-zone/nothing/"

    done = run_to_end(sagemaker, asked)
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"].startswith("ClientError: Data download failed")


def test_a_stopped_job_may_save_its_model_and_is_stopped(sagemaker: Any, endpoint: Any) -> None:
    asked = request("stopped")
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", PATIENT]
    sagemaker.create_training_job(**asked)
    log = endpoint.root / ".aws" / "runs" / "sagemaker" / "stopped.log"
    while not (log.exists() and "ready" in log.read_text()):
        time.sleep(0.05)

    assert sagemaker.describe_training_job(TrainingJobName="stopped")["TrainingJobStatus"] == "InProgress"
    sagemaker.stop_training_job(TrainingJobName="stopped")
    done = wait(sagemaker, "stopped")
    assert done["TrainingJobStatus"] == "Stopped"
    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == {"m": "saved"}


@pytest.mark.parametrize(("shell", "heard"), [("{} & wait", False), ("exec {}", True)])
def test_a_program_behind_a_shell_does_not_hear_that_it_shall_stop(
    sagemaker: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch, shell: str, heard: bool
) -> None:
    """As in a container: the signal goes to the first process, which drops it unless it listens, and later all are killed."""
    monkeypatch.setattr("infra.local.jobs.sagemaker._STOP_GRACE_S", 1.0)
    boto3.client("s3").put_object(Bucket="artifacts", Key="code/train.py", Body=PATIENT.encode())
    asked = request("behind")
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["/bin/bash", "-c", shell.format("python3 /opt/ml/input/data/code/train.py")]
    sagemaker.create_training_job(**asked)
    log = endpoint.root / ".aws" / "runs" / "sagemaker" / "behind.log"
    while not (log.exists() and "ready" in log.read_text()):
        time.sleep(0.05)
    sagemaker.stop_training_job(TrainingJobName="behind")
    done = wait(sagemaker, "behind")
    assert done["TrainingJobStatus"] == "Stopped"
    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == ({"m": "saved"} if heard else {})


@pytest.mark.parametrize(("program", "model"), [("import time; time.sleep(60)", {}), (PATIENT, {"m": "saved"})])
def test_a_job_over_its_runtime_is_asked_to_end_and_then_stopped(
    sagemaker: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch, program: str, model: dict[str, str]
) -> None:
    monkeypatch.setattr("infra.local.jobs.sagemaker._STOP_GRACE_S", 5.0)
    asked = request("slow", StoppingCondition={"MaxRuntimeInSeconds": 3})
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", program]

    done = run_to_end(sagemaker, asked)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == model


def test_what_cannot_run_here_is_refused_with_all_reasons(sagemaker: Any) -> None:
    asked = request("odd", ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1})
    del asked["AlgorithmSpecification"]["ContainerEntrypoint"]
    with pytest.raises(sagemaker.exceptions.ClientError, match=r"(?s)not pulled here.*several"):
        sagemaker.create_training_job(**asked)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName="odd")


def test_a_name_is_taken_once_and_jobs_are_listed_newest_first(sagemaker: Any) -> None:
    for name in ("one", "two"):
        run_to_end(sagemaker, request(name, "--epochs", "1", "--recipe", name))
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_training_job(**request("one"))

    assert [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]] == ["two", "one"]
    assert [job["TrainingJobName"] for job in sagemaker.list_training_jobs(NameContains="on")["TrainingJobSummaries"]] == ["one"]
    assert sagemaker.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"] == []


def test_a_finished_jobs_log_is_a_stream_of_cloudwatch(sagemaker: Any, endpoint: Any) -> None:
    run_to_end(sagemaker, request("logged", "--epochs", "2", "--recipe", "small"))
    logs = RunLogs(endpoint.server.store)
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}

    streams = logs.handle("DescribeLogStreams", {**group, "logStreamNamePrefix": "logged/"})["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["logged/algo-1"]
    page = logs.handle("GetLogEvents", {**group, "logStreamName": "logged/algo-1", "startFromHead": True})
    assert [event["message"] for event in page["events"]] == ["epoch=0 val_score=0.0", "epoch=1 val_score=0.1"]
    later = logs.handle("GetLogEvents", {**group, "logStreamName": "logged/algo-1", "nextToken": page["nextForwardToken"]})
    assert (later["events"], later["nextForwardToken"]) == ([], page["nextForwardToken"])
    assert logs.handle("GetLogEvents", {"logGroupName": "/somebody/else", "logStreamName": "x"}) is None


def test_copying_changed_files_leaves_the_others_alone(tmp_path: Path) -> None:
    source, target = tmp_path / "from", tmp_path / "to"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "a").write_text("1")
    copy_changed(source, target)
    first = (target / "deep" / "a").stat().st_ino
    copy_changed(source, target)
    assert (target / "deep" / "a").stat().st_ino == first

    (source / "deep" / "a").write_text("22")
    copy_changed(source, target)
    assert (target / "deep" / "a").read_text() == "22"
    assert [path.name for path in target.rglob("*") if path.is_file()] == ["a"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the SDK's own, dozens of them
def test_the_unmodified_sdk_trains_from_a_source_folder(sagemaker: Any, endpoint: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(REPOSITORY / "aws_pipeline" / "sagemaker_defaults.yaml"))
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.training.configs import CheckpointConfig, Compute, InputData, OutputDataConfig, SourceCode
    from sagemaker.train import ModelTrainer

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(TRAIN)
    trainer = ModelTrainer(
        sagemaker_session=Session(boto3.Session(), default_bucket="artifacts"),
        role=ROLE,
        base_job_name="sdk",
        training_image=IMAGE,
        source_code=SourceCode(source_dir=str(tmp_path / "code"), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path="s3://artifacts/training"),
        hyperparameters={"epochs": 2, "recipe": "small"},
    )
    trainer.with_checkpoint_config(CheckpointConfig(s3_uri="s3://artifacts/checkpoints"))
    trainer.train(input_data_config=[InputData(channel_name="curated", data_source="s3://curated-zone/tables")], wait=True, logs=True)

    job = trainer._latest_training_job.refresh()
    assert job.training_job_status == "Completed"
    assert unpacked(endpoint.root, job.model_artifacts.s3_model_artifacts) == {"model.txt": "small from epoch 0"}


def test_a_killed_training_process_is_a_failed_job(sagemaker: Any, endpoint: Any) -> None:
    asked = request("killed")
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", "import os; os.kill(os.getpid(), 9)"]

    done = run_to_end(sagemaker, asked)
    assert done["TrainingJobStatus"] == "Failed"
    assert done["FailureReason"].endswith(f"exit code: {-signal.SIGKILL}")
    assert os.listdir(endpoint.root / "artifacts") == ["code"]


def test_file_mode_copies_what_fits_the_volume_and_fast_file_mode_opens_on_demand(sagemaker: Any, endpoint: Any) -> None:
    kind = (
        "import os, pathlib; p = pathlib.Path(os.environ['SM_CHANNEL_CURATED'], 'mice.txt'); assert p.is_symlink() == {link}; p.read_text()"
    )
    for mode, link in (("FastFile", True), ("File", False)):
        asked = request(f"mode-{mode}")
        asked["InputDataConfig"][0]["InputMode"] = mode
        asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", kind.format(link=link)]
        assert run_to_end(sagemaker, asked)["TrainingJobStatus"] == "Completed"

    large = endpoint.root / "curated-zone" / "tables" / "large"
    with large.open("wb") as file:
        file.truncate(2 * 1024**3)  # a file of holes
    asked = request("too-large")
    asked["InputDataConfig"][0]["InputMode"] = "File"
    done = run_to_end(sagemaker, asked)
    assert done["TrainingJobStatus"] == "Failed"
    assert "Expected channels that fit a volume of 1 GB, but got 2,147,483," in done["FailureReason"]


def test_a_role_that_is_not_there_or_trusts_others_runs_no_job(sagemaker: Any, make_role: Any) -> None:
    for role in (f"arn:aws:iam::{ACCOUNT}:role/nobody", make_role("of-glue", "glue")):
        with pytest.raises(sagemaker.exceptions.ClientError, match=r"that principal 'sagemaker.amazonaws.com' can assume"):
            sagemaker.create_training_job(**request("unborn", RoleArn=role))


def test_a_job_does_only_what_its_role_may(sagemaker: Any, make_role: Any) -> None:
    read = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::curated-zone/*"}
    role = make_role("no-data", "sagemaker", read, deny)
    done = run_to_end(sagemaker, request("no-data", RoleArn=role))
    assert done["TrainingJobStatus"] == "Failed"
    assert (
        "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::curated-zone/tables/* with an explicit deny"
        in done["FailureReason"]
    )

    asked = request("no-model", RoleArn=make_role("no-model", "sagemaker", read))
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["true"]
    assert "s3:PutObject" in run_to_end(sagemaker, asked)["FailureReason"]

    asked = request("calls", RoleArn=make_role("calls", "sagemaker", read, {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}))
    call = "import boto3; boto3.client('s3').delete_object(Bucket='curated-zone', Key='tables/mice.txt')"
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", call]
    assert "assumed-role/calls/calls is not authorized to perform: s3:DeleteObject" in run_to_end(sagemaker, asked)["FailureReason"]


def test_a_job_finds_nothing_of_the_terminal_in_its_environment(sagemaker: Any, endpoint: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("LAB_TOKEN", "very-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "also-secret")
    asked = request("prints")
    asked["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", "import os; print(dict(os.environ))"]
    assert run_to_end(sagemaker, asked)["TrainingJobStatus"] == "Completed"
    log = (endpoint.root / ".aws" / "runs" / "sagemaker" / "prints.log").read_text()
    assert "SM_MODEL_DIR" in log
    assert "very-secret" not in log
    assert "also-secret" not in log


SLOW = """
import os, signal, sys, time
from pathlib import Path

checkpoint = Path(os.environ["SM_CHECKPOINT_DIR"]) / "epoch"
first = int(checkpoint.read_text()) if checkpoint.exists() else 0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
for epoch in range(first, 3):
    print(f"epoch {epoch}", flush=True)
    checkpoint.write_text(str(epoch + 1))
    if epoch == 1 and first == 0:
        time.sleep(60)
(Path(os.environ["SM_MODEL_DIR"]) / "model.txt").write_text(f"from epoch {first}")
"""


def test_a_spot_job_goes_on_after_an_interruption_with_what_it_saved(sagemaker: Any, endpoint: Any) -> None:
    boto3.client("s3").put_object(Bucket="artifacts", Key="code/train.py", Body=SLOW.encode())
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}
    sagemaker.create_training_job(**request("spot", EnableManagedSpotTraining=True, StoppingCondition=limits))
    log = endpoint.root / ".aws" / "runs" / "sagemaker" / "spot.log"
    deadline = time.monotonic() + 30
    while not (log.exists() and "epoch 1" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    jobs = SageMakerJobs(endpoint.server.store, endpoint.server.guard, endpoint.url)  # another process could do it as well
    jobs.interrupt("spot")

    done = wait(sagemaker, "spot")
    assert done["TrainingJobStatus"] == "Completed"
    assert [each["Status"] for each in done["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Interrupted", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    assert unpacked(endpoint.root, done["ModelArtifacts"]["S3ModelArtifacts"]) == {"model.txt": "from epoch 2"}
    with pytest.raises(ServiceError, match="Expected a job that trains on a spot machine"):
        jobs.interrupt("spot")


@pytest.mark.parametrize(
    ("spot", "limits"),
    [
        (True, {"MaxRuntimeInSeconds": 60}),
        (True, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}),
        (False, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120}),
    ],
)
def test_limits_of_waiting_that_aws_refuses_are_refused(sagemaker: Any, spot: bool, limits: dict[str, int]) -> None:
    with pytest.raises(sagemaker.exceptions.ClientError, match="Expected MaxWaitTimeInSeconds"):
        sagemaker.create_training_job(**request("unborn", EnableManagedSpotTraining=spot, StoppingCondition=limits))
