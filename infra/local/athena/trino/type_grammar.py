"""Trino's grammar of types, as they stand in CAST."""

from __future__ import annotations

from infra.local.athena.trino.kinds import DOUBLE, INSTANT, MOST_DIGITS, TIMESTAMP, VARCHAR, Kind, array, decimal, mapping, row
from infra.local.athena.trino.lexer import refusal
from infra.local.athena.trino.word_reader import WordReader

_PLAIN = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "varbinary", "date", "json"})
_SHORT = {"int": "integer", "dec": "decimal"}
_ABSENT = frozenset({"char", "time", "interval", "uuid", "ipaddress", "hyperloglog", "qdigest", "tdigest", "p4hyperloglog", "geometry"})


class TypeGrammar(WordReader):
    """Reads types."""

    def kind(self) -> Kind:
        """Read a type. Raises ServiceError for one that Trino does not have, or that is not on this disk."""
        at = self.word.start
        kind_of_text = self._kind(at)
        while self.comes("ARRAY"):
            self.advance()
            kind_of_text = array(kind_of_text)
        return kind_of_text

    def _kind(self, at: int) -> Kind:
        name = self.name().lower()
        name = _SHORT.get(name, name)
        if name in ("array", "map", "row") and self.word.key in ("(", "<"):
            return self._nested(name)
        if name == "double":
            self.take("PRECISION")
            return DOUBLE
        if name == "timestamp":
            return self._timestamp(at)
        numbers = self._numbers()
        if name == "decimal" and len(numbers) <= 2:
            digits, scale = (numbers + [MOST_DIGITS, 0][len(numbers) :])[:2]
            if not 0 <= scale <= digits <= MOST_DIGITS or not digits:
                raise refusal(self.sql, at, f"INVALID_TYPE: Expected decimal(precision up to 38, scale up to it), but got {numbers}")
            return decimal(digits, scale)
        if name == "varchar" and len(numbers) <= 1:
            return Kind("varchar", numbers=tuple(numbers)) if numbers else VARCHAR
        if name in _ABSENT:
            self.absent(f"the type {name}", at)
        if name not in _PLAIN or numbers:
            raise refusal(self.sql, at, f"TYPE_NOT_FOUND: Unknown type: {name}")
        return Kind(name)

    def _nested(self, name: str) -> Kind:
        closing = {"(": ")", "<": ">"}[self.advance().key]
        if name == "row":
            fields, kinds = [], []
            while True:
                has_name = self.is_name() and (self.is_name(1) or self.ahead(1).sort == "quoted") and not self.comes("DOUBLE", "PRECISION")
                fields.append(self.name().lower() if has_name else None)
                kinds.append(self.kind())
                if not self.take(","):
                    break
            kind_of_text = row(tuple(kinds), tuple(fields))
        elif name == "map":
            key = self.kind()
            self.expect(",")
            kind_of_text = mapping(key, self.kind())
        else:
            kind_of_text = array(self.kind())
        self.expect(closing)
        return kind_of_text

    def _numbers(self) -> list[int]:
        kind_of_text: list[int] = []
        if self.take("("):
            kind_of_text.append(self.whole())
            while self.take(","):
                kind_of_text.append(self.whole())
            self.expect(")")
        return kind_of_text

    def _timestamp(self, at: int) -> Kind:
        if self._numbers() not in ([], [3]):
            self.absent("a timestamp of a precision other than 3", at)
        if self.take("WITH", "TIME", "ZONE"):
            return INSTANT
        self.take("WITHOUT", "TIME", "ZONE")
        return TIMESTAMP
