from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from infra.local.control.journal import Call, Journal
from infra.local.control.plane import ControlPlane
from infra.local.errors import ServiceError
from infra.local.router import Router, Services, service_of
from infra.local.s3.wire import Request
from infra.local.server import LocalServer

if TYPE_CHECKING:
    from conftest import Endpoint

Planes = Callable[[Path], ControlPlane]
TABLE = {
    "Name": "bouts",
    "StorageDescriptor": {"Columns": [{"Name": "video_id", "Type": "bigint"}], "Location": "s3://curated-zone/bouts/"},
}


def journaled(root: Path) -> list[tuple[str, str]]:
    """Return (service, X-Amz-Target or path) of every request in the journal."""
    with closing(sqlite3.connect(root / ".aws" / "journal.sqlite")) as database:
        rows = database.execute("select service, path, headers from request order by sequence").fetchall()
    return [(service, json.loads(headers).get("x-amz-target", path)) for service, path, headers in rows]


def make_table(plane: ControlPlane) -> None:
    plane.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
    plane.invoke("glue", "CreateTable", {"DatabaseName": "mabe", "TableInput": TABLE})


def test_a_table_outlives_the_process_that_made_it(control_plane: Planes, tmp_path: Path) -> None:
    first = control_plane(tmp_path)
    make_table(first)
    first.close()
    found = control_plane(tmp_path).invoke("glue", "GetTable", {"DatabaseName": "mabe", "Name": "bouts"})
    assert found["Table"]["StorageDescriptor"]["Columns"] == [{"Name": "video_id", "Type": "bigint"}]


def test_what_was_changed_and_deleted_stays_so(control_plane: Planes, tmp_path: Path) -> None:
    first = control_plane(tmp_path)
    make_table(first)
    first.invoke("glue", "UpdateTable", {"DatabaseName": "mabe", "TableInput": {**TABLE, "Description": "second"}})
    first.invoke("glue", "CreateTable", {"DatabaseName": "mabe", "TableInput": {**TABLE, "Name": "gone"}})
    first.invoke("glue", "DeleteTable", {"DatabaseName": "mabe", "Name": "gone"})
    tables = control_plane(tmp_path).invoke("glue", "GetTables", {"DatabaseName": "mabe"})["TableList"]
    assert [(table["Name"], table["Description"]) for table in tables] == [("bouts", "second")]


def test_of_two_writers_that_read_the_same_version_the_second_is_refused(control_plane: Planes, tmp_path: Path) -> None:
    one, other = control_plane(tmp_path), control_plane(tmp_path)
    make_table(one)
    named = {"DatabaseName": "mabe", "Name": "bouts"}
    version = one.invoke("glue", "GetTable", named)["Table"]["VersionId"]
    change = {"DatabaseName": "mabe", "TableInput": {**TABLE, "Description": "first"}, "VersionId": version}
    one.invoke("glue", "UpdateTable", change)
    with pytest.raises(ServiceError, match="concurrent modifications") as refused:
        other.invoke("glue", "UpdateTable", {**change, "TableInput": {**TABLE, "Description": "second"}})
    assert (refused.value.code, refused.value.status) == ("ConcurrentModificationException", 400)
    table = other.invoke("glue", "GetTable", named)["Table"]
    assert table["Description"] == "first"
    other.invoke("glue", "UpdateTable", {**change, "VersionId": table["VersionId"], "TableInput": {**TABLE, "Description": "second"}})
    assert one.invoke("glue", "GetTable", named)["Table"]["Description"] == "second"


def test_of_many_that_create_or_delete_a_table_at_once_one_succeeds(control_plane: Planes, tmp_path: Path) -> None:
    planes = [control_plane(tmp_path) for _ in range(2)]
    planes[0].invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
    requests = {
        "CreateTable": ({"DatabaseName": "mabe", "TableInput": TABLE}, "AlreadyExistsException"),
        "DeleteTable": ({"DatabaseName": "mabe", "Name": "bouts"}, "EntityNotFoundException"),
    }
    for operation, (request, refused) in requests.items():
        gate = threading.Barrier(4)

        def attempt(number: int, operation: str = operation, request: dict[str, Any] = request, gate: threading.Barrier = gate) -> str:
            gate.wait()
            try:
                planes[number % 2].invoke("glue", operation, request)
            except ServiceError as error:
                return error.code
            return "done"

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(attempt, range(4))) == sorted(["done", *[refused] * 3])


def test_an_update_of_a_table_that_is_gone_is_refused(control_plane: Planes, tmp_path: Path) -> None:
    plane = control_plane(tmp_path)
    make_table(plane)
    plane.invoke("glue", "DeleteTable", {"DatabaseName": "mabe", "Name": "bouts"})
    for more in ({}, {"VersionId": "1"}, {"SkipArchive": True}):
        with pytest.raises(ServiceError) as caught:
            plane.invoke("glue", "UpdateTable", {"DatabaseName": "mabe", "TableInput": TABLE, **more})
        assert caught.value.code == "EntityNotFoundException"


