"""What CloudFormation has to know of a type of resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.local.cloudformation.caller import Caller
from infra.local.control.moto_app import ACCOUNT

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One type. Properties that are not listed are refused: what is not executed here must not be declared in silence."""

    name: Callable[[Properties], str]
    """Name of a resource, which the template must give."""
    known: frozenset[str]
    """Properties that are executed."""
    exists: Callable[[Caller, Properties], bool]
    create: Callable[[Caller, Properties], object]
    update: Callable[[Caller, Properties, Properties], object]
    """Called with the old and the new properties."""
    delete: Callable[[Caller, Properties], object]
    fixed: frozenset[str] = frozenset()
    """Properties besides the name whose change means another resource."""
    attributes: Callable[[Properties], dict[str, str]] = field(default=lambda properties: {})
    """Fn::GetAtt -> value, known before the resource is there."""
    reference: Callable[[Properties], str] | None = None
    """What Ref gives, if not the name."""

    def ref(self, properties: Properties) -> str:
        """Return what Ref gives, which is the physical id as well."""
        return (self.reference or self.name)(properties)


def tag_map(properties: Properties) -> dict[str, str]:
    """Return tags, which templates list, as a mapping."""
    tags = properties.get("Tags") or []
    return dict(tags) if isinstance(tags, Mapping) else {tag["Key"]: tag["Value"] for tag in tags}


def tag_list(properties: Properties) -> list[dict[str, str]]:
    """Return tags as a list."""
    return [{"Key": key, "Value": value} for key, value in tag_map(properties).items()]


def global_arn(service: str, path: str) -> str:
    """Return the ARN of something without a region."""
    return f"arn:aws:{service}::{ACCOUNT}:{path}"
