"""Which service a request is for, and who answers it: the S3 front, a service of our own, or the control plane."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast
from xml.etree import ElementTree

from infra.local.access import iam_answers
from infra.local.access.asked import asked_by_query
from infra.local.access.guard import FORM_SERVICES, Guard, form_of
from infra.local.access.identities import Principal
from infra.local.cloudformation.caller import xml
from infra.local.cloudformation.cloudformation import nested
from infra.local.control.plane import ControlPlane, Handle
from infra.local.errors import ServiceError, full_disk, is_full
from infra.local.rules import Rules
from infra.local.s3.front import BUCKET_CONTROL, S3Front
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.wire import NAMESPACE, Request, Response, element, text

_TARGET_SERVICES = {"AmazonAthena": "athena", "AWSGlue": "glue", "SageMaker": "sagemaker"}
_SCOPE = re.compile(r"Credential=[^/,\s]*/\d{8}/[^/]*/([a-z0-9-]+)/aws4_request")
_NOT_FORWARDED = frozenset(["connection", "content-length", "date", "server", "transfer-encoding"])
_JSON = "application/x-amz-json-1.1"
_log = logging.getLogger(__name__)


class Service(Protocol):
    """Operations that this machine executes."""

    def handle(self, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer one operation; None leaves it to the control plane. Raises ServiceError."""

    def close(self) -> None:
        """End what still runs."""


