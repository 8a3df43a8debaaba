"""Recordings that differ from the others of their lab: in frame rate, in scale, in the length of their mice."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

LEAST_RECORDINGS = 4
"""Fewer recordings of a lab do not say what is usual there."""
MOST_DIFFERENT = 0.25
"""A scale or a body length may differ by this share from the lab's median. Mice grow, and cameras are moved."""
_MEASURED = (("pix_per_cm_approx", "pixels per cm"), ("body_length_cm", "cm from nose to tail base"))


@dataclass(frozen=True)
class Outlier:
    """One recording with one unusual value."""

    lab: str
    split: str
    video_id: int
    text: str
    """What is unusual, as "29 frames per second, where the lab has 30"."""


def outliers(rows: Iterable[Mapping[str, Any]]) -> list[Outlier]:
    """Return the unusual recordings of each lab, from rows of `DATA_QUALITY`, sorted by lab and video."""
    by_lab: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_lab[str(row["lab_id"])].append(row)
    return [one for lab, own in sorted(by_lab.items()) if len(own) >= LEAST_RECORDINGS for one in _of_lab(lab, own)]


def _of_lab(lab: str, rows: Sequence[Mapping[str, Any]]) -> Iterable[Outlier]:
    usual, count = Counter(round(row["frames_per_second"], 1) for row in rows).most_common(1)[0]
    values = {name: [row[name] for row in rows if row[name]] for name, _ in _MEASURED}
    middles = {name: median(known) for name, known in values.items() if known}
    for row in sorted(rows, key=lambda row: row["video_id"]):
        if 2 * count > len(rows) and round(row["frames_per_second"], 1) != usual:
            text = f"{row['frames_per_second']:g} frames per second, where the lab has {usual:g}"
            yield Outlier(lab, row["split"], row["video_id"], text)
        for name, words in _MEASURED:
            if row[name] and abs(row[name] / middles[name] - 1) > MOST_DIFFERENT:
                text = f"{row[name]:.1f} {words}, where the lab's median is {middles[name]:.1f}"
                yield Outlier(lab, row["split"], row["video_id"], text)
