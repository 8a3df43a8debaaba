"""Trino's grammar of values without operators: numbers, texts, columns, arrays, rows, lambdas, CASE, and values in parentheses."""

from __future__ import annotations

import re

from infra.local.athena.trino import syntax
from infra.local.athena.trino.call_grammar import NOW, CallGrammar
from infra.local.athena.trino.kinds import BIGINT, BOOLEAN, DOUBLE, INTEGER, VARBINARY, Kind, decimal
from infra.local.athena.trino.literals import read_typed_text
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.values import text

_UNITS = ("SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR")
_OWN_SYNTAX = frozenset({"JSON_EXISTS", "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY", "NORMALIZE"})
_LARGEST = 2**63


class PrimaryGrammar(CallGrammar):
    """Reads values without operators."""

    def primary(self) -> Node:
        """Read a value without operators."""
        word = self.word
        if word.sort == "number":
            return self._number("", word.start)
        if word.sort == "text":
            self.advance()
            return syntax.Literal(text(word.text), Kind("varchar", numbers=(len(word.text),)), word.text, at=word.start)
        if word.sort == "bytes":
            self.advance()
            return syntax.Literal(f"from_hex('{word.text}')", VARBINARY, at=word.start)
        if word.key == "(":
            return self._parenthesis()
        if word.key in ("NULL", "TRUE", "FALSE"):
            self.advance()
            return syntax.Null(at=word.start) if word.key == "NULL" else syntax.Literal(word.key.lower(), BOOLEAN, at=word.start)
        special = {
            "CASE": self._case,
            "CAST": self._cast,
            "EXISTS": self._exists,
            "EXTRACT": self._extract,
            "TRIM": self._trim,
            "GROUPING": self._call,
            "LISTAGG": self._listagg,
        }
        if word.key in special:
            return special[word.key]()
        if word.key in NOW:
            return self._now()
        if word.key in _OWN_SYNTAX:
            self.absent(word.key.lower())
        return self._after_name()

    def _after_name(self) -> Node:
        """Read what begins with a name: a typed text, an array, a row, a function, a lambda or a column."""
        word, following = self.word, self.ahead(1)
        if word.key == "INTERVAL" and (following.sort == "text" or (following.key in ("+", "-") and self.ahead(2).sort == "text")):
            return self._interval()
        if (word.sort == "name" and following.sort == "text") or self.comes("DOUBLE", "PRECISION"):
            return self._typed_text()
        if self.comes("ARRAY", "["):
            self.position += 2
            items = () if self.comes("]") else self.expressions()
            self.expect("]")
            return syntax.ArrayOf(items, at=word.start)
        if self.comes("TRY_CAST", "("):
            return self._cast()
        if self.comes("POSITION", "("):
            return self._position()
        if self.comes("ROW", "("):
            self.position += 2
            items = self.expressions()
            self.expect(")")
            return syntax.RowOf(items, at=word.start)
        if following.key == "->":
            name = self.name().lower()
            self.advance()
            return syntax.Lambda((name,), self.expression(), at=word.start)
        if following.key == "(" and self.is_name():
            return self._call()
        return syntax.Name(self.name().lower(), at=word.start)

    def _parenthesis(self) -> Node:
        at = self.word.start
        if lambda_names := self._lambda_names():
            return syntax.Lambda(lambda_names, self.expression(), at=at)
        self.expect("(")
        start = self.position
        if self._query_comes():
            query = self.query()
            if self.take(")"):
                return syntax.ScalarQuery(query, at=at)
            self.position = start
        items = self.expressions()
        self.expect(")")
        return items[0] if len(items) == 1 else syntax.RowOf(items, at=at)

    def _query_comes(self) -> bool:
        steps = 0
        while self.ahead(steps).key == "(":
            steps += 1
        return self.ahead(steps).key in ("SELECT", "WITH", "VALUES", "TABLE")

    def _lambda_names(self) -> tuple[str, ...]:
        """Read `(x, y) ->`, or nothing where none begins here."""
        start, names = self.position, []
        self.expect("(")
        while self.is_name():
            names.append(self.name().lower())
            if not self.take(","):
                break
        if self.take(")") and self.take("->"):
            return tuple(names)
        self.position = start
        return ()

    def _number(self, sign: str, at: int) -> Node:
        text = self.advance().text
        if re.search(r"[eE]", text):
            return syntax.Literal(f"CAST('{sign}{text}' AS DOUBLE)", DOUBLE, at=at)
        if "." not in text:
            value = int(sign + text)
            if not -_LARGEST <= value < _LARGEST:
                self.position -= 1
                self.mismatch(f"a number that a bigint holds, as Invalid numeric literal: {value}")
            kind = INTEGER if -(2**31) <= value < 2**31 else BIGINT
            return syntax.Literal(f"CAST({value} AS {kind.name.upper()})", kind, value, at=at)
        whole, fraction = text.split(".")
        kind = decimal(max(len(whole.lstrip("0")) + len(fraction), 1), len(fraction))
        return syntax.Literal(f"CAST('{sign}{text}' AS DECIMAL({kind.numbers[0]},{kind.scale}))", kind, at=at)

    def _typed_text(self) -> Node:
        at = self.word.start
        kind = self.advance().key
        if kind == "DOUBLE" and self.take("PRECISION"):
            pass
        if kind == "ROW":
            self.mismatch("<string>")
        return read_typed_text(self.sql, kind, self.text(), at)

    def _interval(self) -> Node:
        at = self.advance().start
        sign = -1 if self.take_one("+", "-") == "-" else 1
        text = self.text()
        unit = self.take_one(*_UNITS)
        if not unit:
            self.mismatch(", ".join(f"'{unit}'" for unit in _UNITS))
        if self.comes("TO"):
            self.absent("an interval of several units", at)
        if not re.fullmatch(r"[+-]?\d+", text):
            self.absent(f"an interval of {text!r}", at)
        return syntax.Interval(sign * int(text), unit.lower(), at=at)

    def _case(self) -> Node:
        at = self.advance().start
        operand = None if self.comes("WHEN") else self.expression()
        branches = []
        while self.take("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
        if not branches:
            self.mismatch("'WHEN'")
        otherwise = self.expression() if self.take("ELSE") else None
        self.expect("END")
        return syntax.Case(operand, tuple(branches), otherwise, at=at)
