"""The rule that a query of a table with rows for each frame says which partitions it reads.

Athena has no such rule for Iceberg tables (Trino has, but AWS does not let its users turn it on), only a limit of bytes for each query of
a workgroup. So the statement is read here, before it is sent, near and far. Conditions act through CTEs, subqueries of FROM and views, as
they do in Athena, which pushes them down to the tables.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from aws_pipeline.partition_conditions import Condition, equal_columns, restricts
from aws_pipeline.query_relations import Relation, is_query, read_from
from aws_pipeline.sql_words import Group, Parts, Word, read_words, says, split_at
from behavior.contract import UsageError

if TYPE_CHECKING:
    from behavior.table import Table

FLAG = "--all-partitions"
MARK = "all partitions:"
"""A comment of a statement that begins so, with a reason behind it, says that it reads every partition on purpose."""

_ENDS = ("where", "group", "having", "window", "order", "limit", "offset", "fetch", "qualify")
_Open = frozenset[str]
"""Names of tables that a query reads whole, unless the query around it restricts them."""


def require_partitions(sql: str, view_text: Callable[[str], str | None]) -> None:
    """Raise UsageError if a statement reads every partition of a table with rows for each frame and does not say so.

    `view_text` returns the query of a view by its name; None for what is no view.
    """
    words, comments = read_words(sql)
    if any(comment.lstrip("-/* ").lower().startswith(MARK) and comment.partition(":")[2].strip(" */") for comment in comments):
        return
    query = _query_of(words)
    reading = _Reading(view_text)
    try:
        whole = sorted(reading.open_in(query, {}) | reading.whole)
    except RecursionError:
        raise UsageError(
            f"Expected a query that can be read, but got one in too many parentheses. Write it flatter, or say {FLAG}."
        ) from None
    if whole:
        table = _tables()[whole[0]]
        raise UsageError(
            f"Expected a condition on {table.partition}, by which {table.name} is divided (one row is {table.grain.partition(';')[0]}), "
            f"but got a query that reads every {table.partition}. Add {table.partition} = '...' or {table.partition} IN (...) to WHERE, "
            f"or say {FLAG}. In SQL, a comment says it too: -- {MARK} why."
        )


class _Reading:
    """Reads one statement."""

    def __init__(self, view_text: Callable[[str], str | None]) -> None:
        self.whole: _Open = frozenset()
        """Tables that some subquery reads whole; no query around it can restrict them."""
        self._view_text = view_text
        self._views: dict[str, _Open] = {}

    def open_in(self, parts: Parts, around: Mapping[str, _Open]) -> _Open:
        """Return what a query reads whole. `around` has what the named queries of WITH read whole."""
        named = dict(around)
        parts = self._with(parts, named)
        found: _Open = frozenset()
        for each in split_at(parts, "union", "intersect", "except"):
            select = each[1:] if each and says(each[0], "all", "distinct") else each
            if select and isinstance(select[0], Group):
                found |= self.open_in(select[0].parts, named)
            elif select and says(select[0], "table"):
                name = tuple(part.text for part in select[1:] if isinstance(part, Word) and part.kind in ("name", "quoted"))
                found |= self._of(Relation(name, frozenset(), None), named)
            else:
                found |= self._select(select, named)
        return found

    def _with(self, parts: Parts, named: dict[str, _Open]) -> Parts:
        """Read the named queries of WITH into `named`; return the query behind them."""
        if not parts or not says(parts[0], "with"):
            return parts
        recursive = len(parts) > 1 and says(parts[1], "recursive")
        place = 2 if recursive else 1
        while place < len(parts):
            name, behind = parts[place], place + 1
            while behind < len(parts) and not says(parts[behind], "as"):
                behind += 1
            query = parts[behind + 1] if behind + 1 < len(parts) else None
            if isinstance(name, Word) and isinstance(query, Group):
                itself: dict[str, _Open] = {name.text: frozenset()} if recursive else {}
                named[name.text] = self.open_in(query.parts, {**named, **itself})
            place = behind + 2
            if place >= len(parts) or not says(parts[place], ","):
                break
            place += 1
        return parts[place:]

    def _select(self, parts: Parts, named: Mapping[str, _Open]) -> _Open:
        """Return what one SELECT reads whole."""
        starts = [place for place, part in enumerate(parts) if says(part, "from") and not (place and says(parts[place - 1], "distinct"))]
        start = starts[0] if starts else len(parts)
        end = next((place for place in range(start, len(parts)) if says(parts[place], *_ENDS)), len(parts))
        relations, conditions, same = read_from(parts[start + 1 : end], _is_partition)
        where = next((place for place in range(end, len(parts)) if says(parts[place], "where")), len(parts))
        after = next((place for place in range(where + 1, len(parts)) if says(parts[place], *_ENDS)), len(parts))
        conditions = [*conditions, Condition(parts[where + 1 : after])]
        for expression in (parts[:start], parts[end:], *(one.parts for one in conditions[:-1]), *(one.arguments for one in relations)):
            self._subqueries(expression, named)
        open_ones: _Open = frozenset()
        for place, relation in enumerate(relations):
            for table in self._of(relation, named):
                if not _restricted(str(_tables()[table].partition), place, relations, conditions, same):
                    open_ones |= {table}
        return open_ones

    def _subqueries(self, parts: Parts, named: Mapping[str, _Open]) -> None:
        for part in parts:
            if isinstance(part, Group):
                if is_query(part.parts):
                    self.whole |= self.open_in(part.parts, named)
                else:
                    self._subqueries(part.parts, named)

    def _of(self, relation: Relation, named: Mapping[str, _Open]) -> _Open:
        """Return what a relation reads whole."""
        if relation.query is not None:
            return self.open_in(relation.query, named)
        if not relation.name:
            return frozenset()
        name = relation.name[-1]
        if len(relation.name) == 1 and name in named:
            return named[name]
        if name in _tables():
            return frozenset({name} if _tables()[name].by_frame else ())
        if name not in self._views:
            self._views[name] = frozenset()  # a view cannot read itself; a wrong catalog must not keep us here
            text = None if "$" in name else self._view_text(name)
            self._views[name] = self.open_in(read_words(text)[0], {}) if text else frozenset()
        return self._views[name]


def _restricted(column: str, place: int, relations: list[Relation], conditions: Iterable[Condition], same: list[frozenset[int]]) -> bool:
    """Return whether a condition restricts a relation, or another one that has the same value in the column."""
    conditions = list(conditions)
    alike = {place}
    pairs = [*same, *_equal(column, relations, conditions)]
    while more := {other for pair in pairs if pair & alike for other in pair} - alike:
        alike |= more
    return any(
        restricts(one.parts, column, relations[other].names)
        for other in alike
        for one in conditions
        if one.parts and (one.acts_on is None or place in one.acts_on)
    )


def _equal(column: str, relations: list[Relation], conditions: Iterable[Condition]) -> list[frozenset[int]]:
    """Return relations that have the same value in the column, by conditions such as a.lab_id = b.lab_id."""
    pairs = (names for one in conditions for names in equal_columns(one.parts, column))
    return [frozenset(place for place, one in enumerate(relations) if one.names & names) for names in pairs]


def _query_of(words: Parts) -> Parts:
    """Return the query that a statement runs; nothing for one that reads no table, such as CREATE VIEW, SHOW or EXPLAIN."""
    first = words[0] if words else None
    if says(first, "explain"):
        return _query_of(words[2:]) if len(words) > 1 and says(words[1], "analyze") else ()
    if says(first, "verbose"):
        return _query_of(words[1:])
    if says(first, "create") and any(says(part, "view") for part in words[1:5]):
        return ()
    if says(first, "delete") or is_query(words):
        return words
    if says(first, "insert", "create", "unload", "prepare"):
        for place in range(3, len(words)) if says(first, "create") else range(1, len(words)):  # CREATE TABLE a is no query TABLE a
            part = words[place]
            if isinstance(part, Group) and is_query(part.parts):
                return part.parts
            if is_query(words[place:]) and not isinstance(part, Group):
                return words[place:]
    return ()


@cache
def _tables() -> "dict[str, Table]":
    """Return the tables of the lake by name. Their import waits until a query needs it."""
    from behavior.tables import CURATED_TABLES, LANDING, PREDICTION_TABLES

    return {table.name: table for table in (*CURATED_TABLES, *PREDICTION_TABLES, LANDING)}


def _is_partition(column: str) -> bool:
    return any(table.by_frame and table.partition == column for table in _tables().values())
