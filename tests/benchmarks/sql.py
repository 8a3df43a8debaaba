"""Grouped queries of aws_pipeline/sql/ over curated tracking: Athena on this disk against warm Spark SQL, as ratios in one run.

    python tests/benchmarks/sql.py [--videos 100] [--peers DIR]

Athena's time is what a client waits from StartQueryExecution to the last result row; Spark's is that of `collect()` alone, without
the start of its session and after a first run. At the end, one query from the shell.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import boto3
from etl import PEERS, link_as_raw_zone

from aws_pipeline.athena import saved_query
from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.glue_job import run_job

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 7
QUERIES = ("missing_points", "speed_by_bodypart")


def median_seconds(ask: Callable[[], Any]) -> float:
    """Ask once to warm up, then several times; return the median."""
    ask()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def athena_answer(sql: str, athena: Any, chosen: Settings) -> list[Any]:
    """Ask Athena and wait as a client does."""
    execution = athena.start_query_execution(
        QueryString=sql, QueryExecutionContext={"Database": chosen.database}, WorkGroup=chosen.workgroup
    )["QueryExecutionId"]
    while (state := athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]["State"]) in ("QUEUED", "RUNNING"):
        time.sleep(0.01)
    assert state == "SUCCEEDED", state
    return list(athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"][1:])


def compare(videos: int, peers: Path, folder: Path) -> list[str]:
    """Curate recordings, ask both each question, and return one line for each."""
    data, mock = folder / "data", folder / "s3_mock"
    subprocess.run([sys.executable, peers / "make_tracking.py", data, "--videos", str(videos)], check=True)
    link_as_raw_zone(data, mock / "raw-zone")
    chosen = Settings(True, data, mock, settings().region)
    queries = {name: saved_query(name) for name in QUERIES}
    with endpoint(chosen):
        rows = run_job(chosen)[0]["rows_out"]
        os.sync()  # else the system writes while the first queries run
        client = boto3.client("athena")
        answers = {name: athena_answer(sql, client, chosen) for name, sql in queries.items()}
        athena = {name: median_seconds(partial(athena_answer, sql, client, chosen)) for name, sql in queries.items()}
    spark = _spark(mock / "curated-zone")
    lines = []
    for name, sql in queries.items():
        assert len(_spark_answer(sql, spark)) == len(answers[name])
        warm = median_seconds(partial(_spark_answer, sql, spark))
        ratio = f"1/{warm / athena[name]:.1f} of the time"
        lines.append(f"sql: {name}, {rows:,} rows: Athena on this disk {athena[name]:.2f} s, warm Spark SQL {warm:.2f} s: {ratio}")
    spark.stop()
    return [*lines, from_the_shell(mock)]


def from_the_shell(mock: Path) -> str:
    """Time a whole command, which starts and ends a stand-in, beside a Python that only imports what any client of AWS imports."""
    environment = {**os.environ, "S3_MOCK_DIR": str(mock)}
    commands = [[str(ROOT / "aws_pipeline" / "athena.py"), "SELECT 1"], ["-c", "import boto3, pandas"]]
    whole, imports = (
        median_seconds(partial(subprocess.run, [sys.executable, *command], env=environment, capture_output=True, check=True))
        for command in commands
    )
    ratio = f"{whole / imports:.1f} times"
    return f"sql: athena.py 'SELECT 1' from the shell {whole:.2f} s, the import of boto3 and pandas {imports:.2f} s: {ratio}"


def _spark_answer(sql: str, spark: Any) -> list[Any]:
    """Plan and run anew: collecting one DataFrame twice reuses its shuffle."""
    return list(spark.sql(sql).collect())


def _spark(zone: Path) -> Any:
    from pyspark.sql import SparkSession

    options = {"spark.driver.memory": "4g", "spark.sql.shuffle.partitions": "8", "spark.driver.host": "127.0.0.1"}
    quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    spark = SparkSession.builder.master("local[*]").config(map={**options, **quiet}).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for table in ("tracking_curated", "metadata_train"):
        spark.read.parquet(str(zone / table)).createOrReplaceTempView(table)
    return spark


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=100, help="recordings of 126,000 curated rows (default: %(default)s)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder with make_tracking.py (default: ../shared/bench)")
    arguments = parser.parse_args()
    peers = arguments.peers.resolve()
    if not (peers / "make_tracking.py").is_file():
        print(f"skipped: Expected make_tracking.py in {peers}, but got none. Give its folder by --peers.")
        return 0
    os.environ.pop("AWS_ENDPOINT_URL", None)  # the store is our own
    with tempfile.TemporaryDirectory(prefix="bench-sql-") as folder:
        print("\n".join(compare(arguments.videos, peers, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
