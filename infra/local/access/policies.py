"""One question to IAM and the answer of policy documents: explicit denial first, then permission, else implicit denial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from infra.local.access.conditions import conditions_hold
from infra.local.errors import ServiceError

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"
_KNOWN = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Principal", "NotPrincipal"}


@dataclass(frozen=True)
class Ask:
    """Somebody wants to do something."""

    action: str
    """`service:Operation`."""
    resource: str = "*"
    """ARN; `*` for actions that take no resource."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Condition keys in lower case -> value."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    allows: bool
    action: re.Pattern[str]
    action_excluded: bool
    resource: re.Pattern[str]
    resource_excluded: bool
    principal: Any
    principal_excluded: bool
    conditions: Mapping[str, Mapping[str, Any]]

    def speaks_of(self, ask: Ask) -> bool:
        """Say whether action, resource and conditions match; the principal is the caller's business."""
        action = self.action.fullmatch(ask.action.lower()) is not None
        resource = self.resource.fullmatch(ask.resource) is not None
        matched = action != self.action_excluded and resource != self.resource_excluded
        return matched and conditions_hold(self.conditions, ask.context)

    def names(self, kind: str, *values: str) -> bool:
        """Say whether the principal is one of these; `kind` is AWS or Service."""
        if self.principal is None:
            return True
        named = self.principal if self.principal == "*" else _listed(self.principal.get(kind))
        return ("*" in named or not set(named).isdisjoint(values)) != self.principal_excluded


def read_document(document: Mapping[str, Any]) -> list[Statement]:
    """Read a policy document. Raises MalformedPolicyDocument for what could not be evaluated here."""
    return [_statement(each) for each in _listed(document.get("Statement"))]


def decide(statements: Iterable[Statement], ask: Ask) -> str:
    """Return ALLOWED, EXPLICIT_DENY or IMPLICIT_DENY."""
    matching = [statement for statement in statements if statement.speaks_of(ask)]
    if any(not statement.allows for statement in matching):
        return EXPLICIT_DENY
    return ALLOWED if matching else IMPLICIT_DENY


@cache
def pattern(text: str, *, any_case: bool = False) -> re.Pattern[str]:
    """Return IAM's wildcards, `*` and `?`, as a regular expression."""
    return re.compile(re.escape(text.lower() if any_case else text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _statement(each: Mapping[str, Any]) -> Statement:
    if strange := sorted(set(each) - _KNOWN):
        raise ServiceError("MalformedPolicyDocument", f"Expected a statement of {', '.join(sorted(_KNOWN))}, but got {', '.join(strange)}.")
    if each.get("Effect") not in ("Allow", "Deny"):
        raise ServiceError("MalformedPolicyDocument", f"Expected Effect to be Allow or Deny, but got {each.get('Effect')!r}.")
    actions, resources = _listed(each.get("Action", each.get("NotAction"))), _listed(each.get("Resource", each.get("NotResource", "*")))
    if variables := [text for text in (*actions, *resources) if "${" in text]:
        what = f"Expected a policy without variables, but got {variables[0]}. Variables in policies are evaluated on AWS only"
        raise ServiceError("MalformedPolicyDocument", f"{what}.")
    return Statement(
        each["Effect"] == "Allow",
        _any_of(actions, any_case=True),
        "NotAction" in each,
        _any_of(resources),
        "NotResource" in each,
        each.get("Principal", each.get("NotPrincipal")),
        "NotPrincipal" in each,
        each.get("Condition") or {},
    )


def _any_of(texts: list[str], *, any_case: bool = False) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern(text, any_case=any_case).pattern})" for text in texts), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
