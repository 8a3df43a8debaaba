"""From a trained recognizer to its bouts: registered, approved, served by a transform job and by an endpoint, which all execute."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from curated_lake import aws_on_this_disk
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_recognizer

from aws_pipeline import sagemaker_deploy
from behavior.bouts import DecodeSettings
from behavior.contract import UsageError
from inference import pack_requests, recognize
from recognizers.checkpoint import save

TRAINED = "/opt/ml/input/data/code/train.py"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mabe-serving:latest"


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Lake:
    """Two recordings of ten seconds, as test recordings."""
    lake = build_lake(tmp_path_factory.mktemp("lake"), {"CalMS21_task2": 2}, seconds=10)
    (lake.raw / "train.csv").rename(lake.raw / "test.csv")
    (lake.raw / "train_tracking").rename(lake.raw / "test_tracking")
    return lake


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "pairs.safetensors"
    recognizer = random_recognizer(("attack", "mount", "sniff"), threshold=0.3, occurring={"QuietOtter": frozenset(["attack", "sniff"])})
    fitted = replace(
        recognizer.decoding,
        lab_thresholds={"QuietOtter": {"attack": 0.6125}},
        settings=DecodeSettings(smooth_s=0.25, max_gap_s=(0.1, 0.2, 0.3), min_length_s=0.5),
    )
    save(path, replace(recognizer, decoding=fitted), PROVENANCE)
    return path


@pytest.fixture(scope="module")
def registered(checkpoint: Path, tmp_path_factory):
    """The stacks on this disk, with a version of a training job that copies a checkpoint."""
    with aws_on_this_disk(tmp_path_factory.mktemp("serve") / "s3_mock") as chosen:
        s3, client = boto3.client("s3"), boto3.client("sagemaker")
        script = "import os, shutil; shutil.copy(os.environ['SM_CHANNEL_CODE'] + '/pairs.safetensors', os.environ['SM_MODEL_DIR'])"
        s3.upload_file(str(checkpoint), "artifacts", "training/code/pairs.safetensors")
        s3.put_object(Bucket="artifacts", Key="training/code/train.py", Body=f"{script}; print('val_score=0.25')".encode())
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://artifacts/training/code/"}}
        client.create_training_job(
            TrainingJobName="mabe-copy-1",
            RoleArn=boto3.client("iam").get_role(RoleName="mabe-training")["Role"]["Arn"],
            AlgorithmSpecification={
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", TRAINED],
                "MetricDefinitions": [{"Name": "val_score", "Regex": "val_score=([0-9.]+)"}],
            },
            HyperParameters={"recipe": "copied", "snapshot": "run-7"},
            InputDataConfig=[{"ChannelName": "code", "DataSource": source}],
            OutputDataConfig={"S3OutputPath": "s3://artifacts/training"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        client.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="mabe-copy-1", WaiterConfig={"Delay": 1})
        yield chosen, sagemaker_deploy.register("mabe-copy-1", chosen, IMAGE)


def test_a_version_holds_scores_model_and_code_and_waits_for_approval(registered):
    chosen, arn = registered
    package = boto3.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {
        **{"job": "mabe-copy-1", "recipe": "copied", "run": "run-7", "val_score": "0.2500"},
        "decoding": "behaviors: 3, labs: 1, thresholds: 0.3 to 0.613. card.md says all",
        "card": "s3://artifacts/training/served/mabe-copy-1/card.md",
    }
    assert sagemaker_deploy.versions(chosen)[0]["ModelPackageVersion"] == 1

    url = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    body = boto3.client("s3").get_object(Bucket="artifacts", Key=url.removeprefix("s3://artifacts/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        names = tar.getnames()
    assert "pairs.safetensors" in names
    assert {"card.md", "decoding.csv"} <= set(names)
    assert "code/inference/handler.py" in names
    assert not [name for name in names if name.startswith(("code/aws_pipeline", "code/training", "code/infra"))]


def test_the_request_for_a_version_says_how_scores_become_bouts_and_where_its_scores_are(registered, monkeypatch: pytest.MonkeyPatch):
    chosen, _ = registered
    bodies: list[dict] = []
    events = boto3.DEFAULT_SESSION.events if boto3.DEFAULT_SESSION else boto3._get_default_session().events
    events.register("before-call.sagemaker.CreateModelPackage", lambda params, **_: bodies.append(json.loads(params["body"])))
    arn = sagemaker_deploy.register("mabe-copy-1", chosen, IMAGE, {"score": "0.4321"})
    boto3.client("sagemaker").delete_model_package(ModelPackageName=arn)

    (body,) = bodies
    assert all(len(value) <= 256 for value in body["CustomerMetadataProperties"].values()), "longer ones are refused by SageMaker"
    s3 = boto3.client("s3")

    def read(address: str) -> str:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()

    assert json.loads(read(body["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])) == {"val_score": "0.2500", "score": "0.4321"}
    card = read(body["CustomerMetadataProperties"]["card"])
    assert card.startswith("# copied, trained by mabe-copy-1\n\nRecognizes attack, mount, sniff.\n")
    assert "- run: run-7\n" in card
    assert "- score: 0.4321\n" in card
    rows = [line.strip("| ").split(" | ") for line in card.splitlines() if line.startswith("| ")]
    assert rows == [
        ["lab", "behavior", "threshold", "smooth_s", "max_gap_s", "min_length_s", "weight", "slope", "offset"],
        ["QuietOtter", "attack", "0.6125", "0.25", "0.1", "0.5", "1", "1", "0"],
        ["QuietOtter", "sniff", "0.3", "0.25", "0.3", "0.5", "1", "1", "0"],  # mount never occurred there
        ["any other lab", "attack", "0.3", "0.25", "0.1", "0.5", "1", "1", "0"],
        ["any other lab", "mount", "0.3", "0.25", "0.2", "0.5", "1", "1", "0"],
        ["any other lab", "sniff", "0.3", "0.25", "0.3", "0.5", "1", "1", "0"],
    ]


def test_only_an_approved_version_is_served_and_answers_what_recognize_writes(registered, raw: Lake, checkpoint: Path, tmp_path: Path):
    chosen, arn = registered
    assert pack_requests.main(["--data-dir", str(raw.raw), "--output", str(tmp_path / "requests")]) == 0
    with pytest.raises(UsageError, match="Expected an approved version of mabe-recognizers, but got only 1, which waits for approval"):
        sagemaker_deploy.transform(tmp_path / "requests", tmp_path / "bouts", None, chosen, "ml.m5.xlarge")
    assert sagemaker_deploy.approve(1, chosen) == arn
    assert sagemaker_deploy.transform(tmp_path / "requests", tmp_path / "bouts", None, chosen, "ml.m5.xlarge") == 2

    flags = ["--data-dir", raw.raw, "--checkpoint", checkpoint, "--output", tmp_path / "all.csv", "--device", "cpu"]
    assert recognize.main([str(flag) for flag in flags]) == 0
    header, *rows = (tmp_path / "all.csv").read_text().splitlines()
    answers = [path.read_text().splitlines() for path in sorted((tmp_path / "bouts").glob("*.csv"))]
    assert [answer[0] for answer in answers] == [header, header]
    assert [row for answer in answers for row in answer[1:]] == rows

    full = sagemaker_deploy.create_endpoint("now", 1, chosen)
    runtime = boto3.client("sagemaker-runtime")
    request = sorted((tmp_path / "requests").glob("*.parquet"))[0]
    asked = {"EndpointName": full, "ContentType": sagemaker_deploy.CONTENT_TYPE}
    assert runtime.invoke_endpoint(**asked, Body=request.read_bytes())["Body"].read().decode().splitlines() == answers[0]
    with pytest.raises(ClientError, match="Expected a Parquet file"):
        runtime.invoke_endpoint(**asked, Body=b"no parquet")
    with pytest.raises(ClientError, match="Expected at most 4,194,304 bytes"):
        runtime.invoke_endpoint(**asked, Body=bytes(5_000_000))
    assert sagemaker_deploy.delete_endpoint("now", chosen) == full
    with pytest.raises(ClientError, match="Could not find endpoint"):
        runtime.invoke_endpoint(**asked, Body=b"")


def test_what_is_not_there_is_told_with_the_next_thing_to_do(registered, tmp_path: Path):
    chosen, _ = registered
    with pytest.raises(UsageError, match=r"Expected requests \(\*.parquet\) in .* but got none"):
        sagemaker_deploy.transform(tmp_path, tmp_path, None, chosen, "ml.m5.xlarge")
    with pytest.raises(UsageError, match=r"Expected a version of mabe-recognizers 7, but got none\. Register a training job first"):
        sagemaker_deploy.approve(7, chosen)
