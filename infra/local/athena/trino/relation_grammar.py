"""Trino's grammar of what stands in FROM: tables, queries, UNNEST, joins."""

from __future__ import annotations

from infra.local.athena.trino import query_syntax
from infra.local.athena.trino.expression_grammar import ExpressionGrammar
from infra.local.athena.trino.syntax import Node


class RelationGrammar(ExpressionGrammar):
    """Reads relations."""

    def source(self) -> Node:
        """Read what stands in FROM; a comma is a CROSS JOIN."""
        relation = self._joins()
        while self.word.key == ",":
            at = self.advance().start
            relation = query_syntax.Join("CROSS", relation, self._joins(), at=at)
        return relation

    def _joins(self) -> Node:
        left = self._relation()
        while True:
            at = self.word.start
            if self.take("CROSS"):
                self.expect("JOIN")
                left = query_syntax.Join("CROSS", left, self._relation(), at=at)
                continue
            if self.comes("NATURAL"):
                self.absent("NATURAL JOIN")
            sort = self.take_one("INNER", "LEFT", "RIGHT", "FULL")
            if sort in ("LEFT", "RIGHT", "FULL"):
                self.take("OUTER")
            if not self.take("JOIN"):
                if sort:
                    self.mismatch("'JOIN'")
                return left
            left = self._join_condition(sort or "INNER", left, at)

    def _join_condition(self, sort: str, left: Node, at: int) -> Node:
        right = self._relation()
        if self.take("USING"):
            return query_syntax.Join(sort, left, right, using=self.names(), at=at)
        self.expect("ON")
        return query_syntax.Join(sort, left, right, self.expression(), at=at)

    def _relation(self) -> Node:
        relation = self._with_alias()
        if self.comes("MATCH_RECOGNIZE") or self.comes("TABLESAMPLE", "SYSTEM"):
            self.absent(f"{self.word.key} {self.ahead(1).key}".removesuffix(" ("))
        at = self.word.start
        if not self.take("TABLESAMPLE"):
            return relation
        self.expect("BERNOULLI", "(")
        percentage = self.expression()
        self.expect(")")
        return query_syntax.Sample(relation, percentage, at=at)

    def _with_alias(self) -> Node:
        at = self.word.start
        relation = self._plain_relation()
        if self.take("AS") or self._relation_alias_comes():
            alias = self.name().lower()
            return query_syntax.Alias(relation, alias, self.names() if self.comes("(") else (), at=at)
        return relation

    def _relation_alias_comes(self) -> bool:
        return self.is_name() and self.word.key not in ("TABLESAMPLE", "MATCH_RECOGNIZE", "LIMIT", "OFFSET", "FETCH", "WINDOW")

    def _plain_relation(self) -> Node:
        at = self.word.start
        if self.comes("UNNEST"):
            return self._unnest(at)
        if self.take("LATERAL"):
            self.expect("(")
            query = self.query()
            self.expect(")")
            return query_syntax.InnerQuery(query, lateral=True, at=at)
        if self.comes("TABLE", "(") or self.word.key == "JSON_TABLE":
            self.absent("a table function")
        if self.word.sort == "text":
            self.mismatch("a table's name; a file is no table")
        if self.take("("):
            return self._parenthesize(at)
        name = self.dotted_name()
        if self.comes("("):
            self.mismatch("a table's name; a function is no table")
        return query_syntax.TableName(name, self._version(), at=at)

    def _version(self) -> query_syntax.Version | None:
        """Read which version of a table is asked for, if any."""
        at = self.word.start
        if not self.take("FOR"):
            return None
        sort = self.take_one("TIMESTAMP", "VERSION")
        if not sort:
            self.mismatch("'TIMESTAMP', 'VERSION'")
        self.expect("AS", "OF")
        return query_syntax.Version(sort, self.value(), at=at)

    def _parenthesize(self, at: int) -> Node:
        start = self.position
        if self._query_comes():
            query = self.query()
            if self.take(")"):
                return query_syntax.InnerQuery(query, at=at)
            self.position = start
        relation = self._joins()
        self.expect(")")
        return relation

    def _unnest(self, at: int) -> Node:
        self.expect("UNNEST", "(")
        values = self.expressions()
        self.expect(")")
        return query_syntax.Unnest(values, self.take("WITH", "ORDINALITY"), at=at)

    def dotted_name(self) -> tuple[str, ...]:
        """Read a table's name, of up to three parts, lower case."""
        parts = [self.name().lower()]
        while self.take("."):
            parts.append(self.name().lower())
        if len(parts) > 3:
            self.mismatch("a name of up to three parts")
        return tuple(parts)
