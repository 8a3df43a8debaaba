"""VersionIds of the catalog's tables: moto counts the requests that it saw, and we add those that it did not see any more.

So a number never comes back for another state of a table, although requests that later ones made void are not repeated at the next
start. Whoever read a table before that may be told that it changed, never that it did not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infra.local.control.journal import Call

_SHOWING = frozenset({"GetTable", "GetTables", "SearchTables", "GetTableVersion", "GetTableVersions"})
_NAMING = frozenset({"GetTableVersion", "DeleteTableVersion", "BatchDeleteTableVersion"})


def as_moto_counts(operation: str, call: Call, dropped: int) -> Call:
    """Return a request with the VersionIds that moto knows."""
    if not dropped or operation not in _NAMING:
        return call
    return replace(call, body=_shift(call.body, -dropped))


def as_we_count(operation: str, body: bytes, dropped: int) -> bytes:
    """Return an answer of moto with our VersionIds."""
    return _shift(body, dropped) if dropped and operation in _SHOWING else body


def _shift(body: bytes, by: int) -> bytes:
    def moved(value: Any) -> Any:
        return str(int(value) + by) if isinstance(value, str) and value.isdigit() else value

    return json.dumps(_mapped(json.loads(body or b"{}"), moved)).encode()


def _mapped(value: Any, moved: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_mapped(each, moved) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: moved(each) if name == "VersionId" else [moved(one) for one in each] if name == "VersionIds" else _mapped(each, moved)
        for name, each in value.items()
    }
