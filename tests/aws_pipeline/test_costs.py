"""Costs before they arise: worked out by hand from the prices, and a limit that refuses."""

from pathlib import Path

import pytest

from aws_pipeline import costs, sagemaker_train
from behavior.contract import UsageError


def test_a_run_costs_what_its_parts_cost():
    lines = {line.what: line for line in costs.estimate(4_000_000_000, 500, "ml.g5.xlarge", 2.0, 3)}
    assert lines["curation (Glue)"].usd == pytest.approx(0.44 * 3 * 3 / 60)
    assert lines["training (SageMaker)"].usd == pytest.approx(2.816)
    assert lines["training (SageMaker)"].spot_usd == pytest.approx(2.816 * 0.4)
    assert lines["ten queries (Athena)"].usd == pytest.approx(5 * 10 * 6e9 / 1e12)
    assert lines["storage, a month (S3)"].usd == pytest.approx(10 * 0.023)
    assert lines["upload and objects"].usd == pytest.approx(0.005)
    told = costs.table(list(lines.values()))
    assert "together" in told
    assert costs.PRICES_OF in told


def test_a_job_that_may_cost_too_much_is_refused_before_it_is_sent(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["sagemaker_train.py", "--instance-type", "ml.g5.xlarge", "--max-hours", "10", "--max-cost", "14"])
    assert sagemaker_train.main() == 2
    assert (
        "Expected training (10 h of ml.g5.xlarge on demand) of at most 14 US dollars on AWS, but got up to 14.08" in capsys.readouterr().err
    )
    costs.refuse_above(14.08, "ml.g5.xlarge", 10.0)
    costs.refuse_above(None, "ml.unknown", 1e6)
    with pytest.raises(UsageError, match="Expected a machine with a known price"):
        costs.refuse_above(1.0, "ml.unknown", 1.0)


def test_the_command_prints_a_table_and_keeps_a_limit(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr("sys.argv", ["costs.py", "--data-dir", str(data_dir), "--max-cost", "2"])
    assert costs.main() == 0
    assert "training (SageMaker)     1 h of ml.g5.xlarge               1.408      0.563" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["costs.py", "--data-dir", str(data_dir), "--max-cost", "1"])
    assert costs.main() == 2
    assert "Expected a run of at most 1 US dollars on AWS, but got up to 1.4" in capsys.readouterr().err
