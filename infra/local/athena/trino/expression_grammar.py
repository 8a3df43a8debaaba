"""Trino's grammar of values: operators by rank, and predicates. What stands in no rule is refused."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.athena.trino import syntax
from infra.local.athena.trino.primary_grammar import PrimaryGrammar
from infra.local.athena.trino.syntax import Node

_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class ExpressionGrammar(PrimaryGrammar):
    """Reads values."""

    def expression(self) -> Node:
        """Read a value of any type."""
        return self._logic("OR", lambda: self._logic("AND", self._negation))

    def value(self) -> Node:
        """Read a value without comparisons: `||` binds least, then `+ -`, then `* / %`."""
        return self._row_of_operators(("||",), lambda: self._row_of_operators(("+", "-"), self._product))

    def _product(self) -> Node:
        return self._row_of_operators(("*", "/", "%"), self._factor)

    def _logic(self, operator: str, read: Callable[[], Node]) -> Node:
        at = self.word.start
        terms = [read()]
        while self.take(operator):
            terms.append(read())
        return terms[0] if len(terms) == 1 else syntax.Logic(operator, tuple(terms), at=at)

    def _row_of_operators(self, operators: tuple[str, ...], read: Callable[[], Node]) -> Node:
        left: Node = read()
        while self.word.key in operators and self.word.key:
            word = self.advance()
            left = syntax.Arithmetic(word.text, left, read(), at=word.start)
        return left

    def _negation(self) -> Node:
        at = self.word.start
        if self.take("NOT"):
            return syntax.Not(self._negation(), at=at)
        return self._predicate(self.value())

    def _predicate(self, value: Node) -> Node:
        word = self.word
        if word.key in _COMPARISONS:
            return self._comparison(value)
        if self.take("IS"):
            opposite = self.take("NOT")
            if self.take("NULL"):
                node: Node = syntax.IsNull(value, at=value.at)
                return syntax.Not(node, at=value.at) if opposite else node
            self.expect("DISTINCT", "FROM")
            return syntax.Comparison("IS NOT DISTINCT FROM" if opposite else "IS DISTINCT FROM", value, self.value(), at=word.start)
        opposite = self.take("NOT")
        if self.take("BETWEEN"):
            low = self.value()
            self.expect("AND")
            node = syntax.Between(value, low, self.value(), at=word.start)
        elif self.take("IN"):
            node = self._membership(value, word.start)
        elif self.take("LIKE"):
            pattern = self.value()
            node = syntax.Like(value, pattern, self.value() if self.take("ESCAPE") else None, at=word.start)
        elif opposite:
            self.mismatch("'BETWEEN', 'IN', 'LIKE'")
        else:
            return value
        return syntax.Not(node, at=word.start) if opposite else node

    def _comparison(self, value: Node) -> Node:
        word = self.advance()
        if self.word.key in ("ALL", "ANY", "SOME") and self.ahead(1).key == "(":
            quantifier = self.advance().key
            self.expect("(")
            query = self.query()
            self.expect(")")
            return syntax.QuantifiedComparison(_COMPARISONS[word.key], "ALL" if quantifier == "ALL" else "ANY", value, query, at=word.start)
        return syntax.Comparison(_COMPARISONS[word.key], value, self.value(), at=word.start)

    def _membership(self, value: Node, at: int) -> Node:
        self.expect("(")
        if self._query_comes():
            node: Node = syntax.InQuery(value, self.query(), at=at)
        else:
            node = syntax.InList(value, self.expressions(), at=at)
        self.expect(")")
        return node

    def _factor(self) -> Node:
        word = self.word
        sign = self.take_one("-", "+")
        if sign == "-" and self.word.sort == "number":
            return self._with_suffixes(self._number("-", word.start))
        return syntax.Sign(sign, self._factor(), at=word.start) if sign else self._with_suffixes(self.primary())

    def _with_suffixes(self, value: Node) -> Node:
        """Read `[index]`, `.field` and AT TIME ZONE behind a value."""
        while True:
            at = self.word.start
            if self.take("["):
                value = syntax.Subscript(value, self.value(), at=at)
                self.expect("]")
            elif self.word.key == "." and self.is_name(1):
                self.advance()
                value = syntax.Dotted(value, self.name().lower(), at=value.at)
            elif self.take("AT"):
                self.expect("TIME", "ZONE")
                value = syntax.AtTimeZone(value, self.text(), at=at)
            else:
                return value
