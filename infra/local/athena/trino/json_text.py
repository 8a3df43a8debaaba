"""JSON as Trino reads and writes it: keys in order, paths, numbers as they are written. DuckDB calls these functions by their names."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from infra.local.athena.trino.java_text import java_number

_STEP = re.compile(r"""\.([A-Za-z_][\w]*)|\[\s*(\d+)\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]""")
_MISSING = object()
_BIGINT = 2**63


class _Number(str):
    """A fraction as its text has it."""


def is_path(path: str) -> bool:
    """Say whether this disk can follow a path: keys and positions, no wildcards."""
    try:
        _steps(path)
    except ValueError:
        return False
    return True


def json_canonical(text: str) -> str:
    """Return JSON without blanks and with its keys in order. Raises ValueError for a text that is none."""
    try:
        return _written(_read(text), in_order=True)
    except ValueError:
        raise ValueError(f"INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: '{text}'") from None


def json_found(text: str, path: str) -> str | None:
    """Return what lies at a path, or None; also for a text that is no JSON."""
    value = _at(text, path)
    return None if value is _MISSING else _written(value)


def json_found_scalar(text: str, path: str) -> str | None:
    """Return a text, number or truth value at a path as a text; None for all else."""
    value = _at(text, path)
    if value is _MISSING or value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else _written(value)  # a fraction as its text has it


def json_found_size(text: str, path: str) -> int | None:
    """Return the number of members of what lies at a path; 0 for a value that has none."""
    value = _at(text, path)
    return None if value is _MISSING else len(value) if isinstance(value, dict | list) else 0


def json_list_length(text: str) -> int | None:
    """Return the length of a JSON array, None for all else."""
    value = _at(text, "$")
    return len(value) if isinstance(value, list) else None


def json_as_varchar(text: str) -> str | None:
    """Cast a JSON value to varchar."""
    value = _scalar(text, "varchar")
    return None if value is None else value if isinstance(value, str) and not isinstance(value, _Number) else _as_text(value)


def json_as_bigint(text: str) -> int | None:
    """Cast a JSON value to bigint; fractions are rounded half up, as all casts do."""
    value = _scalar(text, "bigint")
    if value is None or isinstance(value, bool):
        return None if value is None else int(value)
    if isinstance(value, _Number):
        number = float(value)
        whole = int(abs(number) + 0.5) * (1 if number >= 0 else -1)
    elif isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value):
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast '{value}' to BIGINT")
    else:
        whole = int(value)
    if not -_BIGINT <= whole < _BIGINT:
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast '{text}' to BIGINT")
    return whole


def json_as_double(text: str) -> float | None:
    """Cast a JSON value to double."""
    value = _scalar(text, "double")
    try:
        return None if value is None else float(value)
    except ValueError:
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast '{value}' to DOUBLE") from None


def json_as_boolean(text: str) -> bool | None:
    """Cast a JSON value to boolean."""
    value = _scalar(text, "boolean")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and not isinstance(value, _Number):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast '{value}' to BOOLEAN")
    return float(value) != 0


def json_elements(text: str) -> list[str] | None:
    """Return the elements of a JSON array, each as JSON."""
    value = _read(text)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast to array. Expected a json array, but got {text}")
    return None if value is None else [_written(each) for each in value]


def json_names(text: str) -> list[str] | None:
    """Return the keys of a JSON object."""
    value = _object(text)
    return None if value is None else list(value)


def json_values(text: str) -> list[str] | None:
    """Return the values of a JSON object, each as JSON."""
    value = _object(text)
    return None if value is None else [_written(each) for each in value.values()]


def _object(text: str) -> dict[str, Any] | None:
    value = _read(text)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast to map. Expected a json object, but got {text}")
    return value


def _scalar(text: str, kind: str) -> Any:
    value = _read(text)
    if isinstance(value, dict | list):
        raise ValueError(f"INVALID_CAST_ARGUMENT: Cannot cast '{text}' to {kind}")
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, _Number):
        raise ValueError("NOT_SUPPORTED: a fraction in JSON cast to varchar, whose text differs between versions, is not on this disk")
    return _written(value)


def _at(text: str, path: str) -> Any:
    try:
        value = _read(text)
    except ValueError:
        return _MISSING
    for step in _steps(path):
        if isinstance(value, dict):
            value = value.get(str(step), _MISSING)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step] if step < len(value) else _MISSING
        else:
            return _MISSING
        if value is _MISSING:
            return _MISSING
    return value


@cache
def _steps(path: str) -> tuple[str | int, ...]:
    """Return the keys and positions of a path such as `$.a[0]["b c"]`. Raises ValueError for one that this disk cannot follow."""
    if not path.startswith("$"):
        raise ValueError(path)
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise ValueError(path)
        steps.append(step[1] or (int(step[2]) if step[2] is not None else re.sub(r"\\(.)", r"\1", step[3])))
        position = step.end()
    return tuple(steps)


def _read(text: str) -> Any:
    """Read JSON: of keys that come twice the first counts, and a fraction keeps its text."""
    return json.loads(text, parse_float=_Number, object_pairs_hook=_first_of_each, parse_constant=_refuse_constant)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    steps: dict[str, Any] = {}
    for key, value in pairs:
        steps.setdefault(key, value)
    return steps


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _written(value: Any, *, in_order: bool = False) -> str:
    """Return JSON without blanks; fractions as Java prints them."""
    if isinstance(value, _Number):
        return java_number(float(value))
    if isinstance(value, dict):
        keys = sorted(value) if in_order else list(value)
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_written(value[key], in_order=in_order)}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(each, in_order=in_order) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)
