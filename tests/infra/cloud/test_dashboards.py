"""The dashboards: CloudFormation would take them, and they ask what is asked on the command line."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from curated_lake import aws_on_this_disk, fill
from simulated_lake import build_lake

from aws_pipeline import athena
from aws_pipeline.config import settings
from behavior.contract import UsageError
from infra.cloud.dashboards import DATA_SETS, dashboards_template, qualified
from infra.deploy import deploy_dashboards

FAR = {"USE_LOCAL_FS": "false", "S3_BUCKET": "our-lab", "AWS_DEFAULT_REGION": "eu-central-1"}
IN_QUICKSIGHT = {"string": "STRING", "Int32": "INTEGER", "Int64": "INTEGER", "float64": "DECIMAL", "float32": "DECIMAL"}


@pytest.mark.parametrize(("prefix", "region"), [("our-lab", "us-east-1"), ("our-lab", "eu-central-1"), ("x" * 33, "ap-southeast-2")])
def test_cloudformation_would_take_the_dashboards(prefix: str, region: str) -> None:
    from cfnlint.api import ManualArgs, lint

    template = dashboards_template(settings({**FAR, "S3_BUCKET": prefix, "AWS_DEFAULT_REGION": region}))
    found = lint(json.dumps(template), config=ManualArgs(regions=[region]))
    assert [f"{match.rule.id} {match.message} {match.path}" for match in found] == []
    assert len(json.dumps(template)) < 51_200


def test_the_lint_sees_a_mistake_in_a_visual() -> None:
    from cfnlint.api import ManualArgs, lint

    wrong = json.loads(json.dumps(dashboards_template(settings(FAR))).replace("BarChartAggregatedFieldWells", "BarFieldWells"))
    assert lint(json.dumps(wrong), config=ManualArgs(regions=["us-east-1"]))


def fields_of(value: Any) -> list[tuple[str, str]]:
    """Return the data set and the column of every field of a visual."""
    if isinstance(value, list):
        return [field for item in value for field in fields_of(item)]
    if not isinstance(value, dict):
        return []
    own = [(value["DataSetIdentifier"], value["ColumnName"])] if "ColumnName" in value else []
    return own + [field for item in value.values() for field in fields_of(item)]


def test_every_visual_shows_a_column_of_its_data_set() -> None:
    definition = dashboards_template(settings(FAR))["Resources"]["Dashboard"]["Properties"]["Definition"]
    known = {(each.query, name) for each in DATA_SETS for name, _ in each.columns}
    assert [sheet["Name"] for sheet in definition["Sheets"]] == ["Class imbalance", "Behaviors per lab", "Data quality"]
    for sheet in definition["Sheets"]:
        assert set(fields_of(sheet["Visuals"])) <= known
        assert fields_of(sheet["Visuals"])


def test_the_columns_are_those_that_athena_answers_with_and_no_database_needs_to_be_chosen(tmp_path: Any) -> None:
    lake = build_lake(tmp_path, {"JovialSwallow": 2}, seconds=5)
    with aws_on_this_disk(tmp_path / "s3_mock") as chosen:
        fill(chosen, lake.raw)
        for each in DATA_SETS:
            rows = athena.query(qualified(athena.saved_query(each.query), chosen.database), chosen)
            assert [(name, IN_QUICKSIGHT[str(kind)]) for name, kind in rows.dtypes.items()] == list(each.columns)
            named = qualified(athena.saved_query(each.query), "elsewhere")
            with pytest.raises(Exception, match="elsewhere"):
                athena.query(named, chosen)


def test_dashboards_are_refused_on_this_disk_where_no_quicksight_is(endpoint: Any) -> None:
    with pytest.raises(UsageError, match="which has no QuickSight"):
        deploy_dashboards(settings({}), boto3.Session(), "arn:aws:quicksight:us-east-1:123456789012:user/default/ann")
