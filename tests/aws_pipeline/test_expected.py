"""Plans of single steps: what would be done, what it costs, and limits that refuse more before anything is done."""

import json

import pytest

from aws_pipeline.expected import Allowed, Expected, expected_curation, expected_query, expected_upload
from aws_pipeline.query_plan import tables_named
from behavior.contract import UsageError


def test_amounts_and_prices_by_hand():
    upload = expected_upload([200_000_000, 0])
    assert (upload.objects, upload.n_bytes, upload.usd) == (2, 200_000_000, pytest.approx(1e-5))
    assert upload.here_s == pytest.approx(1 + 2 / 300)
    assert expected_query({"a": 10**12, "b": 10**12}).usd == pytest.approx(10)
    curation = expected_curation(300, 1, 1_000_000)
    assert curation.usd == pytest.approx(3 * 0.44 * 3 / 60), "a driver and two executors for three minutes"
    assert expected_curation(0, 0).usd == expected_curation(0, 0).here_s == 0
    line = str(Expected(2, 3_000_000, 4.4, 0.01, 5_000))
    assert line.startswith("2 objects, 3.0 MB, about 5,000 rows; about 4 s on this disk, 0.0100 US dollars on AWS")


@pytest.mark.parametrize(
    ("allowed", "says"),
    [(Allowed(n_bytes=9), "at most 9 bytes, but got 10"), (Allowed(usd=0.5), "at most 0.5 US dollars on AWS, but got up to 1")],
)
def test_more_than_a_limit_is_refused(allowed, says):
    with pytest.raises(UsageError, match=says):
        allowed.refuse(Expected(1, 10, 1.0, 1.0))
    Allowed(n_bytes=10, usd=1.0).refuse(Expected(1, 10, 1.0, 1.0))


def test_a_query_names_tables_itself_or_by_a_view_but_not_in_a_comment():
    def named(sql):
        return [table.name for table in tables_named(sql)]

    assert named("SELECT * FROM Mabe.RUNS -- and tracking_curated") == ["runs"]
    assert named("SELECT * FROM transitions JOIN landing USING (lab_id)") == ["metadata_train", "annotations_enriched", "landing"]
    assert named("SELECT 1") == []


def test_every_step_says_what_it_would_do_and_keeps_to_its_limits(script, data_dir, tmp_path):
    plan = script("aws_pipeline/s3_upload.py", "--plan")
    assert "to compare, and to send if their content is new: 4 objects, " in plan.stdout
    assert "US dollars on AWS" in plan.stdout
    refused = script("aws_pipeline/s3_upload.py", "--max-bytes", "100")
    assert (refused.returncode, "Expected at most 100 bytes, but got" in refused.stderr) == (2, True)
    assert not any((tmp_path / "s3_mock").rglob("*.parquet"))
    assert script("aws_pipeline/s3_upload.py").returncode == 0

    planned = json.loads(script("aws_pipeline/glue_etl.py", "--plan", "--json").stdout)
    assert (planned["curate"], planned["objects"], planned["rows"]) == (2, 2, 8)
    refused = script("aws_pipeline/glue_etl.py", "--max-cost", "0.001")
    assert (refused.returncode, "Expected a step of at most 0.001 US dollars on AWS" in refused.stderr) == (2, True)
    assert script("aws_pipeline/glue_etl.py").returncode == 0
    assert json.loads(script("aws_pipeline/glue_etl.py", "--plan", "--json", "--max-cost", "0").stdout)["usd"] == 0

    sql = "SELECT count(*) FROM tracking_curated"
    asked = script("aws_pipeline/athena.py", sql, "--plan")
    assert asked.stdout.startswith("the tables that it names: 2 objects, at most ")
    assert "Nothing was asked" in asked.stdout
    refused = script("aws_pipeline/athena.py", sql, "--max-bytes", "10")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert script("aws_pipeline/athena.py", sql, "--all-partitions", "--max-bytes", "1000000", "--format", "csv").stdout.split() == [
        "_col0",
        "8",
    ]
