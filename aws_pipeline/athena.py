"""Step 3: query the curated tables with Athena SQL.

    python aws_pipeline/athena.py "SELECT lab_id, count(*) AS videos FROM metadata_train GROUP BY lab_id"
    python aws_pipeline/athena.py --file aws_pipeline/sql/class_imbalance.sql [--format table|csv|json] [--output FILE]
    python aws_pipeline/athena.py --plan | --max-cost USD | --max-bytes N | --all-partitions ...
    python aws_pipeline/athena.py --list

Reads   the curated tables, through Athena.
Writes  the answer, and nothing else, to stdout or to FILE; one line with rows, seconds, bytes scanned and their price to stderr.

A table with rows for each frame is refused (exit code 2) unless WHERE says which labs to read: lab_id = '...'. --all-partitions, or a
comment in the SQL, -- all partitions: <why>, reads all labs.

Exit codes: 0 answered, 1 unexpected, 2 usage, configuration or a full disk, 4 Athena refuses the query, 5 AWS refuses.
"""

import argparse
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aws_pipeline.answer_rows import rows_of, session
from aws_pipeline.answer_text import FORMATS, as_text
from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.costs import scan_usd
from aws_pipeline.expected import ANYTHING, Expected, add_allowed_flags, allowed_of, expected_query
from aws_pipeline.partition_rule import FLAG, require_partitions
from aws_pipeline.terminal import run, size
from behavior.contract import EXIT_OK, ContractError, UsageError
from behavior.full_disk import is_full
from behavior.whole_file import whole_file
from reports.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

SQL = Path(__file__).resolve().parent / "sql"
"""The saved queries: one per file, with the question in the first line."""
_FILL = "run the pipeline: python aws_pipeline/pipeline.py"
_POLL_S = 0.1


@dataclass(frozen=True)
class Answer:
    """Athena's answer, with its time and cost."""

    rows: "pd.DataFrame"
    """The result; whole numbers stay integers, even if values are missing."""
    seconds: float
    """Time from the query to the last row, s."""
    bytes_scanned: int
    """Bytes that Athena read; its price depends on them."""

    @property
    def dollars(self) -> float:
        """Price of the query on AWS, in us-east-1: by bytes scanned, at least 10 MB."""
        return scan_usd(self.bytes_scanned)


def saved_queries() -> dict[str, str]:
    """Return the questions of the queries in `sql/` by name, sorted."""
    return {path.stem: path.read_text(encoding="utf-8").partition("\n")[0].lstrip("- ") for path in sorted(SQL.glob("*.sql"))}


def saved_query(name: str) -> str:
    """Return the SQL of a query in `sql/`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def query(sql: str, chosen: Settings, parameters: Sequence[str] = (), *, all_partitions: bool = False) -> "pd.DataFrame":
    """Return Athena's answer to one statement. Raises as `ask` does."""
    return ask(sql, chosen, parameters, all_partitions=all_partitions).rows


