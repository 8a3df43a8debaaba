"""The words of a statement of SQL, without its comments, in groups by parentheses; and the comments."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_WORD = re.compile(
    r"""
    (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<text>'(?:[^']|'')*(?:'|\Z))
  | (?P<quoted>"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))
  | (?P<number>\d[\w.]*)
  | (?P<name>[^\W\d]\w*)
  | (?P<mark><>|!=|<=|>=|\|\||->|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Word:
    """One word."""

    kind: str
    """name, quoted (a name in quotes), text, number or mark."""
    text: str
    """A name in lower case, a quoted one without its quotes: Athena does not tell them apart. Others as they are written."""

    def says(self, *words: str) -> bool:
        """Return whether it is one of these keywords or marks; a name in quotes is never a keyword."""
        return self.kind in ("name", "mark") and self.text in words


@dataclass(frozen=True)
class Group:
    """What stands between two parentheses."""

    parts: tuple["Part", ...]


Part = Word | Group
Parts = tuple[Part, ...]


def read_words(sql: str) -> tuple[Parts, list[str]]:
    """Return the words of a statement in groups, and its comments. A parenthesis that is not closed ends with the statement."""
    levels: list[list[Part]] = [[]]
    comments: list[str] = []
    for match in _WORD.finditer(sql):
        kind, text = str(match.lastgroup), match.group()
        if kind == "comment":
            comments.append(text)
        elif text == "(":
            levels.append([])
        elif text == ")" and len(levels) > 1:
            closed = Group(tuple(levels.pop()))
            levels[-1].append(closed)
        else:
            levels[-1].append(Word(kind, _plain(kind, text)))
    while len(levels) > 1:
        closed = Group(tuple(levels.pop()))
        levels[-1].append(closed)
    return tuple(levels[0]), comments


def all_names(parts: Parts) -> set[str]:
    """Return every name in a statement, keywords too."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, Group):
            found |= all_names(part.parts)
        elif part.kind in ("name", "quoted"):
            found.add(part.text)
    return found


def says(part: Part | None, *words: str) -> bool:
    """Return whether a part is one of these keywords or marks."""
    return isinstance(part, Word) and part.says(*words)


def split_at(parts: Parts, *words: str, but: Callable[[Parts], bool] = lambda before: False) -> list[Parts]:
    """Return what stands between the places of keywords; `but` says of the words since the last place that this is none."""
    found: list[Parts] = []
    start = 0
    for place, part in enumerate(parts):
        if says(part, *words) and not but(parts[start:place]):
            found.append(parts[start:place])
            start = place + 1
    return [*found, parts[start:]]


def _plain(kind: str, text: str) -> str:
    if kind == "quoted":
        return text[1:].removesuffix(text[0]).replace(text[0] * 2, text[0]).lower()
    return text.lower() if kind == "name" else text
