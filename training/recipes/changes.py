"""Change one setting of a recipe by its path, such as features.picture.around_mouse_px=160."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
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
    """Return a recipe with other settings, all changed at once. A change is PATH=VALUE; a value is JSON, or else text.

    Raises UsageError for a setting that the recipe does not have, and for a value that it refuses.
    """
    whole: R = _with(recipe, [_change_in(change) for change in changes])
    return whole


@dataclass(frozen=True)
class _Change:
    """The new value of one setting."""

    names: tuple[str, ...]
    """The rest of its path."""
    value: object
    """What JSON or text says."""
    path: str
    """The whole path."""


def _change_in(change: str) -> _Change:
    path, equals, text = change.partition("=")
    if not equals or not path:
        raise UsageError(f"Expected --set PATH=VALUE, but got {change}. Say, for example, --set augmentation.mixup=0.2.")
    try:
        return _Change(tuple(path.split(".")), json.loads(text), path)
    except ValueError:
        return _Change(tuple(path.split(".")), text, path)


def _with(settings: Any, changes: Sequence[_Change]) -> Any:
    """Return settings with new values, which are checked together: some settings only fit each other."""
    known = [one.name for one in fields(settings)] if is_dataclass(settings) else []
    of_names: dict[str, list[_Change]] = {}
    for one in changes:
        if one.names[0] not in known:
            got, choices = f"{one.path}. At {one.names[0]}", ", ".join(known) or "none"
            raise UsageError(f"Expected a setting of the recipe, but got {got}, choose one of {choices}.")
        of_names.setdefault(one.names[0], []).append(one)
    new = {name: _new_value(getattr(settings, name), own) for name, own in of_names.items()}
    try:
        return replace(settings, **new)
    except (ValueError, TypeError) as error:
        paths, got = ", ".join(one.path for one in changes), ", ".join(repr(one.value) for one in changes)
        raise UsageError(f"Expected a value that {paths} can have, but got {got}: {error}") from None


def _new_value(now: object, changes: Sequence[_Change]) -> object:
    """Return the new value of one setting, or of a group of settings."""
    last = changes[-1]
    if all(len(one.names) > 1 for one in changes):
        return _with(now, [replace(one, names=one.names[1:]) for one in changes])
    if is_dataclass(now):
        parts = ", ".join(one.name for one in fields(now))
        raise UsageError(f"Expected one setting, but got {last.path}, which has several. Add one of {parts}.")
    return _like(now, last.value, last.path)


def _like(now: object, value: object, whole: str) -> object:
    """Return a value of the type that the setting has now; a setting without a value takes any."""
    if isinstance(now, tuple) and isinstance(value, list):
        return tuple(value)
    if isinstance(now, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if now is None or value is None or type(now) is type(value):
        return value
    raise UsageError(f"Expected {whole} to be like {now!r}, but got {value!r}. Give another value.")
