"""Deploying: once makes everything, twice changes nothing, what differs is updated, and only a flag removes data."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws_pipeline import glue_job
from aws_pipeline.config import settings
from aws_pipeline.job_code import glue_code
from behavior.contract import UsageError
from infra.cloud import compute
from infra.cloud.change_sets import StackFailed
from infra.cloud.compute import compute_template
from infra.cloud.data import data_template
from infra.cloud.graph import graph_template
from infra.deploy import deploy, destroy, diff

REPOSITORY = Path(__file__).resolve().parents[3]
HERE = settings({})
CODE = glue_code(HERE)
N_RESOURCES = sum(len(template(HERE)["Resources"]) for template in (data_template, compute_template, graph_template))


def deploy_here(**options: Any) -> list[str]:
    return deploy(HERE, boto3.Session(), CODE, **options)


def job() -> dict[str, Any]:
    return boto3.client("glue").get_job(JobName="mabe-curate")["Job"]


def test_deploying_makes_everything_once_and_then_nothing(endpoint: Any) -> None:
    assert len(diff(HERE, boto3.Session(), CODE)) == N_RESOURCES
    first = deploy_here()
    assert len(first) == N_RESOURCES + len(CODE.objects)
    assert all(": create " in line or line.startswith("Code: upload ") for line in first)
    assert deploy_here() == []
    assert diff(HERE, boto3.Session(), CODE) == []

    assert (endpoint.root / "raw-zone").is_dir()
    assert boto3.client("s3").get_bucket_versioning(Bucket="raw-zone")["Status"] == "Enabled"
    assert job()["Role"] == boto3.client("iam").get_role(RoleName="mabe-glue")["Role"]["Arn"]
    assert job()["NumberOfWorkers"] == 2
    policy = boto3.client("iam").get_role_policy(RoleName="mabe-glue", PolicyName="curate")["PolicyDocument"]
    assert "arn:aws:s3:::raw-zone/*" in json.dumps(policy)
    assert boto3.client("athena").get_work_group(WorkGroup="mabe")["WorkGroup"]["Configuration"]["EnforceWorkGroupConfiguration"] is True
    assert boto3.client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 30
    assert boto3.client("events").list_targets_by_rule(Rule="mabe-failed-curation")["Targets"][0]["Arn"].endswith(":mabe-alarms")
    assert boto3.client("sagemaker").list_model_packages(ModelPackageGroupName="mabe-recognizers")["ModelPackageSummaryList"] == []
    (budget,) = boto3.client("budgets").describe_budgets(AccountId="123456789012")["Budgets"]
    assert budget["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}


def test_every_resource_that_can_says_whose_it_is(endpoint: Any) -> None:
    deploy_here()

    ours = {"Key": "mabe:deployment", "Value": "mabe"}
    assert ours in boto3.client("s3").get_bucket_tagging(Bucket="raw-zone")["TagSet"]
    assert ours in boto3.client("iam").list_role_tags(RoleName="mabe-glue")["Tags"]
    arn = boto3.client("sns").list_topics()["Topics"][0]["TopicArn"]
    assert ours in boto3.client("sns").list_tags_for_resource(ResourceArn=arn)["Tags"]


def test_what_differs_is_shown_updated_and_told(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_here()
    monkeypatch.setattr(compute, "TIMEOUT_MIN", 5)
    monkeypatch.setattr(compute, "SCAN_CUTOFF_BYTES", 20_000_000)
    expected = ["CurateJob: update Glue::Job (Timeout)", "WorkGroup: update Athena::WorkGroup (WorkGroupConfiguration)"]

    assert sorted(diff(HERE, boto3.Session(), CODE)) == expected
    assert job()["Timeout"] == 120
    assert sorted(deploy_here()) == expected
    assert job()["Timeout"] == 5
    assert deploy_here() == []


def test_an_alarm_address_and_a_budget_stay_until_others_are_given(endpoint: Any) -> None:
    deploy_here(alarm_email="ann@lab.example", budget_usd=7)
    deploy_here()

    (subscription,) = boto3.client("sns").list_subscriptions()["Subscriptions"]
    assert subscription["Endpoint"] == "ann@lab.example"
    limit = boto3.client("budgets").describe_budget(AccountId="123456789012", BudgetName="mabe-monthly")["Budget"]["BudgetLimit"]
    assert limit["Amount"] == "7"


def test_an_upload_starts_the_graph_from_when_a_person_says_so_until_a_person_says_no(endpoint: Any) -> None:
    def state() -> str:
        return str(boto3.client("events").describe_rule(Name="mabe-data-landed")["State"])

    deploy_here()
    assert state() == "DISABLED"
    deploy_here(start_when_data_land=True)
    deploy_here()
    assert state() == "ENABLED"
    (target,) = boto3.client("events").list_targets_by_rule(Rule="mabe-data-landed")["Targets"]
    assert target["Arn"].endswith(":stateMachine:mabe-graph")
    assert json.loads(target["Input"]) == {"only_if_new": True}
    deploy_here(start_when_data_land=False)
    assert state() == "DISABLED"


def test_destroying_keeps_the_data_and_deploying_again_takes_them_back(endpoint: Any) -> None:
    deploy_here()
    boto3.client("s3").put_object(Bucket="raw-zone", Key="a", Body=b"mouse")
    assert destroy(HERE, boto3.Session()) == ["removed stack mabe-graph", "removed stack mabe-compute"]

    assert boto3.client("glue").get_jobs()["Jobs"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert boto3.client("athena").list_work_groups()["WorkGroups"][0]["Name"] == "primary"
    assert (endpoint.root / "raw-zone" / "a").read_bytes() == b"mouse"

    boto3.client("cloudformation").delete_stack(StackName="mabe-data")  # by hand
    boto3.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName="mabe-data", WaiterConfig={"Delay": 1})
    assert (endpoint.root / "raw-zone" / "a").read_bytes() == b"mouse"
    lines = deploy_here()
    assert "RawBucket: take back S3::Bucket" in lines
    assert (endpoint.root / "raw-zone" / "a").read_bytes() == b"mouse"


def test_only_the_name_of_the_deployment_removes_its_data(endpoint: Any) -> None:
    deploy_here()
    boto3.client("s3").put_object(Bucket="raw-zone", Key="a", Body=b"mouse")
    with pytest.raises(UsageError, match=r"Expected --delete-data-of to name this deployment \(mabe\), but got raw-zone"):
        destroy(HERE, boto3.Session(), "raw-zone")
    assert (endpoint.root / "raw-zone" / "a").is_file()

    assert "deleted bucket raw-zone with 1 objects" in destroy(HERE, boto3.Session(), "mabe")
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("glue").get_databases()["DatabaseList"] == []
    assert boto3.client("cloudformation").list_stacks()["StackSummaries"] == []


@pytest.mark.parametrize(
    ("tags", "got"),
    [([{"Key": "mabe:deployment", "Value": "their-lab"}], "one of their-lab. Choose another S3_BUCKET."), ([], "one without its tag")],
)
def test_a_bucket_of_others_is_refused_before_anything_is_made(endpoint: Any, tags: list[dict[str, str]], got: str) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="artifacts")
    if tags:
        s3.put_bucket_tagging(Bucket="artifacts", Tagging={"TagSet": tags})

    with pytest.raises(UsageError, match=f"Expected bucket artifacts to be free or of mabe, but got {got}"):
        deploy_here()
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["artifacts"]
    assert boto3.client("cloudformation").list_stacks()["StackSummaries"] == []
    if not tags:
        assert "ArtifactsBucket: take back S3::Bucket" in deploy_here(adopt=True)


def test_a_role_of_others_stops_the_compute_stack_and_stays_as_it_is(endpoint: Any) -> None:
    iam = boto3.client("iam")
    iam.create_role(RoleName="mabe-training", AssumeRolePolicyDocument="{}")

    with pytest.raises(StackFailed, match=r"TrainingRole: mabe-training already exists .* Choose another S3_BUCKET"):
        deploy_here()
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["mabe-training"]
    assert boto3.client("glue").get_jobs()["Jobs"] == []
    assert [stack["StackName"] for stack in boto3.client("cloudformation").list_stacks()["StackSummaries"]] == ["mabe-data"]
    iam.delete_role(RoleName="mabe-training")
    assert any(line.startswith("CurateJob: create") for line in deploy_here())


def test_a_stack_of_another_deployment_is_refused(endpoint: Any) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "other"}}
    boto3.client("cloudformation").create_stack(StackName="mabe-data", TemplateBody=json.dumps({"Resources": {"B": bucket}}))
    boto3.client("cloudformation").get_waiter("stack_create_complete").wait(StackName="mabe-data", WaiterConfig={"Delay": 1})

    with pytest.raises(UsageError, match="Expected stack mabe-data to be of mabe, but got one that nobody tagged"):
        deploy_here()


def test_a_deployed_job_has_its_code_and_a_spoiled_object_of_it_is_replaced(endpoint: Any) -> None:
    deploy_here()
    addresses = {job()["Command"]["ScriptLocation"], job()["DefaultArguments"]["--extra-py-files"]}
    assert addresses | {f"{CODE.training}/{name}" for name in ("code.zip", "start.sh")} == set(CODE.objects)
    script = endpoint.root / job()["Command"]["ScriptLocation"].removeprefix("s3://")
    assert script.read_bytes() == (REPOSITORY / "aws_pipeline" / "glue_etl.py").read_bytes()

    script.write_text("raise SystemExit('half of a script')")
    assert deploy_here() == [f"Code: upload {job()['Command']['ScriptLocation']}"]
    assert script.read_bytes() == (REPOSITORY / "aws_pipeline" / "glue_etl.py").read_bytes()


@pytest.fixture
def other_code(endpoint: Any) -> dict[str, Any]:
    """A deployed job whose code is not this working tree's: the definition it should have."""
    deploy(HERE, boto3.Session(), replace(CODE, library="s3://artifacts/glue/code/0123456789abcdef/library.zip"))
    return {**job()["DefaultArguments"], "--extra-py-files": CODE.library}


