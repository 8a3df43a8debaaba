"""SageMaker tuning jobs on this disk: they start real training jobs, by the values that they draw, and know the best one."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.control.moto_app import ACCOUNT
from infra.local.jobs.tuning_values import tried_values

ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"
TRAIN = """
import argparse, os, time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--recipe__rate", type=float)
parser.add_argument("--recipe__batch", type=int)
parser.add_argument("--recipe")
flags = parser.parse_args()
if flags.recipe == "hopeless":
    raise ValueError("Expected a recipe that learns, but got hopeless.")
if flags.recipe == "patient":
    time.sleep(60)
score = flags.recipe__batch / 100 - abs(flags.recipe__rate - 0.5) / 100
print(f"val_score={score:.5f}", flush=True)
Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"{flags.recipe__batch} {flags.recipe__rate}")
Path(os.environ["SM_CHECKPOINT_DIR"], os.environ["TRAINING_JOB_NAME"]).write_text("state")
"""


@pytest.fixture
def sagemaker(endpoint: Any, make_role: Any) -> Any:
    assert make_role("training", "sagemaker") == ROLE
    boto3.client("s3").create_bucket(Bucket="artifacts")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("training/train.py")
        entry.size = len(TRAIN)
        tar.addfile(entry, io.BytesIO(TRAIN.encode()))
    boto3.client("s3").put_object(Bucket="artifacts", Key="code/sourcedir.tar.gz", Body=packed.getvalue())
    return boto3.client("sagemaker")


RATE = {"Name": "recipe__rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"}
BATCH = {"Name": "recipe__batch", "Values": ["16", "32", "64"]}


def request(name: str, recipe: str = "small", **config: Any) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "val_score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [RATE], "CategoricalParameterRanges": [BATCH]},
            "RandomSeed": 1,
            **config,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                "recipe": recipe,
                "sagemaker_program": "training/train.py",
                "sagemaker_submit_directory": "s3://artifacts/code/sourcedir.tar.gz",
            },
            "AlgorithmSpecification": {
                "TrainingImage": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "val_score", "Regex": "val_score=(-?[0-9.]+)"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://artifacts/training"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "CheckpointConfig": {"S3Uri": "s3://artifacts/checkpoints"},
        },
        "Tags": [{"Key": "whose", "Value": "ours"}],
    }


def wait(sagemaker: Any, name: str, seconds: float = 60.0) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (found := sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))[
        "HyperParameterTuningJobStatus"
    ] not in ("Completed", "Failed", "Stopped"):
        running = found["TrainingJobStatusCounters"]["InProgress"]
        assert running <= found["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return dict(found)


def test_training_jobs_run_with_drawn_values_and_the_best_one_is_known(sagemaker: Any, endpoint: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**request("first"))
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_hyper_parameter_tuning_job(**request("first"))
    done = wait(sagemaker, "first")
    assert done["HyperParameterTuningJobStatus"] == "Completed", done
    assert done["TrainingJobStatusCounters"]["Completed"] == done["ObjectiveStatusCounters"]["Succeeded"] == 4

    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    found = {"HyperParameterTuningJobName": "first", "SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending"}
    jobs = [job for page in pages.paginate(**found, PaginationConfig={"PageSize": 3}) for job in page["TrainingJobSummaries"]]
    values = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
    assert done["BestTrainingJob"]["TrainingJobName"] == jobs[0]["TrainingJobName"]
    for job in jobs:
        tuned = job["TunedHyperParameters"]
        rate, batch = float(tuned["recipe__rate"]), int(tuned["recipe__batch"])
        score = job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        assert score == pytest.approx(batch / 100 - abs(rate - 0.5) / 100, abs=1e-5)
        described = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
        assert described["TuningJobArn"] == done["HyperParameterTuningJobArn"]
        with tarfile.open(endpoint.root / described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://")) as tar:
            assert tar.extractfile("model.txt").read().decode() == f"{batch} {rate}"
    assert sagemaker.list_tags(ResourceArn=done["HyperParameterTuningJobArn"])["Tags"] == [{"Key": "whose", "Value": "ours"}]
    listed = sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="Completed")["HyperParameterTuningJobSummaries"]
    assert [each["HyperParameterTuningJobName"] for each in listed] == ["first"]


def test_a_grid_search_tries_every_combination_once(sagemaker: Any) -> None:
    rates = {"Name": "recipe__rate", "Values": ["0.1", "0.5"]}
    grid = {"Strategy": "Grid", "ParameterRanges": {"CategoricalParameterRanges": [rates, {**BATCH, "Values": ["16", "32"]}]}}
    sagemaker.create_hyper_parameter_tuning_job(**request("grid", **grid, ResourceLimits={"MaxParallelTrainingJobs": 4}))
    done = wait(sagemaker, "grid")
    jobs = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="grid")["TrainingJobSummaries"]
    tried = sorted(tuple(job["TunedHyperParameters"].values()) for job in jobs)
    assert tried == sorted(itertools.product(("0.1", "0.5"), ("16", "32")))
    assert done["BestTrainingJob"]["TunedHyperParameters"] == {"recipe__rate": "0.5", "recipe__batch": "32"}


def test_a_tuning_job_whose_training_jobs_all_fail_is_failed_with_the_reason(sagemaker: Any) -> None:
    sagemaker.create_hyper_parameter_tuning_job(**request("bad", "hopeless"))
    done = wait(sagemaker, "bad")
    assert done["HyperParameterTuningJobStatus"] == "Failed"
    assert "Expected a recipe that learns, but got hopeless." in done["FailureReason"]
    assert "BestTrainingJob" not in done


def test_a_stopped_tuning_job_stops_its_training_jobs(sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.jobs.sagemaker._STOP_GRACE_S", 0.5)  # its programs do not listen
    sagemaker.create_hyper_parameter_tuning_job(**request("long", "patient"))
    deadline = time.monotonic() + 30
    while not (jobs := sagemaker.list_training_jobs()["TrainingJobSummaries"]) or jobs[0]["TrainingJobStatus"] != "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="long")
    assert wait(sagemaker, "long")["HyperParameterTuningJobStatus"] == "Stopped"
    assert {job["TrainingJobStatus"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]} == {"Stopped"}
    with pytest.raises(ClientError, match="which is over"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="long")


def changed(**parts: Any) -> dict[str, Any]:
    """Return a request with other parts of its configuration or of its training jobs."""
    asked = json.loads(json.dumps(request("odd")))
    for name, value in parts.items():
        where = asked["HyperParameterTuningJobConfig"] if name in asked["HyperParameterTuningJobConfig"] else asked
        (where if name in where else asked["TrainingJobDefinition"])[name] = value
    return asked


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (changed(Strategy="Bayesian"), "Expected the strategy Random or Grid, but got Bayesian. It exists on AWS only."),
        (changed(Strategy="Grid"), "Expected categorical ranges only for a grid search"),
        (changed(ResourceLimits={"MaxParallelTrainingJobs": 1}), "Expected MaxNumberOfTrainingJobs, but got none"),
        (
            changed(ParameterRanges={"IntegerParameterRanges": [{"Name": "a", "MinValue": "3", "MaxValue": "2"}]}),
            "Expected a minimum below the maximum of a, but got 3 and 2.",
        ),
        (
            changed(ParameterRanges={"ContinuousParameterRanges": [{**RATE, "MinValue": "0"}]}),
            "Expected a range that the scale Logarithmic allows for recipe__rate, but got 0 to 1.",
        ),
        (
            changed(ParameterRanges={"CategoricalParameterRanges": [{"Name": "recipe", "Values": ["a", "b"]}]}),
            "Expected each hyperparameter once, but got recipe again.",
        ),
        (
            changed(HyperParameterTuningJobObjective={"Type": "Minimize", "MetricName": "loss"}),
            r"Expected an objective among the metric definitions \(val_score\), but got loss.",
        ),
        (changed(HyperParameterTuningJobName="x" * 33), "Expected a name of at most 32 letters"),
        (changed(EnableManagedSpotTraining=True), "Expected MaxWaitTimeInSeconds of at least"),
    ],
)
def test_what_aws_refuses_or_cannot_run_here_is_refused(sagemaker: Any, asked: dict[str, Any], sentence: str) -> None:
    if len(asked["HyperParameterTuningJobName"]) > 32:
        sagemaker = boto3.client("sagemaker", config=Config(parameter_validation=False))  # so that the client does not refuse it
    with pytest.raises(ClientError, match=sentence):
        sagemaker.create_hyper_parameter_tuning_job(**asked)
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="odd")


def test_drawn_values_lie_in_their_ranges_on_their_scales_and_follow_the_seed() -> None:
    ranges = {
        "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "3", "ScalingType": "Linear"}],
        "ContinuousParameterRanges": [
            {"Name": "log", "MinValue": "1e-4", "MaxValue": "1", "ScalingType": "Logarithmic"},
            {"Name": "line", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"},
        ],
    }
    drawn = [*itertools.islice(tried_values("Random", ranges, 7), 400)]
    assert drawn == [*itertools.islice(tried_values("Random", ranges, 7), 400)]
    assert drawn != [*itertools.islice(tried_values("Random", ranges, 8), 400)]
    assert {each["n"] for each in drawn} == {"1", "2", "3"}
    log, line = (sorted(float(each[name]) for each in drawn) for name in ("log", "line"))
    assert 1e-4 <= log[0] < log[-1] <= 1
    assert log[200] == pytest.approx(1e-2, rel=0.6)
    assert line[200] == pytest.approx(0.5, abs=0.1)


def test_code_that_is_not_there_or_that_the_role_may_not_read_fails_the_training_jobs(sagemaker: Any, make_role: Any) -> None:
    asked = request("lost")
    asked["TrainingJobDefinition"]["StaticHyperParameters"]["sagemaker_submit_directory"] = "s3://artifacts/nothing.tar.gz"
    sagemaker.create_hyper_parameter_tuning_job(**asked)
    assert "Expected the code of the job at s3://artifacts/nothing.tar.gz" in wait(sagemaker, "lost")["FailureReason"]

    asked = request("refused")
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    asked["TrainingJobDefinition"]["RoleArn"] = make_role("no-code", "sagemaker", put)
    sagemaker.create_hyper_parameter_tuning_job(**asked)
    assert "is not authorized to perform: s3:GetObject" in wait(sagemaker, "refused")["FailureReason"]
