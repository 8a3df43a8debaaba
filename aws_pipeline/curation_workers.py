"""Who curates: Spark's workers, or the driver itself if there is so little to do that Spark would start for longer than it works."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait

from aws_pipeline.curation_options import Options
from aws_pipeline.curation_task import AnyResult, AnyWork, ColumnIds, curate_part
from aws_pipeline.curation_work import in_parts
from aws_pipeline.spark_setup import forget_jars, spark_context

_STATUS_EVERY_S = 2.0

Tell = Callable[[int, int], None]
"""Told how much of how much is done."""


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