def test_our_command_deploys_this_working_trees_code_on_this_disk(other_code: dict[str, Any]) -> None:
    assert job()["DefaultArguments"] != other_code
    glue_job._require_this_code(boto3.client("glue"), HERE)
    assert job()["DefaultArguments"] == other_code


def test_our_command_refuses_to_run_other_code_on_aws_and_says_how_to_deploy(other_code: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"but got other code\. Deploy this one: python -m infra\.deploy"):
        glue_job._require_this_code(boto3.client("glue"), replace(HERE, local=False))
    assert job()["DefaultArguments"] != other_code


def command(*words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "infra.deploy", *words], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.splitlines()


def test_the_command_deploys_to_the_endpoint_that_the_environment_names(endpoint: Any) -> None:
    first = command()
    assert "CurateJob: create Glue::Job" in first
    assert first[-1] == f"{N_RESOURCES + len(CODE.objects)} changes at {endpoint.url}; everything is as declared"
    assert command("diff") == [f"0 changes at {endpoint.url}; nothing was changed"]
    removed = [f"removed stack mabe-{stack}" for stack in ("graph", "compute")]
    assert command("destroy") == [*removed, f"2 changes at {endpoint.url}; the rest stays"]


def test_the_policy_of_operators_is_printed_as_it_can_be_pasted(endpoint: Any) -> None:
    policy = json.loads("\n".join(command("policy")))

    assert policy["Version"] == "2012-10-17"
    assert "Fn::" not in json.dumps(policy)
    assert "${" not in json.dumps(policy)
    (run,) = (each for each in policy["Statement"] if each["Sid"] == "RunJob")
    assert run["Resource"] == ["arn:aws:glue:us-east-1:123456789012:job/mabe-curate"]
