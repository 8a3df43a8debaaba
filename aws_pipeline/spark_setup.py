"""Spark for the Glue job: its settings, its start, its workers. Nothing else is imported, so that a JVM can start before the rest."""

import sys
from typing import Any

_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""For Linux: a worker keeps the memory of a recording for the next one. To give it back and get it again takes a tenth of its time."""


def spark_context() -> Any:
    """Return the context of this process; the first call starts the JVM."""
    from pyspark import SparkContext

    # No SparkSession: no SQL is needed, and its first small aggregation takes as long as curating 150 recordings.
    return SparkContext.getOrCreate(spark_conf())


def spark_conf() -> Any:
    """Return the settings of Spark that do not depend on the machine."""
    from pyspark import SparkConf

    # A result has about 16 kB, and Spark's limit of 1 GB for all of them would refuse a run of 65,000 recordings at its end.
    conf = SparkConf().setAppName("mabe-curate").set("spark.driver.maxResultSize", "0")
    return conf.setAll([(f"spark.executorEnv.{name}", value) for name, value in _KEEP_MEMORY.items()])


def forget_jars() -> None:
    """Take Spark's jars off the path of this Python process: for each part, Python below 3.12 lists their 5,000 entries anew, twice."""
    sys.path[:] = [place for place in sys.path if not place.endswith(".jar")]
    for place in [place for place in sys.path_importer_cache if place.endswith(".jar") or ".jar/" in place]:
        del sys.path_importer_cache[place]
