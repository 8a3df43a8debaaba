"""What Athena refuses is refused here, in every statement: what is no SQL of Trino, types that do not go together, files, other engines."""

from __future__ import annotations

import pytest
from athena_lake import Answers, Lake

NO_SQL_OF_TRINO = {
    "SELECT a::bigint FROM t": "line 1:9: mismatched input ':'",
    "SELECT a FROM t GROUP BY ALL": "line 1:29: mismatched input '<EOF>'",
    "SELECT a FROM t ORDER BY ALL": "COLUMN_NOT_FOUND: line 1:26: Column 'all' cannot be resolved",
    "SELECT * EXCLUDE (a) FROM t": "mismatched input 'EXCLUDE'",
    "SELECT * REPLACE (1 AS a) FROM t": "mismatched input 'REPLACE'",
    "SELECT COLUMNS('a') FROM t": "FUNCTION_NOT_FOUND: line 1:8: Function 'columns' not registered",
    "FROM t": "Queries of this type are not supported",
    "FROM t SELECT a": "Queries of this type are not supported",
    "SELECT a FROM t QUALIFY row_number() OVER () = 1": "mismatched input 'row_number'",
    "SELECT DISTINCT ON (a) a FROM t": "mismatched input 'ON'",
    "SELECT a // 2 FROM t": "mismatched input '/'",
    "SELECT a ** 2 FROM t": "mismatched input '*'",
    "SELECT a ^ 2 FROM t": "mismatched input '^'",
    "SELECT a == 1 FROM t": "mismatched input '='",
    "SELECT a & 1 FROM t": "mismatched input '&'",
    "SELECT b[1:2] FROM t": "mismatched input ':'",
    "SELECT [1, 2]": "mismatched input '['",
    "SELECT {'a': 1}": "mismatched input '{'",
    "SELECT [x FOR x IN list] FROM t": "mismatched input '['",
    "SELECT transform(list, lambda x: x) FROM t": "mismatched input ':'",
    "SELECT a FROM t LIMIT 10%": "mismatched input '%'",
    "SELECT a FROM t LIMIT 1, 2": "mismatched input ','",
    "SELECT TOP 1 a FROM t": "mismatched input '1'",
    "SELECT a FROM t USING SAMPLE 10": "mismatched input 'USING'",
    "SELECT a FROM t ASOF JOIN t AS u ON true": "AMBIGUOUS_NAME: line 1:8: Column 'a'",  # to Athena, ASOF is an alias
    "SELECT 1 FROM t AS x POSITIONAL JOIN t AS y": "mismatched input 'POSITIONAL'",
    "SELECT 1 FROM t AS x SEMI JOIN t AS y ON true": "mismatched input 'SEMI'",
    "PIVOT t ON a": "Queries of this type are not supported",
    "SELECT a FROM t WHERE b ILIKE 'x'": "mismatched input 'ILIKE'",
    "SELECT a FROM t WHERE b SIMILAR TO 'x'": "mismatched input 'SIMILAR'",
    "SELECT a FROM t WHERE b GLOB 'x'": "mismatched input 'GLOB'",
    "SELECT a FROM t WHERE b ISNULL": "mismatched input 'ISNULL'",
    "SELECT 'a' 'b'": "mismatched input 'b'",
    "SELECT `a` FROM t": "backquoted identifiers are not supported",
    "SELECT 1a": "identifiers must not start with a digit",
    "SELECT 1 AS 'a'": "mismatched input 'a'",
    "SELECT a FROM 'file.parquet'": "a file is no table",
    "SELECT a FROM read_text('/etc/hostname')": "a function is no table",
    "SELECT a FROM read_parquet('/x')": "a function is no table",
    "SELECT a FROM range(3)": "a function is no table",
    "SELECT a FROM generate_series(1, 3)": "a function is no table",
    "SELECT a FROM glob('/*')": "a function is no table",
    'SELECT a FROM "/etc/hostname"': "TABLE_NOT_FOUND",
    'SELECT a FROM "file.parquet"': "TABLE_NOT_FOUND",
    "SELECT INTERVAL 1 DAY": "mismatched input '1'",
    "SELECT a FROM t AS x (y": "mismatched input '<EOF>'",
    "SELECT": "mismatched input '<EOF>'",
    "SELECT FROM t": "mismatched input 'FROM'",
    "SELECT a, FROM t": "mismatched input 'FROM'",
    "SELECT (SELECT 1": "mismatched input",
    "SELECT 1 = 2 = 3": "mismatched input '='",
}


