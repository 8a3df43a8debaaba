"""Answers of IAM and STS that need the policies evaluated, and that moto gives none or a wrong one of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infra.local.access.guard import form_of
from infra.local.access.policies import Ask
from infra.local.control.moto_app import ACCOUNT
from infra.local.s3.wire import Response, element, text

if TYPE_CHECKING:
    from infra.local.access.guard import Guard
    from infra.local.access.identities import Principal

_IAM, _STS = "https://iam.amazonaws.com/doc/2010-05-08/", "https://sts.amazonaws.com/doc/2011-06-15/"


def simulation(guard: Guard, body: bytes) -> Response:
    """Answer iam:SimulatePrincipalPolicy from the declared policies. Raises NoSuchEntity."""
    form = form_of(body)
    actions = _members(form, "ActionNames")
    resources = _members(form, "ResourceArns") or ["*"]
    context = {
        form[name].lower(): form.get(name.replace("ContextKeyName", "ContextKeyValues.member.1"), "")
        for name in form
        if name.endswith(".ContextKeyName")
    }
    results = [
        element(
            "member",
            text("EvalActionName", action),
            text("EvalResourceName", resource),
            text("EvalDecision", guard.simulate(form.get("PolicySourceArn", ""), Ask(action, resource, context))),
        )
        for action in actions
        for resource in resources
    ]
    return _answer(_IAM, "SimulatePrincipalPolicy", text("IsTruncated", "false"), element("EvaluationResults", *results))


def caller_identity(principal: Principal) -> Response:
    """Answer sts:GetCallerIdentity for a session of a role, which moto does not know."""
    return _answer(_STS, "GetCallerIdentity", text("Arn", principal), text("UserId", "AROALOCAL:session"), text("Account", ACCOUNT))


def learn_session(guard: Guard, answer: bytes) -> None:
    """Remember whose the credentials are that an answer to sts:AssumeRole gives away."""
    said = answer.decode()
    key, session = re.search(r"<AccessKeyId>(\w+)<", said), re.search(r":assumed-role/([^/<]+)/([^<]+)<", said)
    if key and session:
        guard.identities.remember(key[1], session[1], session[2])


def _members(form: dict[str, str], name: str) -> list[str]:
    return [value for key, value in form.items() if key.startswith(f"{name}.member.")]


def _answer(namespace: str, action: str, *content: str) -> Response:
    inner = element(f"{action}Result", *content) + element("ResponseMetadata", text("RequestId", "local"))
    return Response(200, f'<{action}Response xmlns="{namespace}">{inner}</{action}Response>'.encode(), {"Content-Type": "text/xml"})
