"""The rows of an answer of Athena, as a table of pandas with the types of Athena."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_TO_NUMBER: dict[str, Any] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), int),
    **dict.fromkeys(("float", "double"), float),
    "boolean": lambda text: text == "true",
}
"""By Athena's type: function from text to value."""
_IN_PANDAS = {
    **{"tinyint": "Int8", "smallint": "Int16", "integer": "Int32", "bigint": "Int64", "float": "float32", "double": "float64"},
    **{"boolean": "boolean", "varchar": "string", "string": "string"},
}
"""By Athena's type: type of the column in pandas, as awswrangler chooses it."""
_MOST_ROWS = 999
"""Rows of an answer that comes in one page, behind its header."""


@cache
def session() -> Any:
    """Return a session for all queries; a new one takes longer than most queries."""
    import boto3

    return boto3.Session()


def rows_of(athena: Any, execution: Any) -> "pd.DataFrame":
    """Fetch an answer: in one page if it fits and has plain types, which awswrangler takes half a second to import for; else with it.

    A type that awswrangler does not know, such as that of NULL, comes by pages too.
    """
    execution_id, address = execution["QueryExecutionId"], execution["ResultConfiguration"]["OutputLocation"]
    header = address.endswith(".csv")
    page = athena.get_query_results(QueryExecutionId=execution_id, MaxResults=_MOST_ROWS + 1)
    columns = _columns(page)
    plain = all(column["Type"] in _IN_PANDAS for column in columns) and len({column["Name"] for column in columns}) == len(columns)
    if not header or (plain and "NextToken" not in page):
        return _by_pages(athena, execution_id, header=header)
    import awswrangler as wr

    try:
        return wr.athena.get_query_results(execution_id, boto3_session=session())
    except wr.exceptions.UnsupportedType:
        return _by_pages(athena, execution_id, header=True)


def _by_pages(athena: Any, execution_id: str, *, header: bool) -> "pd.DataFrame":
    """Fetch an answer from GetQueryResults, without its header if there is one; texts are converted to numbers and booleans.

    An empty text of a query's answer is a missing one, as in its CSV, where awswrangler cannot tell them apart.
    """
    import pandas as pd

    pages = list(athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution_id))
    kinds = {column["Name"]: column["Type"] for column in _columns(pages[0])}
    cells = [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]
    lines = [[text or None for text in line] for line in cells[1:]] if header else cells
    padded = [line + [None] * (len(kinds) - len(line)) for line in lines]
    columns = {}
    for place, (name, kind) in enumerate(kinds.items()):
        make = _TO_NUMBER.get(kind, str)
        values = [None if line[place] is None else make(line[place]) for line in padded]
        columns[name] = pd.Series(values, dtype=_IN_PANDAS.get(kind, "object"))
    return pd.DataFrame(columns)


def _columns(page: Any) -> list[dict[str, str]]:
    described: list[dict[str, str]] = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    return described