def test_only_requests_that_changed_something_are_journaled(control_plane: Planes, tmp_path: Path) -> None:
    plane = control_plane(tmp_path)
    assert plane.pristine
    make_table(plane)
    plane.invoke("glue", "GetTable", {"DatabaseName": "mabe", "Name": "bouts"})
    plane.invoke("glue", "GetDatabases", {})
    plane.invoke("sagemaker", "ListTrainingJobs", {})
    with pytest.raises(ServiceError):
        plane.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
    assert journaled(tmp_path) == [("glue", "AWSGlue.CreateDatabase"), ("glue", "AWSGlue.CreateTable")]
    assert not plane.pristine


def test_a_refusal_carries_the_code_that_aws_gives(control_plane: Planes, tmp_path: Path) -> None:
    plane = control_plane(tmp_path)
    with pytest.raises(ServiceError) as caught:
        plane.invoke("glue", "GetTable", {"DatabaseName": "mabe", "Name": "bouts"})
    assert (caught.value.code, caught.value.status) == ("EntityNotFoundException", 400)
    with pytest.raises(ServiceError) as caught:
        plane.invoke("glue", "GetTheMoon", {})
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


def test_stores_in_one_process_do_not_see_each_other(control_plane: Planes, tmp_path: Path) -> None:
    one, other = control_plane(tmp_path / "one"), control_plane(tmp_path / "other")
    make_table(one)
    assert other.invoke("glue", "GetDatabases", {})["DatabaseList"] == []
    other.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "else"}})
    assert [each["Name"] for each in one.invoke("glue", "GetDatabases", {})["DatabaseList"]] == ["mabe"]
    assert [each["Name"] for each in other.invoke("glue", "GetDatabases", {})["DatabaseList"]] == ["else"]


def test_a_plane_repeats_what_another_process_appended(control_plane: Planes, tmp_path: Path) -> None:
    plane = control_plane(tmp_path)
    make_table(plane)
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AWSGlue.CreateDatabase"}
    foreign = Journal(tmp_path / ".aws" / "journal.sqlite")
    foreign.append(3, Call("glue", "POST", "/", headers=headers, body=b'{"DatabaseInput": {"Name": "foreign"}}'))
    foreign.close()
    assert [each["Name"] for each in plane.invoke("glue", "GetDatabases", {})["DatabaseList"]] == ["mabe", "foreign"]
    plane.invoke("glue", "DeleteDatabase", {"Name": "foreign"})
    assert len(journaled(tmp_path)) == 4


def test_a_change_that_cannot_be_journaled_is_undone(control_plane: Planes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plane = control_plane(tmp_path)
    make_table(plane)

    def full(self: Journal, sequence: int, call: Call) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", full)
        with pytest.raises(sqlite3.OperationalError):
            plane.invoke("glue", "DeleteTable", {"DatabaseName": "mabe", "Name": "bouts"})
    assert plane.invoke("glue", "GetTable", {"DatabaseName": "mabe", "Name": "bouts"})["Table"]["Name"] == "bouts"


def test_ids_are_the_same_after_a_restart(endpoint: Endpoint, lead_clients_to: Callable[[str], None]) -> None:
    def ids() -> tuple[Any, ...]:
        return (
            boto3.client("iam").get_role(RoleName="mabe")["Role"]["RoleId"],
            [key["KeyId"] for key in boto3.client("kms").list_keys()["Keys"]],
            boto3.client("athena").list_named_queries()["NamedQueryIds"],
        )

    boto3.client("iam").create_role(RoleName="mabe", AssumeRolePolicyDocument="{}")
    for _ in range(2):
        boto3.client("kms").create_key()
    boto3.client("athena").create_named_query(Name="q", Database="mabe", QueryString="select 1")
    before = ids()
    assert len(set(before[1])) == 2
    endpoint.server.control.close()
    with LocalServer(endpoint.root) as second:
        lead_clients_to(second.url)
        assert ids() == before


def test_the_journal_holds_neither_signatures_nor_tokens(endpoint: Endpoint) -> None:
    session = boto3.Session("AKIDEXAMPLE", "the-secret", "the-token")
    session.client("glue").create_database(DatabaseInput={"Name": "mabe"})
    journal = b"".join(path.read_bytes() for path in (endpoint.root / ".aws").glob("journal.sqlite*"))
    assert b"CreateDatabase" in journal
    for secret in (b"the-secret", b"the-token", b"Signature="):
        assert secret not in journal


def test_every_region_sees_the_same_catalog(endpoint: Endpoint) -> None:
    boto3.client("glue", region_name="eu-central-1").create_database(DatabaseInput={"Name": "mabe"})
    assert boto3.client("glue", region_name="us-west-2").get_database(Name="mabe")["Database"]["Name"] == "mabe"


def test_a_bucket_of_a_stack_is_a_directory_and_goes_with_it_when_empty(endpoint: Endpoint) -> None:
    stacks, s3 = boto3.client("cloudformation"), boto3.client("s3")
    resources = {name: {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name.lower()}} for name in ("Full", "Empty")}
    stacks.create_stack(StackName="lake", TemplateBody=json.dumps({"Resources": resources}))
    stacks.get_waiter("stack_create_complete").wait(StackName="lake", WaiterConfig={"Delay": 1})
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["empty", "full"]
    s3.put_object(Bucket="full", Key="a", Body=b"mouse")
    stacks.delete_stack(StackName="lake")
    with pytest.raises(WaiterError, match="DELETE_FAILED"):  # as on AWS: S3 does not remove a bucket that holds objects
        stacks.get_waiter("stack_delete_complete").wait(StackName="lake", WaiterConfig={"Delay": 1})
    assert endpoint.server.store.buckets() == ["full"]
    assert (endpoint.root / "full" / "a").read_bytes() == b"mouse"


