"""Signatures of functions as Trino's documentation writes them, and how the types of a call are matched with them.

"strpos(varchar, varchar) -> bigint"       a function of two texts
"array_max(array(O)) -> O"                 O stands for any type that has an order, T, K, V, R, S for any type at all,
"abs(N) -> N"                              N for any number
"filter(array(T), function(T, boolean)) -> array(T)"     a lambda from T to boolean
"concat_ws(varchar, varchar...) -> varchar"              the last argument once or more often
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from infra.local.athena.trino.kinds import BIGINT, INSTANT, TIMESTAMP, UNKNOWN, Kind, common, is_number

_VARIABLE = re.compile(r"[A-Z]")
_FULL_NAMES = {"timestamp": TIMESTAMP, "instant": INSTANT}


@dataclass(frozen=True)
class Signature:
    """One form of a function."""

    text: str
    name: str
    arguments: tuple[Kind, ...]
    result: Kind
    repeats: bool

    def __str__(self) -> str:
        return self.text.partition(" ->")[0]


@dataclass(frozen=True)
class Match:
    """A signature that fits a call: what each of its letters stands for, and how many arguments change their type."""

    signature: Signature
    letters: dict[str, Kind]
    changes: int

    def argument(self, position: int) -> Kind:
        """Return the type that an argument becomes."""
        return substitute(pattern_at(self.signature, position), self.letters)

    @property
    def result(self) -> Kind:
        """Return the type of the result."""
        return substitute(self.signature.result, self.letters)


@cache
def read_signature(text: str) -> Signature:
    """Read a signature."""
    head, _, result = text.partition(" -> ")
    name, _, inside = head.partition("(")
    parts = _split(inside.removesuffix(")"))
    repeats = bool(parts) and parts[-1].endswith("...")
    arguments = tuple(_pattern(part.removesuffix("...")) for part in parts)
    return Signature(text, name, arguments, _pattern(result), repeats)


def match(signature: Signature, kinds: Sequence[Kind]) -> Match | None:
    """Return how a signature fits the types of a call; lambdas are given as `function` and settled later. None if it does not fit."""
    few = len(kinds) < len(signature.arguments)
    if few or (len(kinds) > len(signature.arguments) and not signature.repeats):
        return None
    letters: dict[str, Kind] = {}
    if not all(_fits(pattern_at(signature, position), kind, letters) for position, kind in enumerate(kinds)):
        return None
    for letter, kind in letters.items():
        if kind == UNKNOWN and letter == "N":
            letters[letter] = BIGINT
        elif (letter == "N" and not is_number(kind)) or (letter == "O" and kind.name in ("map", "json", "row")):
            return None
    changes = sum(substitute(pattern_at(signature, position), letters) != kind for position, kind in enumerate(kinds))
    return Match(signature, letters, changes)


def pattern_at(signature: Signature, position: int) -> Kind:
    """Return the type that a signature names at a position."""
    return signature.arguments[min(position, len(signature.arguments) - 1)]


def settle(pattern: Kind, kind: Kind, letters: dict[str, Kind]) -> bool:
    """Say whether a type fits what a signature names, and remember what its letters stand for."""
    return _fits(pattern, kind, letters)


def substitute(pattern: Kind, letters: dict[str, Kind]) -> Kind:
    """Return a type with its letters substitute by what they stand for."""
    if _VARIABLE.fullmatch(pattern.name):
        return letters.get(pattern.name, UNKNOWN)
    if pattern.inside:
        return Kind(pattern.name, tuple(substitute(each, letters) for each in pattern.inside), pattern.numbers, pattern.fields)
    return pattern


def _fits(pattern: Kind, kind: Kind, letters: dict[str, Kind]) -> bool:
    if _VARIABLE.fullmatch(pattern.name):
        bound = letters.get(pattern.name)
        common_kind = kind if bound is None else common(bound, kind)
        if common_kind is not None:
            letters[pattern.name] = common_kind
        return common_kind is not None
    if pattern.name == "function" or kind.name == "function":
        return pattern.name == kind.name
    if kind == UNKNOWN:
        return True
    if pattern.inside:
        same = kind.name == pattern.name and len(kind.inside) == len(pattern.inside)
        return same and all(_fits(*pair, letters) for pair in zip(pattern.inside, kind.inside, strict=True))
    if pattern.name == "varchar":
        return kind.name == "varchar"
    return common(kind, pattern) == pattern


def _split(text: str) -> list[str]:
    """Split at the commas outside of parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _pattern(text: str) -> Kind:
    name, _, inside = text.partition("(")
    if inside:
        parts = tuple(map(_pattern, _split(inside.removesuffix(")"))))
        return Kind(name, parts, fields=(None,) * len(parts) if name == "row" else ())
    return _FULL_NAMES.get(name, Kind(name))