@pytest.mark.parametrize("sql", NO_SQL_OF_TRINO)
def test_what_is_no_sql_of_trino_is_refused(athena: Answers, sql: str) -> None:
    assert NO_SQL_OF_TRINO[sql] in athena.why_not(sql)


NOT_ATHENAS = [
    "median(a)", "read_text('/etc/hostname')", "list_sum(list)", "len(b)", "string_agg(b, ',')", "first(a)", "strftime(moment, '%Y')",
    "getenv('HOME')", "current_setting('threads')", "list_value(1)", "struct_pack(a := 1)", "epoch(moment)", "quantile_cont(a, 0.5)",
    "mode(a)", "hash(a)", "java_number(d)", "json_found('{}', '$')", "error('x')", "contains('abc', 'b')", "if(a)", "ifnull(a, 1)",
    "nvl(a, 1)", "iif(true, 1, 2)", "string_split(b, ',')", "now(1)", "length(b, 1)", "left(b, 1)", "datediff('day', day, day)",
]  # fmt: skip


@pytest.mark.parametrize("call", NOT_ATHENAS)
def test_a_function_that_athena_does_not_have_is_refused(athena: Answers, call: str) -> None:
    reason = athena.why_not(f"SELECT {call} FROM t")

    assert reason.startswith(("FUNCTION_NOT_FOUND: line 1:8: ", "line 1:")), reason


TYPES_THAT_DO_NOT_GO_TOGETHER = {
    "a = 'text'": "TYPE_MISMATCH: line 1:10: Cannot apply operator: bigint = varchar(4)",
    "a < '1'": "TYPE_MISMATCH: line 1:10: Cannot apply operator: bigint < varchar(1)",
    "'1' <> a": "TYPE_MISMATCH: line 1:12: Cannot apply operator: varchar(1) <> bigint",
    "d = '1.5'": "Cannot apply operator: double = varchar(3)",
    "day = '2026-01-02'": "Cannot apply operator: date = varchar(10)",
    "moment > '2026-01-02'": "Cannot apply operator: timestamp(3) > varchar(10)",
    "c = 1": "Cannot apply operator: boolean = integer",
    "c = 'true'": "Cannot apply operator: boolean = varchar(4)",
    "b = 1": "Cannot apply operator: varchar = integer",
    "a IN ('1', '2')": "IN value and list items must be the same type",
    "a BETWEEN '1' AND '2'": "Cannot check if bigint is BETWEEN varchar(1) and varchar(1)",
    "a IS DISTINCT FROM '1'": "Cannot apply operator: bigint IS DISTINCT FROM varchar(1)",
    "a LIKE '1%'": "Left side of LIKE expression must evaluate to a varchar: actual type bigint",
    "a + '1'": "Cannot apply operator: bigint + varchar(1)",
    "a || 'x'": "Cannot apply operator: bigint || varchar(1)",
    "day + 1": "Cannot apply operator: date + integer",
    "-b": "Cannot apply operator: -varchar",
    "CASE WHEN c THEN 1 ELSE 'a' END": "All CASE results must be the same type",
    "CASE a WHEN '1' THEN 1 END": "Cannot apply operator: bigint = varchar(1)",
    "if(c, 1, 'a')": "Result types for IF must be the same",
    "if(a, 1)": "IF condition must evaluate to a boolean: actual type bigint",
    "coalesce(a, 'x')": "All COALESCE operands must be the same type",
    "nullif(a, 'x')": "Cannot apply operator: bigint = varchar(1)",
    "greatest(a, 'x')": "All arguments of greatest must be the same type",
    "ARRAY[1, 'a']": "All ARRAY elements must be the same type",
    "NOT a": "NOT must evaluate to a boolean: actual type bigint",
    "c AND a": "Logical expression term of AND must evaluate to a boolean: actual type bigint",
    "a IN (SELECT b FROM t)": "Value expression and result of subquery must be of the same type: bigint vs varchar",
    "a = (SELECT b FROM t)": "Cannot apply operator: bigint = varchar",
    "CAST(day AS bigint)": "Cannot cast date to bigint",
    "CAST(a AS date)": "Cannot cast bigint to date",
    "list['x']": "Cannot apply operator: array(bigint)[varchar(1)]",
    "b.x": "is not of type ROW",
}


