"""One grouped query over curated tracking: Athena on this disk against Spark SQL in a warm session, as a ratio in one run.

    python tests/benchmarks/sql.py [--videos 100] [--peers DIR]

Athena's time is what a client waits from StartQueryExecution to the last result row; Spark's is that of `collect()` alone, without
the start of its session and after a first run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from etl import PEERS, link_as_raw_zone

from aws_pipeline.config import Settings, endpoint, settings
from aws_pipeline.glue_job import run_job

ROUNDS = 5
QUERY = """
SELECT lab_id, bodypart, count(*) AS n_rows, avg(x_cm) AS x_cm, avg(sqrt(vx_cm_per_s * vx_cm_per_s + vy_cm_per_s * vy_cm_per_s)) AS speed
FROM tracking_curated GROUP BY lab_id, bodypart ORDER BY lab_id, bodypart
"""


def median_seconds(ask: Callable[[], Any]) -> float:
    """Ask once to warm up, then several times; return the median."""
    ask()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def athena_answer(chosen: Settings) -> list[Any]:
    """Ask Athena and wait as a client does."""
    import boto3

    athena = boto3.client("athena")
    execution = athena.start_query_execution(
        QueryString=QUERY, QueryExecutionContext={"Database": chosen.database}, WorkGroup=chosen.workgroup
    )["QueryExecutionId"]
    while (state := athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]["State"]) in ("QUEUED", "RUNNING"):
        time.sleep(0.01)
    assert state == "SUCCEEDED", state
    return list(athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"][1:])


def compare(videos: int, peers: Path, folder: Path) -> str:
    """Curate recordings, ask both, and return one line."""
    from pyspark.sql import SparkSession

    data, mock = folder / "data", folder / "s3_mock"
    subprocess.run([sys.executable, peers / "make_tracking.py", data, "--videos", str(videos)], check=True)
    link_as_raw_zone(data, mock / "raw-zone")
    chosen = Settings(True, data, mock, settings().region)
    with endpoint(chosen):
        rows = run_job(chosen, tell=lambda state, done, of: None)["rows_out"]
        n_groups = len(athena_answer(chosen))
        athena = median_seconds(lambda: athena_answer(chosen))
    builder = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false").config("spark.driver.memory", "4g")
    spark = builder.config("spark.sql.shuffle.partitions", "8").config("spark.driver.host", "127.0.0.1").getOrCreate()
    spark.read.parquet(str(mock / "curated-zone" / "tracking_curated")).createOrReplaceTempView("tracking_curated")
    assert len(spark.sql(QUERY).collect()) == n_groups
    warm = median_seconds(lambda: spark.sql(QUERY).collect())
    spark.stop()
    ratio = f"1/{warm / athena:.0f} of the time"
    return f"sql: {rows:,} rows, {n_groups} groups: Athena on this disk {athena:.2f} s, warm Spark SQL {warm:.2f} s: {ratio}"


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
        print(compare(arguments.videos, peers, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
