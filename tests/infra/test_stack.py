"""The declared stack: what it promises, that CloudFormation would take it, and that deploying it twice changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_pipeline.config import settings
from behavior.tables import CURATED_TABLES, TRACKING_CURATED
from infra.deploy import deploy
from infra.stack import template

STACK = template(settings({}))


def of_type(kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in STACK["Resources"].values() if resource["Type"] == kind]


def test_every_bucket_is_private_encrypted_and_forgets_unfinished_uploads() -> None:
    buckets = of_type("AWS::S3::Bucket")

    assert sorted(bucket["BucketName"] for bucket in buckets) == ["artifacts", "athena-results", "curated-zone", "raw-zone"]
    for bucket in buckets:
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in bucket["LifecycleConfiguration"]["Rules"])


def test_the_tables_are_those_of_behavior_with_their_meanings() -> None:
    declared = {table["TableInput"]["Name"]: table["TableInput"] for table in of_type("AWS::Glue::Table")}

    assert set(declared) == {table.name for table in CURATED_TABLES}
    tracking = declared["tracking_curated"]
    assert tracking["StorageDescriptor"]["Columns"] == TRACKING_CURATED.glue_columns()
    assert all(column["Comment"] for column in tracking["StorageDescriptor"]["Columns"])
    assert [(key["Name"], key["Type"]) for key in tracking["PartitionKeys"]] == [("lab_id", "string")]
    assert tracking["StorageDescriptor"]["Location"] == "s3://curated-zone/tracking_curated/"
    assert declared["metadata_train"]["PartitionKeys"] == []


def test_a_prefix_reaches_every_bucket_and_address() -> None:
    prefixed = json.dumps(template(settings({"S3_BUCKET": "our-lab"})))

    for bucket in ("raw-zone", "curated-zone", "athena-results", "artifacts"):
        assert f"our-lab-{bucket}" in prefixed
        assert f"s3://{bucket}" not in prefixed
        assert f":::{bucket}" not in prefixed


def test_no_role_may_do_everything_or_reach_all_data() -> None:
    for role in of_type("AWS::IAM::Role"):
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]:
            assert all("*" not in action for action in statement["Action"])
            assert statement["Resource"] != ["*"] or statement["Action"] == ["ecr:GetAuthorizationToken"]


def test_the_training_role_cannot_write_curated_data_nor_read_raw() -> None:
    role = next(role for role in of_type("AWS::IAM::Role") if role["RoleName"] == "mabe-training")
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]

    written = [statement for statement in statements if "s3:PutObject" in statement["Action"]]
    assert all("curated-zone" not in json.dumps(statement) for statement in written)
    assert "raw-zone" not in json.dumps(statements)


def test_cloudformation_would_take_the_template(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(STACK))
    pytest.importorskip("cfnlint")

    program = "import sys; from cfnlint.runner import main; sys.exit(main())"
    lint = subprocess.run([sys.executable, "-c", program, "--region", "us-east-1", "--", path], capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_deploying_makes_everything_once_and_then_nothing(endpoint: Any) -> None:
    first = deploy(STACK, boto3.Session())
    assert len(first) == len(STACK["Resources"])
    assert all(": created " in line for line in first)
    assert deploy(STACK, boto3.Session()) == []

    assert (endpoint.root / "raw-zone").is_dir()
    columns = boto3.client("glue").get_table(DatabaseName="mabe", Name="tracking_curated")["Table"]["StorageDescriptor"]["Columns"]
    assert {column["Name"]: column["Type"] for column in columns}["mouse_id"] == "tinyint"
    job = boto3.client("glue").get_job(JobName="mabe-curate")["Job"]
    assert job["Role"] == boto3.client("iam").get_role(RoleName="mabe-glue")["Role"]["Arn"]
    policy = boto3.client("iam").get_role_policy(RoleName="mabe-glue", PolicyName="curate")["PolicyDocument"]
    assert "arn:aws:s3:::raw-zone/*" in json.dumps(policy)
    assert boto3.client("athena").get_work_group(WorkGroup="mabe")["WorkGroup"]["Configuration"]["EnforceWorkGroupConfiguration"] is True


def test_what_differs_is_updated_and_told(endpoint: Any) -> None:
    deploy(STACK, boto3.Session())
    changed = deepcopy(STACK)
    resources = changed["Resources"]
    resources["CurateJob"]["Properties"]["Timeout"] = 5
    resources["WorkGroup"]["Properties"]["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] = 20_000_000
    resources["TrackingCuratedTable"]["Properties"]["TableInput"]["StorageDescriptor"]["Columns"].append({"Name": "new", "Type": "int"})
    resources["TrainingRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()

    assert [line.partition(":")[0] for line in deploy(changed, boto3.Session())] == [
        "TrainingRole",
        "TrackingCuratedTable",
        "CurateJob",
        "WorkGroup",
    ]
    assert boto3.client("glue").get_job(JobName="mabe-curate")["Job"]["Timeout"] == 5
    assert deploy(changed, boto3.Session()) == []


def test_a_resource_of_an_unknown_type_is_refused_before_anything_is_made(endpoint: Any) -> None:
    odd = {"Resources": {**STACK["Resources"], "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}}

    with pytest.raises(ValueError, match="but got AWS::SQS::Queue"):
        deploy(odd, boto3.Session())
    assert boto3.client("s3").list_buckets()["Buckets"] == []
