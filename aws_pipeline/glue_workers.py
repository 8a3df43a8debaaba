"""How large a run of the Glue job is: workers and parts, by the number of recordings that it has to curate."""

import math
from typing import Any

_CORES = {"G.1X": 4, "G.2X": 8}
"""Tasks that a worker runs at once."""
_PER_EXECUTOR, _MOST_EXECUTORS = 200, 9
"""Recordings for which one more executor is worth its start, and most executors."""


def workers_for(n_recordings: int) -> int:
    """Return the number of workers, the driver included."""
    return 1 + min(max(1, math.ceil(n_recordings / _PER_EXECUTOR)), _MOST_EXECUTORS)


def sized_run(n_recordings: int, worker_type: str, arguments: dict[str, str]) -> dict[str, Any]:
    """Return what of StartJobRun depends on the data: the number of workers, and how many parts Spark makes at least.

    Executors register only while a run goes on, so Spark itself would count too few cores.
    """
    workers = workers_for(n_recordings)
    conf = f"spark.default.parallelism={(workers - 1) * _CORES[worker_type]}"
    return {"WorkerType": worker_type, "NumberOfWorkers": workers, "Arguments": {**arguments, "--conf": conf}}
