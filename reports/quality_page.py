"""The page about the quality of the data: what is missing, what is doubtful, what was put aside, lab by lab and recording by recording."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from behavior.contract import Fault
from behavior.quality_flags import quality_flags
from behavior.quality_outliers import outliers
from behavior.skeleton import canonical
from reports.figures import svg
from reports.page import Block, Facts, FigureBlock, Gallery, Note, Page, Section, TableBlock, Text
from reports.quality_charts import MOST_DOTS, missing_chart, strip_chart

Row = Mapping[str, Any]
"""One row of `behavior.tables.DATA_QUALITY`, with None for a missing value."""
PutAside = Sequence[tuple[str, str]]
"""Recordings that were put aside: name, and why."""
Place = tuple[str, int]
"""Split and number of a recording."""
_READING = (
    "Nothing on this page was corrected or left out: it says what a person should look at. Flags mean more than a few errors; every "
    "tracker makes some."
)
_SUSPECTS = (
    "A teleport is a jump of most of a mouse that is faster than 400 cm/s. A swap suspect is a frame in which two mice are nearer to each "
    "other's last place than to their own. Doubled means that two mice have the same pose. All three are per minute of the recording."
)
_MISSING = (
    "Percent of the frames in which the tracker did not see a bodypart, mean over recordings and mice. An empty cell: the lab does not "
    "track it."
)
_LABELS = (
    "Share of the frames within at least one bout, and where the last bout ends as a share of the recording: far below 1, the rest was "
    "perhaps not annotated."
)
_DOTS = "One dot is one recording, the bar is the median of the lab."
_NEW = " Recordings of this run have another color."
_MANY = f" A lab with more than {MOST_DOTS} recordings has a band from its 5th to its 95th percentile, and dots for the outermost ones."
_MOST_LISTED, _MOST_NAMES = 40, 5


def quality_page(rows: Sequence[Row], put_aside: PutAside, line: str, names: Mapping[Place, str] | None = None) -> Page:
    """Return the page. `line` says when and of which data; `names` are names of recordings by split and number."""
    return Page("Data quality", line, [quality_facts(rows, put_aside), Text(_READING), *quality_sections(rows, put_aside, names)])


def quality_facts(rows: Sequence[Row], put_aside: PutAside) -> Facts:
    """Return the numbers of the whole data."""
    flagged = sum(bool(quality_flags(row, "")) for row in rows)
    seconds = [row["duration_s"] for row in rows]
    missing = np.average([row["missing_share"] for row in rows], weights=seconds) if rows else 0.0
    return Facts(
        [
            ("recordings", f"{len(rows):,}"),
            ("labs", f"{len({row['lab_id'] for row in rows})}"),
            ("hours", f"{sum(seconds) / 3600:.1f}"),
            ("keypoints missing", f"{100 * missing:.1f} %"),
            ("recordings with a flag", f"{flagged:,}"),
            ("put aside", f"{len(put_aside):,}"),
        ]
    )


def quality_sections(
    rows: Sequence[Row],
    put_aside: PutAside,
    names: Mapping[Place, str] | None = None,
    new: AbstractSet[Place] = frozenset(),
) -> list[Section]:
    """Return the sections of the page, for other pages too. Dots of `new` recordings have another color, unless all are new."""
    if not rows:
        return [Section("Put aside", _put_aside_blocks(put_aside))]
    by_lab = _by_lab(rows)
    marked = {lab: [(row["split"], row["video_id"]) in new for row in own] for lab, own in by_lab.items()}
    some = any(map(any, marked.values())) and not all(map(all, marked.values()))
    dots = _DOTS + (_NEW if some else "") + (_MANY if max(map(len, by_lab.values())) > MOST_DOTS else "")
    shown = marked if some else None
    return [
        Section("By lab", [_lab_table(by_lab)]),
        Section("Missing bodyparts", [Text(_MISSING, quiet=True), _missing_figure(by_lab)]),
        Section("Doubtful frames", [Text(f"{_SUSPECTS} {dots}", quiet=True), _strips(by_lab, _DOUBTS, shown)]),
        Section("Scale and labels", [Text(f"{_LABELS} {dots}", quiet=True), _strips(by_lab, _SCALE_AND_LABELS, shown)]),
        Section("Flags", _flag_blocks(rows, names or {})),
        Section("Put aside", _put_aside_blocks(put_aside)),
    ]


def _by_lab(rows: Sequence[Row]) -> dict[str, list[Row]]:
    by_lab: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["lab_id"], row["split"], row["video_id"])):
        by_lab[row["lab_id"]].append(row)
    return dict(by_lab)


def _lab_table(by_lab: Mapping[str, Sequence[Row]]) -> TableBlock:
    head = ["lab", "recordings", "hours", "mice", "frames\nper second", "pixels\nper cm", "body, cm", "missing", "longest\ngap, s"]
    head += ["outside\npicture", "in a bout", "flagged"]
    table: list[list[str]] = []
    for lab, rows in by_lab.items():
        seconds = [row["duration_s"] for row in rows]
        table.append(
            [
                lab,
                f"{len(rows):,}",
                f"{sum(seconds) / 3600:.1f}",
                _span([row["mice_tracked"] for row in rows], ".0f"),
                _span([row["frames_per_second"] for row in rows], ".4g"),
                _span([row["pix_per_cm_approx"] for row in rows], ".1f"),
                _span([row["body_length_cm"] for row in rows], ".1f"),
                _percent(np.average([row["missing_share"] for row in rows], weights=seconds)),
                f"{max(row['longest_gap_s'] for row in rows):.1f}",
                _percent(max((row["outside_share"] or 0 for row in rows), default=0)),
                _span([row["labeled_share"] and 100 * row["labeled_share"] for row in rows], ".0f", " %"),
                f"{sum(bool(quality_flags(row, '')) for row in rows)}",
            ]
        )
    return TableBlock(head, table)


def _missing_figure(by_lab: Mapping[str, Sequence[Row]]) -> FigureBlock:
    shares: dict[str, dict[str, list[float]]] = {}
    for lab, rows in by_lab.items():
        for row in rows:
            for part, share in json.loads(row["missing_by_bodypart"]).items():
                shares.setdefault(canonical(part), {}).setdefault(lab, []).append(share)
    parts = sorted(shares)
    table = np.array([[np.mean(shares[part][lab]) if lab in shares[part] else np.nan for lab in by_lab] for part in parts])
    return FigureBlock(svg(missing_chart(list(by_lab), parts, table)), "Share of missing keypoints for each bodypart and lab.")


_DOUBTS = (
    ("missing keypoints, %", lambda row: 100 * row["missing_share"], True),
    ("gaps of a keypoint, 1/min", lambda row: row["gaps_per_minute"], True),
    ("teleports, 1/min", lambda row: 60 * row["teleports"] / row["duration_s"], True),
    ("swap suspects, 1/min", lambda row: 60 * row["swap_suspects"] / row["duration_s"], True),
    ("doubled poses, frames/min", lambda row: 60 * row["doubled_frames"] / row["duration_s"], True),
)
_SCALE_AND_LABELS = (
    ("frames per second", lambda row: row["frames_per_second"], True),
    ("scale, pixels per cm", lambda row: row["pix_per_cm_approx"], True),
    ("body length, cm", lambda row: row["body_length_cm"], True),
    ("median speed, cm/s", lambda row: row["median_speed_cm_per_s"], True),
    ("frames within a bout, %", lambda row: row["labeled_share"] and 100 * row["labeled_share"], True),
    ("end of the last bout, share", lambda row: row["last_label_share"], True),
)


def _strips(by_lab: Mapping[str, Sequence[Row]], kinds: Sequence[Any], new: Mapping[str, Sequence[bool]] | None) -> Gallery:
    figures = []
    for label, value, from_zero in kinds:
        values = {lab: [np.nan if (one := value(row)) is None else float(one) for row in rows] for lab, rows in by_lab.items()}
        figures.append(FigureBlock(svg(strip_chart(values, label, from_zero, new)), f"{label} of every recording, by lab."))
    return Gallery(figures, wide=True)


def _flag_blocks(rows: Sequence[Row], names: Mapping[Place, str]) -> list[Block]:
    """Return the flags, one row for each kind in each lab, and the recordings that differ from their lab."""
    found: dict[tuple[str, str], list[tuple[str, Fault]]] = defaultdict(list)
    for row in rows:
        for flag in quality_flags(row, ""):
            found[flag.code, row["lab_id"]].append((_name(row["split"], row["video_id"], names), flag))
    table = []
    for (code, lab), own in sorted(found.items(), key=lambda one: -len(one[1])):
        worst = max(own, key=lambda one: one[1].count)
        more = f" and {len(own) - _MOST_NAMES} more" if len(own) > _MOST_NAMES else ""
        which = ", ".join(name for name, _ in own[:_MOST_NAMES]) + more
        table.append([code, lab, f"{len(own)}", f"{worst[0]}: {worst[1].text} {worst[1].mend}", which])
    head = ["flag", "lab", "recordings", "the recording with most of them", "all"]
    blocks: list[Block] = [TableBlock(head, table, text_columns=(0, 1, 3, 4))] if table else [Text("No recording has a flag.")]
    unusual = outliers(rows)
    if unusual:
        listed = [[one.lab, _name(one.split, one.video_id, names), one.text] for one in unusual[:_MOST_LISTED]]
        blocks += [
            Text("These recordings differ from the others of their lab:"),
            TableBlock(["lab", "recording", "what is unusual"], listed, text_columns=(0, 1, 2)),
            *_not_listed(len(unusual)),
        ]
    return blocks


def _name(split: str, video_id: int, names: Mapping[Place, str]) -> str:
    return names.get((split, video_id), str(video_id))


def _put_aside_blocks(put_aside: PutAside) -> list[Block]:
    if not put_aside:
        return [Text("Nothing was put aside.")]
    one = len(put_aside) == 1
    says = f"{len(put_aside):,} {'recording breaks its' if one else 'recordings break their'} contract and "
    says += f"{'was' if one else 'were'} put aside; all others were used."
    table = [[name, why] for name, why in put_aside[:_MOST_LISTED]]
    listed = TableBlock(["recording", "why"], table, text_columns=(0, 1))
    return [Note(says, warning=True), listed, *_not_listed(len(put_aside))]


def _not_listed(count: int) -> list[Block]:
    return [Text(f"{count - _MOST_LISTED:,} more are not listed here.", quiet=True)] if count > _MOST_LISTED else []


def _span(values: Sequence[float | None], style: str, unit: str = "") -> str:
    """Return the lowest and the highest value, or the only one."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    low, high = format(min(known), style), format(max(known), style)
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
