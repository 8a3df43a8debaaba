"""A tuning job over fields of a recipe: what is asked for, what it may cost, and one that runs to its best recognizer."""

import json
import re
from pathlib import Path
from unittest import mock

import boto3
import pytest
from curated_lake import aws_on_this_disk, fill
from simulated_lake import build_lake

from aws_pipeline import sagemaker_deploy, sagemaker_tune, training_request, tuning_request
from aws_pipeline.config import Settings
from aws_pipeline.tuning_request import Tuning, range_of, training_jobs
from behavior.contract import EXIT_OK, EXIT_USAGE, UsageError
from recognizers.checkpoint import read_header


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("1e-4..1e-2 log", "Continuous", {"MinValue": "1e-4", "MaxValue": "1e-2", "ScalingType": "Logarithmic"}),
        ("0..0.5", "Continuous", {"MinValue": "0", "MaxValue": "0.5", "ScalingType": "Linear"}),
        ("0.1..0.5", "Continuous", {"MinValue": "0.1", "MaxValue": "0.5", "ScalingType": "Linear"}),
        ("2..8", "Integer", {"MinValue": "2", "MaxValue": "8", "ScalingType": "Linear"}),
        ("16, 32,64", "Categorical", {"Values": ["16", "32", "64"]}),
        ("bce,focal", "Categorical", {"Values": ["bce", "focal"]}),
    ],
)
def test_a_range_is_read_as_it_is_meant(text: str, kind: str, expected: dict) -> None:
    assert range_of("network.dropout", text) == (f"{kind}ParameterRanges", {"Name": "recipe__network__dropout", **expected})
    assert training_request.setting_of("recipe__network__dropout") == "network.dropout"


@pytest.mark.parametrize("text", ["", "5", "5..", "..5", "a..b", "16,16", "16,,32", "8..2", "0..1 log", "0..1 square"])
def test_a_range_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Expected"):
        range_of("batch", text)


def test_the_jobs_of_a_grid_are_counted_and_other_searches_have_a_number() -> None:
    lists = {"batch": "16,32", "loss.kind": "bce,focal", "network.layers": "1,2,3"}
    assert training_jobs(Tuning(lists, "grid", None)) == 12
    assert training_jobs(Tuning({"learning_rate": "1e-4..1e-2 log"}, "random", 7)) == 7
    with pytest.raises(UsageError, match="Expected lists of values for a grid search"):
        training_jobs(Tuning({"learning_rate": "1e-4..1e-2"}, "grid", None))
    with pytest.raises(UsageError, match="Expected a field to tune"):
        training_jobs(Tuning({}))


def test_the_longest_name_of_a_deployment_still_fits_a_tuning_job() -> None:
    chosen = Settings(local=False, data_dir=Path(), mock_dir=Path(), region="ap-southeast-2", prefix="x" * 33)
    assert re.fullmatch(rf"{'x' * 20}-tune-[0-9a-f]{{6}}", tuning_request.name_of(chosen))


def tune(*flags: object) -> int:
    with mock.patch("sys.argv", ["sagemaker_tune.py", *map(str, flags)]):
        return sagemaker_tune.main()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            ("--tune", "batch=16,32", "--max-cost", "10"),
            "Expected training (48 h of ml.g5.xlarge on demand) of at most 10 US dollars on AWS, but got up to 67.58",
        ),
        (("--tune", "batch=16,32", "--instance-type", "ml.g5.12xlarge"), "Expected a machine with one GPU or none"),
        (("--tune", "batch"), "Expected --tune FIELD=RANGE, but got batch."),
        (("--ranges", "nowhere.json"), "Expected --ranges to be a JSON file of fields and ranges, but got:"),
        (("--tune", "batch=16,32", "--jobs", "0"), "Expected --jobs and --parallel of 1 or more, but got 0 and 2."),
    ],
)
def test_what_cannot_be_tuned_or_costs_too_much_is_refused_before_anything_starts(flags, sentence: str, capsys, monkeypatch) -> None:
    monkeypatch.setattr(sagemaker_tune, "endpoint", lambda chosen: pytest.fail("AWS was asked"))
    assert tune(*flags) == EXIT_USAGE
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the SDK's own, dozens of them
def test_a_tuning_job_ends_with_its_best_recognizer_which_can_be_registered(tmp_path: Path, capsys) -> None:
    raw = build_lake(tmp_path / "lake", {"CalMS21_task2": 5}, seconds=30).raw
    ranges = tmp_path / "ranges.json"
    ranges.write_text(json.dumps({"trees.learning_rate": "0.00001,0.2"}))
    with aws_on_this_disk(tmp_path / "s3_mock") as chosen:
        fill(chosen, raw)
        flags = ["--recipe", "trees", "--ranges", ranges, "--strategy", "grid", "--max-hours", 0.1]
        flags += ["--seed", 3, "--instance-type", "ml.m5.large", "--output-dir", tmp_path / "models"]
        assert tune(*flags, "--dry-run") == EXIT_OK
        told = capsys.readouterr().out
        assert "2 training jobs, 2 at once, up to 0.1 h of ml.m5.large each: 0.02 US dollars on demand at most" in told
        client = boto3.client("sagemaker")
        assert client.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"] == []

        assert tune(*flags) == EXIT_OK
        (table,) = (tmp_path / "models").glob("*.json")
        jobs = json.loads(table.read_text())["jobs"]
        assert sorted(job["values"]["trees.learning_rate"] for job in jobs) == ["0.00001", "0.2"]
        assert jobs[0]["score"] >= jobs[1]["score"]
        header = read_header(tmp_path / "models" / "trees.safetensors")
        assert header["recipe"]["trees"]["learning_rate"] == float(jobs[0]["values"]["trees.learning_rate"])
        assert header["seed"] == 3
        assert header["metrics"]["val_score"] == pytest.approx(jobs[0]["score"], abs=1e-4)

        described = client.describe_training_job(TrainingJobName=jobs[0]["job"])
        assert described["CheckpointConfig"]["S3Uri"].startswith("s3://artifacts/training/mabe-tune-")
        arn = sagemaker_deploy.register(jobs[0]["job"], chosen, "123456789012.dkr.ecr.us-east-1.amazonaws.com/mabe-serving:latest")
        card = client.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]
        assert (card["job"], card["recipe"]) == (jobs[0]["job"], "trees")
        assert card["run"] == header["snapshot"]
        assert card["trees.learning_rate"] == jobs[0]["values"]["trees.learning_rate"]

        name = json.loads(table.read_text())["name"]
        assert tune("--follow", name, "--output-dir", tmp_path / "again") == EXIT_OK
        assert (tmp_path / "again" / "trees.safetensors").is_file()
        capsys.readouterr()
        assert tune("--stop", name) == EXIT_USAGE
        assert f"Expected a tuning job that runs, but got {name}, which is Completed." in capsys.readouterr().err
        assert tune("--follow", "mabe-tune-nobody") == EXIT_USAGE
        assert "Expected the name of a tuning job, but got mabe-tune-nobody" in capsys.readouterr().err
