"""The card of a trained recognizer: what it learned from, how good it is, and how its scores become bouts, from its checkpoint's header."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from behavior.bouts import DURATIONS

CARD, DECODING = "card.md", "decoding.csv"
"""Names of the files beside a model."""
ANY_LAB = "any other lab"
DECODING_COLUMNS = ("lab", "behavior", "threshold", *DURATIONS, "weight", "slope", "offset")
_MOST_LINE = 256
"""Characters of a line about a model that SageMaker's registry takes."""
_EXPLAINED = (
    "A behavior is predicted in a frame if its score, smoothed over smooth_s seconds and calibrated (slope and offset on its logit), "
    "reaches its threshold. Where several do, the one with the largest weighted margin is chosen. Gaps up to max_gap_s seconds are "
    "closed, and bouts shorter than min_length_s seconds are dropped. In a lab of the training, only behaviors that occurred there "
    "are predicted."
)
_USES = ("train", "validation", "decoding", "held_out")

Row = dict[str, str | float]


def decoding_rows(header: Mapping[str, Any]) -> list[Row]:
    """Return how scores become bouts: a row for each lab and behavior that can be predicted there, `DECODING_COLUMNS`; other labs last."""
    decoding, behaviors = header["decoding"], list(header["behaviors"])
    own, occurring = decoding.get("lab_thresholds", {}), decoding["occurring"]
    rows: list[Row] = []
    for lab in [*sorted({*own, *occurring}), ANY_LAB]:
        for number, behavior in enumerate(behaviors):
            if behavior in occurring.get(lab, behaviors):
                least = own.get(lab, {}).get(behavior, decoding["thresholds"][number])
                durations = {name: _of_behavior(decoding["settings"][name], number) for name in DURATIONS}
                slope, offset = (decoding.get("calibration") or [(1.0, 0.0)] * len(behaviors))[number]
                weight = (decoding.get("weights") or [1.0] * len(behaviors))[number]
                rows.append(
                    {"lab": lab, "behavior": behavior, "threshold": least, **durations, "weight": weight, "slope": slope, "offset": offset}
                )
    return rows


def decoding_line(header: Mapping[str, Any]) -> str:
    """Return the same in one line: how many behaviors and labs, and the range of the thresholds."""
    rows = decoding_rows(header)
    least = [float(row["threshold"]) for row in rows]
    labs = len({row["lab"] for row in rows}) - 1
    counted = f"behaviors: {len(header['behaviors'])}, labs: {labs}"
    line = f"{counted}, thresholds: {min(least):.3g} to {max(least):.3g}. {CARD} says all"
    return line[:_MOST_LINE]


def card_files(header: Mapping[str, Any], title: str, facts: Mapping[str, str]) -> dict[str, bytes]:
    """Return the card in Markdown and the table of the decoding, by their names. `facts` are lines such as the job and its scores."""
    table = io.StringIO()
    writer = csv.DictWriter(table, DECODING_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(decoding_rows(header))
    return {CARD: model_card(header, title, facts).encode(), DECODING: table.getvalue().encode()}


def model_card(header: Mapping[str, Any], title: str, facts: Mapping[str, str]) -> str:
    """Return the card in Markdown."""
    videos = header["videos"]
    counted = [f"{len(videos[use])} for {use.replace('_', ' ')}" for use in _USES if videos.get(use)]
    lines = [
        f"# {title}",
        "",
        f"Recognizes {', '.join(header['behaviors'])}.",
        "",
        *(f"- {name}: {value}" for name, value in facts.items() if value),
        f"- family: {header['family']}; seed: {header.get('seed', 'unknown')}",
        *([f"- run of the ETL that it learned from: {header['snapshot']}"] if header.get("snapshot") else []),
        f"- recordings: {', '.join(counted) or 'not known'}",
        *(f"- {name} in training: {_plain(value)}" for name, value in header.get("metrics", {}).items()),
        "",
        "## How scores become bouts",
        "",
        _EXPLAINED,
        "",
        f"| {' | '.join(DECODING_COLUMNS)} |",
        f"|{'---|' * len(DECODING_COLUMNS)}",
        *(f"| {' | '.join(_plain(row[name]) for name in DECODING_COLUMNS)} |" for row in decoding_rows(header)),
        "",
    ]
    return "\n".join(lines)


def _of_behavior(seconds: float | list[float], number: int) -> float:
    """Return a duration of one behavior: it is one number for all of them, or a list."""
    return seconds[number] if isinstance(seconds, list) else seconds


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
