"""The guard before every service: lets a request pass if policies allow all that it asks for; says which roles a service may assume."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from infra.local.access.asked import FREE, arn, asked_of_form, asked_of_json, asked_of_s3, role_arn
from infra.local.access.identities import OWNER, Identities, Principal
from infra.local.access.policies import ALLOWED, EXPLICIT_DENY, Ask, Statement, decide, read_document
from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError

if TYPE_CHECKING:
    from infra.local.control.plane import ControlPlane
    from infra.local.s3.wire import Request

FORM_SERVICES = frozenset({"iam", "sts", "cloudformation", "sns"})
"""Services of the query protocol: a form in, XML out."""
_PREFIXES = {"monitoring": "cloudwatch"}
"""Service as requests are signed for -> as policies name it, where they differ."""
_KEY = re.compile(r"Credential=([^/,\s]+)/")
_MOST_REMEMBERED = 20_000
_BUCKET_POLICY_FRESH_S = 1.0


class Guard:
    """Evaluates requests; decisions are remembered until a policy may have changed."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self.identities = Identities(control)
        self.asking: ContextVar[Principal] = ContextVar("asking", default=OWNER)
        self._lock = threading.Lock()
        self._decisions: dict[tuple[str, str, str, frozenset[tuple[str, str]]], str] = {}
        self._version = 0.0
        self._bucket_policies: dict[str, tuple[float, list[Statement]]] = {}

    def principal(self, request: Request) -> Principal:
        """Return who sends a request."""
        found = _KEY.search(request.header("Authorization")) or _KEY.search(f"Credential={request.query.get('X-Amz-Credential', '')}")
        return self.identities.of(found[1]) if found else OWNER

    def pass_s3(self, principal: Principal, request: Request) -> None:
        """Raise AccessDenied unless a request to S3 may be answered; DeleteObjects is told of each key whether it may go."""
        if principal.is_owner:
            return
        self.require(principal, asked_of_s3(request), "s3")
        bucket = request.path.removeprefix("/").partition("/")[0]
        request.check_deletion = lambda key: self.require(principal, [Ask("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{key}")], "s3")

    def pass_json(self, principal: Principal, service: str, operation: str, request: Mapping[str, Any]) -> None:
        """Raise AccessDeniedException unless an operation of a JSON service may be answered."""
        if not principal.is_owner:
            self.require(principal, asked_of_json(_PREFIXES.get(service, service), operation, request), service)

    def pass_form(self, principal: Principal, service: str, body: bytes) -> None:
        """Raise AccessDenied unless a request of a query service may be answered."""
        if not principal.is_owner:
            self.require(principal, asked_of_form(service, form_of(body)), service)

    def pass_path(self, principal: Principal, service: str, request: Request) -> None:
        """Raise AccessDeniedException unless a request of a REST service, whose operation is in its path, may be answered."""
        if principal.is_owner:
            return
        if endpoint := re.fullmatch(r"/endpoints/([^/]+)/invocations", request.path):
            asks = [Ask("sagemaker:InvokeEndpoint", arn("sagemaker", f"endpoint/{endpoint[1].lower()}"))]
        elif operation := re.search(r"/operation/(\w+)$", request.path):
            asks = [Ask(f"{_PREFIXES.get(service, service)}:{operation[1]}")]
        else:
            asks = [Ask(f"{service}:{request.method} {request.path}")]  # no policy allows it: only its owner may do such things here
        self.require(principal, asks, service)

    def hides_absence(self, principal: Principal, bucket: str) -> bool:
        """Say whether S3 answers 403 instead of 404 for an object that is not there: who may not list must not learn what there is."""
        return not principal.is_owner and self._decide(principal, Ask("s3:ListBucket", f"arn:aws:s3:::{bucket}")) != ALLOWED

    def require_of_role(self, role: str, action: str, uri: str) -> None:
        """Raise AccessDenied unless a role may do something with what lies at an s3:// address."""
        self.require(Principal(role_arn(role)), [Ask(action, f"arn:aws:s3:::{uri.removeprefix('s3://')}")], "s3")

    def require(self, principal: Principal, asks: Iterable[Ask], service: str) -> None:
        """Raise the refusal of AWS unless everything is allowed."""
        for ask in asks:
            if ask.action in FREE:
                continue
            decision = self._decide(principal, ask)
            if decision != ALLOWED:
                raise _refusal(principal, ask, decision, service)

    def require_trust(self, role: str, service: str) -> None:
        """Raise ValidationException unless a role exists and a service of AWS may assume it."""
        if not self.trusts(role, service):
            got = "that is not there" if self.identities.trust(role) is None else "whose trust policy names others"
            what = f"Could not assume role {role_arn(role)}. Expected a role that principal '{service}' can assume, but got one {got}"
            raise ServiceError("ValidationException", f"{what}. Correct the role or its trust policy.")

    def trusts(self, role: str, service: str) -> bool:
        """Say whether a service of AWS may assume a role."""
        ask = Ask("sts:AssumeRole", "*", {"aws:sourceaccount": ACCOUNT})
        named = [statement for statement in self.identities.trust(role) or [] if statement.names("Service", service)]
        return decide(named, ask) == ALLOWED

    def require_assumable(self, principal: Principal, role: str) -> None:
        """Raise AccessDenied unless the trust policy of a role names a principal of this account."""
        named = [each for each in self.identities.trust(role) or [] if each.names("AWS", principal.arn, OWNER.arn, ACCOUNT)]
        if decide(named, Ask("sts:AssumeRole", "*", self._context(principal))) != ALLOWED:
            what = f"User: {principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn(role)}"
            raise ServiceError("AccessDenied", what, 403)

    def simulate(self, principal_arn: str, ask: Ask) -> str:
        """Return what IAM would decide, from the declared policies."""
        principal = Principal(principal_arn)
        if principal_arn not in (OWNER.arn,) and self.identities.trust(principal_arn) is None and not self.identities.policies(principal):
            raise ServiceError("NoSuchEntity", f"Expected a user or a role, but got {principal_arn}.", 404)
        return self._decide(principal, ask)

    def changed(self, bucket: str | None = None) -> None:
        """Forget decisions, because a policy may have changed: that of a bucket, or else of anybody."""
        with self._lock:
            self._decisions.clear()
            if bucket is None:
                self.identities.forget()
                self._bucket_policies.clear()
            else:
                self._bucket_policies.pop(bucket, None)

    def _decide(self, principal: Principal, ask: Ask) -> str:
        if principal.is_owner:
            return ALLOWED
        if self.identities.version != self._version:
            with self._lock:
                self._decisions.clear()
                self._version = self.identities.version
        key = (principal.arn, ask.action, ask.resource, frozenset(ask.context.items()))
        if key not in self._decisions:
            if len(self._decisions) > _MOST_REMEMBERED:
                with self._lock:
                    self._decisions.clear()
            self._decisions[key] = self._evaluate(principal, ask)
        return self._decisions[key]

    def _evaluate(self, principal: Principal, ask: Ask) -> str:
        full = replace(ask, context={**self._context(principal), **ask.context})
        statements = [*self.identities.policies(principal)]
        if ask.resource.startswith("arn:aws:s3:::"):
            own = self._bucket_policy(ask.resource.removeprefix("arn:aws:s3:::").partition("/")[0])
            statements += [each for each in own if each.names("AWS", principal.arn, OWNER.arn, ACCOUNT)]
        return decide(statements, full)

    def _context(self, principal: Principal) -> dict[str, str]:
        """Return the keys of every request. The loopback interface counts as a secure transport: nobody else hears what passes there."""
        return {
            "aws:securetransport": "true",
            "aws:requestedregion": REGION,
            "aws:principalaccount": ACCOUNT,
            "aws:resourceaccount": ACCOUNT,
            "aws:principalarn": principal.arn,
        }

    def _bucket_policy(self, bucket: str) -> list[Statement]:
        read_s, statements = self._bucket_policies.get(bucket, (float("-inf"), []))
        if time.monotonic() - read_s > _BUCKET_POLICY_FRESH_S:
            status, _, body = self._control.forward("s3", "GET", f"/{bucket}", "policy", {}, b"")
            statements = read_document(json.loads(body)) if status < 400 else []
            self._bucket_policies[bucket] = time.monotonic(), statements
        return statements


def form_of(body: bytes) -> dict[str, str]:
    """Read the form of a query protocol."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _refusal(principal: Principal, ask: Ask, decision: str, service: str) -> ServiceError:
    """Return the error that AWS gives, in the words of AWS."""
    no_policy = f"because no identity-based policy allows the {ask.action} action"
    why = "with an explicit deny" if decision == EXPLICIT_DENY else no_policy
    what = f"User: {principal} is not authorized to perform: {ask.action} on resource: {ask.resource} {why}"
    if service == "s3" or service in FORM_SERVICES:
        return ServiceError("AccessDenied", what, 403)
    return ServiceError("AccessDeniedException", what, 400)
