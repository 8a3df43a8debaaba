"""What the stacks promise, and that CloudFormation would take them: in several regions, with several prefixes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws_pipeline.config import Settings, settings
from infra.cloud.compute import compute_template
from infra.cloud.data import data_template
from infra.cloud.graph import graph_template

HERE = settings({})
FAR = {"USE_LOCAL_FS": "false", "S3_BUCKET": "our-lab", "AWS_DEFAULT_REGION": "eu-central-1"}
DATA, COMPUTE, GRAPH = data_template(HERE), compute_template(HERE), graph_template(HERE)


def of_type(kind: str, *templates: dict[str, Any]) -> list[dict[str, Any]]:
    found = (resource for template in templates or (DATA, COMPUTE, GRAPH) for resource in template["Resources"].values())
    return [resource["Properties"] for resource in found if resource["Type"] == kind]


def rules_of(bucket: str) -> dict[str, dict[str, Any]]:
    (found,) = (each for each in of_type("AWS::S3::Bucket") if each["BucketName"] == bucket)
    return {rule["Id"]: rule for rule in found["LifecycleConfiguration"]["Rules"]}


def test_every_bucket_is_private_encrypted_and_has_no_access_lists() -> None:
    buckets = of_type("AWS::S3::Bucket")

    assert sorted(bucket["BucketName"] for bucket in buckets) == ["artifacts", "athena-results", "curated-zone", "raw-zone"]
    for bucket in buckets:
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["BucketEncryption"]
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def test_every_bucket_refuses_requests_without_tls() -> None:
    policies = of_type("AWS::S3::BucketPolicy")

    assert len(policies) == 4
    for policy in policies:
        (deny,) = policy["PolicyDocument"]["Statement"]
        assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "s3:*")
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(deny["Resource"]) == 2


def test_raw_data_are_versioned_and_leftovers_expire() -> None:
    versioned = [bucket["BucketName"] for bucket in of_type("AWS::S3::Bucket") if bucket.get("VersioningConfiguration")]

    assert versioned == ["raw-zone"]
    for bucket in ("raw-zone", "curated-zone", "athena-results", "artifacts"):
        assert rules_of(bucket)["abort-unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rules_of("raw-zone")["expire-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rules_of("raw-zone")["expire-old-versions"]["ExpiredObjectDeleteMarker"] is True
    assert rules_of("athena-results")["expire-results"]["ExpirationInDays"] == 14
    assert rules_of("artifacts")["expire-runs"] == {
        "Id": "expire-runs",
        "Status": "Enabled",
        "Prefix": "glue/runs/",
        "ExpirationInDays": 30,
    }


def test_data_stay_when_their_stack_goes_and_compute_does_not() -> None:
    kept = {resource["Type"] for resource in DATA["Resources"].values() if resource.get("DeletionPolicy") == "RetainExceptOnCreate"}

    assert kept == {"AWS::S3::Bucket", "AWS::Glue::Database", "AWS::SageMaker::ModelPackageGroup"}
    assert not any("DeletionPolicy" in resource for template in (COMPUTE, GRAPH) for resource in template["Resources"].values())


def test_a_role_serves_only_this_account() -> None:
    for role in of_type("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_logs_expire_results_are_bounded_and_the_workgroup_can_be_removed() -> None:
    assert {group["LogGroupName"]: group["RetentionInDays"] for group in of_type("AWS::Logs::LogGroup")} == {
        "/aws-glue/mabe-curate/output": 30,
        "/aws-glue/mabe-curate/error": 30,
        "/aws/vendedlogs/states/mabe-graph": 30,
    }
    (workgroup,) = of_type("AWS::Athena::WorkGroup")
    assert workgroup["RecursiveDeleteOption"] is True
    assert workgroup["WorkGroupConfiguration"]["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    assert workgroup["WorkGroupConfiguration"]["EnforceWorkGroupConfiguration"] is True


def test_the_job_writes_its_own_log_groups_and_claims_no_metrics_that_need_a_glue_context() -> None:
    (job,) = of_type("AWS::Glue::Job")

    assert job["DefaultArguments"]["--custom-logGroup-prefix"] == "/aws-glue/mabe-curate"
    assert "--enable-metrics" not in job["DefaultArguments"]
    assert job["DefaultArguments"]["--additional-python-modules"] == {"Ref": "PythonModules"}
    assert (job["WorkerType"], job["NumberOfWorkers"]) == ({"Ref": "WorkerType"}, {"Ref": "Workers"})
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}


def test_failed_jobs_and_costs_are_told() -> None:
    patterns = {rule["Name"]: rule["EventPattern"] for rule in of_type("AWS::Events::Rule")}

    assert patterns["mabe-failed-curation"]["detail"] == {"jobName": ["mabe-curate"], "state": ["FAILED", "TIMEOUT", "ERROR"]}
    assert patterns["mabe-failed-training"]["detail"]["TrainingJobStatus"] == ["Failed"]
    assert patterns["mabe-failed-graph"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (policy,) = of_type("AWS::SNS::TopicPolicy")
    assert policy["PolicyDocument"]["Statement"][0]["Principal"] == {"Service": ["events.amazonaws.com", "budgets.amazonaws.com"]}
    assert of_type("AWS::SNS::Topic", COMPUTE)[0].get("Subscription") is None
    told = compute_template(HERE, "ann@lab.example")
    assert of_type("AWS::SNS::Topic", told)[0]["Subscription"] == [{"Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}]


def names_in(chosen: Settings) -> set[str]:
    """Names of all resources that have one, in both stacks."""
    keys = (
        "BucketName",
        "RoleName",
        "ManagedPolicyName",
        "Name",
        "TopicName",
        "LogGroupName",
        "StateMachineName",
        "ModelPackageGroupName",
        "BudgetName",
    )
    named = set()
    for template in (data_template(chosen), compute_template(chosen), graph_template(chosen)):
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Glue::Table":
                continue  # its database has the deployment's name
            properties = resource["Properties"]
            for place in (properties, properties.get("DatabaseInput", {}), properties.get("Budget", {})):
                named |= {place[key] for key in keys if key in place}
    return named


def test_two_deployments_of_one_account_share_no_name() -> None:
    here, there, other = (settings({**FAR, **change}) for change in ({}, {"AWS_DEFAULT_REGION": "us-west-2"}, {"S3_BUCKET": "their-lab"}))

    assert len(names_in(here)) > 15
    assert names_in(here).isdisjoint(names_in(there))
    assert names_in(here).isdisjoint(names_in(other))
    assert all("our" in name and "eu" in name and "central" in name for name in names_in(here))


def test_no_address_or_right_of_a_prefixed_deployment_leads_to_one_without() -> None:
    chosen = settings(FAR)
    text = json.dumps([data_template(chosen), compute_template(chosen), graph_template(chosen)])

    for bucket in ("raw-zone", "curated-zone", "athena-results", "artifacts"):
        assert f"our-lab-eu-central-1-{bucket}" in text
        assert f"s3://{bucket}" not in text
        assert f":::{bucket}" not in text
    assert "/mabe/" not in text


@pytest.mark.parametrize(
    ("prefix", "region"),
    [("", "us-east-1"), ("our-lab", "eu-central-1"), ("x" * 33, "ap-southeast-2")],
)
def test_cloudformation_would_take_the_templates(prefix: str, region: str) -> None:
    from cfnlint.api import ManualArgs, lint

    far = {"USE_LOCAL_FS": "false", "S3_BUCKET": prefix, "AWS_DEFAULT_REGION": region} if prefix else {}
    chosen = settings(far)
    for template in (data_template(chosen), compute_template(chosen, "ann@lab.example"), graph_template(chosen)):
        found = lint(json.dumps(template), config=ManualArgs(regions=[region]))
        assert [f"{match.rule.id} {match.message} {match.path}" for match in found] == []


def test_the_lint_sees_a_mistake() -> None:
    from cfnlint.api import ManualArgs, lint

    wrong = json.loads(json.dumps(COMPUTE))
    wrong["Resources"]["CurateJob"]["Properties"]["NumberOfWorkrs"] = 3
    assert lint(json.dumps(wrong), config=ManualArgs(regions=["us-east-1"]))


def test_no_template_is_larger_than_cloudformation_takes() -> None:
    most_bytes = 51_200
    for template in (data_template(settings(FAR)), compute_template(settings(FAR)), graph_template(settings(FAR))):
        assert len(json.dumps(template)) < most_bytes


def test_the_stand_in_executes_every_property_that_is_declared() -> None:
    from infra.local.cloudformation.kinds.all_kinds import KINDS

    for template in (DATA, COMPUTE, GRAPH):
        for resource in template["Resources"].values():
            assert set(resource["Properties"]) <= KINDS[resource["Type"]].known | {"Tags"}
