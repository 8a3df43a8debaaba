"""Step 3: ask the curated tables in Athena SQL.

    python aws_pipeline/athena.py "SELECT lab_id, count(*) AS videos FROM metadata_train GROUP BY lab_id"
    python aws_pipeline/athena.py --file aws_pipeline/sql/class_imbalance.sql [--format table|csv|json] [--output FILE]
    python aws_pipeline/athena.py --list

Reads   the curated tables, through Athena. Writes the answer to stdout, or to FILE, and nothing else there;
        rows, seconds, bytes scanned and what they cost go to stderr as one line.

Exit codes: 0 answered, 1 unexpected, 2 usage, configuration or a full disk, 4 Athena refuses the query, 5 AWS refuses.
"""

import argparse
import os
import re
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.answer_text import FORMATS, as_text
from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.terminal import run, size
from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.full_disk import is_full
from behavior.whole_file import whole_file
from reports.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

SQL = Path(__file__).resolve().parent / "sql"
"""The saved queries: one question a file, its first line the question."""
_DOLLARS_PER_BYTE = 5 / 10**12
_LEAST_BYTES = 10 * 10**6
_MADE_OF_TEXT: dict[str, tuple[Any, Any]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), (int, "Int64")),
    **dict.fromkeys(("float", "double"), (float, "float64")),
    "boolean": (lambda text: text == "true", "boolean"),
}
"""Athena's types -> what makes a value of its text, and the column's type in pandas; all other values stay texts."""


@dataclass(frozen=True)
class Answer:
    """What Athena answered, and what that took."""

    rows: "pd.DataFrame"
    """The result; whole numbers stay whole where values are missing."""
    seconds: float
    """From the question to the last row here, s."""
    bytes_scanned: int
    """What Athena read, and what it asks money for."""

    @property
    def dollars(self) -> float:
        """Price of the query on Athena, in us-east-1: by bytes scanned, 10 MB at least."""
        return max(self.bytes_scanned, _LEAST_BYTES) * _DOLLARS_PER_BYTE


def saved_queries() -> dict[str, str]:
    """Return the question of each query in `sql/` by its name, sorted."""
    return {path.stem: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("- ") for path in sorted(SQL.glob("*.sql"))}


