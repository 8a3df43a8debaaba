"""The outcome of a run: recordings that were accepted, put aside or excluded, with counts that must equal those of the input."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_task import CurationResult
from aws_pipeline.lake import count_rows
from behavior.balance import Balance
from behavior.contract import ContractError, Fault
from behavior.keys import RAW_ZONE, Layout, recording_name
from behavior.tables import RAW_TRACKING
from behavior.verdicts import QuarantineEntry, by_name

_THREADS = 16


@dataclass(frozen=True)
class Outcome:
    """The outcome of all recordings of a plan."""

    accepted: tuple[CurationResult, ...]
    """By split and video."""
    put_aside: tuple[QuarantineEntry, ...]
    """Entries for quarantine, by name."""
    excluded: tuple[QuarantineEntry, ...]
    """Recordings that a person excluded, by name."""
    balances: tuple[Balance, ...]
    """Counts of recordings, files and rows, by outcome."""


def settle(plan: CurationPlan, results: Sequence[CurationResult], raw: str, layout: Layout = RAW_ZONE) -> Outcome:
    """Return the outcome of a run. Raises RuntimeError if the counts of recordings, files or rows do not add up."""
    of_work = {one.name: one for one in plan.work}
    names = [recording_name(result.split, result.video_id) for result in results]
    returned, planned = Counter(names), Counter(list(of_work))
    if returned != planned:
        strange = sorted((returned - planned) + (planned - returned))
        raise RuntimeError(f"Expected one result for each recording, but got none or several for {', '.join(strange[:5])}. Run again.")
    before = _counted([*plan.put_aside, *plan.excluded], raw, layout)
    n_excluded = len(plan.excluded)
    planned_aside, excluded = before[: len(before) - n_excluded], before[len(before) - n_excluded :]
    rejected = [
        QuarantineEntry(name, result.faults, of_work[name].recording.lab_id, of_work[name].keys, result.rows_in)
        for name, result in zip(names, results, strict=True)
        if result.faults
    ]
    aside = [*planned_aside, *rejected]
    accepted = tuple(result for result in results if not result.faults)
    used = [of_work[recording_name(result.split, result.video_id)] for result in accepted]
    balances = (
        Balance(
            "recordings",
            sum(map(len, plan.metadata.values())),
            _parts(len(accepted), sum(one.of_metadata for one in aside), len(excluded)) | {"repeated": plan.repeated},
        ),
        Balance(
            "files",
            plan.n_files,
            _parts(sum(len(one.keys) for one in used), _files(aside), _files(excluded)) | {"of no recording": len(plan.ignored)},
        ),
        Balance(
            "tracking rows",
            sum(one.rows for one in before) + sum(result.rows_in for result in results),
            _parts(sum(one.rows_in for one in accepted), sum(one.rows for one in aside), sum(one.rows for one in excluded)),
        ),
    )
    return Outcome(accepted, tuple(by_name(aside)), tuple(excluded), balances)


def refuse_nothing_accepted(plan: CurationPlan, outcome: Outcome, raw: str) -> None:
    """Raise ContractError if the data set is faulty as a whole, or if no recording of train.csv is accepted."""
    faults = list(plan.faults)
    if not faults and not any(result.split == "train" for result in outcome.accepted):
        got = f"{len(outcome.put_aside)} put aside, {len(outcome.excluded)} excluded"
        message = f"Expected a sound recording in train.csv, but got none: {got}."
        mend = "Correct their faults, or include some. The curated zone was not changed."
        faults.append(Fault("table-empty", raw, message, mend))
    if faults:
        raise ContractError([*faults, *(fault for one in outcome.put_aside for fault in one.faults)])


def _parts(accepted: int, quarantined: int, excluded: int) -> dict[str, int]:
    return {"accepted": accepted, "quarantined": quarantined, "excluded": excluded}


def _files(parts: Iterable[QuarantineEntry]) -> int:
    return sum(len(one.keys) for one in parts)


def _counted(parts: Sequence[QuarantineEntry], raw: str, layout: Layout) -> list[QuarantineEntry]:
    """Return the same with the numbers of their tracking rows, as far as they can be counted."""

    def rows(one: QuarantineEntry) -> int:
        objects = ((key, layout.object_of(key)) for key in one.keys)
        return sum(count_rows(raw, key) for key, each in objects if each and each.table is RAW_TRACKING)

    with ThreadPoolExecutor(_THREADS) as pool:
        return [replace(one, rows=n_rows) for one, n_rows in zip(parts, pool.map(rows, parts), strict=True)]
