"""Who sends a request, and which policies speak for them: users and roles of the control plane, and roles that jobs and people assumed."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode
from xml.etree import ElementTree

from infra.local.access.asked import role_arn
from infra.local.access.policies import Statement, read_document
from infra.local.control.moto_app import ACCOUNT
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.control.plane import ControlPlane

_log = logging.getLogger(__name__)
_FRESH_S = 1.0
"""What another process changed is seen after this time; AWS, too, needs some seconds until a change of a policy is seen everywhere."""
_FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
_NAMESPACE = re.compile(r' xmlns="[^"]+"')


@dataclass(frozen=True)
class Principal:
    """Who asks. The owner of the account is restrained by no policy, like the root user on AWS."""

    arn: str
    """Of the user or the role."""
    session: str = ""
    """ARN of the session, for an assumed role."""

    @property
    def is_owner(self) -> bool:
        """Say whether this is the owner of the account."""
        return self.arn.endswith(":root")

    def __str__(self) -> str:
        """Name the principal as AWS does in its refusals."""
        return self.session or self.arn


OWNER = Principal(f"arn:aws:iam::{ACCOUNT}:root")


class Identities:
    """Principals by access key, and their policies; read again when something may have changed."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._lock = threading.RLock()
        self._sessions: dict[str, Principal] = {}
        self._policies: dict[str, list[Statement]] = {}
        self._trusts: dict[str, list[Statement]] = {}
        self._read_s = float("-inf")

    def issue(self, role: str, session: str) -> str:
        """Return an access key id for a session of a role, as the service that runs a job does; it lives as long as this server."""
        key = f"ASIALOCAL{uuid.uuid4().hex[:16].upper()}"
        self.remember(key, role, session)
        return key

    def remember(self, key: str, role: str, session: str) -> None:
        """Keep the access key id of a session."""
        arn = role_arn(role)
        name = arn.rpartition("/")[2]
        with self._lock:
            self._sessions[key] = Principal(arn, f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}")

    def of(self, key: str) -> Principal:
        """Return whose key this is. A key that nobody was given is the owner's: whoever reaches this machine can read the files as well."""
        known = self._sessions.get(key)
        if known is not None or not key.startswith("AKIA"):
            return known or OWNER
        status, answer = self._ask("GetAccessKeyLastUsed", AccessKeyId=key)
        name = answer.findtext(".//UserName") if status < 400 else None
        if name is None:
            return OWNER
        with self._lock:
            return self._sessions.setdefault(key, Principal(f"arn:aws:iam::{ACCOUNT}:user/{name}"))

    def policies(self, principal: Principal) -> list[Statement]:
        """Return what the policies of a user or a role say; nothing for one that does not exist."""
        self._refresh()
        return self._policies.get(principal.arn, [])

    def trust(self, role: str) -> list[Statement] | None:
        """Return who may assume a role; None if there is no such role."""
        self._refresh()
        return self._trusts.get(role_arn(role))

    def forget(self) -> None:
        """Read all policies again at the next question."""
        with self._lock:
            self._read_s = float("-inf")

    @property
    def version(self) -> float:
        """Return a number that changes whenever policies were read again."""
        self._refresh()
        return self._read_s

    def _refresh(self) -> None:
        with self._lock:
            if time.monotonic() - self._read_s < _FRESH_S:
                return
            _, answer = self._ask("GetAccountAuthorizationDetails")
            managed = {each.findtext("Arn"): _default_version(each) for each in answer.iterfind(".//Policies/member")}
            self._policies, self._trusts = {}, {}
            for kind in ("User", "Role"):
                for each in answer.iterfind(f".//{kind}DetailList/member"):
                    arn = each.findtext("Arn") or ""
                    attached = [managed.get(policy.findtext("PolicyArn")) for policy in each.iterfind("AttachedManagedPolicies/member")]
                    documents = [*_documents(each, f"{kind}PolicyList/member/PolicyDocument"), *filter(None, attached)]
                    self._policies[arn] = _statements(arn, documents)
                    for document in _documents(each, "AssumeRolePolicyDocument"):
                        self._trusts[arn] = _statements(arn, [document])
            self._read_s = time.monotonic()

    def _ask(self, action: str, **parameters: str) -> tuple[int, ElementTree.Element]:
        body = urlencode({"Action": action, "Version": "2010-05-08", **parameters}).encode()
        status, _, answer = self._control.forward("iam", "POST", "/", "", _FORM, body)
        return status, ElementTree.fromstring(_NAMESPACE.sub("", answer.decode(), count=1))


def _statements(arn: str, documents: list[dict[str, Any]]) -> list[Statement]:
    """Read documents; one that cannot be evaluated here permits nothing."""
    read = []
    for document in documents:
        try:
            read += read_document(document)
        except ServiceError as error:
            _log.warning("A policy of %s permits nothing here: %s", arn, error.message)
    return read


def parsed_document(text: str) -> dict[str, Any]:
    """Read a policy document, which travels as JSON, sometimes percent-encoded. Raises MalformedPolicyDocument."""
    try:
        document = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ServiceError("MalformedPolicyDocument", f"Expected a policy in JSON, but got {text[:50]!r}.")
    return document


def _documents(within: ElementTree.Element, path: str) -> Iterator[dict[str, Any]]:
    for found in within.iterfind(path):
        if found.text:
            yield parsed_document(found.text)


def _default_version(policy: ElementTree.Element) -> dict[str, Any] | None:
    for version in policy.iterfind("PolicyVersionList/member"):
        if version.findtext("IsDefaultVersion") == "true":
            return next(_documents(version, "Document"), None)
    return None
