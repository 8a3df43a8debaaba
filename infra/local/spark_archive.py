"""Makes the class archive that lets Spark start two seconds sooner: Java reads, checks and links some ten thousand classes otherwise.

python -m infra.local.spark_archive         once for an installation; half a minute, 150 MB beside the Python packages
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from infra.local.spark_conf import spark_environment, write_conf
from infra.local.spark_home import class_archive, spark_home

_REHEARSAL = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext
context.parallelize(range(4), 2).flatMap(lambda number: [number]).collect()
spark.range(4).selectExpr("id", "id % 2 AS half").write.partitionBy("half").parquet("s3://rehearsal/numbers")
spark.read.parquet("s3://rehearsal/numbers").groupBy("half").count().collect()
files = spark.read.format("binaryFile").load("s3://rehearsal/numbers/*/*.parquet")
files.select("path").mapInArrow(lambda batches: batches, "path string").collect()
java = context._gateway.proc
spark.stop()
java.stdin.close()
java.wait()
"""


def make_class_archive(home: Path) -> Path:
    """Run a short Spark program and keep the classes it loaded. Raises RuntimeError when that fails."""
    draft = home / f".classes.{uuid.uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        root, conf = Path(folder) / "store", Path(folder) / "conf"
        (root / "rehearsal").mkdir(parents=True)
        write_conf(conf, root, ["rehearsal"], java_options=f"-XX:ArchiveClassesAtExit={draft}")
        environment = {**os.environ, **spark_environment(conf)}
        done = subprocess.run([sys.executable, "-c", _REHEARSAL], env=environment, capture_output=True, text=True, check=False)
    if not draft.exists():
        raise RuntimeError(f"Expected Java to write a class archive, but got none. Spark works without it. It said: {done.stderr[-500:]}")
    archive = home / "classes.jsa"
    draft.replace(archive)
    return archive


def main() -> int:
    """Make the class archive, unless it is there."""
    home = spark_home()
    if home is None:
        print(f"Expected to write to {sys.prefix}, but got no permission. Spark works without a class archive.", file=sys.stderr)
        return 2
    print(class_archive(home) or make_class_archive(home))
    return 0


if __name__ == "__main__":
    sys.exit(main())
