"""What a run of the ETL knows before it curates: its plan, the tables as they are, and what is due; perhaps nothing at all."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from aws_pipeline.curation_options import Options
from aws_pipeline.curation_plan import CurationPlan, plan_work
from aws_pipeline.curation_state import Due, due, read_former
from aws_pipeline.curation_task import AnyResult
from aws_pipeline.iceberg import LakeTable, open_tables
from aws_pipeline.lake import list_objects, read_object, read_snapshot
from aws_pipeline.quarantine_store import read_decisions, read_reasons, readable_reasons
from aws_pipeline.retention import is_published
from behavior.film_keys import CURATED_FILM_FOLDERS
from behavior.parquet_file import read_rows
from behavior.policy import STANDARD, Policy, parse_policy
from behavior.tables import ANNOTATIONS_ENRICHED, CURATED_TABLES, FILM_LABELS, LINEAGE, RUNS, TRACKING_CURATED
from behavior.verdicts import Rules

_OF_RECORDINGS = (TRACKING_CURATED, ANNOTATIONS_ENRICHED, FILM_LABELS)
"""Tables with an object for each recording, or each film."""


@dataclass(frozen=True)
class Prepared:
    """What a run knows before it curates: its plan, the tables as they are, and the recordings that must be curated."""

    plan: CurationPlan
    policy: Policy
    tables: dict[str, LakeTable]
    former: dict[str, AnyResult]
    """Accepted recordings and films of the last run, by name."""
    due: Due
    published: bool
    """Whether the list of objects is that of the tables; a killed run has perhaps not published it."""


def read_policy(address: str | None) -> Policy:
    """Return the policy at an address; without one, the severities of the contract."""
    if not address:
        return STANDARD
    zone, _, key = address.rpartition("/")
    return parse_policy(read_object(zone, key).to_pybytes().decode(), address)


def prepare(options: Options, policy: Policy, *, create: bool) -> Prepared:
    """Read decisions, reasons and tables, and plan the run. Tables that do not exist are created, or else are left out."""
    with ThreadPoolExecutor(3) as aside:
        opening = aside.submit(open_tables, options.curated, options.database, CURATED_TABLES, create=create)
        rejecting = aside.submit(readable_reasons, options.curated)
        listing = aside.submit(list_objects, options.curated, [table.location for table in _OF_RECORDINGS] + [*CURATED_FILM_FOLDERS])
        rules = Rules(policy, read_decisions(options.curated), read_reasons(options.raw))
        plan, tables = plan_work(options.raw, rules), opening.result()
        stored, rejected = listing.result(), rejecting.result()
    of_recordings = [tables[table.name] for table in _OF_RECORDINGS if table.name in tables]
    snapshot = read_snapshot(options.curated)
    entries = {key: entry.file_size_in_bytes for table in of_recordings for key, entry in table.entries.items()}
    entries |= {each.key: each.n_bytes or 0 for each in snapshot.files} if snapshot else {}
    present = {key for key, n_bytes in entries.items() if key in stored and stored[key].n_bytes == n_bytes}
    former, published = read_former(tables.get(LINEAGE.name)), is_published(snapshot, tables)
    return Prepared(plan, policy, tables, former, due(plan.all_work, former, rejected, present, force=options.force), published)


def last_summary(tables: dict[str, LakeTable]) -> dict[str, Any]:
    """Return the summary of the last run that changed the lake; empty if there was none."""
    runs = tables.get(RUNS.name)
    columns = [read_rows(RUNS, read_object(runs.zone, key), key).column("summary") for key in runs.entries] if runs else []
    return dict(json.loads(columns[-1][-1].as_py())) if columns and len(columns[-1]) else {}


def nothing_to_do(prepared: Prepared, code: str) -> dict[str, Any] | None:
    """Return the summary of the last run if another one with this code would change nothing, else None."""
    plan, summary = prepared.plan, last_summary(prepared.tables)
    if prepared.due.work or plan.faults or not summary or not prepared.published:
        return None
    put_aside = [(one.name, one.faults) for one in (*plan.put_aside, *(each for each in prepared.due.ready if each.faults))]
    now = (
        code,
        plan.versions,
        sorted((name, sorted(map(str, faults))) for name, faults in put_aside),
        sorted(one.name for one in plan.excluded),
        sum(not one.faults for one in prepared.due.ready),
        len(plan.ignored),
    )
    names = sorted((one["name"], sorted(one["faults"])) for one in summary["put_aside"])
    then = (
        summary["code"],
        summary["versions"],
        names,
        sorted(summary["excluded"]),
        summary["videos"] + summary.get("films", 0),
        summary["ignored"],
    )
    return summary if now == then else None
