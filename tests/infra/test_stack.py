"""The declared stack: what it promises, that CloudFormation would take it, and that deploying it twice changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_pipeline import glue_job
from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from behavior.contract import UsageError
from infra.deploy import deploy
from infra.local.errors import ServiceError
from infra.stack import template

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = settings({})
STACK = template(HERE)
CODE = glue_code(HERE).objects


def of_type(kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in STACK["Resources"].values() if resource["Type"] == kind]


def test_every_bucket_is_private_encrypted_and_forgets_unfinished_uploads() -> None:
    buckets = of_type("AWS::S3::Bucket")

    assert sorted(bucket["BucketName"] for bucket in buckets) == ["artifacts", "athena-results", "curated-zone", "raw-zone"]
    for bucket in buckets:
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
        assert any("AbortIncompleteMultipartUpload" in rule for rule in bucket["LifecycleConfiguration"]["Rules"])


def test_the_job_makes_the_tables_and_its_role_lets_it() -> None:
    assert of_type("AWS::Glue::Table") == []
    role = next(one for one in of_type("AWS::IAM::Role") if one["RoleName"] == "mabe-glue")
    allowed = {action for statement in role["Policies"][0]["PolicyDocument"]["Statement"] for action in statement["Action"]}
    assert {"glue:GetTable", "glue:CreateTable", "glue:UpdateTable"} <= allowed
    assert f"pyiceberg=={version('pyiceberg')}" in of_type("AWS::Glue::Job")[0]["DefaultArguments"]["--additional-python-modules"]


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
    first = deploy(STACK, boto3.Session(), CODE)
    assert len(first) == len(STACK["Resources"]) + len(CODE)
    assert all(": created " in line or line.startswith("Code: uploaded ") for line in first)
    assert deploy(STACK, boto3.Session(), CODE) == []

    assert (endpoint.root / "raw-zone").is_dir()
    job = boto3.client("glue").get_job(JobName="mabe-curate")["Job"]
    assert job["Role"] == boto3.client("iam").get_role(RoleName="mabe-glue")["Role"]["Arn"]
    policy = boto3.client("iam").get_role_policy(RoleName="mabe-glue", PolicyName="curate")["PolicyDocument"]
    assert "arn:aws:s3:::raw-zone/*" in json.dumps(policy)
    assert boto3.client("athena").get_work_group(WorkGroup="mabe")["WorkGroup"]["Configuration"]["EnforceWorkGroupConfiguration"] is True


def test_what_differs_is_updated_and_told(endpoint: Any) -> None:
    deploy(STACK, boto3.Session(), CODE)
    changed = deepcopy(STACK)
    resources = changed["Resources"]
    resources["CurateJob"]["Properties"]["Timeout"] = 5
    resources["WorkGroup"]["Properties"]["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] = 20_000_000
    resources["TrainingRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()

    assert [line.partition(":")[0] for line in deploy(changed, boto3.Session(), CODE)] == [
        "TrainingRole",
        "CurateJob",
        "WorkGroup",
    ]
    assert boto3.client("glue").get_job(JobName="mabe-curate")["Job"]["Timeout"] == 5
    assert deploy(changed, boto3.Session(), CODE) == []


def test_a_resource_of_an_unknown_type_is_refused_before_anything_is_made(endpoint: Any) -> None:
    odd = {"Resources": {**STACK["Resources"], "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}}}

    with pytest.raises(ValueError, match="but got AWS::SQS::Queue"):
        deploy(odd, boto3.Session(), {})
    assert boto3.client("s3").list_buckets()["Buckets"] == []


def deployed_job() -> dict[str, Any]:
    return boto3.client("glue").get_job(JobName="mabe-curate")["Job"]


def test_a_deployed_job_has_its_code_and_a_spoiled_object_of_it_is_replaced(endpoint: Any) -> None:
    deploy(STACK, boto3.Session(), CODE)
    addresses = {deployed_job()["Command"]["ScriptLocation"], deployed_job()["DefaultArguments"]["--extra-py-files"]}
    assert addresses == set(CODE)
    script = endpoint.root / deployed_job()["Command"]["ScriptLocation"].removeprefix("s3://")
    assert script.read_bytes() == (REPOSITORY / "aws_pipeline" / "glue_etl.py").read_bytes()

    script.write_text("raise SystemExit('half of a script')")
    assert deploy(STACK, boto3.Session(), CODE) == [f"Code: uploaded {deployed_job()['Command']['ScriptLocation']}"]
    assert script.read_bytes() == (REPOSITORY / "aws_pipeline" / "glue_etl.py").read_bytes()


@pytest.fixture
def other_code(endpoint: Any) -> dict[str, Any]:
    """A deployed job whose code is not this working tree's: the definition it should have."""
    deploy(STACK, boto3.Session(), CODE)
    right = deployed_job()
    other = {**right["DefaultArguments"], "--extra-py-files": "s3://artifacts/glue/code/0123456789abcdef/library.zip"}
    boto3.client("glue").update_job(
        JobName="mabe-curate", JobUpdate={"Role": right["Role"], "Command": right["Command"], "DefaultArguments": other}
    )
    return right


def test_our_command_deploys_this_working_trees_code_on_this_disk(other_code: dict[str, Any]) -> None:
    glue_job._require_this_code(boto3.client("glue"), HERE)
    assert deployed_job()["DefaultArguments"] == other_code["DefaultArguments"]


def test_our_command_refuses_to_run_other_code_on_aws_and_says_how_to_deploy(other_code: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"but got other code\. Deploy this one: python -m infra\.deploy"):
        glue_job._require_this_code(boto3.client("glue"), replace(HERE, local=False))
    assert deployed_job()["DefaultArguments"] != other_code["DefaultArguments"]


def test_the_command_deploys_to_the_endpoint_that_the_environment_names(endpoint: Any) -> None:
    def command() -> list[str]:
        words = [sys.executable, "-m", "infra.deploy"]
        return subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()

    first = command()
    assert "CurateJob: created job mabe-curate" in first
    assert first[-1] == f"{len(STACK['Resources']) + len(CODE)} changes at {endpoint.url}; everything is as declared"
    assert command() == [f"0 changes at {endpoint.url}; everything is as declared"]


def test_a_bucket_of_somebody_else_is_told_with_what_to_do(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(self: Any, request: Any) -> Any:
        if request.method == "HEAD":
            raise ServiceError("AccessDenied", "Access Denied", 403)
        raise AssertionError("nothing more is asked of a bucket that is not ours")

    monkeypatch.setattr("infra.local.s3.front.S3Front.handle", handle)
    with pytest.raises(UsageError, match="Expected bucket artifacts to be ours or free, but got one of another account"):
        deploy(STACK, boto3.Session(), CODE)