@pytest.mark.parametrize("expression", TYPES_THAT_DO_NOT_GO_TOGETHER)
def test_types_that_do_not_go_together_are_refused(athena: Answers, expression: str) -> None:
    assert TYPES_THAT_DO_NOT_GO_TOGETHER[expression] in athena.why_not(f"SELECT {expression} FROM t")


ARGUMENTS = {
    "upper(a)": "FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (bigint) for function upper. Expected: upper(varchar)",
    "sum(b)": "Unexpected parameters (varchar) for function sum",
    "count(DISTINCT a, b)": "Unexpected parameters (bigint, varchar) for function count. Expected: count(), count(T)",
    "sqrt('4')": "Unexpected parameters (varchar(1)) for function sqrt",
    "substr(b, '1')": "Unexpected parameters (varchar, varchar(1)) for function substr",
    "date_add('day', '1', day)": "Unexpected parameters (varchar(3), varchar(1), date) for function date_add",
    "date_diff('day', day, '2026-01-01')": "Unexpected parameters (varchar(3), date, varchar(10)) for function date_diff",
    "year('2026-01-01')": "Unexpected parameters (varchar(10)) for function year",
    "contains(list, 'x')": "Unexpected parameters (array(bigint), varchar(1)) for function contains",
    "concat(a, 'x')": "Cannot apply operator: bigint || varchar(1)",
    "bool_or(a)": "Unexpected parameters (bigint) for function bool_or",
    "filter(list, x -> x)": "Expected a lambda that returns boolean",
    "transform(list, (x, y) -> x)": "Expected a lambda that takes 1 argument(s)",
    "sum(*)": "FUNCTION_NOT_FOUND",
}


@pytest.mark.parametrize("call", ARGUMENTS)
def test_arguments_of_the_wrong_type_or_number_are_refused(athena: Answers, call: str) -> None:
    assert ARGUMENTS[call] in athena.why_not(f"SELECT {call} FROM t")


