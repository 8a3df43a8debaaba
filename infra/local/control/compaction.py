"""Which requests of the journal later ones made void: what they changed is changed again, or gone, and nothing in between depends on them.

Only requests about tables of the Glue catalog are looked at: every commit to an Iceberg table is one more UpdateTable, and every CREATE
TABLE AS of a client's own making is a CreateTable and a DeleteTable. Whatever may depend on a table in a way that is not known here
keeps all requests before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.local.control.journal import Call

_OF_PARTITIONS = frozenset(f"{verb}Partition" for verb in ("Create", "Update", "Delete", "BatchCreate", "BatchUpdate", "BatchDelete"))
_OF_TABLES = frozenset({"CreateTable", "UpdateTable", "DeleteTable"})
WITHOUT_IDS = frozenset({"CreateDatabase", "UpdateDatabase", "DeleteDatabase", *_OF_TABLES, *_OF_PARTITIONS})
"""Operations of Glue that make no id up."""
_TEMPORARY = "ASIA"
"""How the access keys of assumed roles begin, which may lead to another account with other tables of the same names."""

Table = tuple[str, str]


@dataclass
class _Life:
    """The requests about one table since it was created, or since the last one that may depend on all before it."""

    whole: bool
    """Its CreateTable is the first of them."""
    requests: list[int] = field(default_factory=list)
    update: int | None = None
    """The last UpdateTable, if it left no former version of the table to be asked for."""


def void_requests(calls: Iterable[tuple[int, Call]]) -> list[int]:
    """Return the numbers of requests that need not be repeated, of all those in a journal; never the last one's."""
    lives: dict[Table, _Life] = {}
    void: list[int] = []
    sequence = 0
    for sequence, call in calls:
        operation = call.headers.get("x-amz-target", "").rpartition(".")[2] if call.service == "glue" else ""
        if call.service == "cloudformation" or call.headers.get("access-key", "").startswith(_TEMPORARY):
            lives.clear()
        elif operation in _OF_TABLES or operation in _OF_PARTITIONS:
            request = json.loads(call.body or b"{}")
            void += _follow(lives, operation, _table(operation, request), sequence, request)
        elif (call.service == "glue" and operation not in WITHOUT_IDS and b"Database" in call.body) or operation == "DeleteDatabase":
            lives.clear()
    return [number for number in void if number != sequence]


def _follow(lives: dict[Table, _Life], operation: str, table: Table, sequence: int, request: dict[str, Any]) -> list[int]:
    """Take note of one request about a table; return those that it makes void."""
    if operation == "CreateTable":
        lives[table] = _Life(whole=True, requests=[sequence])
        return []
    life = lives.setdefault(table, _Life(whole=False))
    life.requests.append(sequence)
    if operation == "DeleteTable":
        del lives[table]
        return life.requests if life.whole else []
    if operation != "UpdateTable":
        return []
    former, life.update = life.update, sequence if request.get("SkipArchive") else None
    if former is None or life.update is None:
        return []
    life.requests.remove(former)
    return [former]


def _table(operation: str, request: dict[str, Any]) -> Table:
    named = {"CreateTable": request.get("TableInput", {}), "UpdateTable": request.get("TableInput", {}), "DeleteTable": request}
    name = named[operation].get("Name") if operation in named else request.get("TableName")
    return str(request.get("DatabaseName")), str(name)
