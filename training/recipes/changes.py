"""Change one setting of a recipe by its path, such as features.picture.around_mouse_px=160."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from behavior.contract import UsageError

R = TypeVar("R")
PREFIX, JOIN = "recipe__", "__"
"""A hyperparameter that changes a setting is called recipe__network__dropout: it becomes the name of a shell's variable, without dots."""


def changes_in(words: Sequence[str]) -> list[str]:
    """Return the changes in hyperparameters such as --recipe__network__dropout 0.2. Raises UsageError for other words."""
    changes: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, given, value = word.partition("=")
        if not name.startswith(f"--{PREFIX}") or not (given or rest):
            raise UsageError(f"Expected flags of --help, and --{PREFIX}SETTING VALUE, but got {word}. Leave it out, or correct it.")
        path = name.removeprefix(f"--{PREFIX}").replace(JOIN, ".")
        changes.append(f"{path}={value if given else rest.pop(0)}")
    return changes


def changed(recipe: R, changes: Sequence[str]) -> R:
    """Return a recipe with other settings. A change is PATH=VALUE; a value is JSON, or else text.

    Raises UsageError for a setting that the recipe does not have, and for a value that it refuses.
    """
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path:
            raise UsageError(f"Expected --set PATH=VALUE, but got {change}. Say, for example, --set augmentation.mixup=0.2.")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        recipe = _with(recipe, path.split("."), value, path)
    return recipe


def _with(settings: Any, path: Sequence[str], value: object, whole: str) -> Any:
    name, *rest = path
    known = [one.name for one in fields(settings)] if is_dataclass(settings) else []
    if name not in known:
        raise UsageError(f"Expected a setting of the recipe, but got {whole}. At {name}, choose one of {', '.join(known) or 'none'}.")
    now = getattr(settings, name)
    if not rest and is_dataclass(now):
        raise UsageError(
            f"Expected one setting, but got {whole}, which has several. Add one of {', '.join(one.name for one in fields(now))}."
        )
    new = _with(now, rest, value, whole) if rest else _like(now, value, whole)
    try:
        return replace(settings, **{name: new})
    except (ValueError, TypeError) as error:
        raise UsageError(f"Expected a value that {whole} can have, but got {value!r}: {error}") from None


def _like(now: object, value: object, whole: str) -> object:
    """Return a value of the type that the setting has now; a setting without a value takes any."""
    if isinstance(now, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(now, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if now is None or value is None or type(now) is type(value):
        return value
    raise UsageError(f"Expected {whole} to be like {now!r}, but got {value!r}. Give another value.")
