"""Trino's grammar of functions and of what looks like one: CAST, EXTRACT, TRIM, POSITION, LISTAGG, EXISTS."""

from __future__ import annotations

from infra.local.athena.trino import syntax
from infra.local.athena.trino.kinds import Kind
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.syntax import Node, Nodes, Window
from infra.local.athena.trino.type_grammar import TypeGrammar

NOW = {
    "CURRENT_DATE": "current_date",
    "CURRENT_TIMESTAMP": "now",
    "LOCALTIMESTAMP": "localtimestamp",
    "CURRENT_TIME": "current_time",
    "LOCALTIME": "localtime",
    "CURRENT_USER": "current_user",
    "CURRENT_CATALOG": "current_catalog",
    "CURRENT_SCHEMA": "current_schema",
    "CURRENT_PATH": "current_path",
}


class CallGrammar(TypeGrammar):
    """Reads functions; the values, queries and windows inside of them are read by who inherits."""

    def query(self) -> Query:
        """Read a query."""
        raise NotImplementedError

    def window(self) -> Window:
        """Read what stands behind OVER."""
        raise NotImplementedError

    def sorts(self) -> tuple[syntax.Sort, ...]:
        """Read the keys behind ORDER BY."""
        raise NotImplementedError

    def expression(self) -> Node:
        """Read a value of any type."""
        raise NotImplementedError

    def value(self) -> Node:
        """Read a value without comparisons."""
        raise NotImplementedError

    def primary(self) -> Node:
        """Read a value without operators."""
        raise NotImplementedError

    def expressions(self) -> Nodes:
        """Read values with commas between them."""
        values = [self.expression()]
        while self.take(","):
            values.append(self.expression())
        return tuple(values)

    def _cast(self) -> Node:
        word = self.advance()
        self.expect("(")
        value = self.expression()
        self.expect("AS")
        kind = self.kind()
        self.expect(")")
        return syntax.Cast(value, kind, word.key == "TRY_CAST", at=word.start)

    def _exists(self) -> Node:
        at = self.advance().start
        self.expect("(")
        query = self.query()
        self.expect(")")
        return syntax.Exists(query, at=at)

    def _extract(self) -> Node:
        at = self.advance().start
        self.expect("(")
        field = self.name().lower()
        self.expect("FROM")
        value = self.value()
        self.expect(")")
        return syntax.Call(f"extract_{field}", (value,), at=at)

    def _position(self) -> Node:
        at = self.advance().start
        self.expect("(")
        part = self.value()
        self.expect("IN")
        whole = self.value()
        self.expect(")")
        return syntax.Call("strpos", (whole, part), at=at)

    def _trim(self) -> Node:
        at = self.advance().start
        self.expect("(")
        side = self.take_one("BOTH", "LEADING", "TRAILING")
        name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")
        characters: Nodes = ()
        if not self.comes("FROM"):
            characters = (self.value(),)
        if self.take("FROM"):
            arguments = (self.value(), *characters)
        elif side:
            self.mismatch("'FROM'")
        else:
            arguments = (*characters, *((self.value(),) if self.take(",") else ()))
        self.expect(")")
        return syntax.Call(name, arguments, at=at)

    def _now(self) -> Node:
        word = self.advance()
        if self.take("("):
            precision = self.whole()
            self.expect(")")
            if precision != 3:
                self.absent(f"{word.key.lower()} of a precision other than 3", word.start)
        return syntax.Call(NOW[word.key], at=word.start)

    def _listagg(self) -> Node:
        at = self.advance().start
        self.expect("(")
        distinct = self.take_one("DISTINCT", "ALL") == "DISTINCT"
        value = self.expression()
        separator: Node = syntax.Literal("''", Kind("varchar", numbers=(0,)), "", at=at)
        if self.take(","):
            separator = self.primary()
        if self.comes("ON"):
            self.absent("listagg with ON OVERFLOW")
        self.expect(")", "WITHIN", "GROUP", "(", "ORDER", "BY")
        order = self.sorts()
        self.expect(")")
        return syntax.Call("listagg", (value, separator), distinct=distinct, order=order, where=self._filter(), at=at)

    def _call(self) -> Node:
        word = self.word
        name = self.advance().text.lower()
        self.expect("(")
        if self.take("*"):
            self.expect(")")
            return syntax.Call(name, star=True, where=self._filter(), over=self._over(), at=word.start)
        quantifier = self.take_one("DISTINCT", "ALL")
        arguments = () if self.word.key in (")", "ORDER") else self._arguments(name)
        order: tuple[syntax.Sort, ...] = ()
        if self.take("ORDER", "BY"):
            order = self.sorts()
        self.expect(")")
        where = self._filter()
        ignore = self.take("IGNORE", "NULLS")
        if not ignore:
            self.take("RESPECT", "NULLS")
        over = self._over()
        return syntax.Call(
            name,
            arguments,
            distinct=quantifier == "DISTINCT",
            order=order,
            where=where,
            over=over,
            ignore_nulls=ignore,
            at=word.start,
        )

    def _arguments(self, name: str) -> Nodes:
        first = self.expression()
        if name == "substring" and self.take("FROM"):
            start = self.value()
            return (first, start, self.value()) if self.take("FOR") else (first, start)
        return (first, *self.expressions()) if self.take(",") else (first,)

    def _filter(self) -> Node | None:
        if not self.comes("FILTER", "("):
            return None
        self.expect("FILTER", "(", "WHERE")
        where = self.expression()
        self.expect(")")
        return where

    def _over(self) -> Window | None:
        return self.window() if self.take("OVER") else None
