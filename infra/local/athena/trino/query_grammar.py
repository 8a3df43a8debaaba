"""Trino's grammar of queries: WITH, SELECT, GROUP BY, set operations, ORDER BY, OFFSET, LIMIT."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.query_syntax import Query
from infra.local.athena.trino.relation_grammar import RelationGrammar
from infra.local.athena.trino.syntax import Node, Nodes

_FRAMES = ("ROWS", "RANGE", "GROUPS")


class QueryGrammar(RelationGrammar):
    """Reads queries."""

    def query(self) -> Query:
        """Read `[WITH ...] body [ORDER BY] [OFFSET] [LIMIT]`."""
        at = self.word.start
        tables: list[query_syntax.CommonTable] = []
        if self.take("WITH"):
            if self.comes("RECURSIVE"):
                self.absent("WITH RECURSIVE")
            if self.comes("SESSION") or (self.comes("FUNCTION") and self.is_name(1)):
                self.absent(f"WITH {self.word.key}")
            tables.append(self._common_table())
            while self.take(","):
                tables.append(self._common_table())
        return self._query_after_with(tuple(tables), at)

    def sorts(self) -> tuple[syntax.Sort, ...]:
        """Read the keys behind ORDER BY; nulls come last, both ways."""
        items = [self._sort()]
        while self.take(","):
            items.append(self._sort())
        return tuple(items)

    def window(self) -> syntax.Window:
        """Read a window: its name, or its parts in parentheses."""
        at = self.word.start
        if not self.take("("):
            return syntax.Window(self.name().lower(), at=at)
        name = None if self.word.key in ("PARTITION", "ORDER", *_FRAMES, ")") else self.name().lower()
        partition = self.expressions() if self.take("PARTITION", "BY") else ()
        order = self.sorts() if self.take("ORDER", "BY") else ()
        unit = self.take_one(*_FRAMES)
        start = stop = None
        if unit:
            between = self.take("BETWEEN")
            start = self._bound()
            if between:
                self.expect("AND")
                stop = self._bound()
        self.expect(")")
        return syntax.Window(name, partition, order, unit, start, stop, at=at)

    def _query_after_with(self, tables: tuple[query_syntax.CommonTable, ...], at: int) -> Query:
        body = self._term()
        order = self.sorts() if self.take("ORDER", "BY") else ()
        offset = limit = None
        ties = False
        if self.take("OFFSET"):
            offset = self.whole()
            self.take_one("ROW", "ROWS")
        if self.take("LIMIT"):
            limit = None if self.take("ALL") else self.whole()
        elif self.take("FETCH"):
            if not self.take_one("FIRST", "NEXT"):
                self.mismatch("'FIRST', 'NEXT'")
            limit = self.whole() if self.word.sort == "number" else 1
            if not self.take_one("ROW", "ROWS"):
                self.mismatch("'ROW', 'ROWS'")
            ties = self.take("WITH", "TIES")
            if not ties:
                self.expect("ONLY")
        return Query(body, tables, order, offset, limit, ties, at=at)

    def _common_table(self) -> query_syntax.CommonTable:
        at = self.word.start
        name = self.name().lower()
        columns = self.names() if self.comes("(") else ()
        self.expect("AS", "(")
        query = self.query()
        self.expect(")")
        return query_syntax.CommonTable(name, columns, query, at=at)

    def _sort(self) -> syntax.Sort:
        at = self.word.start
        value = self.expression()
        descending = self.take_one("ASC", "DESC") == "DESC"
        first = False
        if self.take("NULLS"):
            first = self.take_one("FIRST", "LAST") == "FIRST"
            if not first and self.words[self.position - 1].key != "LAST":
                self.mismatch("'FIRST', 'LAST'")
        return syntax.Sort(value, descending, first, at=at)

    def _bound(self) -> syntax.Bound:
        at = self.word.start
        if self.take("CURRENT"):
            self.expect("ROW")
            return syntax.Bound("CURRENT ROW", at=at)
        amount = None if self.take("UNBOUNDED") else self.expression()
        direction = self.take_one("PRECEDING", "FOLLOWING")
        if not direction:
            self.mismatch("'PRECEDING', 'FOLLOWING'")
        return syntax.Bound(direction if amount else f"UNBOUNDED {direction}", amount, at=at)

    def _term(self) -> Node:
        left = self._intersections()
        while self.word.key in ("UNION", "EXCEPT"):
            left = self._operation(left, self._intersections)
        return left

    def _intersections(self) -> Node:
        left = self._body()
        while self.comes("INTERSECT"):
            left = self._operation(left, self._body)
        return left

    def _operation(self, left: Node, read: Callable[[], Node]) -> Node:
        word = self.advance()
        distinct = self.take_one("ALL", "DISTINCT") != "ALL"
        right = read()
        return query_syntax.SetOperation(word.key, distinct, left, right, at=word.start)

    def _body(self) -> Node:
        at = self.word.start
        if self.take("SELECT"):
            return self._select(at)
        if self.take("VALUES"):
            return query_syntax.ValueRows(self.expressions(), at=at)
        if self.take("TABLE"):
            table = query_syntax.TableName(self.dotted_name(), at=self.word.start)
            return query_syntax.Select((query_syntax.AllColumns(at=at),), source=table, at=at)
        self.expect("(")
        query = self._query_after_with((), self.word.start)
        self.expect(")")
        return query

    def _select(self, at: int) -> Node:
        distinct = self.take_one("DISTINCT", "ALL") == "DISTINCT"
        items = [self._item()]
        while self.take(","):
            items.append(self._item())
        source = self.source() if self.take("FROM") else None
        where = self.expression() if self.take("WHERE") else None
        groups = self._groups() if self.take("GROUP", "BY") else None
        having = self.expression() if self.take("HAVING") else None
        windows: list[tuple[str, syntax.Window]] = []
        while self.take("WINDOW" if not windows else ","):
            name = self.name().lower()
            self.expect("AS")
            windows.append((name, self.window()))
        return query_syntax.Select(tuple(items), distinct, source, where, groups, having, tuple(windows), at=at)

    def _item(self) -> Node:
        at = self.word.start
        if self.take("*"):
            return query_syntax.AllColumns(at=at)
        if self.is_name() and self.ahead(1).key == "." and self.ahead(2).key == "*":
            table = self.name().lower()
            self.position += 2
            return query_syntax.AllColumns(table, at=at)
        value = self.expression()
        alias = self.name() if self.take("AS") or self._alias_comes() else None
        return query_syntax.Item(value, alias, at=at)

    def _alias_comes(self) -> bool:
        """Say whether a name without AS comes: words that could open a clause here, such as WINDOW, are none."""
        if self.word.key in ("LIMIT", "OFFSET", "FETCH", "WINDOW"):
            return self.ahead(1).key in (",", ")", ".", "AS") or self.ahead(1).sort == "end"
        return self.is_name()

    def _groups(self) -> tuple[query_syntax.Grouping, ...]:
        if self.take_one("ALL", "DISTINCT") == "DISTINCT":
            self.absent("GROUP BY DISTINCT")
        items = [self._grouping()]
        while self.take(","):
            items.append(self._grouping())
        return tuple(items)

    def _grouping(self) -> query_syntax.Grouping:
        at = self.word.start
        sort = self.take_one("ROLLUP", "CUBE") or ("GROUPING SETS" if self.take("GROUPING", "SETS") else "")
        if not sort:
            return query_syntax.Grouping("", (self._grouping_set(),), at=at)
        self.expect("(")
        sets = [self._grouping_set()]
        while self.take(","):
            sets.append(self._grouping_set())
        self.expect(")")
        return query_syntax.Grouping(sort, tuple(sets), at=at)

    def _grouping_set(self) -> Nodes:
        if self.take("(", ")"):
            return ()
        value = self.expression()
        return value.items if isinstance(value, syntax.RowOf) else (value,)
