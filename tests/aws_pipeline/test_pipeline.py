"""The whole pipeline, as a person starts it: simulated recordings in, a score on recordings that training never saw out."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aws_pipeline.config import environment_on_a_new_disk
from aws_pipeline.steps import STEPS
from recognizers.checkpoint import read_header

ROOT = Path(__file__).resolve().parents[2]
LABS = ("CautiousGiraffe", "JovialSwallow")
Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recordings of two labs: 25 and 10 frames a second, five training videos and one test video each."""
    folder = tmp_path_factory.mktemp("pipeline")
    make = [sys.executable, ROOT / "aws_pipeline/sample_data.py", "--data-dir", folder / "data", "--labs", *LABS, "--seconds", "20"]
    subprocess.run(make, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def script(place: Path) -> Run:
    """Run a script of the repository with AWS on this disk kept in the module's folder."""

    def run(path: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MABE_", "S3_", "USE_LOCAL"))}
        env |= {"S3_MOCK_DIR": str(place / "s3_mock"), "MABE_DATA_DIR": str(place / "data")}
        command = [sys.executable, str(ROOT / path), *map(str, arguments)]
        return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=400, check=False)

    return run


@pytest.fixture(scope="module")
def first(script: Run, place: Path) -> subprocess.CompletedProcess[str]:
    """The first run."""
    told = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results")
    assert told.returncode == 0, told.stderr
    return told


def steps_of(place: Path) -> list[dict]:
    return json.loads((place / "results" / "summary.json").read_text())


def test_every_step_runs_and_is_told(first, place):
    told = steps_of(place)
    assert [step["name"] for step in told] == [one.label for one in STEPS]
    assert not any(step["reused"] for step in told)
    assert told[1]["rows"] > 10_000
    assert "epoch=1" in first.stderr
    assert "on recordings that training never saw" in first.stdout


def test_it_ends_with_a_report_and_prints_its_path(first, place):
    page = place / "results" / "report.html"
    assert first.stdout.rstrip().endswith(f"report    {page}")
    score = json.loads((place / "results" / "score.json").read_text())["score"]
    html = page.read_text()
    assert f"<strong>{score:.3f}" in html
    assert "<video" in html
    assert "Loss and score over epochs." in html
    assert "CautiousGiraffe" in (place / "results" / "quality.html").read_text()


def test_the_score_is_over_both_labs_and_only_over_recordings_training_never_saw(first, place):
    score = json.loads((place / "results" / "score.json").read_text())
    assert set(score["labs"]) == set(LABS)
    assert 0 <= score["score"] <= 1
    videos = read_header(place / "results" / "cnn_transformer_small.safetensors")["videos"]
    assert len(videos["held_out"]) == 2
    scored = {int(line.split(",")[1]) for line in (place / "results" / "held_out.csv").read_text().splitlines()[1:]}
    assert scored <= set(videos["held_out"])
    assert not scored & {*videos["train"], *videos["validation"]}


def test_a_second_run_runs_nothing_again_and_ends_with_the_same_score(first, script, place):
    before = (place / "results" / "score.json").read_text()
    told = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results")
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("up to date") == len(STEPS)
    assert all(step["reused"] for step in steps_of(place))
    assert (place / "results" / "score.json").read_text() == before
    assert f"(in {place / 's3_mock'})" in told.stdout


def test_a_plan_after_it_finds_everything_up_to_date_and_changes_nothing(first, script, place):
    before = {path: path.stat().st_mtime_ns for path in (place / "results").rglob("*")}
    told = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results", "--plan", "--max-cost", 0)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("nothing: up to date") == len(STEPS)
    assert {path: path.stat().st_mtime_ns for path in (place / "results").rglob("*")} == before


def test_a_plan_tells_which_steps_another_recipe_needs_and_what_it_costs(first, script, place):
    told = script("aws_pipeline/pipeline.py", "--recipe", "trees", "--results-dir", place / "results", "--plan", "--max-cost", 1)
    assert told.returncode == 2
    assert "but got up to 1.41" in told.stderr
    states = [line.partition("nothing: up to date")[1] != "" for line in told.stdout.splitlines()[1 : 1 + len(STEPS)]]
    assert states == [one.name in ("ingest", "etl", "quality", "gate", "sql") for one in STEPS]


def test_the_model_is_a_version_that_waits_for_approval_with_its_score(first, script, place):
    score = json.loads((place / "results" / "score.json").read_text())["score"]
    listed = script("aws_pipeline/sagemaker_deploy.py", "list").stdout
    assert listed.startswith("1  PendingManualApproval  cnn_transformer_small, trained by mabe-cnn-transformer-small-")
    group = json.loads((place / "s3_mock" / ".aws" / "models" / "mabe-recognizers.json").read_text())
    assert group["Packages"][0]["CustomerMetadataProperties"]["score"] == f"{score:.4f}"


def test_the_gate_stops_the_run_before_training_with_its_reason(first, script, place):
    flags = ("--recipe", "trees", "--results-dir", place / "results", "--limit", "min_annotated=99")
    told = script("aws_pipeline/pipeline.py", *flags)
    assert told.returncode == 4
    assert "10 recordings have annotated bouts, fewer than 99" in told.stderr
    assert "4 train" not in told.stdout
    assert not (place / "results" / "trees.safetensors").exists()


def test_steps_whose_results_are_gone_run_again_and_those_behind_them_do_not_for_they_find_the_same(first, script, place):
    next((place / "s3_mock" / "curated-zone" / "tracking_curated").rglob("*.parquet")).unlink()
    (place / "results" / "held_out.csv").unlink()
    told = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results")
    assert told.returncode == 0, told.stderr
    again = [(step["name"], step["did"]) for step in steps_of(place) if not step["reused"]]
    assert again == [("2 ETL", "1 of 12 recordings curated"), ("5 infer", "held-out recordings")]


def test_recordings_that_break_are_put_aside_and_the_night_goes_on_to_a_score(first, script, place):
    train = next((place / "data" / "train_tracking" / "JovialSwallow").glob("*.parquet"))
    test = next((place / "data" / "test_tracking" / "CautiousGiraffe").glob("*.parquet"))
    contents = {file: file.read_bytes() for file in (train, test)}
    for file, content in contents.items():
        file.write_bytes(content[: len(content) // 2])
    told = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results")
    again = script("aws_pipeline/pipeline.py", "--epochs", 1, "--results-dir", place / "results")
    for file, content in contents.items():
        file.write_bytes(content)
    assert (told.returncode, again.returncode) == (3, 3), told.stderr
    assert "recordings: 12 in = 10 accepted + 2 quarantined + 0 excluded + 0 repeated" in told.stdout
    assert f"put aside: train-{train.stem}: train_tracking/JovialSwallow/{train.name}: Expected a Parquet file, but got" in told.stdout
    assert "on recordings that training never saw" in told.stdout
    assert "2 recordings or files were put aside." in (place / "results" / "report.html").read_text()
    assert again.stdout.count("up to date") == len(STEPS), "what is put aside is said again, and nothing is done again"
    listed = (place / "results" / "accepted" / "train.csv").read_text()
    assert f",{train.stem}," not in listed
    assert listed.count("\n") == 1 + 9
    assert (place / "results" / "accepted" / "test.csv").read_text().count("\n") == 1 + 1


def test_a_recipe_nobody_wrote_is_told_with_the_ones_there_are(first, script, place):
    told = script("aws_pipeline/sagemaker_train.py", "--recipe", "crystal_ball", "--output-dir", place / "models")
    assert told.returncode == 4
    assert "crystal_ball" in told.stderr
    assert "cnn_transformer_small" in told.stderr
    assert "Traceback" not in told.stderr
    assert not list((place / "models").glob("*.safetensors"))


def test_a_dry_run_of_a_training_job_checks_the_request_and_submits_nothing(first, script, place):
    runs = place / "s3_mock" / ".aws" / "runs" / "sagemaker"
    before = sorted(runs.glob("*.json"))
    told = script("aws_pipeline/sagemaker_train.py", "--recipe", "cnn_transformer", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "nothing was submitted" in told.stdout
    assert sorted(runs.glob("*.json")) == before


def test_training_without_a_curated_zone_says_what_to_do_first(script, tmp_path, place):
    command = [sys.executable, str(ROOT / "aws_pipeline/sagemaker_train.py")]
    env = environment_on_a_new_disk(tmp_path / "empty")
    told = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 4
    assert "Run python aws_pipeline/glue_etl.py first" in told.stderr
