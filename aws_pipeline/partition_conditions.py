"""Which relations a condition of SQL restricts to a few partitions."""

from collections.abc import Collection
from dataclasses import dataclass

from aws_pipeline.sql_words import Group, Part, Parts, Word, says, split_at

_COMPARES = ("=", "<", ">", "<=", ">=", "<>", "!=")


@dataclass(frozen=True)
class Condition:
    """A condition, and the relations of its query on which it may act, by their places; all of them if there are none."""

    parts: Parts
    acts_on: frozenset[int] | None = None


def restricts(parts: Parts, column: str, names: Collection[str]) -> bool:
    """Return whether a condition holds only for some values of a column of a relation that has these names.

    Every alternative of OR must restrict it, and one part of AND. A comparison with another column restricts nothing.
    """
    return all(any(_one_restricts(part, column, names) for part in _needed(each)) for each in split_at(parts, "or"))


def equal_columns(parts: Parts, column: str) -> list[set[str]]:
    """Return the names of each two relations that have the same value in a column where a condition holds: a.lab_id = b.lab_id."""
    found = []
    for each in _needed(parts) if len(split_at(parts, "or")) == 1 else ():
        if len(each) == 7 and says(each[3], "="):
            left, right = _column(each[:3]), _column(each[4:])
            if left and right and left[1] == right[1] == column:
                found.append({left[0], right[0]})
    return found


def _needed(parts: Parts) -> list[Parts]:
    """Return the parts of a condition without OR that must all hold; the AND of BETWEEN is none."""

    def of_between(before: Parts) -> bool:
        return sum(says(part, "between") for part in before) > sum(says(part, "and") for part in before)

    return split_at(parts, "and", but=of_between)


def _one_restricts(parts: Parts, column: str, names: Collection[str]) -> bool:
    if len(parts) == 1 and isinstance(parts[0], Group):
        return restricts(parts[0].parts, column, names)
    if any(says(part, "case", "when", "then", "else", "end") for part in parts):
        return False
    place = next((place for place, part in enumerate(parts) if says(part, *_COMPARES, "in", "between", "like", "not")), 0)
    left, right = parts[:place], parts[place + 1 :]
    if not left:
        return False
    if says(parts[place], *_COMPARES):
        return (_is(left, column, names) and _is_value(right)) or (_is(right, column, names) and _is_value(left))
    return _is(left, column, names)


def _is(parts: Parts, column: str, names: Collection[str]) -> bool:
    found = _column(parts)
    return found is not None and found[1] == column and (not found[0] or found[0] in names)


def _column(parts: Parts) -> tuple[str, str] | None:
    """Return the relation (empty if it is not named) and the column that an expression consists of; None for another expression."""
    if not parts or not all(_is_name(part) for part in parts[::2]) or not all(says(part, ".") for part in parts[1::2]):
        return None
    words = [part.text for part in parts[::2] if isinstance(part, Word)]
    return (words[-2] if len(words) > 1 else "", words[-1]) if len(parts) % 2 else None


def _is_name(part: Part) -> bool:
    return isinstance(part, Word) and part.kind in ("name", "quoted")


def _is_value(parts: Parts) -> bool:
    """Return whether an expression is worked out from no column: a text, a number, a parameter, a subquery, or a function of such."""
    bare = [part for part in parts if isinstance(part, Word)]
    inner = [part for part in parts if isinstance(part, Group)]
    if len(parts) == 1 and inner and says(next(iter(inner[0].parts), None), "select", "with"):
        return True
    columns = [part for part, after in zip(parts, (*parts[1:], None), strict=True) if _is_name(part) and not isinstance(after, Group)]
    literal_of_a_type = len(parts) == 2 and isinstance(parts[1], Word) and parts[1].kind == "text"
    return bool(bare or inner) and (literal_of_a_type or not columns) and all(_is_value_list(group) for group in inner)


def _is_value_list(group: Group) -> bool:
    """Return whether the arguments of a function name no column. Those of CAST name a type behind AS."""
    place = next((place for place, part in enumerate(group.parts) if says(part, "as")), len(group.parts))
    given = tuple(part for part in group.parts[:place] if not says(part, ","))
    return not given or _is_value(given)
