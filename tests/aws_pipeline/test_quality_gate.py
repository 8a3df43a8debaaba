"""The gate: data within its limits pass, and whoever is stopped reads why."""

import json

import pytest
from raw_zone import HERON, OTTER, PLAIN, Zone, walk

from aws_pipeline import curation_run, quality_gate
from aws_pipeline.curation_options import Options
from aws_pipeline.quality_gate import Limits, judge, limits_of
from behavior.contract import ContractError, UsageError


@pytest.fixture(scope="module")
def lake(settings):
    """Two recordings are whole, one without tracking is put aside; one has an annotated bout, and mouse 1 is lost for 2 of its 4 frames.

    They last 4/30 s and 4/25 s, so that 0.5 * 20/44 = 22.7 % of all keypoints are lost, frames weighted by their time.
    """
    raw = Zone(settings.mock_dir / "raw-zone", "s3://raw-zone")
    raw.metadata(OTTER, HERON, PLAIN)
    raw.tracking(OTTER, walk([0, 3]))
    raw.tracking(PLAIN, walk(range(4)))
    raw.annotation(OTTER, [(1, 1, "rear", 1, 3)])
    return curation_run.run_curation(Options(settings.uri("raw"), settings.uri("curated"), settings.database, code="abc", due_bytes=0))


def test_data_within_all_limits_pass_and_the_run_is_named(lake, settings):
    verdict = judge(Limits(min_annotated=1), settings)
    assert verdict.passed, verdict.reason
    assert verdict.reason == "The data are within all limits."
    assert verdict.run == lake["run"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_put_aside_share": 0.3}, "1 of 3 recordings were put aside, more than 30 %"),
        ({"max_missing_share": 0.2}, "the tracker lost 22.7 % of all keypoints, more than 20.0 %"),
        ({"min_annotated": 2}, "1 recordings have annotated bouts, fewer than 2"),
    ],
)
def test_each_limit_stops_what_is_beyond_it_with_its_reason(lake, settings, limits, reason):
    verdict = judge(Limits(**{"min_annotated": 1, **limits}), settings)
    assert not verdict.passed
    assert verdict.reason.startswith(f"The data are not good enough to learn from: {reason}")


def test_all_reasons_are_told_at_once(lake, settings):
    reason = judge(Limits(max_put_aside_share=0, max_missing_share=0, min_annotated=1), settings).reason
    assert "were put aside" in reason
    assert "the tracker lost" in reason


def test_the_command_exits_with_4_and_takes_limits(lake, settings, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["quality_gate.py", "--limit", "min_annotated=5", "--json"])
    assert quality_gate.main() == 4
    assert json.loads(capsys.readouterr().out)["passed"] is False
    monkeypatch.setattr("sys.argv", ["quality_gate.py", "--limit", "min_annotated=1"])
    assert quality_gate.main() == 0
    assert capsys.readouterr().out == f"run {lake['run']}: The data are within all limits.\n"


@pytest.mark.parametrize("flag", ["max_missing_share", "max_missing_share=much", "max_missing_share=-1", "most_mice=3"])
def test_a_limit_that_is_none_is_refused(flag):
    with pytest.raises(UsageError, match="Expected"):
        limits_of([flag])


def test_without_tables_the_etl_is_to_be_run_first(tmp_path):
    from curated_lake import aws_on_this_disk

    with aws_on_this_disk(tmp_path / "empty") as chosen, pytest.raises(ContractError, match="The ETL makes this table"):
        judge(Limits(), chosen)
