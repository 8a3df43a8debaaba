"""Who may do what on this disk: policies are evaluated as on AWS, by plain clients with the credentials of users, roles and jobs."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from policy_document import document

from infra.local.access.policies import ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY, Ask, decide, read_document
from infra.local.errors import ServiceError

ACCOUNT = "123456789012"


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def decision(action: str, resource: str, *statements: dict[str, Any], **context: str) -> str:
    named = {name.replace("__", ":").lower(): value for name, value in context.items()}
    return decide(read_document({"Statement": list(statements)}), Ask(action, resource, named))


OBJECTS = "arn:aws:s3:::raw-zone/*"


@pytest.mark.parametrize(
    ("action", "resource", "statements", "expected"),
    [
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a", [allow("s3:GetObject", OBJECTS)], ALLOWED),
        ("S3:getobject", "arn:aws:s3:::raw-zone/a", [allow("s3:GetObject", OBJECTS)], ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::raw-zone", [allow("s3:GetObject", OBJECTS)], IMPLICIT_DENY),
        ("s3:GetObject", "arn:aws:s3:::RAW-ZONE/a", [allow("s3:GetObject", OBJECTS)], IMPLICIT_DENY),
        ("s3:PutObject", "arn:aws:s3:::raw-zone/a", [allow("s3:GetObject", OBJECTS)], IMPLICIT_DENY),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a", [allow("s3:Get*", OBJECTS)], ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a.b", [allow("s3:GetObject", "arn:aws:s3:::raw-zone/a?b")], ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/axb", [allow("s3:GetObject", "arn:aws:s3:::raw-zone/a.b")], IMPLICIT_DENY),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a", [allow("s3:*"), {**allow("s3:GetObject", OBJECTS), "Effect": "Deny"}], EXPLICIT_DENY),
        ("iam:GetRole", "*", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], IMPLICIT_DENY),
        ("s3:GetObject", "*", [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a", [{"Effect": "Allow", "Action": "s3:*", "NotResource": OBJECTS}], IMPLICIT_DENY),
        ("s3:GetObject", "arn:aws:s3:::raw-zone/a", [], IMPLICIT_DENY),
    ],
)
def test_statements_match_as_on_aws(action: str, resource: str, statements: list[dict[str, Any]], expected: str) -> None:
    assert decision(action, resource, *statements) == expected


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {"aws__SourceAccount": ACCOUNT}, True),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {"aws__SourceAccount": "1"}, False),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, {}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, {}, True),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, {}, True),
        ({"StringLike": {"s3:prefix": ["training/*", "x"]}}, {"s3__prefix": "training/code"}, True),
        ({"StringLike": {"s3:prefix": "training/*"}}, {"s3__prefix": "glue/"}, False),
        ({"Bool": {"aws:SecureTransport": False}}, {"aws__SecureTransport": "true"}, False),
        ({"Null": {"s3:prefix": "true"}}, {}, True),
        (
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/mabe-*"}},
            {"aws__PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/mabe-glue"},
            True,
        ),
    ],
)
def test_conditions_hold_as_on_aws(condition: dict[str, Any], context: dict[str, str], holds: bool) -> None:
    expected = ALLOWED if holds else IMPLICIT_DENY
    assert decision("s3:ListBucket", "*", allow("s3:*", Condition=condition), **context) == expected


@pytest.mark.parametrize(
    "statement",
    [
        allow("s3:*", Condition={"DateLessThan": {"aws:CurrentTime": "2030"}}),
        allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"),
        {**allow("s3:*"), "Effect": "Perhaps"},
        {**allow("s3:*"), "Resources": "*"},
    ],
)
def test_a_policy_that_could_not_be_evaluated_here_is_refused_and_not_passed_over(statement: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="Expected"):
        decision("s3:GetObject", "*", statement, aws__currenttime="2026")


def session(role: str) -> Any:
    """Assume a role as a person does, and return a session with its credentials."""
    given = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@pytest.fixture
def reader(endpoint: Any) -> Any:
    """A session of a role that may read one bucket and one table."""
    iam, s3, glue = boto3.client("iam"), boto3.client("s3"), boto3.client("glue")
    for bucket in ("raw-zone", "curated-zone"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    glue.create_database(DatabaseInput={"Name": "mabe"})
    for table in ("bouts", "secrets"):
        glue.create_table(DatabaseName="mabe", TableInput={"Name": table})
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    catalog = [f"arn:aws:glue:us-east-1:{ACCOUNT}:{path}" for path in ("catalog", "database/mabe", "table/mabe/bouts")]
    iam.put_role_policy(
        RoleName="reader", PolicyName="read", PolicyDocument=document(allow("s3:GetObject", OBJECTS), allow("glue:GetTable", catalog))
    )
    return session(role)


def refused(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return str(caught.value.response["Error"]["Code"])


def test_a_role_does_what_it_may_and_nothing_else(reader: Any) -> None:
    s3, glue = reader.client("s3"), reader.client("glue")

    assert s3.get_object(Bucket="raw-zone", Key="a")["Body"].read() == b"1"
    assert glue.get_table(DatabaseName="mabe", Name="bouts")["Table"]["Name"] == "bouts"
    assert refused(s3.put_object, Bucket="raw-zone", Key="b", Body=b"2") == "AccessDenied"
    assert refused(s3.get_object, Bucket="curated-zone", Key="a") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket="raw-zone") == "AccessDenied"
    assert refused(s3.copy_object, Bucket="raw-zone", Key="b", CopySource="curated-zone/a") == "AccessDenied"
    assert refused(s3.create_multipart_upload, Bucket="raw-zone", Key="b") == "AccessDenied"
    assert refused(glue.get_table, DatabaseName="mabe", Name="secrets") == "AccessDeniedException"
    assert refused(glue.delete_table, DatabaseName="mabe", Name="bouts") == "AccessDeniedException"
    assert refused(reader.client("iam").list_roles) == "AccessDenied"
    assert reader.client("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/test"


def test_an_object_that_is_not_there_is_hidden_from_a_role_that_may_not_list(reader: Any) -> None:
    assert refused(reader.client("s3").get_object, Bucket="raw-zone", Key="no such") == "AccessDenied"
    assert refused(boto3.client("s3").get_object, Bucket="raw-zone", Key="no such") == "NoSuchKey"


def test_deleting_many_objects_is_refused_key_by_key(reader: Any) -> None:
    own = f"{OBJECTS[:-1]}mine/*"
    boto3.client("iam").put_role_policy(RoleName="reader", PolicyName="delete", PolicyDocument=document(allow("s3:DeleteObject", own)))
    boto3.client("s3").put_object(Bucket="raw-zone", Key="mine/b", Body=b"2")

    answer = reader.client("s3").delete_objects(Bucket="raw-zone", Delete={"Objects": [{"Key": "a"}, {"Key": "mine/b"}]})
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [("a", "AccessDenied")]
    assert [each["Key"] for each in answer["Deleted"]] == ["mine/b"]
    assert boto3.client("s3").list_objects_v2(Bucket="raw-zone")["KeyCount"] == 1


def test_a_changed_policy_counts_at_once(reader: Any) -> None:
    iam = boto3.client("iam")
    iam.put_role_policy(RoleName="reader", PolicyName="write", PolicyDocument=document(allow("s3:PutObject", OBJECTS)))
    reader.client("s3").put_object(Bucket="raw-zone", Key="b", Body=b"2")

    iam.put_role_policy(RoleName="reader", PolicyName="write", PolicyDocument=document({**allow("s3:*"), "Effect": "Deny"}))
    assert refused(reader.client("s3").get_object, Bucket="raw-zone", Key="a") == "AccessDenied"


def test_the_policy_of_a_bucket_can_deny_what_a_role_allows(reader: Any) -> None:
    def protect(condition: dict[str, Any]) -> None:
        deny = {**allow("s3:*", ["arn:aws:s3:::raw-zone", OBJECTS]), "Effect": "Deny", "Principal": "*", "Condition": condition}
        boto3.client("s3").put_bucket_policy(Bucket="raw-zone", Policy=document(deny))

    protect({"Bool": {"aws:SecureTransport": "false"}})
    assert reader.client("s3").get_object(Bucket="raw-zone", Key="a")["Body"].read() == b"1"
    protect({"StringNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/other"}})
    assert refused(reader.client("s3").get_object, Bucket="raw-zone", Key="a") == "AccessDenied"


def test_a_user_has_the_rights_of_the_policies_that_are_attached(reader: Any) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    s3 = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]).client("s3")
    assert refused(s3.get_object, Bucket="raw-zone", Key="a") == "AccessDenied"

    policy = iam.create_policy(PolicyName="read", PolicyDocument=document(allow("s3:GetObject", OBJECTS)))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=policy)
    assert s3.get_object(Bucket="raw-zone", Key="a")["Body"].read() == b"1"


def test_a_role_is_assumed_only_by_whom_its_trust_policy_names(make_role: Any) -> None:
    role = make_role("of-glue", "glue")
    assert refused(boto3.client("sts").assume_role, RoleArn=role, RoleSessionName="test") == "AccessDenied"


def test_passing_a_role_to_a_service_needs_its_own_permission(reader: Any) -> None:
    jobs = f"arn:aws:glue:us-east-1:{ACCOUNT}:job/mine"
    boto3.client("iam").put_role_policy(RoleName="reader", PolicyName="jobs", PolicyDocument=document(allow("glue:CreateJob", jobs)))
    job = {"Name": "mine", "Role": "reader", "Command": {"Name": "glueetl", "ScriptLocation": "s3://raw-zone/a"}}
    assert refused(reader.client("glue").create_job, **job) == "AccessDeniedException"

    passed = {"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}
    own = allow("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/reader", Condition=passed)
    boto3.client("iam").put_role_policy(RoleName="reader", PolicyName="pass", PolicyDocument=document(own))
    assert reader.client("glue").create_job(**job)["Name"] == "mine"


def test_a_simulation_answers_from_the_declared_policies(reader: Any) -> None:
    answer = boto3.client("iam").simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/reader",
        ActionNames=["s3:GetObject", "cloudwatch:PutMetricData"],
        ResourceArns=["arn:aws:s3:::raw-zone/a", "arn:aws:s3:::curated-zone/a"],
    )
    decisions = {(each["EvalActionName"], each["EvalResourceName"][13:]): each["EvalDecision"] for each in answer["EvaluationResults"]}
    assert decisions == {
        ("s3:GetObject", "raw-zone/a"): "allowed",
        ("s3:GetObject", "curated-zone/a"): "implicitDeny",
        ("cloudwatch:PutMetricData", "raw-zone/a"): "implicitDeny",
        ("cloudwatch:PutMetricData", "curated-zone/a"): "implicitDeny",
    }
    nobody = f"arn:aws:iam::{ACCOUNT}:role/nobody"
    assert refused(boto3.client("iam").simulate_principal_policy, PolicySourceArn=nobody, ActionNames=["s3:*"]) == "NoSuchEntity"


def test_the_owner_of_the_disk_is_restrained_by_no_policy(endpoint: Any) -> None:
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert json.loads(json.dumps(boto3.client("sts").get_caller_identity()["Account"])) == ACCOUNT
