"""The outcome of a run: recordings that were accepted, put aside or excluded, with counts that must equal those of the input."""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from aws_pipeline.curation_plan import CurationPlan
from aws_pipeline.curation_task import AnyResult, CurationResult
from aws_pipeline.film_task import FilmResult
from aws_pipeline.lake import count_rows
from behavior.balance import Balance
from behavior.contract import ContractError, Fault
from behavior.film_keys import FILM
from behavior.keys import RAW_ZONE, Layout
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
    """Counts of recordings, films, files and rows, by outcome."""
    films: tuple[FilmResult, ...] = ()
    """Accepted films, by number."""

    @property
    def all_accepted(self) -> tuple[AnyResult, ...]:
        """Accepted recordings and films."""
        return (*self.accepted, *self.films)


def settle(plan: CurationPlan, results: Sequence[AnyResult], raw: str, layout: Layout = RAW_ZONE) -> Outcome:
    """Return the outcome of a run. Raises RuntimeError if the counts of recordings, files or rows do not add up."""
    of_work = {one.name: one for one in plan.all_work}
    names = [result.name for result in results]
    returned, planned = Counter(names), Counter(list(of_work))
    if returned != planned:
        strange = sorted((returned - planned) + (planned - returned))
        raise RuntimeError(f"Expected one result for each recording, but got none or several for {', '.join(strange[:5])}. Run again.")
    n_put_aside = len(plan.put_aside)
    counted = _counted([*plan.put_aside, *plan.excluded], raw, layout)
    rejected = [
        QuarantineEntry(
            name, result.faults, result.lab, of_work[name].keys, result.rows_in, result.split != FILM, result.run, inputs=result.inputs
        )
        for name, result in zip(names, results, strict=True)
        if result.faults
    ]
    sound = [result for result in results if not result.faults]
    accepted = tuple(result for result in sound if isinstance(result, CurationResult))
    films = tuple(result for result in sound if isinstance(result, FilmResult))
    put_aside, excluded = by_name([*counted[:n_put_aside], *rejected]), counted[n_put_aside:]
    n_rows = sum(one.rows for one in counted) + sum(result.rows_in for result in results)
    balances = _balances(plan, accepted, films, put_aside, excluded, n_rows)
    return Outcome(accepted, tuple(put_aside), tuple(excluded), balances, films)


def refuse_nothing_accepted(plan: CurationPlan, outcome: Outcome, raw: str) -> None:
    """Raise ContractError if the data set is faulty as a whole, or if no recording of train.csv and no film is accepted."""
    faults = list(plan.faults)
    if not faults and not outcome.films and not any(result.split == "train" for result in outcome.accepted):
        got = f"{len(outcome.put_aside)} put aside, {len(outcome.excluded)} excluded"
        message = f"Expected a sound recording in train.csv, but got none: {got}."
        mend = "Correct their faults, or include some. The curated zone was not changed."
        faults.append(Fault("table-empty", raw, message, mend))
    if faults:
        raise ContractError([*faults, *(fault for one in outcome.put_aside for fault in one.faults)])


def _balances(
    plan: CurationPlan,
    accepted: Sequence[CurationResult],
    films: Sequence[FilmResult],
    put_aside: Sequence[QuarantineEntry],
    excluded: Sequence[QuarantineEntry],
    n_rows: int,
) -> tuple[Balance, ...]:
    """Return the balances of recordings, films, files and the `n_rows` tracking rows. Raises RuntimeError if one does not add up."""
    files_of = {one.name: len(one.keys) for one in plan.all_work}
    n_files = sum(files_of[name] for name in (*(one.name for one in accepted), *(one.name for one in films)))
    n_recordings, n_films = sum(one.of_metadata for one in put_aside), sum(map(_is_film, put_aside))
    n_films_excluded = sum(map(_is_film, excluded))
    n_all_films = len(plan.films) + sum(map(_is_film, (*plan.put_aside, *plan.excluded)))
    rows = _parts(sum(one.rows_in for one in accepted), sum(one.rows for one in put_aside), sum(one.rows for one in excluded))
    recordings = _parts(len(accepted), n_recordings, len(excluded) - n_films_excluded) | {"repeated": plan.repeated}
    files = _parts(n_files, _files(put_aside), _files(excluded)) | {"of no recording": len(plan.ignored)}
    of_films = (Balance("films", n_all_films, _parts(len(films), n_films, n_films_excluded)),) if n_all_films else ()
    return (
        *of_films,
        Balance("recordings", sum(map(len, plan.metadata.values())), recordings),
        Balance("files", plan.n_files, files),
        Balance("tracking rows", n_rows, rows),
    )


def _is_film(one: QuarantineEntry) -> bool:
    return one.name.startswith(f"{FILM}-")


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