QUERIES = {
    "SELECT a AS x FROM t WHERE x = 1": "COLUMN_NOT_FOUND: line 1:28: Column 'x' cannot be resolved",
    "SELECT a AS x FROM t GROUP BY x": "COLUMN_NOT_FOUND: line 1:31: Column 'x' cannot be resolved",
    "SELECT a AS x, x + 1 FROM t": "COLUMN_NOT_FOUND: line 1:16: Column 'x' cannot be resolved",
    "SELECT a FROM t WHERE a": "WHERE clause must evaluate to a boolean: actual type bigint",
    "SELECT a FROM t WHERE sum(a) > 1": "EXPRESSION_NOT_SCALAR: line 1:23: WHERE clause cannot contain aggregations",
    "SELECT a, count(*) FROM t": "EXPRESSION_NOT_AGGREGATE: line 1:8: 'a' must be an aggregate expression or appear in GROUP BY clause",
    "SELECT b FROM t GROUP BY a": "'b' must be an aggregate expression",
    "SELECT a FROM t GROUP BY a HAVING b = 'x'": "'b' must be an aggregate expression",
    "SELECT a FROM t GROUP BY a ORDER BY b": "'b' must be an aggregate expression",
    "SELECT * FROM t GROUP BY a": "must be an aggregate expression",
    "SELECT max(sum(a)) FROM t": "NESTED_AGGREGATION: line 1:12: ",
    "SELECT sum(row_number() OVER ()) FROM t": "NESTED_AGGREGATION",
    "SELECT row_number() FROM t": "MISSING_OVER: line 1:8: ",
    "SELECT lower(b) OVER () FROM t": "FUNCTION_NOT_AGGREGATE",
    "SELECT a FROM t GROUP BY 2": "INVALID_COLUMN_REFERENCE: line 1:26: GROUP BY position 2 is not in select list",
    "SELECT a FROM t ORDER BY 2": "INVALID_COLUMN_REFERENCE: line 1:26: ORDER BY position 2 is not in select list",
    "SELECT sum(a) FROM t GROUP BY 1": "GROUP BY clause cannot contain aggregations",
    "SELECT DISTINCT a FROM t ORDER BY b": "EXPRESSION_NOT_IN_DISTINCT",
    "SELECT a FROM t AS x, t AS y": "AMBIGUOUS_NAME: line 1:8: Column 'a' is ambiguous",
    "SELECT t.a FROM t AS x": "COLUMN_NOT_FOUND: line 1:8: Column 't.a' cannot be resolved",
    "SELECT x.a FROM t AS x JOIN t AS y USING (a)": "COLUMN_NOT_FOUND: line 1:8: Column 'x.a' cannot be resolved",
    "SELECT 1 FROM t AS x JOIN t AS y USING (z)": "COLUMN_NOT_FOUND",
    "SELECT 1 FROM t AS x JOIN t AS y ON x.a": "JOIN ON clause must evaluate to a boolean",
    "SELECT 1 FROM t AS x JOIN t AS y ON x.a = y.b": "Cannot apply operator: bigint = varchar",
    "SELECT 1 FROM nowhere": "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.mabe.nowhere' does not exist",
    "SELECT 1 FROM elsewhere.mabe.t": "CATALOG_NOT_FOUND: line 1:15: Catalog 'elsewhere' not found",
    "SELECT z.* FROM t": "TABLE_NOT_FOUND: line 1:8: Table 'z' not found",
    "SELECT *": "SELECT * not allowed in queries without FROM clause",
    "SELECT a FROM t UNION SELECT b FROM t": "TYPE_MISMATCH: line 1:17: column 1 in UNION query has incompatible types: bigint, varchar",
    "SELECT a FROM t UNION SELECT a, b FROM t": "UNION query has different number of fields: 1, 2",
    "VALUES (1, 'a'), ('b', 2)": "Values rows have mismatched types",
    "VALUES (1, 2), (3)": "Values rows have mismatched types",
    "SELECT x FROM (SELECT 1, 2) AS v(x)": "Column alias list has 1 entries but 2 columns are available",
    "SELECT 1 FROM UNNEST(1) AS v(x)": "Cannot unnest type: integer",
    "SELECT (SELECT a, b FROM t)": "a subquery of 2 columns",
    "SELECT x -> x": "Lambda expression should always be used inside a function",
    "SELECT MAP() AS m ORDER BY m": "Type map(unknown, unknown) is not orderable",
    "SELECT a FROM t FETCH FIRST 1 ROW WITH TIES": "FETCH FIRST WITH TIES clause requires ORDER BY",
    "SELECT rank() OVER w FROM t": "Cannot resolve WINDOW name w",
    "SELECT a FROM t TABLESAMPLE SYSTEM (10)": "TABLESAMPLE SYSTEM is not on this disk",
    "SELECT a FROM t TABLESAMPLE BERNOULLI (101)": "Sample percentage must be between 0 and 100",
    "SELECT a FROM t TABLESAMPLE BERNOULLI ('x')": "Sample percentage should be a numeric expression",
    "SELECT a FROM t TABLESAMPLE BERNOULLI (a)": "EXPRESSION_NOT_CONSTANT",
    "WITH RECURSIVE r(n) AS (SELECT 1) SELECT n FROM r": "NOT_SUPPORTED",
    "SELECT a FROM t NATURAL JOIN t AS u": "NOT_SUPPORTED",
    "SELECT 1 UNION SELECT 2 ORDER BY 1 + 1": "NOT_SUPPORTED",
    "SELECT json_value('{}', 'lax $.a')": "NOT_SUPPORTED",
}


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_that_athena_refuses_is_refused(athena: Answers, sql: str) -> None:
    assert QUERIES[sql] in athena.why_not(sql)


