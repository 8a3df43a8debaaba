"""Paths, payload templates and intrinsic functions of the Amazon States Language, as far as our state machine uses them."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

_PATH = re.compile(r"\$\$?(\.[A-Za-z_]\w*|\[\d+\])*")
_PART = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+)\]")
_TOKEN = re.compile(r"\s*(?:(States\.\w+)\(|('(?:[^'\\]|\\.)*')|(-?\d+(?:\.\d+)?)|(true|false|null)|(\$[^\s,()]*)|([,)]))")


class PathError(Exception):
    """A path or a function that cannot be evaluated; the text says why."""


def at(path: str, data: Any, context: Mapping[str, Any]) -> Any:
    """Return what a path leads to; $$ begins in the context object. Raises PathError."""
    if not _PATH.fullmatch(path):
        raise PathError(f"The path {path!r} is not executed here: only names and numbers of items are.")
    found: Any = context if path.startswith("$$") else data
    for name, number in _PART.findall(path):
        try:
            found = found[name] if name else found[int(number)]
        except (KeyError, IndexError, TypeError):
            raise PathError(f"The path {path!r} was not found in {json.dumps(data)[:200]}.") from None
    return found


def put(path: str | None, data: Any, result: Any) -> Any:
    """Return data with a result at a reference path; None drops the result."""
    if path is None:
        return data
    if path == "$":
        return result
    names = [name for name, _ in _PART.findall(path)]
    changed = copy.deepcopy(data) if isinstance(data, dict) else {}
    place = changed
    for name in names[:-1]:
        place = place.setdefault(name, {})
    place[names[-1]] = result
    return changed


def filled(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """Fill a payload template: the value of a field whose name ends with .$ is a path or a function. Raises PathError."""
    if isinstance(template, list):
        return [filled(item, data, context) for item in template]
    if not isinstance(template, dict):
        return template
    made = {}
    for name, value in template.items():
        if name.endswith(".$"):
            made[name.removesuffix(".$")] = _evaluated(value, data, context)
        else:
            made[name] = filled(value, data, context)
    return made


def check_template(template: Any) -> None:
    """Raise PathError for a path or a function in a template that is not executed here."""
    if isinstance(template, list):
        for item in template:
            check_template(item)
    elif isinstance(template, dict):
        for name, value in template.items():
            if not name.endswith(".$"):
                check_template(value)
            elif not value.startswith("States.") and not _PATH.fullmatch(value):
                raise PathError(f"The path {value!r} is not executed here: only names and numbers of items are.")
            elif strange := sorted(set(re.findall(r"States\.(\w+)\(", value)) - _FUNCTIONS.keys()):
                raise PathError(f"Expected functions {', '.join(sorted(_FUNCTIONS))}, but got {', '.join(strange)}; executed on AWS only.")


def _evaluated(text: str, data: Any, context: Mapping[str, Any]) -> Any:
    if not text.startswith("States."):
        return copy.deepcopy(at(text, data, context))
    value, end = _call(text, 0, data, context)
    if text[end:].strip():
        raise PathError(f"Expected one function, but got {text!r}.")
    return value


def _call(text: str, start: int, data: Any, context: Mapping[str, Any]) -> tuple[Any, int]:
    """Evaluate the function that begins at a position; return its value and the position behind it."""
    opening = _TOKEN.match(text, start)
    if not opening or not opening[1]:
        raise PathError(f"Expected a function in {text!r} at {start}.")
    arguments, position = [], opening.end()
    while True:
        token = _TOKEN.match(text, position)
        if not token:
            raise PathError(f"Expected an argument in {text!r} at {position}.")
        function, string, number, word, path, sign = token.groups()
        if function:
            value, position = _call(text, position, data, context)
            arguments.append(value)
            continue
        position = token.end()
        if sign == ")":
            return _FUNCTIONS[opening[1].removeprefix("States.")](*arguments), position
        if sign == ",":
            continue
        if path:
            arguments.append(copy.deepcopy(at(path, data, context)))
        else:
            arguments.append(re.sub(r"\\(.)", r"\1", string[1:-1]) if string else json.loads(number or word))


def _format(template: str, *values: Any) -> str:
    pieces = template.split("{}")
    if len(pieces) != len(values) + 1:
        raise PathError(f"Expected {len(pieces) - 1} values for {template!r}, but got {len(values)}.")
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return "".join(part for pair in zip(pieces, [*texts, ""], strict=True) for part in pair)


def _json_merge(one: Any, other: Any, deep: bool) -> Any:
    if deep or not isinstance(one, dict) or not isinstance(other, dict):
        raise PathError("Expected two objects and false, as States.JsonMerge takes them.")
    return {**one, **other}


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "Array": lambda *values: list(values),
    "Format": _format,
    "JsonMerge": _json_merge,
    "UUID": lambda: str(uuid.uuid4()),
}
