"""How CloudFormation calls other services: in the name of whoever executes the change set, with the rights of that one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from infra.local.access.guard import Guard
from infra.local.access.identities import Principal
from infra.local.access.policies import Ask
from infra.local.control.plane import ControlPlane, Handle
from infra.local.errors import ServiceError
from infra.local.s3.object_store import ObjectStore

_TARGETS = {
    "athena": "AmazonAthena", "budgets": "AWSBudgetServiceGateway", "events": "AWSEvents", "glue": "AWSGlue", "logs": "Logs_20140328",
    "sagemaker": "SageMaker", "states": "AWSStepFunctions",
}  # fmt: skip
_VERSIONS = {"iam": "2010-05-08", "sns": "2010-03-31"}
_NAMESPACE = re.compile(r' xmlns="[^"]+"')
_MISSING = ("NotFound", "NoSuch", "DoesNotExist", "ValidationException", "InvalidRequestException")


class Caller:
    """Calls in the name of one principal. Every call raises ServiceError as the service would answer."""

    def __init__(self, store: ObjectStore, control: ControlPlane, guard: Guard, handle: Handle, principal: Principal) -> None:
        self._store = store
        self._control = control
        self._guard = guard
        self._handle = handle
        self.principal = principal

    def json(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of a JSON service."""
        asked = dict(request)
        self._guard.pass_json(self.principal, service, operation, asked)
        answer = self._handle(service, operation, asked)
        if answer is not None:
            return answer
        version = "1.0" if service == "states" else "1.1"
        headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": f"{_TARGETS[service]}.{operation}"}
        status, _, body = self._control.forward(service, "POST", "/", "", headers, json.dumps(asked).encode())
        parsed: dict[str, Any] = json.loads(body or b"{}")
        if status >= 400:
            code = str(parsed.get("__type", "InternalFailure")).rpartition("#")[2]
            raise ServiceError(code, str(parsed.get("message") or parsed.get("Message") or code), status)
        return parsed

    def form(self, service: str, action: str, parameters: Mapping[str, Any]) -> ElementTree.Element:
        """Call an operation of a query service; lists become numbered members."""
        body = urlencode({"Action": action, "Version": _VERSIONS[service], **_flat(parameters)}).encode()
        self._guard.pass_form(self.principal, service, body)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        status, _, answer = self._control.forward(service, "POST", "/", "", headers, body)
        if service == "iam" and not action.startswith(("Get", "List")):
            self._guard.changed()
        tree = ElementTree.fromstring(_NAMESPACE.sub("", answer.decode(), count=1))
        if status >= 400:
            raise ServiceError(tree.findtext(".//Code") or "InternalFailure", tree.findtext(".//Message") or "", status)
        return tree

    def bucket(self, method: str, bucket: str, action: str, sub: str = "", body: str = "") -> None:
        """Make, remove or configure a bucket."""
        self._guard.require(self.principal, [Ask(f"s3:{action}", f"arn:aws:s3:::{bucket}")], "s3")
        if not sub and method == "PUT":
            self._store.create_bucket(bucket)
        elif not sub and self._store.has_bucket(bucket):
            self._store.delete_bucket(bucket)
        status, _, answer = self._control.forward("s3", method, f"/{bucket}", sub, {"content-type": "application/xml"}, body.encode())
        self._guard.changed(bucket)
        if status >= 400 and not (method == "DELETE" and status == 404):
            found = re.search(rb"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", answer, re.DOTALL)
            code, message = (found[1].decode(), found[2].decode()) if found else ("InternalError", answer.decode("utf-8", "replace"))
            raise ServiceError(code, message, status)

    def has_bucket(self, bucket: str) -> bool:
        """Say whether a bucket exists."""
        return self._store.has_bucket(bucket)

    def is_there(self, read: Callable[[], object]) -> bool:
        """Say whether something exists that `read` asks for."""
        try:
            read()
        except ServiceError as error:
            if any(word in error.code for word in _MISSING):
                return False
            raise
        return True


def xml(tag: str, content: Any) -> str:
    """Write nested dictionaries as XML; a list repeats its element."""
    if isinstance(content, list):
        return "".join(xml(tag, item) for item in content)
    if isinstance(content, dict):
        return f"<{tag}>{''.join(xml(name, value) for name, value in content.items())}</{tag}>"
    return f"<{tag}>{escape(str(content).lower() if isinstance(content, bool) else str(content))}</{tag}>"


def _flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, list):
            flat |= _flat({f"member.{number}": item for number, item in enumerate(value, 1)}, f"{prefix}{name}.")
        elif isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)
    return flat
