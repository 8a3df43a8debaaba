"""One run of the Glue job: prepare, curate what is due, settle, and publish; if another run commits first, plan anew."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aws_pipeline.curation_options import Options
from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_task import AnyResult, AnyWork
from aws_pipeline.curation_workers import curate_all
from aws_pipeline.iceberg import CommitConflictError
from aws_pipeline.lake import write_object
from aws_pipeline.outcome import Outcome, refuse_nothing_accepted, settle
from aws_pipeline.preparation import Prepared, prepare, read_policy
from aws_pipeline.publication import Run, publish
from aws_pipeline.spark_setup import spark_context
from aws_pipeline.underway import underway
from behavior.contract import CONTRACT_VERSION
from behavior.curation import CURATION_VERSION
from behavior.keys import recording_name
from behavior.policy import STANDARD, Policy

_STATUS_EVERY_S = 2.0
_MOST_ATTEMPTS = 10
"""A run plans anew so many times if other runs commit before it does."""


def run_curation(options: Options) -> dict[str, Any]:
    """Do the whole job and return its summary. Raises ContractError with all faults if the data set as a whole is faulty."""
    started, clock, policy = datetime.now(UTC), [time.monotonic()], read_policy(options.policy)
    prepared = prepare(options, policy, create=True)
    if options.may_need_spark:
        spark_context()
    clock.append(time.monotonic())
    name = uuid.uuid4().hex
    with underway(options.curated, name):
        summary, removed = _curate_and_publish(prepared, options, Run(name, started, {}, options.code, options.keep_days), clock)
    clock.append(time.monotonic())
    steps = zip(("session", "tracking", "tables"), clock, clock[1:], strict=False)
    return {**summary, "removed": removed, "seconds": {name: round(end - start, 2) for name, start, end in steps}}


def write_status(options: Options, news: dict[str, Any]) -> None:
    """Write the progress of a run, its summary, or its faults, where the options say."""
    if options.summary:
        zone, _, key = options.summary.rpartition("/")
        write_object(zone, key, json.dumps(news).encode())


def _curate_and_publish(prepared: Prepared, options: Options, run: Run, clock: list[float]) -> tuple[dict[str, Any], int]:
    """Curate what is due and publish it; return the summary, and how many objects were removed. If another run commits first, plan anew."""
    own = dict[str, AnyResult]()
    for _ in range(_MOST_ATTEMPTS):
        plan = prepared.plan
        own |= {one.name: one for one in _curate(_not_done(prepared.due.work, own), options, run.name, prepared)}
        results = [*prepared.due.ready, *(_with_first_run(own[work.name], prepared.former) for work in prepared.due.work)]
        outcome = settle(plan, sorted(results, key=lambda one: (one.split, one.video_id)), options.raw)
        for balance in outcome.balances:
            print(balance, flush=True)
        refuse_nothing_accepted(plan, outcome, options.raw)
        of_run = {"run": run.name, "code": options.code, "curated_anew": len(prepared.due.work)}
        summary = {**_recording_facts(plan, outcome, prepared.policy), **of_run}
        clock[2:] = [time.monotonic()]
        try:
            return summary, publish(plan, outcome, prepared.tables, options.curated, options.database, replace(run, summary=summary))
        except CommitConflictError as error:
            print(f"another run has committed; planning anew: {error}", flush=True)
            prepared = prepare(options, prepared.policy, create=True)
    raise CommitConflictError(
        f"Expected to commit within {_MOST_ATTEMPTS} attempts, but got a conflict each time. Start fewer runs at once."
    )


def _with_first_run(result: AnyResult, former: Mapping[str, AnyResult]) -> AnyResult:
    """Return a result; if an earlier run had the same, before somebody deleted its object, that run stays in its lineage."""
    known = former.get(result.name)
    return replace(result, run=known.run) if known and known.fingerprint == result.fingerprint else result


def _not_done(work: Sequence[AnyWork], own: Mapping[str, AnyResult]) -> list[AnyWork]:
    """Return the work without what an earlier attempt of this run has done with the same inputs."""
    return [one for one in work if one.name not in own or own[one.name].inputs != one.inputs]


def _recording_facts(plan: CurationPlan, outcome: Outcome, policy: Policy) -> dict[str, Any]:
    """Return the part of the summary about recordings, and print the repairs and flags of each."""
    accepted = outcome.accepted
    counts: Counter[str] = Counter()
    of_work = {one.name: one.policy for one in plan.all_work}
    by_policy = [(policy, plan.notes), *((of_work[one.name], one.notes) for one in outcome.all_accepted)]
    for judge, note in ((judge, note) for judge, notes in by_policy for note in notes):
        print(f"{judge.severity(note.code)}: {note}")
        counts[note.code] += note.count
    for one in outcome.put_aside:
        for fault in one.faults:
            print(f"put aside: {one.name}: {fault}")
    return {
        "contract": CONTRACT_VERSION,
        "curation": CURATION_VERSION,
        "videos": len(accepted),
        "films": len(outcome.films),
        **{name: sum(getattr(result, name) for result in accepted) for name in ("rows_in", "rows_out", "bytes_in", "bytes_out")},
        "ignored": len(plan.ignored),
        "versions": plan.versions,
        "notes": dict(sorted(counts.items())),
        "put_aside": [one.summary() for one in outcome.put_aside],
        "by_leave": _by_leave(outcome.all_accepted),
        "excluded": [one.name for one in outcome.excluded],
        "balances": {balance.unit: balance.to_json() for balance in outcome.balances},
    }


def _by_leave(accepted: Sequence[AnyResult]) -> dict[str, list[str]]:
    """Return the recordings and films that only a policy or a decision accepted, with the codes of their faults."""
    codes_by_name = {}
    for result in accepted:
        if codes := sorted({note.code for note in STANDARD.rejecting(result.notes)}):
            codes_by_name[recording_name(result.split, result.video_id)] = codes
    return codes_by_name


def _curate(work: Sequence[AnyWork], options: Options, run: str, prepared: Prepared) -> list[AnyResult]:
    """Curate recordings and films. If the data set as a whole is faulty, they are only checked, and nothing is written."""
    print(f"{len(prepared.due.ready)} recordings are unchanged", flush=True)
    ids = None if prepared.plan.faults else {name: table.column_ids for name, table in prepared.tables.items()}
    told = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _STATUS_EVERY_S:
            told = time.monotonic()
            write_status(options, {"done": done, "of": of})

    return list(curate_all(work, options, run, ids, tell))
