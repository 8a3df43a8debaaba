"""What a training job would read, on which machine, and what it costs, before it is started."""

from collections.abc import Iterator

from aws_pipeline.config import Settings
from aws_pipeline.costs import PRICES_OF, SPOT_PART, TRAINING_HOUR_USD, dollars
from aws_pipeline.lake import read_snapshot
from aws_pipeline.launching import processes_on
from aws_pipeline.terminal import size
from aws_pipeline.training_request import TrainingRequest, volume_gb
from behavior.contract import UsageError
from behavior.snapshot import Snapshot, SnapshotObject


def pinned_snapshot(request: TrainingRequest, chosen: Settings) -> Snapshot:
    """Return the list of the objects that the job reads, those of one run of the ETL. Raises UsageError if there is none."""
    snapshot = read_snapshot(chosen.uri("curated"), request.snapshot)
    if snapshot is None:
        got = f"none of run {request.snapshot}" if request.snapshot else "none"
        mend = "python aws_pipeline/lineage.py --runs lists the runs." if request.snapshot else "Run python aws_pipeline/glue_etl.py first."
        raise UsageError(f"Expected a list of objects in {chosen.uri('curated')}/snapshots, but got {got}. {mend}")
    return snapshot


def plan_lines(request: TrainingRequest, chosen: Settings) -> list[str]:
    """Return what the job would read, its machine, and its price, as lines for people. Raises UsageError without curated tables."""
    snapshot = pinned_snapshot(request, chosen)
    objects = list(_objects(snapshot))
    n_bytes = sum(each.n_bytes or 0 for each in objects)
    how = "opened when they are read" if request.input_mode == "FastFile" else "downloaded before the start"
    processes = processes_on(request.instance_type)
    machine = f"{request.instance_type}, {processes} process{'es' * (processes > 1)}, a disk of {volume_gb(request, chosen)} GB"
    amount = f"{len(objects):,} object{'s' * (len(objects) != 1)}, at most {size(n_bytes)}"
    waiting = f"; {request.longest_hours:g} h with waiting for spot machines" if request.spot else ""
    return [
        f"reads    run {snapshot.run}, published {snapshot.published}: {amount}, {how}",
        f"machine  {machine}",
        f"time     at most {request.max_hours:g} h of training{waiting}",
        f"cost     {_price(request)}",
        "Nothing was started (--plan).",
    ]


def _objects(snapshot: Snapshot) -> Iterator[SnapshotObject]:
    for table in snapshot.tables.values():
        yield from table.objects
    yield from snapshot.files


def _price(request: TrainingRequest) -> str:
    hour_usd = TRAINING_HOUR_USD.get(request.instance_type)
    if hour_usd is None:
        return f"free on this disk; on AWS, the price of {request.instance_type} is not known here"
    most = hour_usd * request.max_hours
    spot = f"usually about {dollars(most * SPOT_PART)} on spot machines"
    return f"free on this disk; at most {dollars(most)} US dollars on AWS on demand, {spot} ({PRICES_OF})"