class Services:
    """Services by name, each made when it is first asked for: S3 alone need not wait for their imports."""

    def __init__(self, makers: Callable[[Handle], Mapping[str, Callable[[], Service]]]) -> None:
        self._makers = makers(self.handle)
        self._made: dict[str, Service] = {}
        self._lock = threading.Lock()

    def handle(self, name: str, operation: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Let a service answer, if there is one of that name."""
        if name not in self._makers:
            return None
        with self._lock:
            made = self._made.get(name)
            if made is None:
                made = self._made[name] = self._makers[name]()
        return made.handle(operation, request)

    def close(self) -> None:
        """Close the services that were made."""
        with self._lock:
            for service in self._made.values():
                service.close()


class Router:
    """Turns every request into a response; errors become the kind of answer that the service's clients understand."""

    def __init__(self, store: ObjectStore, control: ControlPlane, services: Services, guard: Guard) -> None:
        self._store = store
        self._guard = guard
        self._front = S3Front(store)
        self._control = control
        self._services = services
        self._rules = Rules(control, guard, services.handle)

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        service = service_of(request)
        try:
            if service == "s3":
                return self._s3(request)
            _refuse_addresses_that_act(request)
            return self._other(service, request)
        except ServiceError as error:
            return _refusal(service, error)
        except (BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:  # one request that goes wrong must not take the server with it
            if is_full(error):
                request.body.drain()  # a client that still sends when we close the connection never sees our answer
                return _refusal(service, full_disk(self._store.root))
            _log.exception("Expected to answer %s %s, but failed.", request.method, request.raw_path)
            return _refusal(service, ServiceError("InternalError", f"Expected to answer, but got {error!r}. See the server's log.", 500))

    def _s3(self, request: Request) -> Response:
        principal = self._guard.principal(request)
        self._guard.pass_s3(principal, request)
        bucket, _, key = request.path.removeprefix("/").partition("/")
        if key or not bucket:
            try:
                return self._front.handle(request)
            except ServiceError as error:
                if error.code == "NoSuchKey" and self._guard.hides_absence(principal, bucket):
                    raise ServiceError("AccessDenied", "Access Denied", 403) from None
                raise
        if BUCKET_CONTROL & request.query.keys():
            self._store.directory(bucket)
            self._introduce(bucket)
            try:
                return self._forward("s3", request)
            finally:
                self._guard.changed(bucket)
        response = self._front.handle(request)
        if request.method == "DELETE" and bucket in self._known_buckets():
            self._control.forward("s3", "DELETE", f"/{bucket}", "", {}, b"")  # its policies go with it
            self._guard.changed(bucket)
        return response

    def _introduce(self, bucket: str) -> None:
        """Tell the control plane of a bucket, so that it can keep a policy for it."""
        if bucket not in self._known_buckets():
            self._control.forward("s3", "PUT", f"/{bucket}", "", {}, b"")

    def _known_buckets(self) -> set[str]:
        listed = self._control.forward("s3", "GET", "/", "", {}, b"")[2]
        return {name.text or "" for name in ElementTree.fromstring(listed).iter(f"{{{NAMESPACE}}}Name")}

    def _other(self, service: str, request: Request) -> Response:
        principal = self._guard.principal(request)
        body = request.body.read()
        if service in FORM_SERVICES:
            self._guard.asking.set(principal)
            self._guard.pass_form(principal, service, body)
            return self._form(service, principal, request, body)
        operation = request.header("X-Amz-Target").rpartition(".")[2]
        if not operation:
            self._guard.pass_path(principal, service, request)
            if service == "sagemaker" and (named := re.fullmatch(r"/endpoints/([^/]+)/invocations", request.path)):
                return self._invoke(named[1], request, body)
            return self._forward(service, request, body)
        asked = _json_object(body)
        self._guard.pass_json(principal, service, operation, asked if principal.is_owner else self._with_workgroup(service, asked))
        if operation == "StartQueryExecution" and not principal.is_owner:
            workgroup = self._control.invoke("athena", "GetWorkGroup", {"WorkGroup": asked.get("WorkGroup") or "primary"})
            self._guard.require(principal, asked_by_query(asked, workgroup["WorkGroup"]), service)
        answer = self._services.handle(service, operation, asked)
        if answer is None:
            response = self._forward(service, request, body)
            if operation == "UpdateTable" and response.status < 400:
                self._rules.table_changed(str(asked.get("DatabaseName")), str((asked.get("TableInput") or {}).get("Name")))
            return response
        return Response(200, json.dumps(answer, default=_epoch).encode(), {"Content-Type": request.header("Content-Type", _JSON)})

    def _invoke(self, endpoint: str, request: Request, body: bytes) -> Response:
        """Pass a request to an endpoint of SageMaker."""
        asked = {"EndpointName": endpoint, "Body": body, "ContentType": request.header("Content-Type", "application/octet-stream")}
        answer = self._services.handle("sagemaker", "InvokeEndpoint", asked) or {}
        return Response(200, answer["Body"], {"Content-Type": answer["ContentType"]})

    def _with_workgroup(self, service: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Add the workgroup of the query that a request to Athena names: rights are given by workgroup."""
        number = asked.get("QueryExecutionId") or (asked.get("QueryExecutionIds") or [""])[0]
        if service != "athena" or not number:
            return asked
        found = self._services.handle("athena", "GetQueryExecution", {"QueryExecutionId": number}) or {}
        return {**asked, "WorkGroup": found.get("QueryExecution", {}).get("WorkGroup")}

    def _form(self, service: str, principal: Principal, request: Request, body: bytes) -> Response:
        """Answer a request of the query protocol. What changes IAM may change what others may do."""
        action = form_of(body).get("Action", "")
        if service == "cloudformation":
            return _query_answer(action, self._services.handle(service, action, nested(form_of(body))) or {})
        if service == "iam" and action == "SimulatePrincipalPolicy":
            return iam_answers.simulation(self._guard, body)
        if service == "sts" and action == "GetCallerIdentity" and principal.session:
            return iam_answers.caller_identity(principal)
        if service == "sts" and action == "AssumeRole":
            self._guard.require_assumable(principal, form_of(body).get("RoleArn", ""))
        try:
            response = self._forward(service, request, body)
        finally:
            if service == "iam" and not action.startswith(("Get", "List")):
                self._guard.changed()
        if action == "AssumeRole" and response.status < 400:
            iam_answers.learn_session(self._guard, cast(bytes, response.body))
        return response

    def _forward(self, service: str, request: Request, body: bytes | None = None) -> Response:
        content = request.body.read() if body is None else body
        answer = self._control.forward(service, request.method, request.raw_path, request.raw_query, dict(request.headers.items()), content)
        headers = {name: value for name, value in answer[1].items() if not _dropped(name)}
        return Response(answer[0], answer[2], headers)


def service_of(request: Request) -> str:
    """Return the service a request was signed for, else the one its target or form names; whatever is left is for S3."""
    if match := _SCOPE.search(request.header("Authorization")) or _SCOPE.search(f"Credential={request.query.get('X-Amz-Credential', '')}"):
        return "s3" if match[1] == "s3express" else match[1]
    target = request.header("X-Amz-Target").partition(".")[0]
    if target in _TARGET_SERVICES:
        return _TARGET_SERVICES[target]
    unsigned_form = "x-www-form-urlencoded" in request.header("Content-Type") and request.method == "POST" and request.path == "/"
    return "sts" if unsigned_form else "s3"


def _refuse_addresses_that_act(request: Request) -> None:
    """Refuse what a bare address could do to another service than S3: a page can make a browser fetch any address, and it can hold a
    credential scope and an operation.

    IAM, STS, CloudFormation and others of the query protocol take `?Action=...` from a GET, on AWS too. AWS's SDKs and CLI send them, and
    all that speak JSON (Glue, Athena, SageMaker, logs, KMS), as POST to `/` and nothing else, so no client misses it; only a presigned
    address of sts:GetCallerIdentity is lost. Services of the REST protocols read by GET, with the operation in the path, and change
    things by other methods, which a page cannot send here: those pass.
    """
    if request.path.startswith("/moto-api"):
        raise ServiceError("AccessDenied", "Expected an operation of AWS, but got one of moto itself. It is not for clients.", 403)
    if request.method != "POST" and (request.path == "/" or "Action" in request.query):
        what = f"Expected a POST, as AWS's clients send it, but got a {request.method}, which a page in a browser could have sent"
        raise ServiceError("AccessDenied", f"{what}. Use an AWS client.", 403)


def _query_answer(action: str, answer: dict[str, Any]) -> Response:
    inner = xml(f"{action}Result", _with_members(answer)) + element("ResponseMetadata", text("RequestId", "local"))
    opening = f'<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
    return Response(200, f"{opening}{inner}</{action}Response>".encode(), {"Content-Type": "text/xml"})


def _with_members(value: Any) -> Any:
    """Put the items of lists into elements called member, as the query protocol does."""
    if isinstance(value, list):
        return {"member": [_with_members(item) for item in value]}
    return {name: _with_members(item) for name, item in value.items()} if isinstance(value, dict) else value


def _refusal(service: str, error: ServiceError) -> Response:
    if service == "s3":
        inner = element("Error", text("Code", error.code), text("Message", error.message), text("RequestId", "local"))
        return Response(error.status, f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'.encode(), {"Content-Type": "application/xml"})
    if service in FORM_SERVICES:
        inner = element("Error", text("Type", "Sender"), text("Code", error.code), text("Message", error.message))
        return Response(error.status, element("ErrorResponse", inner, text("RequestId", "local")).encode(), {"Content-Type": "text/xml"})
    body = json.dumps({"__type": error.code, "message": error.message}).encode()
    return Response(error.status, body, {"Content-Type": _JSON, "x-amzn-ErrorType": error.code})


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ServiceError("SerializationException", "Expected a JSON object, but got something else. Mend the request's body.")
    return parsed


def _epoch(value: object) -> float:
    """Write a time as AWS's JSON protocol does, in seconds since 1970."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"Expected a value that JSON can hold, but got {value!r}.")


def _dropped(header: str) -> bool:
    return header.lower() in _NOT_FORWARDED or header.lower().startswith("access-control-")
