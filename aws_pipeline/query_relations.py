"""What stands behind FROM: relations, and the conditions of their joins."""

from collections.abc import Callable
from dataclasses import dataclass

from aws_pipeline.partition_conditions import Condition
from aws_pipeline.sql_words import Group, Parts, Word, says

_JOINS = ("natural", "cross", "inner", "left", "right", "full", "outer", "join")


@dataclass(frozen=True)
class Relation:
    """A table, a view, a named query, a subquery, or a function that gives rows."""

    name: tuple[str, ...]
    """Database and name, as far as they are written; empty for a subquery or a function."""
    names: frozenset[str]
    """Names by which conditions may call it: its own, and its alias."""
    query: Parts | None
    """The words of a subquery."""
    arguments: Parts = ()
    """The words of a function's arguments."""


@dataclass(frozen=True)
class _Join:
    """How a relation is joined to those before it."""

    kind: str = "inner"
    """inner, left, right or full."""
    natural: bool = False


def is_query(parts: Parts) -> bool:
    """Return whether words are a query."""
    first = parts[0] if parts else None
    if isinstance(first, Group):
        return is_query(first.parts)
    with_names = says(first, "with") and len(parts) > 1 and not isinstance(parts[1], Group)
    return says(first, "select", "values") or with_names or (says(first, "table") and len(parts) > 1 and not isinstance(parts[1], Group))


def read_from(parts: Parts, is_partition: Callable[[str], bool]) -> tuple[list[Relation], list[Condition], list[frozenset[int]]]:
    """Return the relations behind FROM, the conditions of joins, and sets of relations that share their partition column (USING)."""
    relations: list[Relation] = []
    conditions: list[Condition] = []
    same: list[frozenset[int]] = []
    place, join = 0, _Join()
    while place < len(parts):
        end = place
        while end < len(parts) and not says(parts[end], ",", "on", "using", *_JOINS):
            end += 1
        first = len(relations)
        _add(parts[place:end], relations, conditions, same, is_partition)
        new = frozenset(range(first, len(relations)))
        place = end
        if place < len(parts) and says(parts[place], "on"):
            end = place + 1
            while end < len(parts) and not says(parts[end], ",", *_JOINS):
                end += 1
            conditions.append(Condition(parts[place + 1 : end], _acts_on(join, new, len(relations))))
            place = end
        shared = parts[place + 1] if place + 1 < len(parts) and says(parts[place], "using") else None
        if isinstance(shared, Group):
            if join.kind != "full" and any(isinstance(part, Word) and is_partition(part.text) for part in shared.parts):
                same.append(frozenset(range(len(relations))))
            place += 2
        elif place < len(parts) and says(parts[place], "using"):  # without columns, Athena refuses it
            place += 1
        elif join.natural and join.kind != "full":
            same.append(frozenset(range(len(relations))))
        join = _Join()
        while place < len(parts) and says(parts[place], ",", *_JOINS):
            word = parts[place]
            assert isinstance(word, Word)
            kind = word.text if says(word, "left", "right", "full") else join.kind
            join = _Join(kind, join.natural or says(word, "natural"))
            place += 1
    return relations, conditions, same


def _acts_on(join: _Join, new: frozenset[int], n_relations: int) -> frozenset[int] | None:
    """Return the relations of which the condition of a join leaves rows out: all but those that an outer join keeps whole."""
    before = frozenset(range(n_relations)) - new
    return {"inner": None, "left": new, "right": before, "full": frozenset[int]()}[join.kind]


def _add(
    parts: Parts,
    relations: list[Relation],
    conditions: list[Condition],
    same: list[frozenset[int]],
    is_partition: Callable[[str], bool],
) -> None:
    """Add one relation, or those of joins in parentheses."""
    if not parts:
        return
    words = [part for part in parts if isinstance(part, Word) and part.kind in ("name", "quoted")]
    names = frozenset(word.text for word in words)
    first = parts[1] if says(parts[0], "lateral") and len(parts) > 1 else parts[0]
    if isinstance(first, Group):
        if is_query(first.parts):
            relations.append(Relation((), names, first.parts))
            return
        before = len(relations)
        inner, more, alike = read_from(first.parts, is_partition)
        relations += inner
        shift = range(before, before + len(inner))
        for one in more:
            acts_on = range(len(inner)) if one.acts_on is None else one.acts_on
            conditions.append(Condition(one.parts, frozenset(shift[place] for place in acts_on)))
        same += [frozenset(shift[place] for place in pair) for pair in alike]
        return
    called = 0
    while called + 2 < len(parts) and says(parts[called + 1], "."):
        called += 2
    behind = parts[called + 1] if called + 1 < len(parts) else None
    if isinstance(behind, Group):
        relations.append(Relation((), names, None, behind.parts))
    else:
        relations.append(Relation(tuple(part.text for part in parts[: called + 1 : 2] if isinstance(part, Word)), names, None))
