"""From a template to a plan: every resource with its final properties, in the order of their references; and what differs from before."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.local.cloudformation.kinds.all_kinds import KINDS
from infra.local.cloudformation.kinds.kind import Kind, tag_map
from infra.local.cloudformation.references import Resolver, invalid, order_of
from infra.local.errors import ServiceError

_SECTIONS = {"AWSTemplateFormatVersion", "Description", "Parameters", "Resources", "Outputs", "Metadata"}
_ATTRIBUTES = {"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")
_NAMED_RIGHTS = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")


@dataclass(frozen=True)
class Planned:
    """One resource as it shall be."""

    logical: str
    type: str
    properties: dict[str, Any]
    """With all references replaced."""
    policy: str
    """DeletionPolicy."""

    @property
    def kind(self) -> Kind:
        """What is known of its type."""
        return KINDS[self.type]

    @property
    def physical(self) -> str:
        """Its physical id."""
        return self.kind.ref(self.properties)

    @property
    def kept(self) -> bool:
        """Whether it stays when its stack forgets it."""
        return self.policy != "Delete"


@dataclass(frozen=True)
class Plan:
    """The resources of a stack in the order in which they are made, and its outputs."""

    resources: list[Planned]
    outputs: dict[str, str]

    def named(self) -> dict[str, Planned]:
        """Return the resources by their logical names."""
        return {each.logical: each for each in self.resources}


@dataclass(frozen=True)
class Change:
    """One line of a change set."""

    action: str
    """Add, Modify, Remove or Import."""
    resource: Planned
    before: Planned | None = None

    @property
    def differences(self) -> list[str]:
        """Names of the properties that differ."""
        if self.before is None:
            return []
        names = {**self.before.properties, **self.resource.properties}
        return sorted(name for name in names if self.before.properties.get(name) != self.resource.properties.get(name))

    @property
    def replaces(self) -> bool:
        """Whether another resource takes the place of the present one."""
        if self.action != "Modify" or self.before is None:
            return False
        return self.before.physical != self.resource.physical or not self.resource.kind.fixed.isdisjoint(self.differences)


def make_plan(body: str, parameters: Mapping[str, str], stack: Mapping[str, str], capabilities: list[str], tags: Mapping[str, str]) -> Plan:
    """Read a template and resolve it; `stack` has the name and the id. Every resource gets the tags of its stack.

    Raises ValidationError with what AWS, or this machine, refuses.
    """
    template = _parsed(body)
    values = _parameters(template, parameters)
    resources = {name: _checked(name, each) for name, each in template["Resources"].items()}
    named = [name for name, each in resources.items() if each["Type"] in _NAMED_RIGHTS]
    if named and "CAPABILITY_NAMED_IAM" not in capabilities:
        raise ServiceError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    done: dict[str, Planned] = {}
    resolver = Resolver(lambda name, attribute: _named(done[name], attribute), values, stack)
    for name in order_of(resources):
        properties = _with_tags(resources[name]["Type"], resolver.resolved(resources[name].get("Properties") or {}), tags)
        done[name] = _with_name(Planned(name, resources[name]["Type"], properties, resources[name].get("DeletionPolicy", "Delete")))
    outputs = {name: str(resolver.resolved(each["Value"])) for name, each in (template.get("Outputs") or {}).items()}
    return Plan(list(done.values()), outputs)


def changes_between(before: Mapping[str, Planned], after: Plan) -> list[Change]:
    """Return what a stack needs to become as planned: additions and modifications in order, then removals, last made first removed."""
    changes = []
    for each in after.resources:
        old = before.get(each.logical)
        if old is None or old.type != each.type:
            changes.append(Change("Add", each))
        elif old.properties != each.properties:
            changes.append(Change("Modify", each, old))
    kept = after.named()
    gone = [old for old in before.values() if old.logical not in kept or kept[old.logical].type != old.type]
    return changes + [Change("Remove", old) for old in reversed(gone)]


def _parsed(body: str) -> dict[str, Any]:
    try:
        template = json.loads(body)
    except ValueError as error:
        raise invalid(f"Expected a template in JSON, but got something else ({error}). Templates in YAML exist on AWS only.") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise invalid("At least one Resources member must be defined.")
    if strange := sorted(set(template) - _SECTIONS):
        raise invalid(f"Invalid template property or properties {strange}")
    return template


def _parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    declared = template.get("Parameters") or {}
    if strange := sorted(set(given) - set(declared)):
        raise invalid(f"Parameters: {strange} do not exist in the template")
    values = {name: given.get(name, each.get("Default")) for name, each in declared.items()}
    if missing := sorted(name for name, value in values.items() if value is None):
        raise invalid(f"Parameters: {missing} must have values")
    for name, value in values.items():
        allowed, pattern = declared[name].get("AllowedValues"), declared[name].get("AllowedPattern")
        if (allowed and value not in map(str, allowed)) or (pattern and not re.fullmatch(pattern, str(value))):
            raise invalid(f"Parameter {name} failed to satisfy constraint: Member must satisfy {allowed or pattern}")
    return {name: str(value) for name, value in values.items()}


def _checked(name: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse what could not be executed."""
    kind = KINDS.get(resource.get("Type", ""))
    if kind is None:
        what = f"Expected resource types of {', '.join(sorted(KINDS))}, but got {resource.get('Type')} ({name})"
        raise invalid(f"{what}. It exists on AWS only.")
    if strange := sorted(set(resource) - _ATTRIBUTES):
        raise invalid(f"Encountered unsupported attribute(s) {strange} of resource {name}")
    if strange := sorted(set(resource.get("Properties") or {}) - kind.known):
        what = f"Expected properties of {resource['Type']} that are executed here ({', '.join(sorted(kind.known))})"
        raise invalid(f"{what}, but got {', '.join(strange)} ({name}). They exist on AWS only.")
    if resource.get("DeletionPolicy", "Delete") not in _POLICIES:
        raise invalid(f"Expected DeletionPolicy to be one of {', '.join(_POLICIES)}, but got {resource['DeletionPolicy']} ({name}).")
    return dict(resource)


def _with_tags(kind: str, properties: dict[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    if "Tags" not in KINDS[kind].known:
        return properties
    own = {"Tags": [{"Key": key, "Value": value} for key, value in sorted({**tags, **tag_map(properties)}.items())]}
    return {**properties, **own} if own["Tags"] else properties


def _with_name(planned: Planned) -> Planned:
    try:
        planned.kind.name(planned.properties)
    except (KeyError, TypeError, IndexError):
        what = f"Expected resource {planned.logical} to have a name of its own, but got none"
        raise invalid(f"{what}. Only named resources exist here.") from None
    return planned


def _named(planned: Planned, attribute: str) -> str | None:
    return planned.kind.attributes(planned.properties).get(attribute) if attribute else planned.physical
