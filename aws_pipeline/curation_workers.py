"""Who curates: Spark's workers, or the driver itself if there is so little to do that Spark would start for longer than it works."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from typing import Any

from aws_pipeline.curation_task import AnyResult, AnyWork, ColumnIds, curate_part
from aws_pipeline.curation_work import in_parts
from aws_pipeline.preparation import Options

_STATUS_EVERY_S = 2.0
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""For Linux: a worker keeps the memory of a recording for the next one. To give it back and get it again takes a tenth of its time."""

Tell = Callable[[int, int], None]
"""Told how much of how much is done."""


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


def curate_all(work: Sequence[AnyWork], options: Options, run: str, ids: ColumnIds | None, tell: Tell) -> Iterator[AnyResult]:
    """Yield the result of each recording. Without `ids` recordings are only checked, and nothing is written."""
    if sum(one.n_bytes for one in work) <= options.little_bytes:
        yield from _by_this_process(work, options, run, ids, tell)
    else:
        yield from _by_spark(work, options, run, ids, tell)


def _by_this_process(work: Sequence[AnyWork], options: Options, run: str, ids: ColumnIds | None, tell: Tell) -> Iterator[AnyResult]:
    """Curate in threads: Arrow and numpy release Python's lock most of the time."""
    print(f"{len(work)} recordings to curate, in this process", flush=True)

    def curated(one: AnyWork) -> AnyResult:
        (result,) = curate_part([one], options.raw, options.curated, run, ids)
        return result

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(curated, one) for one in sorted(work, key=lambda one: -one.n_bytes)]
        for number, done in enumerate(as_completed(waiting), start=1):
            tell(number, len(work))
            yield done.result()


def _by_spark(work: Sequence[AnyWork], options: Options, run: str, ids: ColumnIds | None, tell: Tell) -> Iterator[AnyResult]:
    spark, raw, curated = spark_context(), options.raw, options.curated
    parts = in_parts(work, spark.defaultParallelism)
    print(f"{len(work)} recordings to curate, in {len(parts)} parts", flush=True)

    def curated_part(part: Sequence[AnyWork]) -> Iterator[AnyResult]:
        forget_jars()
        return curate_part(part, raw, curated, run, ids)

    task = spark.parallelize(parts, len(parts)).flatMap(curated_part)
    tracker = spark.statusTracker()
    with ThreadPoolExecutor(1) as aside:
        job = aside.submit(task.collect)
        while not wait([job], timeout=_STATUS_EVERY_S).done:
            stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
            tell(sum(stage.numCompletedTasks for stage in stages if stage), len(parts))
    yield from job.result()


def forget_jars() -> None:
    """Take Spark's jars off the path of this Python process: for each part, Python below 3.12 lists their 5,000 entries anew, twice."""
    sys.path[:] = [place for place in sys.path if not place.endswith(".jar")]
    for place in [place for place in sys.path_importer_cache if place.endswith(".jar") or ".jar/" in place]:
        del sys.path_importer_cache[place]
