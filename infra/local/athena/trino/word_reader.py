"""The words of a statement read one after another, and what is said where an unexpected one stands."""

from __future__ import annotations

from typing import NoReturn

from infra.local.athena.trino.lexer import RESERVED, Word, refusal, words
from infra.local.errors import ServiceError


class WordReader:
    """Reads the words of one statement from left to right."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.words = words(sql)
        self.position = 0

    @property
    def word(self) -> Word:
        """Return the word that comes next."""
        return self.words[self.position]

    def ahead(self, steps: int) -> Word:
        """Return a word further on."""
        return self.words[min(self.position + steps, len(self.words) - 1)]

    def comes(self, *keys: str) -> bool:
        """Say whether these words come next, one after another."""
        return all(self.ahead(step).key == key for step, key in enumerate(keys))

    def take(self, *keys: str) -> bool:
        """Step over these words if they come next, and say whether they did."""
        if not self.comes(*keys):
            return False
        self.position += len(keys)
        return True

    def take_one(self, *keys: str) -> str:
        """Step over the next word if it is one of these, and return it; nothing if it is not."""
        key = self.word.key
        if key not in keys or not key:
            return ""
        self.position += 1
        return key

    def expect(self, *keys: str) -> None:
        """Step over these words. Raises ServiceError if others come."""
        for key in keys:
            if not self.take(key):
                self.mismatch(f"'{key}'")

    def advance(self) -> Word:
        """Return the next word and step over it."""
        word = self.word
        self.position += 1
        return word

    def name(self) -> str:
        """Read a name as it is written: any word but a reserved one, or anything in double quotes."""
        word = self.word
        if word.sort == "quoted" or (word.sort == "name" and word.key not in RESERVED):
            self.position += 1
            return word.text
        self.mismatch("<identifier>")

    def is_name(self, steps: int = 0) -> bool:
        """Say whether a name comes."""
        word = self.ahead(steps)
        return word.sort == "quoted" or (word.sort == "name" and word.key not in RESERVED)

    def text(self) -> str:
        """Read a text in single quotes."""
        if self.word.sort != "text":
            self.mismatch("<string>")
        return self.advance().text

    def whole(self) -> int:
        """Read a whole number."""
        if self.word.sort != "number" or not self.word.text.isdigit():
            self.mismatch("<integer>")
        return int(self.advance().text)

    def names(self) -> tuple[str, ...]:
        """Read `(a, b)`, lower case."""
        self.expect("(")
        names = [self.name().lower()]
        while self.take(","):
            names.append(self.name().lower())
        self.expect(")")
        return tuple(names)

    def end(self) -> None:
        """Expect the end of the statement."""
        self.take(";")
        if self.word.sort == "end":
            return
        if self.words[self.position - 1].key == ";":
            raise ServiceError("InvalidRequestException", "Only one sql statement is allowed. Got: 2. Send them one by one.")
        self.mismatch("<EOF>")

    def mismatch(self, expected: str) -> NoReturn:
        """Refuse the next word."""
        raise refusal(self.sql, self.word.start, f"mismatched input '{self.word.text}'. Expecting: {expected}")

    def absent(self, what: str, position: int | None = None) -> NoReturn:
        """Refuse what Athena can do and this disk cannot."""
        raise refusal(self.sql, self.word.start if position is None else position, f"NOT_SUPPORTED: {what} is not on this disk")
