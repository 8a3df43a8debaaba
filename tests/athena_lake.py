"""Athena on this disk for tests: a small lake that unmodified clients ask, and an engine without files for values alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.athena.engine import SETTINGS
from infra.local.athena.failures import reason
from infra.local.athena.results import texts_of
from infra.local.athena.statement_reader import read_statement
from infra.local.athena.trino.kinds import BIGINT, BOOLEAN, DATE, DOUBLE, INTEGER, REAL, TIMESTAMP, VARCHAR, Kind, array
from infra.local.athena.trino.own_functions import teach
from infra.local.athena.trino.translation import translate
from infra.local.athena.trino.values import Refusal
from infra.local.errors import ServiceError

COLUMNS = [{"Name": "video_id", "Type": "bigint"}, {"Name": "speed", "Type": "double"}, {"Name": "note", "Type": "string"}]
PARQUET = {"SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}}
LABS = {"CRIM13": ([1, 2], [1.5, None], ['says "hi", twice', None]), "Rat Pairs": ([3], [2.5e7], [""])}


OF_T = {
    "a": BIGINT,
    "b": VARCHAR,
    "c": BOOLEAN,
    "d": DOUBLE,
    "r": REAL,
    "day": DATE,
    "moment": TIMESTAMP,
    "i": INTEGER,
    "list": array(BIGINT),
}


@dataclass
class Lake:
    """One partitioned table `speeds` of two labs, both registered, and a workgroup."""

    endpoint: Any
    athena: Any
    glue: Any

    def run(self, sql: str, **request: Any) -> dict[str, Any]:
        asked = {"QueryString": sql, "WorkGroup": "w", "QueryExecutionContext": {"Database": "mabe"}, **request}
        query_id = self.athena.start_query_execution(**asked)["QueryExecutionId"]
        while True:
            found = self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return found

    def rows(self, sql: str, **request: Any) -> list[list[str | None]]:
        execution = self.run(sql, **request)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        results = self.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in results["ResultSet"]["Rows"]]

    def why_not(self, sql: str) -> str:
        status = self.run(sql)["Status"]
        assert status["State"] == "FAILED"
        assert status["AthenaError"]["ErrorMessage"] == status["StateChangeReason"]
        return status["StateChangeReason"]


def make_lake(endpoint: Any) -> Lake:
    s3, glue, athena = boto3.client("s3"), boto3.client("glue"), boto3.client("athena")
    for bucket in ("curated-zone", "athena-results"):
        s3.create_bucket(Bucket=bucket)
    glue.create_database(DatabaseInput={"Name": "mabe"})
    storage = {"Columns": COLUMNS, "Location": "s3://curated-zone/speeds/", **PARQUET}
    table = {"Name": "speeds", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
    glue.create_table(DatabaseName="mabe", TableInput={**table, "PartitionKeys": [{"Name": "lab_id", "Type": "string"}]})
    for lab, columns in LABS.items():
        folder = endpoint.root / "curated-zone" / "speeds" / f"lab_id={lab}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table(dict(zip(("video_id", "speed", "note"), columns, strict=True))), folder / "part.parquet")
    output = {"OutputLocation": "s3://athena-results/"}
    athena.create_work_group(Name="w", Configuration={"ResultConfiguration": output, "EnforceWorkGroupConfiguration": True})
    lake = Lake(endpoint, athena, glue)
    lake.run("MSCK REPAIR TABLE speeds")
    return lake


class Answers:
    """Answers queries without a server: from values, or from a table `t` of one row whose columns have one type each."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config=SETTINGS)
        self.connection.execute("SET GLOBAL TimeZone = 'UTC'")
        teach(self.connection)

    def rows(self, sql: str) -> list[tuple[str | None, ...]]:
        """Return the rows of a query, as texts. Raises ServiceError or DuckDB's error."""
        statement = read_statement(sql)
        assert statement.query is not None
        translation = translate(statement.query, statement.sql, self)
        for use in translation.uses:
            self.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {use.name_here} AS SELECT CAST(1 AS BIGINT) AS a, 'x' AS b, true AS c, 1.5e0 AS d, "
                "CAST(2.5 AS FLOAT) AS r, DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS moment, "
                "CAST(3 AS INTEGER) AS i, CAST([1, 2] AS BIGINT[]) AS list"
            )
        found: list[tuple[str | None, ...]] = []
        for batch in self.connection.sql(translation.sql).to_arrow_reader(1000):
            cells = [texts_of(column, kind).to_pylist() for column, (_, kind) in zip(batch.columns, translation.columns, strict=True)]
            found += zip(*cells, strict=True)
        return found

    def words(self, sql: str) -> str:
        """Return DuckDB's SQL for a query."""
        statement = read_statement(sql)
        assert statement.query is not None
        return translate(statement.query, statement.sql, self).sql

    def value(self, expression: str) -> str | None:
        """Return the only value of `SELECT expression`, as text."""
        ((value,),) = self.rows(f"SELECT {expression}")
        return value

    def why_not(self, sql: str) -> str:
        """Return why a query fails. Fails if it is answered."""
        try:
            rows = self.rows(sql)
        except (ServiceError, duckdb.Error) as error:
            return reason(error)
        raise AssertionError(f"{sql} was answered: {rows}")

    def columns(self, database: str | None, name: str, at: int, version: object = None) -> tuple[str, dict[str, Kind], list[str]]:
        if name != "t":
            raise Refusal("TABLE_NOT_FOUND", at, f"Table 'awsdatacatalog.mabe.{name}' does not exist")
        return "mabe", OF_T, []

    def view(self, database: str | None, name: str, at: int) -> None:
        self.columns(database, name, at)

    def constant(self, sql: str) -> object:
        ((value,),) = self.connection.execute(f"SELECT {sql}").fetchall()
        return value

    def of(self, database: str) -> Answers:
        return self