def saved(name: str) -> str:
    """Return the SQL of a query in `sql/`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def query(sql: str, chosen: Settings) -> "pd.DataFrame":
    """Return Athena's answer to one statement. Raises ContractError with Athena's reason if it refuses."""
    return ask(sql, chosen).rows


def ask(sql: str, chosen: Settings) -> Answer:
    """Return Athena's answer to one statement and what it took. Raises ContractError with Athena's reason if it refuses."""
    import awswrangler as wr
    from botocore.exceptions import ClientError

    statement = sql.strip().removesuffix(";")
    with endpoint(chosen):
        started = time.monotonic()
        try:
            place = {"database": chosen.database, "workgroup": chosen.workgroup, "boto3_session": _session()}
            execution_id = str(wr.athena.start_query_execution(statement, **place))
            execution: Any = wr.athena.wait_query(execution_id, boto3_session=_session(), athena_query_wait_polling_delay=0.1)
        except (wr.exceptions.QueryFailed, wr.exceptions.QueryCancelled) as error:
            if is_full(error):
                raise
            raise ContractError([_refusal(str(error))]) from None
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise ContractError([_refusal(error.response["Error"]["Message"])]) from None
        rows = _rows(execution_id, execution["ResultConfiguration"]["OutputLocation"])
        seconds = time.monotonic() - started
    return Answer(rows, seconds, int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)))


def empty_tables(sql: str, chosen: Settings) -> list[str]:
    """Return the curated tables a statement names that hold no object yet."""
    from behavior.tables import CURATED_TABLES

    named = [table for table in CURATED_TABLES if re.search(rf"\b{table.name}\b", sql, re.IGNORECASE)]
    s3 = _session().client("s3")
    bucket = chosen.bucket("curated")
    return [table.name for table in named if not s3.list_objects_v2(Bucket=bucket, Prefix=table.location, MaxKeys=1)["KeyCount"]]


@cache
def _session() -> Any:
    """Return a session that all questions share; making one takes longer than most answers do."""
    import boto3

    return boto3.Session()


def _refusal(reason: str) -> str:
    from behavior.tables import CURATED_TABLES

    reason = " ".join(reason.removeprefix("Query error: ").split()).rstrip(".")
    tables = f" The tables are {', '.join(table.name for table in CURATED_TABLES)}." if "TABLE_NOT_FOUND" in reason else ""
    return f"Expected Athena to answer, but got: {reason}. Mend the SQL; --list shows queries that work.{tables}"


def _rows(execution_id: str, address: str) -> "pd.DataFrame":
    """Fetch an answer: a CSV by awswrangler, but for columns of a type that it does not know, such as a bare NULL; else lines by pages."""
    import awswrangler as wr

    if not address.endswith(".csv"):
        return _by_pages(execution_id, header=False)
    try:
        return wr.athena.get_query_results(execution_id, boto3_session=_session())
    except wr.exceptions.UnsupportedType:
        return _by_pages(execution_id, header=True)


def _by_pages(execution_id: str, *, header: bool) -> "pd.DataFrame":
    """Fetch an answer from GetQueryResults, whose first row is a header if Athena wrote one; numbers and truths are made of their texts."""
    import pandas as pd

    pages = _session().client("athena").get_paginator("get_query_results").paginate(QueryExecutionId=execution_id)
    kinds: dict[str, str] = {}
    lines: list[list[str | None]] = []
    for page in pages:
        kinds = {column["Name"]: column["Type"] for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]}
        lines += [[cell.get("VarCharValue") for cell in row["Data"]] for row in page["ResultSet"]["Rows"]]
    lines = lines[1:] if header else lines
    rows = pd.DataFrame([line + [None] * (len(kinds) - len(line)) for line in lines], columns=list(kinds), dtype=object)
    for name, kind in kinds.items():
        if kind in _MADE_OF_TEXT:
            make, column_type = _MADE_OF_TEXT[kind]
            rows[name] = pd.Series([None if text is None else make(text) for text in rows[name]], dtype=column_type)
    return rows


def _main() -> int:
    """Parse the command line, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sql", nargs="?", metavar="SQL", help="one statement of Athena SQL")
    parser.add_argument("--file", type=Path, help="read the statement from this file")
    parser.add_argument("--list", action="store_true", help="list the saved queries and the question each answers")
    parser.add_argument("--format", choices=FORMATS, help="how to print the answer (default: what FILE ends in, else table)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the answer there instead of to stdout")
    arguments = parser.parse_args()
    if arguments.list:
        names = saved_queries()
        _print("".join(f"{name:<{max(map(len, names))}}  {question}\n" for name, question in names.items()))
        return EXIT_OK
    sql = _statement(arguments.sql, arguments.file)
    output = arguments.output
    if output and not output.resolve().parent.is_dir():
        raise UsageError(f"Expected --output to lie in a folder, but got {output}. Make {output.resolve().parent} first.")
    chosen = settings()
    with endpoint(chosen), Progress("query"):
        answer = ask(sql, chosen)
        empty = [] if answer.bytes_scanned else empty_tables(sql, chosen)
    form = arguments.format or (output.suffix[1:] if output and output.suffix[1:] in FORMATS else "table")
    if output:
        with whole_file(output) as draft:
            draft.write_text(as_text(answer.rows, form), encoding="utf-8")
    else:
        _print(as_text(answer.rows, form, _terminal_width()))
    _tell(answer, empty, chosen)
    return EXIT_OK


def _statement(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        got = "neither" if sql is None else "both"
        raise UsageError(f'Expected SQL or --file, but got {got}. Say "SELECT ...", or --file with one of the files that --list shows.')
    if file is not None and not file.is_file():
        raise UsageError(f"Expected --file to be a file, but got {file}. Choose one of: {', '.join(saved_queries())} (in {SQL}).")
    text = file.read_text(encoding="utf-8") if file is not None else str(sql)
    if not re.sub(r"--[^\n]*", "", text).strip():
        raise UsageError("Expected a statement of SQL, but got none. --list shows queries that work.")
    return text


def _terminal_width() -> int | None:
    """Return how wide a table may be; on a pipe any width will do, a row then stays a line."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python tries to write the rest when it ends, and would complain
        if not isinstance(error, BrokenPipeError):  # `| head` has seen enough, which is no error
            raise


def _tell(answer: Answer, empty: list[str], chosen: Settings) -> None:
    price = f"${answer.dollars:.{5 if answer.dollars < 0.01 else 2}f} on Athena"
    print(
        f"{len(answer.rows)} row{'s' * (len(answer.rows) != 1)} in {answer.seconds:.1f} s, {size(answer.bytes_scanned)} scanned: "
        + (f"free on this disk, {price}" if chosen.local else price),
        file=sys.stderr,
    )
    if empty:
        print(f"nothing is in {', '.join(empty)} yet; run the pipeline: python aws_pipeline/pipeline.py", file=sys.stderr)


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
