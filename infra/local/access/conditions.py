"""Conditions of policy statements: operators on keys of a request's context."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.errors import ServiceError


def _like(text: str, wanted: str) -> bool:
    return re.fullmatch(re.escape(wanted).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda text, wanted: text == wanted,
    "StringEqualsIgnoreCase": lambda text, wanted: text.lower() == wanted.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda text, wanted: text.lower() == wanted.lower(),
    "NumericLessThanEquals": lambda text, wanted: float(text) <= float(wanted),
    "NumericEquals": lambda text, wanted: float(text) == float(wanted),
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Say whether all conditions hold. Raises MalformedPolicyDocument for an operator that is evaluated on AWS only."""
    return all(_holds(operator, key, wanted, context) for operator, tests in conditions.items() for key, wanted in tests.items())


def _holds(operator: str, key: str, wanted: Any, context: Mapping[str, str]) -> bool:
    values = [_text(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    found = context.get(key.lower())
    if operator == "Null":
        return (found is None) == (values[0].lower() == "true")
    name, absent_is_true = (operator.removesuffix("IfExists"), True) if operator.endswith("IfExists") else (operator, False)
    if name in _NEGATED:  # a key that is absent differs from every value
        return found is None or not any(_OPERATORS[_NEGATED[name]](found, value) for value in values)
    if name not in _OPERATORS:
        raise ServiceError("MalformedPolicyDocument", f"Expected a condition operator that runs here, but got {operator}.")
    if found is None:
        return absent_is_true
    return any(_OPERATORS[name](found, value) for value in values)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
