"""What stands in FROM in DuckDB's SQL: tables, views, queries, UNNEST and joins, each under a name of its own."""

from __future__ import annotations

from dataclasses import replace

from infra.local.athena.trino import query_syntax, syntax
from infra.local.athena.trino.kinds import BIGINT, UNKNOWN, VARCHAR, Kind, common, is_number, named_fields, quote
from infra.local.athena.trino.limits import limits_of
from infra.local.athena.trino.operators import comparison
from infra.local.athena.trino.scopes import Column, Outputs, Scope, TableUse, use_column
from infra.local.athena.trino.syntax import Node
from infra.local.athena.trino.translator import Translator
from infra.local.athena.trino.values import Refusal, Value, absent, coerce, mismatch, text
from infra.local.athena.trino.versions import constant, table_version

_WITH_QUERIES = (syntax.InQuery, syntax.Exists, syntax.ScalarQuery, syntax.QuantifiedComparison)


def relation_sql(translator: Translator, node: Node, outer: Scope | None, left: list[Column] | None = None) -> tuple[str, list[Column]]:
    """Return a relation and its columns; `left` are those of relations before it, which UNNEST and LATERAL may name."""
    if isinstance(node, query_syntax.Alias):
        return _with_alias(translator, node, outer, left)
    if isinstance(node, query_syntax.TableName):
        return _table(translator, node)
    if isinstance(node, query_syntax.Sample):
        return _sample(translator, node, outer, left)
    if isinstance(node, query_syntax.InnerQuery):
        sql, outputs = translator.query(node.query, Scope(list(left or []), outer) if node.lateral else outer)
        return _derived(translator, f"{'LATERAL ' if node.lateral else ''}({sql})", outputs)
    if isinstance(node, query_syntax.Unnest):
        return _unnest(translator, node, Scope(list(left or []), outer, clause="UNNEST"))
    assert isinstance(node, query_syntax.Join)
    return _join(translator, node, outer, left or [])


def renamed_columns(outputs: Outputs, names: tuple[str, ...], at: int) -> Outputs:
    """Return columns under the names that a list behind an alias gives them."""
    if not names:
        return outputs
    if len(names) != len(outputs):
        raise Refusal(
            "MISMATCHED_COLUMN_ALIASES", at, f"Column alias list has {len(names)} entries but {len(outputs)} columns are available"
        )
    return [(name, kind) for name, (_, kind) in zip(names, outputs, strict=True)]


def note_conditions(translator: Translator, where: Node, scope: Scope) -> None:
    """Remember what conditions ask of partition keys, or of single columns, of one table: that decides which files Athena reads."""
    terms = where.terms if isinstance(where, syntax.Logic) and where.operator == "AND" else (where,)
    for term in terms:
        nodes = list(syntax.walk(term))
        if any(isinstance(node, _WITH_QUERIES) for node in nodes):
            continue
        names = [node for node in nodes if isinstance(node, syntax.Name | syntax.Dotted) and id(node) in translator.meanings]
        sql = {translator.meanings[id(name)].sql for name in names}
        columns = [column for column in scope.columns if column.sql in sql]
        use = columns[0].source if columns and len(columns) == len(sql) else None
        if use is None or not use.prunes or any(column.source is not use for column in columns):
            continue
        if all(column.name in translator.keys[id(use)] for column in columns):
            use.conditions.append(translator.meanings[id(term)].sql)
        named = {id(name): column.name for name in names for column in columns if column.sql == translator.meanings[id(name)].sql}
        limits = limits_of(term, named, {column.name: column.kind for column in columns})
        if limits is not None:
            use.limits.append(limits)