OTHER_STATEMENTS = """
PRAGMA version
ATTACH 'x.db'
DETACH x
COPY speeds TO '/tmp/x.csv'
SET threads = 1
INSTALL httpfs
LOAD httpfs
CALL pragma_version()
EXPORT DATABASE '/tmp/x'
CREATE TABLE x (a int)
CREATE MACRO f(x) AS x
CREATE TEMP TABLE x AS SELECT 1
CREATE SECRET s (TYPE s3)
DELETE FROM speeds
UPDATE speeds SET note = 'x'
TRUNCATE speeds
VACUUM
SUMMARIZE speeds
BEGIN TRANSACTION
USE mabe
SHOW ALL TABLES
DESCRIBE SELECT 1
PREPARE p FROM SELECT 1
EXECUTE p
EXPLAIN (TYPE IO) SELECT 1
EXPLAIN ANALYZE SELECT 1
ALTER TABLE speeds RENAME TO x
MERGE INTO speeds USING speeds AS s ON true
-- nothing
SELECT 1; SELECT 2
"""


def test_a_statement_of_another_kind_never_begins(lake: Lake) -> None:
    for sql in OTHER_STATEMENTS.strip().splitlines():
        with pytest.raises(lake.athena.exceptions.InvalidRequestException):
            lake.run(sql)


FORBIDDEN = {
    "SELECT * FROM read_text('/etc/hostname')": "a function is no table",
    "SELECT * FROM '/etc/hostname'": "a file is no table",
    "SELECT median(video_id) AS m FROM speeds": "Function 'median' not registered",
    "SELECT video_id AS v FROM speeds WHERE video_id = 'x'": "Cannot apply operator: bigint = varchar(1)",
    "SELECT video_id AS v FROM speeds WHERE v = 1": "Column 'v' cannot be resolved",
    "SELECT lab_id FROM speeds GROUP BY ALL": "mismatched input",
}
STATEMENTS = [
    "{}",
    "SELECT * FROM ({}) AS inside",
    "WITH w AS ({}) SELECT * FROM w",
    "SELECT 1 AS a UNION ALL SELECT 2 FROM ({}) AS inside",
    "SELECT 1 AS a WHERE EXISTS ({})",
    "CREATE TABLE made AS {}",
    "CREATE VIEW made AS {}",
    "INSERT INTO speeds {}",
    "UNLOAD ({}) TO 's3://curated-zone/unloaded/' WITH (format = 'PARQUET')",
    "EXPLAIN (TYPE VALIDATE) {}",
]


def test_what_athena_refuses_is_refused_in_every_statement(lake: Lake) -> None:
    for statement in STATEMENTS:
        for query, reason in FORBIDDEN.items():
            try:
                told = lake.why_not(statement.format(query))
            except lake.athena.exceptions.InvalidRequestException as error:
                told = str(error)
            assert reason in told, statement.format(query)
    assert lake.rows("SHOW TABLES") == [["speeds"]]
    assert not (lake.endpoint.root / "curated-zone" / "unloaded").exists()


def test_a_view_made_elsewhere_is_held_to_the_same_rules(lake: Lake) -> None:
    import base64
    import json

    for query, reason in FORBIDDEN.items():
        about = {"originalSql": query, "catalog": "awsdatacatalog", "schema": "mabe", "columns": [{"name": "m", "type": "bigint"}]}
        view = {
            "Name": "foreign_view",
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(about).encode()).decode()} */",
            "StorageDescriptor": {"Columns": [{"Name": "m", "Type": "bigint"}], "Location": ""},
        }
        lake.glue.create_table(DatabaseName="mabe", TableInput=view)
        assert reason in lake.why_not("SELECT * FROM foreign_view"), query
        lake.glue.delete_table(DatabaseName="mabe", Name="foreign_view")


def test_execution_parameters_are_held_to_the_same_rules(lake: Lake) -> None:
    status = lake.run("SELECT video_id FROM speeds WHERE video_id = ?", ExecutionParameters=["'1'"])["Status"]

    assert "Cannot apply operator: bigint = varchar(1)" in status["StateChangeReason"]