def test_a_bucket_policy_is_kept_and_goes_with_its_bucket(endpoint: Endpoint, lead_clients_to: Callable[[str], None]) -> None:
    s3 = boto3.client("s3")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_bucket_policy(Bucket="zone", Policy="{}")
    (endpoint.root / "zone").mkdir()  # by hand: the control plane has never heard of it
    s3.put_bucket_policy(Bucket="zone", Policy='{"Version": "2012-10-17"}')
    s3.put_public_access_block(Bucket="zone", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    endpoint.server.control.close()
    with LocalServer(endpoint.root) as second:
        lead_clients_to(second.url)
        s3 = boto3.client("s3")
        assert s3.get_bucket_policy(Bucket="zone")["Policy"] == '{"Version": "2012-10-17"}'
        assert s3.get_public_access_block(Bucket="zone")["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True
        s3.delete_bucket(Bucket="zone")
        s3.create_bucket(Bucket="zone")
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            s3.get_bucket_policy(Bucket="zone")


class Echo:
    """A service that answers one operation, refuses one, and leaves the rest."""

    closed = False

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        if operation == "RefuseThis":
            raise ServiceError("ResourceLimitExceeded", "Expected less, but got more. Wait.", 429)
        return {"echo": request} if operation == "Echo" else None

    def close(self) -> None:
        self.closed = True


def ask(router: Router, target: str, body: bytes) -> tuple[int, dict[str, Any], str]:
    from email.message import Message
    from io import BufferedReader, BytesIO

    headers = Message()
    for name, value in {"X-Amz-Target": target, "Content-Length": str(len(body)), "Content-Type": "application/x-amz-json-1.1"}.items():
        headers[name] = value
    answer = router.answer(Request("POST", "/", headers, BufferedReader(BytesIO(body))))
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body), answer.headers.get("x-amzn-ErrorType", "")


def test_a_service_answers_what_it_knows_and_leaves_the_rest_to_the_control_plane(endpoint: Endpoint) -> None:
    made: list[Echo] = []

    def maker() -> Echo:
        made.append(Echo())
        return made[-1]

    services = Services(lambda handle: {"glue": maker})
    router = Router(endpoint.server.store, endpoint.server.control, services, endpoint.server.guard)
    assert ask(router, "AmazonAthena.ListWorkGroups", b"{}")[0] == 200
    assert made == [], "a service that nobody asks for is not made"
    assert ask(router, "AWSGlue.Echo", b'{"a": 1}') == (200, {"echo": {"a": 1}}, "")
    assert ask(router, "AWSGlue.GetDatabases", b"{}") == (200, {"DatabaseList": []}, "")
    refused = (429, {"__type": "ResourceLimitExceeded", "message": "Expected less, but got more. Wait."}, "ResourceLimitExceeded")
    assert ask(router, "AWSGlue.RefuseThis", b"{}") == refused
    assert ask(router, "AWSGlue.Echo", b"no JSON")[2] == "SerializationException"
    services.close()
    assert [service.closed for service in made] == [True]


@pytest.mark.parametrize(
    ("headers", "target", "service"),
    [
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/glue/aws4_request, Signature=0"}, "/", "glue"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/s3/aws4_request, Signature=0"}, "/zone", "s3"),
        ({}, "/zone/a?X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request", "s3"),
        ({"Authorization": "AWS A:signature"}, "/zone/a", "s3"),
        ({"X-Amz-Target": "AmazonAthena.GetQueryExecution"}, "/", "athena"),
        ({}, "/zone/a", "s3"),
    ],
)
def test_a_request_goes_to_the_service_it_was_signed_for(headers: dict[str, str], target: str, service: str) -> None:
    from email.message import Message
    from io import BufferedReader, BytesIO

    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert service_of(Request("GET", target, message, BufferedReader(BytesIO()))) == service
