"""The page about the data of one run of the ETL: what came in, what was put aside, how sound the rest is, and what is new."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from behavior.contract import CODES
from behavior.quality_flags import quality_flags
from reports.page import Block, Note, Page, Section, TableBlock, Text
from reports.quality_page import Place, PutAside, Row, quality_facts, quality_sections

_MEANINGS = {code: meaning for codes in CODES.values() for code, meaning in codes.items()}
_RUN_PART = (
    "New are the recordings that this run curated because they, or the rules for them, were new or changed. The lake holds them together "
    "with the earlier ones, and all of them are on this page. Missing is the median share of keypoints that the tracker lost."
)
_READING = "Nothing on this page was corrected by hand or left out because of a flag: flags say what a person should look at."
_MOST_EXCLUDED = 20


@dataclass(frozen=True)
class CuratedRun:
    """A run of the ETL, as the table `runs` tells it."""

    name: str
    """Its id."""
    summary: Mapping[str, Any]
    """What it counted: put_aside, excluded, notes, balances, by_leave."""
    new: AbstractSet[Place] = frozenset()
    """The recordings that it curated."""
    names: Mapping[Place, str] = field(default_factory=dict)
    """Names that labs gave their recordings."""

    @property
    def put_aside(self) -> PutAside:
        """What it put aside, with all reasons; the lab is said where it is known."""
        entries = sorted(self.summary["put_aside"], key=lambda one: (one["lab"], one["name"]))
        return [(f"{one['name']}, {one['lab']}" if one["lab"] else one["name"], " ".join(one["faults"])) for one in entries]


def run_quality_page(run: CuratedRun, rows: Sequence[Row], line: str) -> Page:
    """Return the page. `rows` are those of `DATA_QUALITY`, `line` says which run, when and where."""
    sections = quality_sections(rows, run.put_aside, run.names, run.new)
    first, last = [part for part in sections if part.title == "Put aside"], [part for part in sections if part.title != "Put aside"]
    parts = [_run_section(run, rows), *first, *last, *_rule_sections(run)]
    return Page("Data quality of a run", line, [quality_facts(rows, run.put_aside), Text(_READING), *parts])


def _run_section(run: CuratedRun, rows: Sequence[Row]) -> Section:
    """Return what the run took in, and what of it is new, lab by lab."""
    blocks: list[Block] = [_balances(run.summary["balances"])]
    by_lab: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_lab[row["lab_id"]].append(row)
    aside = Counter(one["lab"] or "unknown" for one in run.summary["put_aside"])
    table = []
    for lab in sorted({*by_lab, *aside}):
        new = [row for row in by_lab[lab] if (row["split"], row["video_id"]) in run.new]
        old = [row for row in by_lab[lab] if (row["split"], row["video_id"]) not in run.new]
        flagged = sum(bool(quality_flags(row, "")) for row in new)
        counts = [f"{len(by_lab[lab]):,}", f"{len(new):,}", f"{flagged:,}" if new else "-"]
        table.append([lab, *counts, _missing(new), _missing(old), f"{aside[lab]:,}"])
    head = ["lab", "recordings", "new", "new with\na flag", "missing,\nnew", "missing,\nearlier", "put\naside"]
    blocks += [Text(_RUN_PART, quiet=True), TableBlock(head, table)] if table else []
    if excluded := run.summary["excluded"]:
        more = f" and {len(excluded) - _MOST_EXCLUDED} more" if len(excluded) > _MOST_EXCLUDED else ""
        blocks.append(Note(f"A person excluded {', '.join(excluded[:_MOST_EXCLUDED])}{more}."))
    return Section("This run", blocks)


def _balances(balances: Mapping[str, Mapping[str, int]]) -> TableBlock:
    """Return a row for each unit: how many came in, and what became of them."""
    outcomes = list(dict.fromkeys(name for counts in balances.values() for name in counts if name != "in"))
    table = [[unit, *(f"{counts[name]:,}" if name in counts else "" for name in ("in", *outcomes))] for unit, counts in balances.items()]
    return TableBlock(["", "in", *(f"= {name}" if place == 0 else f"+ {name}" for place, name in enumerate(outcomes))], table)


def _missing(rows: Sequence[Row]) -> str:
    return f"{100 * median(row['missing_share'] for row in rows):.1f} %" if rows else "-"


def _rule_sections(run: CuratedRun) -> list[Section]:
    """Return what was repaired or reported in accepted recordings, and which of them only a policy or a person accepted."""
    notes = sorted(run.summary["notes"].items(), key=lambda one: -one[1])
    blocks: list[Block] = []
    if notes:
        says = "In accepted recordings of this lake: rows, points or bouts that were repaired, or recordings that are worth a look."
        table = [[code, _MEANINGS.get(code, ""), f"{count:,}"] for code, count in notes]
        blocks += [Text(says, quiet=True), TableBlock(["code", "what it means", "count"], table, text_columns=(0, 1))]
    if by_leave := run.summary["by_leave"]:
        says = "Accepted only because of a policy, or because a person released them:"
        table = [[name, ", ".join(codes)] for name, codes in sorted(by_leave.items())]
        blocks += [Text(says), TableBlock(["recording", "faults"], table, text_columns=(0, 1))]
    return [Section("Repairs and notes", blocks or [Text("Nothing had to be repaired.")])]