def _table(translator: Translator, node: query_syntax.TableName) -> tuple[str, list[Column]]:
    *schema, name = node.parts
    if not schema and name in translator.common_tables:
        sql, outputs = translator.common_tables[name]
        sql, columns = _derived(translator, sql, outputs)
        return sql, [replace(column, table=name) for column in columns]
    if len(schema) > 1 and schema[0] != "awsdatacatalog":
        raise Refusal("CATALOG_NOT_FOUND", node.at, f"Catalog '{schema[0]}' not found")
    database = schema[-1] if schema else None
    view = translator.tables.view(database, name, node.at)
    if view is not None and node.version is not None:
        raise Refusal("NOT_SUPPORTED", node.version.at, f"View '{name}' does not support versions. Name a table")
    if view is not None:
        sql, outputs = translator.view(view[0], view[1])
        sql, columns = _derived(translator, f"({sql})", [(own, kind) for own, (_, kind) in zip(view[2], outputs, strict=True)])
        return sql, [replace(column, table=name) for column in columns]
    version = table_version(translator, node.version) if node.version is not None else None
    schema_name, kinds, keys = translator.tables.columns(database, name, node.at, version)
    use = TableUse(schema_name, name, translator.fresh("r"), translator.fresh("table_"), version=version)
    translator.uses.append(use)
    translator.keys[id(use)] = keys
    columns = [Column(name, column, kind, f"{use.alias}.{quote(column)}", source=use, schema=schema_name) for column, kind in kinds.items()]
    columns.append(Column(name, "$path", VARCHAR, f'{use.alias}."$path"', hidden=True, source=use, schema=schema_name))
    return f"{use.name_here} AS {use.alias}", columns


def _derived(translator: Translator, sql: str, outputs: Outputs) -> tuple[str, list[Column]]:
    alias = translator.fresh("r")
    names = [f"c{place}" for place in range(1, len(outputs) + 1)]
    columns = [Column("", name, kind, f"{alias}.{own}") for own, (name, kind) in zip(names, outputs, strict=True)]
    return f"{sql} AS {alias}({', '.join(names)})", columns


def _with_alias(
    translator: Translator, node: query_syntax.Alias, outer: Scope | None, left: list[Column] | None
) -> tuple[str, list[Column]]:
    sql, columns = relation_sql(translator, node.relation, outer, left)
    visible = [column for column in columns if not column.hidden]
    names = [name for name, _ in renamed_columns([(column.name, column.kind) for column in visible], node.columns, node.at)]
    columns_by_alias = [replace(column, table=node.alias, schema="", name=name) for column, name in zip(visible, names, strict=True)]
    hidden = [replace(column, table=node.alias, schema="") for column in columns if column.hidden]
    if node.columns:  # the catalog's names stay behind the new ones
        _follow(columns_by_alias, visible)
    return sql, columns_by_alias + hidden


def _follow(columns_by_alias: list[Column], visible: list[Column]) -> None:
    for place, column in enumerate(visible):
        if column.source is not None:
            column.source.used.add(column.name)
            columns_by_alias[place] = replace(columns_by_alias[place], source=None)


def _sample(translator: Translator, node: query_syntax.Sample, outer: Scope | None, left: list[Column] | None) -> tuple[str, list[Column]]:
    """Return a relation of which each row is left in with the same chance."""
    sql, columns = relation_sql(translator, node.relation, outer, left)
    if isinstance(node.relation, query_syntax.Join):
        absent(node.at, "a sample of a join")
    percentage = constant(translator, node.percentage, "Sample percentage")
    if not is_number(percentage.kind):
        mismatch(node.percentage.at, "Sample percentage should be a numeric expression")
    share = float(str(translator.tables.constant(percentage.sql)))
    if not 0 <= share <= 100:
        raise Refusal("NUMERIC_VALUE_OUT_OF_RANGE", node.percentage.at, "Sample percentage must be between 0 and 100")
    return f"{sql} TABLESAMPLE bernoulli({share} PERCENT)", columns


def _unnest(translator: Translator, node: query_syntax.Unnest, scope: Scope) -> tuple[str, list[Column]]:
    """Return the rows of arrays and maps side by side; the shorter ones end in NULL."""
    alias = translator.fresh("r")
    parts: list[str] = []
    columns: list[Column] = []
    lengths = []
    for each in node.values:
        value = translator.value(each, scope)
        lengths.append(f"coalesce(len({value.sql}), 0)" if value.kind.name == "array" else f"coalesce(len(map_keys({value.sql})), 0)")
        for sql, kind in _elements(value):
            own = f"c{len(parts) + 1}"
            parts.append(f"unnest({sql}) AS {own}")
            columns += _spread(f"{alias}.{own}", kind)
    if node.ordinality:
        own = f"c{len(parts) + 1}"
        parts.append(f"unnest(generate_series(1, greatest({', '.join(lengths)}))) AS {own}")
        columns.append(Column("", "", BIGINT, f"{alias}.{own}"))
    return f"LATERAL (SELECT {', '.join(parts)}) AS {alias}", columns


