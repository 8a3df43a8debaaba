"""A plan before anything was run: it says what would be done, prices it, and makes nothing."""

from pathlib import Path

import pytest

from aws_pipeline import pipeline
from aws_pipeline.config import settings
from aws_pipeline.costs import CostLine, glue_usd, requests_usd, scan_usd
from aws_pipeline.pipeline_order import PipelineOrder
from aws_pipeline.pipeline_plan import PlannedStep, refuse_above_limit
from aws_pipeline.step_work import StepWork
from aws_pipeline.steps import STEPS, step
from behavior.contract import UsageError


def test_a_plan_on_an_unused_disk_counts_files_recordings_and_rows_and_makes_no_store(script, data_dir, tmp_path):
    told = script("aws_pipeline/pipeline.py", "--plan")
    assert told.returncode == 0, told.stderr
    assert "send 4 of 4 files" in told.stdout
    assert "curate 2 recordings, 8 rows" in told.stdout
    assert "training (SageMaker)     1 h of ml.g5.xlarge               1.408      0.563" in told.stdout
    assert "recognize test recordings" not in told.stdout, "there is no test.csv"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_more_than_the_limit_is_refused_before_anything_is_run(script, data_dir, tmp_path):
    told = script("aws_pipeline/pipeline.py", "--max-cost", "1", "--results-dir", tmp_path / "results")
    assert told.returncode == 2
    assert "Expected a run of at most 1 US dollars on AWS, but got up to 1.45" in told.stderr
    assert not (tmp_path / "s3_mock").exists()
    assert not (tmp_path / "results").exists()


def test_only_steps_that_are_due_count_and_the_scoring_job_is_the_graphs():
    train = PlannedStep(step("train"), "", True, price=CostLine("training", "", 2.0, 1.0))
    known = PlannedStep(step("etl"), "", False, price=CostLine("curation", "", 5.0, 5.0))
    score = PlannedStep(step("score"), "", True, price=CostLine("scoring", "", 5.0, 5.0))
    refuse_above_limit([train, known, score], 2.0)
    refuse_above_limit([train], None)
    with pytest.raises(UsageError, match=r"at most 1\.5 US dollars on AWS, but got up to 2\.00"):
        refuse_above_limit([train], 1.5)


def test_two_results_folders_do_not_take_each_others_records():
    def names(folder: str, recipe: str = "trees") -> list[str]:
        work = StepWork(PipelineOrder(Path("data"), Path(folder), recipe, {}, False), settings({}), None)
        return [work.record_of(one) for one in STEPS if one.name not in ("ingest", "etl")]

    ours, theirs, others = names("/results/a"), names("/results/b"), names("/results/a", "conv_bilstm_small")
    shared = {"gate", "sql"}  # they are about the lake alone
    assert set(ours) & set(theirs) == shared
    assert set(ours) & set(others) == {*shared, next(name for name in ours if name.startswith("quality-"))}
    assert len(set(ours)) == len(ours)


def test_a_plan_of_the_sample_makes_it_aside_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "SAMPLE_DIR", tmp_path / "sample")
    made: list[Path] = []

    def make(path: str, flag: str, folder: Path) -> str:
        made.append(folder)
        folder.mkdir(parents=True)
        return "made"

    monkeypatch.setattr(pipeline, "run_script", make)
    with pipeline._sample_to_plan() as read:
        assert (read, read.is_dir()) == (made[0], True)
    assert not read.exists()
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "train.csv").write_text("")
    with pipeline._sample_to_plan() as read:
        assert read == tmp_path / "sample"
    assert len(made) == 1


def test_prices_by_hand():
    assert glue_usd(3, 30) == pytest.approx(0.44 * 3 / 2)
    assert scan_usd(0, 10) == pytest.approx(5e-12 * 10 * 10_000_000)
    assert scan_usd(2e12) == pytest.approx(10.0)
    assert requests_usd(2000) == pytest.approx(0.01)
