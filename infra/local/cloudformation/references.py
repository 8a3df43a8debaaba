"""References between resources: their order, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from infra.local.control.moto_app import ACCOUNT, REGION
from infra.local.errors import ServiceError

_REFERENCE = re.compile(r"\$\{([^!}]+)\}")
Named = Callable[[str, str], str | None]
"""Returns what a resource is known by, or one of its attributes; None if there is none. Raises KeyError for an unknown resource."""


def order_of(resources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of resources, each behind those that it refers to. Raises ValidationError for a circle."""
    graph = {name: {found for found in _references(each) if found in resources} for name, each in resources.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise invalid(f"Circular dependency between resources: {error.args[1]}") from None


def _references(value: Any) -> set[str]:
    """Return the names that a value refers to."""
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, Mapping):
        return set()
    found: set[str] = set()
    for key, item in value.items():
        if key == "Ref":
            found.add(str(item))
        elif key == "Fn::GetAtt":
            found.add(item.split(".")[0] if isinstance(item, str) else item[0])
        elif key == "Fn::Sub":
            text = item if isinstance(item, str) else item[0]
            found |= {match.partition(".")[0] for match in _REFERENCE.findall(text)}
        elif key == "DependsOn":
            found |= {item} if isinstance(item, str) else set(item)
        found |= _references(item)
    return found


class Resolver:
    """Replaces references by what they stand for; `named` tells of the resources that are there already."""

    def __init__(self, named: Named, parameters: Mapping[str, str], stack: Mapping[str, str]) -> None:
        self._named = named
        self._values = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack["name"],
            "AWS::StackId": stack["id"],
            **parameters,
        }

    def resolved(self, value: Any) -> Any:
        """Return a value without references."""
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            (key, item), *_ = value.items()
            if key == "Ref":
                return self._of(str(item))
            if key == "Fn::GetAtt":
                return self._of(item if isinstance(item, str) else ".".join(item))
            if key == "Fn::Sub":
                if not isinstance(item, str):
                    raise invalid("Expected Fn::Sub of a text, but got a list. It exists on AWS only.")
                return _REFERENCE.sub(lambda match: str(self._of(match[1])), item)
            if key == "Fn::Join":
                return item[0].join(str(self.resolved(part)) for part in item[1])
            if key.startswith("Fn::"):
                raise invalid(f"Expected Ref, Fn::GetAtt, Fn::Sub or Fn::Join, but got {key}. It exists on AWS only.")
        return {key: self.resolved(item) for key, item in value.items() if item != {"Ref": "AWS::NoValue"}}

    def _of(self, reference: str) -> str:
        if reference in self._values:
            return self._values[reference]
        name, _, attribute = reference.partition(".")
        try:
            found = self._named(name, attribute)
        except KeyError:
            raise invalid(f"Template error: instance of Ref, Fn::GetAtt or Fn::Sub references undefined resource {name}") from None
        if found is None:
            raise invalid(f"Template error: resource {name} does not support attribute {attribute} in Fn::GetAtt")
        return found


def invalid(message: str) -> ServiceError:
    """Return the refusal of a template."""
    return ServiceError("ValidationError", message)
