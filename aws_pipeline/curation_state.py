"""The ETL's memory: results of earlier runs as rows of the table `lineage`, and which recordings must be curated again, and why."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from aws_pipeline.curation_task import AnyResult, AnyWork, CurationResult
from aws_pipeline.film_state import film_from_row, film_to_row
from aws_pipeline.film_task import FilmResult
from aws_pipeline.film_work import FilmWork
from aws_pipeline.iceberg import LakeTable
from aws_pipeline.lake import WrittenObject, stored_rows
from behavior.content import Content
from behavior.contract import Fault
from behavior.film_keys import FILM
from behavior.keys import object_of
from behavior.tables import ANNOTATIONS_ENRICHED, LINEAGE, TRACKING_CURATED
from behavior.verdicts import QuarantineEntry

_WHY = {
    "tracking": "its tracking changed",
    "annotation": "its annotation changed",
    "metadata": "its row of the metadata changed",
    "rules": "the contract, the policy or a decision changed",
    "curation": "the curation has a new version",
    "writer": "another version of pyarrow writes now",
    "film": "its film changed",
    "labels": "its labels changed",
    "embeddings": "its embeddings changed",
    "tracks": "the tracking of its mouse changed",
    "labelling": "films.toml changed",
}
_JUDGED_AGAIN = {"object-changed", "file-missing"}
"""Faults of objects that have the same ETag as before when they are uploaded again."""
_FACTS = ("rows_in", "rows_out", "bytes_in", "first_frame", "frames", "mice", "bodyparts", "seen_share", "quality")


@dataclass(frozen=True)
class Due:
    """The recordings and films of a plan that must be curated, with reasons, and the results that are still valid."""

    work: tuple[AnyWork, ...]
    why: Mapping[str, str]
    """Name of each recording of the plan -> why it is curated, or since when it is unchanged."""
    ready: tuple[AnyResult, ...]


def due(
    work: Iterable[AnyWork],
    former: Mapping[str, AnyResult],
    rejected: Mapping[str, QuarantineEntry],
    present: Set[str],
    *,
    force: bool = False,
) -> Due:
    """Compare a plan with the results of earlier runs.

    `former` are accepted recordings and `rejected` those in quarantine, by name; `present` are the keys of curated objects that are in
    their table (files of films: in the list of the last run) and in the zone. With `force` every recording is curated.
    """
    again, ready = list[AnyWork](), list[AnyResult]()
    why: dict[str, str] = {}
    for one in work:
        known = former.get(one.name) or _as_result(one, rejected.get(one.name))
        reason = "forced" if force else _reason(one, known, present)
        if reason or known is None:
            again.append(one)
            why[one.name] = reason
        else:
            ready.append(known)
            why[one.name] = f"{'in quarantine' if known.faults else 'unchanged'} since run {known.run}"
    return Due(tuple(again), why, tuple(ready))


def _reason(work: AnyWork, known: AnyResult | None, present: Set[str]) -> str:
    """Return why a recording must be curated; nothing if it need not be."""
    if known is None:
        return "it is new"
    now = work.inputs
    if changed := [kind for kind in sorted(now.keys() | known.inputs.keys()) if now.get(kind) != known.inputs.get(kind)]:
        return ", ".join(_WHY[kind] for kind in changed)
    if work.is_recorded and any(one.code == "object-replaced" for one in (*known.notes, *known.faults)):
        return "its upload is recorded now"  # a run began before the upload of its objects had ended
    if any(one.key not in present for one in (*known.objects, *known.files)):
        return "its curated object is gone"
    return ""


def _as_result(work: AnyWork, entry: QuarantineEntry | None) -> AnyResult | None:
    if entry is None or not entry.inputs or any(fault.code in _JUDGED_AGAIN for fault in entry.faults):
        return None
    if isinstance(work, FilmWork):
        inputs = dict(entry.inputs)
        return FilmResult(work.video_id, work.lab, entry.faults, inputs=inputs, run=entry.run, bytes_in=work.n_bytes)
    place = work.split, work.recording.video_id, work.recording.lab_id
    return CurationResult(*place, entry.faults, inputs=dict(entry.inputs), run=entry.run, rows_in=entry.rows, bytes_in=work.n_bytes)


def read_former(lineage: LakeTable | None) -> dict[str, AnyResult]:
    """Return the accepted recordings and films of the last run, by name."""
    if lineage is None:
        return {}
    former = dict[str, AnyResult]()
    for key in sorted(lineage.entries):
        held = object_of(key)
        # if another run or a person removed it, its recordings are curated again
        rows = stored_rows(lineage.zone, LINEAGE, key, lost=True, mend="Run the ETL with --force.")
        for row in rows.to_pylist():
            of_row: Callable[[Mapping[str, Any], str], AnyResult] = film_from_row if row["split"] == FILM else _from_row
            result = of_row(row, str(held.lab) if held else "")
            former[result.name] = result
    return former


def lineage_rows(results: Iterable[AnyResult]) -> dict[str, pa.Table]:
    """Return the rows of `LINEAGE` of accepted recordings and films, by lab, sorted by split and video."""
    by_lab = defaultdict(list)
    for result in sorted(results, key=lambda one: (one.split, one.video_id)):
        by_lab[result.lab].append(film_to_row(result) if isinstance(result, FilmResult) else _to_row(result))
    return {lab: pa.Table.from_pylist(rows, schema=LINEAGE.schema) for lab, rows in sorted(by_lab.items())}


def _to_row(result: CurationResult) -> dict[str, Any]:
    content = result.content
    if content is None:
        raise ValueError(f"Expected the content of {result.split} video {result.video_id}, but got none. Run the ETL with --force.")
    facts = {
        **{name: getattr(result, name) for name in _FACTS},
        "notes": [vars(note) for note in result.notes],
        "bouts": [[*behavior, lengths.tolist()] for behavior, lengths in sorted(result.bouts.items())],
        "content": {name: getattr(content, name) for name in ("pose", "timeline", "bouts", "mice")},
    }
    raw = dict(zip(("tracking", "annotation"), result.digests.items(), strict=False))
    written = dict(zip(("curated", "bouts"), result.objects, strict=False))
    return {
        **{name: getattr(result, name) for name in ("split", "video_id", "run", "fingerprint")},
        "inputs": json.dumps(result.inputs, sort_keys=True),
        **{f"{name}_{what}": each for name, pair in raw.items() for what, each in zip(("key", "sha256"), pair, strict=True)},
        **{
            f"{name}_{what}": each
            for name, one in written.items()
            for what, each in (("key", one.key), ("sha256", one.sha256), ("rows", one.rows), ("bytes", one.n_bytes))
        },
        "facts": json.dumps(facts, sort_keys=True),
        "marks": content.marks.astype("<u8").tobytes(),
    }


def _from_row(row: Mapping[str, Any], lab: str) -> CurationResult:
    facts = json.loads(row["facts"])
    content = facts.pop("content")
    marks = np.frombuffer(row["marks"], "<u8").astype(np.uint64)
    objects = tuple(
        WrittenObject(table.name, row[f"{name}_key"], row[f"{name}_rows"], row[f"{name}_bytes"], row[f"{name}_sha256"])
        for name, table in (("curated", TRACKING_CURATED), ("bouts", ANNOTATIONS_ENRICHED))
        if row[f"{name}_key"]
    )
    digests = {row[f"{name}_key"]: row[f"{name}_sha256"] for name in ("tracking", "annotation") if row[f"{name}_key"]}
    result = CurationResult(
        row["split"],
        row["video_id"],
        lab,
        notes=tuple(Fault(**note) for note in facts.pop("notes")),
        inputs=json.loads(row["inputs"]),
        digests=digests,
        fingerprint=row["fingerprint"],
        objects=objects,
        run=row["run"],
        bouts={(action, kind): np.array(lengths, np.int64) for action, kind, lengths in facts.pop("bouts")},
        content=Content(row["video_id"], marks=marks, frames=facts["frames"], **{**content, "mice": tuple(content["mice"])}),
    )
    return replace(result, **{**facts, "bodyparts": tuple(facts["bodyparts"])})