def ask(sql: str, chosen: Settings, parameters: Sequence[str] = (), *, all_partitions: bool = False) -> Answer:
    """Return Athena's answer to one statement, with time and cost.

    `parameters` replace its question marks, as literals of SQL: texts have quotes. Raises ContractError with Athena's reason if it
    refuses, and UsageError for a statement that reads every partition of a table with rows for each frame, without `all_partitions`.
    """
    from botocore.exceptions import ClientError

    statement = sql.strip().removesuffix(";")
    with endpoint(chosen):
        if not all_partitions:
            require_partitions(statement, lambda name: _view_text(name, chosen))
        started = time.monotonic()
        athena = session().client("athena")
        try:
            asked = athena.start_query_execution(
                QueryString=statement,
                QueryExecutionContext={"Database": chosen.database},
                WorkGroup=chosen.workgroup,
                **({"ExecutionParameters": list(parameters)} if parameters else {}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidRequestException":
                raise
            raise ContractError([_refusal(error.response["Error"]["Message"])]) from None
        execution = _ended(athena, asked["QueryExecutionId"])
        rows = rows_of(athena, execution)
        seconds = time.monotonic() - started
    return Answer(rows, seconds, int(execution.get("Statistics", {}).get("DataScannedInBytes", 0)))


def _view_text(name: str, chosen: Settings) -> str | None:
    """Return the query of a view; few statements name one, so the imports wait."""
    from aws_pipeline.query_plan import view_text

    return view_text(name, chosen)


def _ended(athena: Any, execution_id: str) -> Any:
    """Wait for the end of a query and return its execution. Raises ContractError with Athena's reason if it did not succeed."""
    while True:
        execution = athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
        state = execution["Status"]["State"]
        if state == "SUCCEEDED":
            return execution
        if state in ("FAILED", "CANCELLED"):
            reason = execution["Status"].get("StateChangeReason", state)
            if is_full(RuntimeError(reason)):
                raise RuntimeError(reason)
            raise ContractError([_refusal(reason)])
        time.sleep(_POLL_S)


def _refusal(reason: str) -> str:
    from behavior.tables import CURATED_TABLES

    reason = " ".join(reason.removeprefix("Query error: ").split()).rstrip(".")
    mend = "Mend the SQL; --list shows queries that work."
    if "TABLE_NOT_FOUND" in reason:
        names = [table.name for table in CURATED_TABLES]
        missing = any(re.search(rf"\b{name}\b", reason) for name in names)
        mend = f"The ETL makes this table: {_FILL}" if missing else f"{mend} The tables are {', '.join(names)}."
    return f"Expected Athena to answer, but got: {reason}. {mend}"


def _main() -> int:
    """Parse the command line, run the query, print the answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sql", nargs="?", metavar="SQL", help="one statement of Athena SQL")
    parser.add_argument("--file", type=Path, help="read the statement from this file")
    parser.add_argument("--list", action="store_true", help="list the saved queries and their questions")
    parser.add_argument("--plan", action="store_true", help="only say how much the query may read, and what that costs on AWS")
    add_allowed_flags(parser)
    parser.add_argument(FLAG, action="store_true", help="read every partition of a table with rows for each frame")
    parser.add_argument("--format", choices=FORMATS, help="how to print the answer (default: by the ending of FILE, else table)")
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
    ahead = threading.Thread(target=_import_ahead, daemon=True)
    ahead.start()
    allowed = allowed_of(arguments)
    with endpoint(chosen), Progress("query"):
        ahead.join()
        if arguments.plan or allowed != ANYTHING:
            expected = _expected(sql, chosen)
            allowed.refuse(expected)
        answer = None if arguments.plan else ask(sql, chosen, all_partitions=arguments.all_partitions)
    if answer is None:
        _print(f"the tables that it names: {expected}\nAthena reads only the columns and partitions that it needs. Nothing was asked.\n")
        return EXIT_OK
    form = arguments.format or (output.suffix[1:] if output and output.suffix[1:] in FORMATS else "table")
    if output:
        with whole_file(output) as draft:
            draft.write_text(as_text(answer.rows, form), encoding="utf-8")
    else:
        _print(as_text(answer.rows, form, _terminal_width()))
    _print_cost(answer, chosen)
    return EXIT_OK


def _expected(sql: str, chosen: Settings) -> Expected:
    """Return what a statement may read; the imports wait until somebody asks for it."""
    from aws_pipeline.query_plan import objects_named

    return expected_query(objects_named(sql, chosen))


def _import_ahead() -> None:
    """Import what a query needs, while the stand-in starts."""
    import boto3  # noqa: F401
    import pandas as pd  # noqa: F401


def _statement(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        got = "neither" if sql is None else "both"
        raise UsageError(f'Expected SQL or --file, but got {got}. Write "SELECT ...", or name one of the files that --list shows.')
    if file is not None and not file.is_file():
        raise UsageError(f"Expected --file to be a file, but got {file}. Choose one of: {', '.join(saved_queries())} (in {SQL}).")
    text = file.read_text(encoding="utf-8") if file is not None else str(sql)
    if not re.sub(r"--[^\n]*", "", text).strip():
        raise UsageError("Expected a statement of SQL, but got none. --list shows queries that work.")
    return text


def _terminal_width() -> int | None:
    """Return the width of the terminal; None for a pipe, where each row is one line."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # at exit Python would try to write the rest, and fail
        if not isinstance(error, BrokenPipeError):  # that of `| head` is no error
            raise


def _print_cost(answer: Answer, chosen: Settings) -> None:
    price = f"${answer.dollars:.{5 if answer.dollars < 0.01 else 2}f} on Athena"
    print(
        f"{len(answer.rows)} row{'s' * (len(answer.rows) != 1)} in {answer.seconds:.1f} s, {size(answer.bytes_scanned)} scanned: "
        + (f"free on this disk, {price}" if chosen.local else price),
        file=sys.stderr,
    )


def main() -> int:
    """Run the command; return its exit code."""
    return run(_main)


if __name__ == "__main__":
    sys.exit(main())
