"""CloudFormation on this disk, by a plain client: what a change set shows, does, refuses and takes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError
from policy_document import document

from infra.cloud.change_sets import StackFailed, StackOrder, apply
from infra.local.__main__ import deploy_once
from infra.local.server import LocalServer

BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "zone"}}
TRUST = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "role", "AssumeRolePolicyDocument": json.loads(document(TRUST))}}
SOON = {"Delay": 1}


def bucket(name: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}}


def template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


@pytest.fixture
def stacks(endpoint: Any) -> Any:
    return boto3.client("cloudformation")


def made(stacks: Any, body: str, name: str = "set", kind: str = "CREATE", **more: Any) -> dict[str, Any]:
    stacks.create_change_set(StackName="lake", ChangeSetName=name, ChangeSetType=kind, TemplateBody=body, **more)
    return stacks.describe_change_set(StackName="lake", ChangeSetName=name)


def executed(stacks: Any, body: str, kind: str = "CREATE", **more: Any) -> dict[str, Any]:
    made(stacks, body, "now", kind, **more)
    stacks.execute_change_set(StackName="lake", ChangeSetName="now")
    stacks.get_waiter("stack_create_complete" if kind == "CREATE" else "stack_update_complete").wait(StackName="lake", WaiterConfig=SOON)
    return stacks.describe_stacks(StackName="lake")["Stacks"][0]


def test_a_change_set_shows_everything_and_does_nothing_before_it_is_executed(stacks: Any, endpoint: Any) -> None:
    shown = made(stacks, template(Zone=BUCKET))

    assert shown["Status"] == "CREATE_COMPLETE"
    (change,) = (each["ResourceChange"] for each in shown["Changes"])
    assert (change["Action"], change["LogicalResourceId"], change["ResourceType"]) == ("Add", "Zone", "AWS::S3::Bucket")
    assert stacks.describe_stacks(StackName="lake")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert endpoint.server.store.buckets() == []


def test_references_parameters_and_outputs_are_resolved_in_their_order(stacks: Any) -> None:
    name = {"Fn::Join": ["-", [{"Ref": "Prefix"}, "zone"]]}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": {"Fn::Sub": "${Zone.Arn}/*"}}
    resources = {
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": {"Ref": "Zone"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [deny]}},
        },
        "Zone": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}},
    }
    outputs = {"Where": {"Value": {"Fn::GetAtt": ["Zone", "Arn"]}}}
    body = json.dumps({"Parameters": {"Prefix": {"Type": "String"}}, "Resources": resources, "Outputs": outputs})
    stack = executed(stacks, body, Parameters=[{"ParameterKey": "Prefix", "ParameterValue": "my"}])

    assert stack["Outputs"] == [{"OutputKey": "Where", "OutputValue": "arn:aws:s3:::my-zone"}]
    policy = json.loads(boto3.client("s3").get_bucket_policy(Bucket="my-zone")["Policy"])
    assert policy["Statement"][0]["Resource"] == "arn:aws:s3:::my-zone/*"


def test_the_same_again_is_no_change(stacks: Any) -> None:
    executed(stacks, template(Zone=BUCKET))
    shown = made(stacks, template(Zone=BUCKET), kind="UPDATE")

    assert shown["Status"] == "FAILED"
    assert "didn't contain changes" in shown["StatusReason"]
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        stacks.execute_change_set(StackName="lake", ChangeSetName="set")


def test_what_is_no_longer_declared_is_removed_and_what_is_kept_stays(stacks: Any, endpoint: Any) -> None:
    kept = {**BUCKET, "DeletionPolicy": "Retain"}
    other = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "other"}}
    third = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "third"}}
    executed(stacks, template(Zone=kept, Other=other, Third=third))
    executed(stacks, template(Third=third), kind="UPDATE")

    assert endpoint.server.store.buckets() == ["third", "zone"]
    events = reversed(stacks.describe_stack_events(StackName="lake")["StackEvents"])
    statuses = {event["LogicalResourceId"]: event["ResourceStatus"] for event in events}
    assert (statuses["Zone"], statuses["Other"]) == ("DELETE_SKIPPED", "DELETE_COMPLETE")


def test_a_first_deployment_that_fails_leaves_nothing(stacks: Any, endpoint: Any) -> None:
    boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    made(stacks, template(Zone={**BUCKET, "DeletionPolicy": "RetainExceptOnCreate"}, Role=ROLE), Capabilities=["CAPABILITY_NAMED_IAM"])
    stacks.execute_change_set(StackName="lake", ChangeSetName="set")
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_create_complete").wait(StackName="lake", WaiterConfig=SOON)

    assert stacks.describe_stacks(StackName="lake")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert endpoint.server.store.buckets() == []
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        made(stacks, template(Zone=BUCKET), "again", "UPDATE")


def test_an_update_that_fails_is_taken_back(stacks: Any) -> None:
    executed(stacks, template(Role=ROLE), Capabilities=["CAPABILITY_NAMED_IAM"])
    changed = json.loads(json.dumps(ROLE))
    changed["Properties"]["Policies"] = [{"PolicyName": "p", "PolicyDocument": json.loads(document({**TRUST, "Resource": "*"}))}]
    del changed["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0]["Principal"]
    boto3.client("s3").create_bucket(Bucket="zone")
    taken = {**BUCKET, "DependsOn": "Role"}
    made(stacks, template(Role=changed, Zone=taken), "now", "UPDATE", Capabilities=["CAPABILITY_NAMED_IAM"])
    stacks.execute_change_set(StackName="lake", ChangeSetName="now")
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_update_complete").wait(StackName="lake", WaiterConfig=SOON)

    stack = stacks.describe_stacks(StackName="lake")["Stacks"][0]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "zone already exists" in stack["StackStatusReason"]
    assert boto3.client("iam").list_role_policies(RoleName="role")["PolicyNames"] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (template(Queue={"Type": "AWS::SQS::Queue", "Properties": {}}), "but got AWS::SQS::Queue .Queue.. It exists on AWS only"),
        (template(Zone={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "zone", "Colour": 1}}), "but got Colour .Zone."),
        (template(Zone={**BUCKET, "DependsOn": "Zone"}), "Circular dependency"),
        (template(Zone=bucket({"Ref": "Nobody"})), "references undefined resource Nobody"),
        (template(Zone=bucket({"Fn::If": ["A", "b", "c"]})), "but got Fn::If"),
        (template(Zone={"Type": "AWS::S3::Bucket", "Properties": {}}), "to have a name of its own"),
        (template(Zone={**BUCKET, "DeletionPolicy": "Perhaps"}), "Expected DeletionPolicy to be one of"),
        ("Resources:\n  Zone: {}", "Expected a template in JSON"),
        ("{}", "At least one Resources member must be defined"),
        (template(Role=ROLE), r"Requires capabilities : \[CAPABILITY_NAMED_IAM\]"),
    ],
)
def test_what_could_not_be_executed_is_refused_before_anything_is_made(stacks: Any, endpoint: Any, body: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        made(stacks, body)
    assert endpoint.server.store.buckets() == []


def test_a_named_resource_that_would_have_to_be_replaced_is_refused_as_on_aws(stacks: Any) -> None:
    def policy(description: str) -> dict[str, Any]:
        declared = json.loads(document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
        properties = {"ManagedPolicyName": "read", "Description": description, "PolicyDocument": declared}
        return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}

    executed(stacks, template(Read=policy("old")), Capabilities=["CAPABILITY_NAMED_IAM"])
    shown = made(stacks, template(Read=policy("new")), "now", "UPDATE", Capabilities=["CAPABILITY_NAMED_IAM"])
    assert shown["Changes"][0]["ResourceChange"]["Replacement"] == "True"
    stacks.execute_change_set(StackName="lake", ChangeSetName="now")
    with pytest.raises(WaiterError):
        stacks.get_waiter("stack_update_complete").wait(StackName="lake", WaiterConfig=SOON)
    assert "custom-named resource requires replacing" in stacks.describe_stacks(StackName="lake")["Stacks"][0]["StackStatusReason"]


def test_a_stack_whose_process_died_says_so_and_can_be_deleted(stacks: Any, endpoint: Any) -> None:
    executed(stacks, template(Zone=BUCKET))
    file = endpoint.root / ".aws" / "stacks" / "lake.json"
    file.write_text(file.read_text().replace('"status": "CREATE_COMPLETE"', '"status": "CREATE_IN_PROGRESS"', 1))

    assert stacks.describe_stacks(StackName="lake")["Stacks"][0]["StackStatus"] == "CREATE_FAILED"
    stacks.delete_stack(StackName="lake")
    stacks.get_waiter("stack_delete_complete").wait(StackName="lake", WaiterConfig=SOON)
    assert endpoint.server.store.buckets() == []


def test_cloudformation_has_the_rights_of_who_executes(stacks: Any) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="ann")
    own = {"Effect": "Allow", "Action": ["cloudformation:*"], "Resource": "*"}
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=document(own))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    hers = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]).client("cloudformation")
    made(hers, template(Zone=BUCKET))
    hers.execute_change_set(StackName="lake", ChangeSetName="set")
    with pytest.raises(WaiterError):
        hers.get_waiter("stack_create_complete").wait(StackName="lake", WaiterConfig=SOON)
    reason = " ".join(event.get("ResourceStatusReason", "") for event in hers.describe_stack_events(StackName="lake")["StackEvents"])
    assert "user/ann is not authorized to perform: s3:CreateBucket on resource: arn:aws:s3:::zone" in reason


def test_a_template_that_cloudformation_refuses_is_one_line_with_its_reason(endpoint: Any) -> None:
    order = StackOrder("odd", "mabe", {"Resources": {"Machine": {"Type": "AWS::EC2::Instance"}}}, {})
    with pytest.raises(StackFailed, match=r"Expected CloudFormation to take stack odd, but got: .*AWS::EC2::Instance"):
        apply(boto3.client("cloudformation"), order)


def test_a_store_of_an_older_version_gets_its_stacks_and_keeps_its_data(tmp_path: Path, lead_clients_to: Any) -> None:
    with LocalServer(tmp_path) as server:
        lead_clients_to(server.url)
        boto3.client("s3").create_bucket(Bucket="raw-zone")
        boto3.client("s3").put_object(Bucket="raw-zone", Key="a", Body=b"mouse")
        boto3.client("iam").create_role(RoleName="mabe-glue", AssumeRolePolicyDocument=document(TRUST))
        boto3.client("iam").put_role_policy(RoleName="mabe-glue", PolicyName="old", PolicyDocument=document({**TRUST, "Resource": "*"}))
        boto3.client("glue").create_database(DatabaseInput={"Name": "mabe"})
        boto3.client("athena").create_work_group(Name="mabe")
        deploy_once(server)
        stacks = boto3.client("cloudformation").list_stacks()["StackSummaries"]
        assert [stack["StackName"] for stack in stacks] == ["mabe-compute", "mabe-data", "mabe-graph"]
        assert boto3.client("iam").list_role_policies(RoleName="mabe-glue")["PolicyNames"] == ["curate"]
        assert boto3.client("s3").get_object(Bucket="raw-zone", Key="a")["Body"].read() == b"mouse"
