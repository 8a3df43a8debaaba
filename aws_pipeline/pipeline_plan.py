"""What a run of the pipeline would do, step by step: how much, how long here, and what it costs on AWS. Nothing is changed.

Prices are those of aws_pipeline/costs.py. Times are those of the last run, where a step has one; else they are worked out from rates.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from aws_pipeline import glue_job, s3_upload
from aws_pipeline.config import Settings, endpoint
from aws_pipeline.costs import SPOT_PART, CostLine, glue_minutes, hourly_usd, refuse_cost, requests_usd, scan_usd, table
from aws_pipeline.expected import QUERY_S, expected_curation, expected_upload
from aws_pipeline.glue_workers import workers_for
from aws_pipeline.pipeline_order import PipelineOrder
from aws_pipeline.preparation import last_summary, nothing_to_do
from aws_pipeline.step_records import fingerprint_of
from aws_pipeline.step_work import StepWork
from aws_pipeline.steps import STEPS, Step, needs
from aws_pipeline.terminal import size
from aws_pipeline.upload_plan import Upload, plan_uploads
from behavior.film_keys import FilmPart, RawFilmObject
from behavior.keys import object_of
from behavior.tables import RAW_TRACKING

SCORING_HOURS = 0.5
"""What the cloud's graph allows its scoring job; pipeline.py scores on the machine that it runs on."""


@dataclass(frozen=True)
class PlanOrder:
    """What a plan counts on."""

    instance_type: str
    train_hours: float


@dataclass(frozen=True)
class PlannedStep:
    """One step of a plan."""

    step: Step
    would: str
    """What it would do, in a few words."""
    due: bool
    """Whether it would run; else it is up to date."""
    here_s: float | None = None
    """How long it takes here, s; None if nobody knows yet."""
    price: CostLine | None = None
    """What it costs on AWS; None for a step that costs nothing there."""


@dataclass
class _Amounts:
    """What is due: files to send, and recordings to curate with their rows."""

    uploads: list[Upload]
    n_files: int
    recordings: set[str] = field(default_factory=set)
    rows: int = 0
    n_bytes: int = 0
    summary: dict[str, object] = field(default_factory=dict)
    """Summary of the last run of the ETL; empty if another one would do something."""


def planned(order: PipelineOrder, chosen: Settings, counted: PlanOrder) -> list[PlannedStep]:
    """Return what each step would do. A stand-in that was never used is not made for this: it holds nothing."""
    price = hourly_usd(counted.instance_type)  # an unknown machine is refused before anything is read
    new = chosen.local and not chosen.endpoint_url and not chosen.mock_dir.exists()
    with nullcontext() if new else endpoint(chosen):
        amounts = _amounts(order, chosen, new=new)
        work = None if new else _work(order, chosen, amounts)
        due: dict[str, bool] = {}
        plan = []
        for one in STEPS:
            if (work or StepWork(order, chosen, None)).has(one):
                behind = any(due.get(other.name, False) for other in needs(one))
                due[one.name] = order.force or behind or _is_due(one, amounts, work)
                last_s = _last_s(one, work)
                plan.append(_planned(one, order.recipe, amounts, due=due[one.name], last_s=last_s, counted=counted, hour_usd=price))
    return plan


def plan_lines(plan: Sequence[PlannedStep]) -> list[str]:
    """Return a plan as lines for the user."""
    lines = [f"{'step':<11} {'would':<62} {'here':>16}"]
    for one in plan:
        here = "" if not one.due else "not known yet" if one.here_s is None else f"about {one.here_s:,.0f} s"
        lines.append(f"{one.step.label:<11} {one.would if one.due else 'nothing: up to date':<62} {here:>16}")
    scoring = [one for one in plan if one.step.name == "score" and one.price]
    lines += ["", "on this disk nothing costs anything; on AWS:", *table(_priced(plan)).splitlines()]
    lines += [f"the cloud's graph scores on AWS: up to {one.price.usd:.3f} more" for one in scoring if one.price and one.due]
    return [*lines, "Nothing was changed (--plan)."]


def refuse_above_limit(plan: Sequence[PlannedStep], most_usd: float | None) -> None:
    """Raise UsageError if a run may cost more than `most_usd` on AWS, on demand; None is no limit."""
    refuse_cost(most_usd, sum(line.usd for line in _priced(plan)), "a run", "lower --train-hours, or choose another --instance-type")


def _priced(plan: Sequence[PlannedStep]) -> list[CostLine]:
    return [one.price for one in plan if one.price and one.due and one.step.name != "score"]


