"""What a run of the ETL would do: --plan says how much, --explain says why, for each recording. Nothing is changed."""

import json
from collections.abc import Sequence

from aws_pipeline.config import Settings
from aws_pipeline.curation_work import Work
from aws_pipeline.expected import expected_curation
from aws_pipeline.lake import count_rows
from aws_pipeline.preparation import Prepared
from behavior.contract import EXIT_OK

_FOOTERS = 20
"""So many files are looked into to count rows; the others are assumed to have as many for their bytes."""


def due_bytes_of(known: Prepared) -> int:
    """Return the bytes of tracking and of films that are to be curated."""
    return sum(one.n_bytes for one in known.due.work)


def show_plan(known: Prepared, chosen: Settings, *, explain: bool, as_json: bool) -> int:
    """Print what a run would do."""
    plan, due = known.plan, known.due
    why = {
        **due.why,
        **{one.name: f"put aside: {one.faults[0]}" for one in plan.put_aside},
        **{one.name: "excluded" for one in plan.excluded},
    }
    faults = [str(fault) for fault in plan.faults]
    expected = expected_curation(
        len(due.work), due_bytes_of(known), _about_rows(chosen.uri("raw"), [one for one in due.work if isinstance(one, Work)])
    )
    facts = {
        "curate": len(due.work),
        "unchanged": len(due.ready),
        "put_aside": len(plan.put_aside),
        "excluded": len(plan.excluded),
        "faults": faults,
        **expected.to_json(),
    }
    if as_json:
        print(json.dumps({**facts, "why": why} if explain else facts))
        return EXIT_OK
    if explain:
        print("\n".join(f"{name}: {reason}" for name, reason in sorted(why.items())))
    print(
        f"{facts['curate']} recordings to curate, {facts['unchanged']} unchanged, "
        f"{facts['put_aside']} put aside by their metadata or names, {facts['excluded']} excluded"
    )
    print(f"tracking to curate: {expected}")
    print("\n".join(faults) or "Nothing was changed.")
    return EXIT_OK


def _about_rows(zone: str, work: Sequence[Work]) -> int:
    """Return about how many tracking rows recordings have: some footers are read, spread over all sizes."""
    by_size = sorted(work, key=lambda one: one.n_bytes)
    some = by_size[:: -(-len(by_size) // _FOOTERS)] if by_size else []
    n_bytes, rows = sum(one.n_bytes for one in some), sum(count_rows(zone, one.tracking) for one in some)
    return round(rows / n_bytes * sum(one.n_bytes for one in work)) if n_bytes else 0