def _join(translator: Translator, node: query_syntax.Join, outer: Scope | None, before: list[Column]) -> tuple[str, list[Column]]:
    left, left_columns = relation_sql(translator, node.left, outer, before)
    right, right_columns = relation_sql(translator, node.right, outer, [*before, *left_columns])
    for side, sorts in ((left_columns, ("RIGHT", "FULL")), (right_columns, ("LEFT", "FULL"))):
        for column in side if node.sort in sorts else []:
            if column.source is not None:
                column.source.prunes = False
    columns = left_columns + right_columns
    if isinstance(node.right, query_syntax.Join):
        right = f"({right})"
    if node.sort == "CROSS":
        return f"{left} CROSS JOIN {right}", columns
    if node.using:
        return _join_using(node, left, right, left_columns, right_columns)
    scope = Scope(columns, outer, clause="JOIN clause")
    assert node.on is not None
    on = translator.condition(node.on, scope, "JOIN ON clause")
    if right.startswith("LATERAL") and node.sort in ("RIGHT", "FULL"):
        raise Refusal("NOT_SUPPORTED", node.at, f"UNNEST and LATERAL in a {node.sort} JOIN are not on this disk")
    return f"{left} {node.sort} JOIN {right} ON {on.sql}", columns


def _join_using(
    node: query_syntax.Join, left: str, right: str, left_columns: list[Column], right_columns: list[Column]
) -> tuple[str, list[Column]]:
    conditions, joint = [], []
    for name in node.using:
        one, other = (_only(side, name, node.at) for side in (left_columns, right_columns))
        own, its = use_column(one, node.at), use_column(other, node.at)
        kind = common(one.kind, other.kind)
        if kind is None:
            mismatch(node.at, f"Column types of left and right side are not compatible: {one.kind} and {other.kind}")
        conditions.append(comparison("=", own, its, node.at).sql)
        first, second = coerce(own, kind).sql, coerce(its, kind).sql
        sql = {"RIGHT": second, "FULL": f"coalesce({first}, {second})"}.get(node.sort, first)
        joint.append(Column("", name, kind, sql))
    rest = [column for column in left_columns + right_columns if column.name.lower() not in node.using]
    return f"{left} {node.sort} JOIN {right} ON {' AND '.join(conditions)}", joint + rest


def _only(columns: list[Column], name: str, at: int) -> Column:
    matches = [column for column in columns if column.name.lower() == name]
    if len(matches) != 1:
        code = "AMBIGUOUS_NAME" if matches else "COLUMN_NOT_FOUND"
        raise Refusal(code, at, f"Column '{name}' is {'ambiguous' if matches else 'missing from one side of the join'}")
    return matches[0]


def _elements(value: Value) -> list[tuple[str, Kind]]:
    """Return what UNNEST makes of a value: DuckDB's SQL for a list, and the type of its elements; two lists of a map."""
    if value.kind.name == "array":
        return [(value.sql, value.kind.inside[0])]
    if value.kind.name == "map":
        key, content = value.kind.inside
        return [(f"map_keys({value.sql})", key), (f"map_values({value.sql})", content)]
    if value.kind == UNKNOWN:
        return [("CAST([] AS INTEGER[])", UNKNOWN)]
    mismatch(value.at, f"Cannot unnest type: {value.kind}")


def _spread(sql: str, kind: Kind) -> list[Column]:
    """Return the columns of one array in UNNEST: a row's fields become columns of their own."""
    if kind.name != "row":
        return [Column("", "", kind, sql)]
    pairs = zip(named_fields(kind), kind.fields, strict=True)
    return [Column("", field or "", each, f"struct_extract({sql}, {text(inside)})") for (inside, each), field in pairs]