def _amounts(order: PipelineOrder, chosen: Settings, *, new: bool) -> _Amounts:
    upload = plan_uploads(order.data_dir) if new else s3_upload.plan_of(order.data_dir, chosen)
    amounts = _Amounts([each for each in upload.uploads if order.force or not each.unchanged], len(upload.uploads))
    amounts.recordings = {each.recording for each in amounts.uploads if each.recording}
    if not new:
        known = glue_job.prepared(chosen, force=order.force)
        amounts.recordings |= {each.name for each in known.due.work}
        before = nothing_to_do(known, str(last_summary(known.tables).get("code", "")))
        amounts.summary = before or {}
    files = {each.recording: each.path for each in upload.uploads if (held := object_of(each.key)) and held.table == RAW_TRACKING}
    paths = [files[name] for name in sorted(amounts.recordings) if name in files]
    films = [each.path for each in amounts.uploads if (film := RawFilmObject.of_key(each.key)) and film.part is FilmPart.PICTURES]
    amounts.rows, amounts.n_bytes = sum(map(_rows_of, paths)), sum(path.stat().st_size for path in (*paths, *films))
    return amounts


def _rows_of(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def _work(order: PipelineOrder, chosen: Settings, amounts: _Amounts) -> StepWork:
    """Return the work of a run that has done the upload and the ETL already: both would do nothing."""
    import boto3

    work = StepWork(order, chosen, boto3.client("s3"))
    put_aside = amounts.summary.get("put_aside") or []
    assert isinstance(put_aside, list)
    work.put_aside = len(put_aside)
    view = order.results / "accepted"
    if (put_aside or amounts.summary.get("by_leave")) and view.is_dir():
        work.accepted = view
    return work


def _is_due(one: Step, amounts: _Amounts, work: StepWork | None) -> bool:
    """Return whether a step would run although all that it needs is up to date."""
    if one.name == "ingest":
        return bool(amounts.uploads)
    if one.name == "etl":
        return bool(amounts.recordings) or not amounts.summary
    if work is None:
        return True
    fingerprint = fingerprint_of(*work.inputs_of(one))
    return work.records.current(work.record_of(one), fingerprint, lambda facts: work.left_by(one, facts)) is None


def _last_s(one: Step, work: StepWork | None) -> float | None:
    return work.records.seconds(work.record_of(one)) if work and one.name not in ("ingest", "etl") else None


def _planned(
    one: Step, recipe: str, amounts: _Amounts, *, due: bool, last_s: float | None, counted: PlanOrder, hour_usd: float
) -> PlannedStep:
    """Return the plan of one step."""
    n_files, n_recordings = len(amounts.uploads), len(amounts.recordings)
    upload = expected_upload(each.stamp.n_bytes for each in amounts.uploads)
    curation = expected_curation(n_recordings, amounts.n_bytes, amounts.rows)
    hours, machine = counted.train_hours, counted.instance_type

    def priced(what: str, count: str, usd: float, spot: float | None = None) -> CostLine:
        return CostLine(what, count, usd, usd if spot is None else spot)

    def query() -> CostLine:
        return priced(f"{one.label[2:]} (Athena)", "10 MB at least", scan_usd(0))

    by_name: dict[str, Callable[[], tuple[str, float | None, CostLine | None]]] = {
        "ingest": lambda: (
            f"send {n_files} of {amounts.n_files} files, {size(upload.n_bytes)}",
            upload.here_s,
            priced("upload and objects", f"{2 * n_files} requests", requests_usd(2 * n_files)),
        ),
        "etl": lambda: (
            f"curate {n_recordings} recordings, {amounts.rows:,} rows, {size(amounts.n_bytes)}",
            curation.here_s,
            priced("curation (Glue)", f"{workers_for(n_recordings)} workers, {glue_minutes(n_recordings):.0f} min", curation.usd),
        ),
        "gate": lambda: ("judge the curated data against the limits", QUERY_S, query()),
        "sql": lambda: (f"answer {Path(one.command_for(recipe)[-1]).name}", QUERY_S, query()),
        "train": lambda: (
            "train a recognizer and download it",
            last_s,
            priced("training (SageMaker)", f"{hours:g} h of {machine}", hour_usd * hours, hour_usd * hours * SPOT_PART),
        ),
        "score": lambda: (
            one.does,
            last_s,
            priced("scoring (SageMaker)", f"{SCORING_HOURS:g} h of {machine}", hour_usd * SCORING_HOURS),
        ),
    }
    would, here_s, price = by_name.get(one.name, lambda: (one.does, last_s, None))()
    return PlannedStep(one, would, due, last_s if last_s is not None else here_s, price)
