"""Fields of a recipe by name, such as learning_rate or network.dropout, set from text: what flags and tuning jobs change."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

from behavior.contract import UsageError

R = TypeVar("R")
PREFIX, JOIN = "recipe__", "__"
"""A hyperparameter that sets a field is called recipe__network__dropout: it becomes the name of a shell's variable, which has no dots."""
_TRUTH = {"true": True, "false": False}


def flag_fields(words: list[str]) -> dict[str, str]:
    """Return field -> text from words such as --recipe__network__dropout 0.2. Raises UsageError for other words."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, given, value = word.partition("=")
        if not name.startswith(f"--{PREFIX}") or not (given or rest):
            raise UsageError(f"Expected flags of --help, and --{PREFIX}FIELD VALUE, but got {word}. Leave it out, or correct it.")
        found[name.removeprefix(f"--{PREFIX}").replace(JOIN, ".")] = value if given else rest.pop(0)
    return found


def with_fields(recipe: R, given: Mapping[str, str]) -> R:
    """Return the recipe with some fields changed. Raises UsageError for fields that it does not have, and for impossible values."""
    known = settable(recipe)
    if unknown := sorted(set(given) - set(known)):
        raise UsageError(f"Expected fields of the recipe ({', '.join(sorted(known))}), but got {', '.join(unknown)}. Name one of them.")
    try:
        return _replaced(recipe, {name: _value(name, known[name], text) for name, text in given.items()})
    except ValueError as error:
        raise UsageError(str(error)) from None


def settable(recipe: object, within: str = "") -> dict[str, bool | int | float | str]:
    """Return the fields that are one number or one text, those of its parts included, with their values."""
    assert is_dataclass(recipe)
    found: dict[str, bool | int | float | str] = {}
    for field in fields(recipe):
        name, value = f"{within}{field.name}", getattr(recipe, field.name)
        if is_dataclass(value):
            found |= settable(value, f"{name}.")
        elif isinstance(value, bool | int | float | str) and name not in ("name", "family"):
            found[name] = value
    return found


def _value(name: str, now: bool | int | float | str, text: str) -> bool | int | float | str:
    """Return the text as a value of the kind that the field has. Raises ValueError."""
    try:
        if isinstance(now, bool):
            return _TRUTH[text.lower()]
        return type(now)(text)
    except (ValueError, KeyError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(now)]
        raise ValueError(f"Expected {kind} for {name}, but got {text}. Correct it.") from None


def _replaced(recipe: R, values: Mapping[str, bool | int | float | str]) -> R:
    own = {name: value for name, value in values.items() if "." not in name}
    parts: dict[str, dict[str, bool | int | float | str]] = {}
    for name, value in values.items():
        part, dot, rest = name.partition(".")
        if dot:
            parts.setdefault(part, {})[rest] = value
    changed = {part: _replaced(getattr(recipe, part), inner) for part, inner in parts.items()}
    return replace(recipe, **own, **changed)  # type: ignore[type-var]
