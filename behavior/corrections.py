"""Corrections of a person become annotations: in a window of a recording, for one triple, the person's bouts are the truth.

In a recording that is annotated already, they replace what the annotation says in the window. A recording without annotation becomes known
only in the window: the window is cut out and becomes a training recording of its own, because outside of it nothing is known.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from behavior.recording import Triple

ANNOTATION = ["agent_id", "target_id", "action", "start_frame", "stop_frame", "annotator"]
"""Columns of `behavior.tables.RAW_ANNOTATION`."""
_TRIPLE = ANNOTATION[:3]


@dataclass(frozen=True)
class Correction:
    """What a person says about one window."""

    video_id: int
    """Recording."""
    triple: Triple
    """Agent, target and behavior that were predicted."""
    window: tuple[int, int]
    """First frame of the window and the frame after its last, in the numbers of the film."""
    bouts: tuple[tuple[Triple, int, int], ...]
    """Bouts in the window, as the person sees them: triple, start, stop. None of them if the prediction is wrong."""

    @property
    def known(self) -> tuple[Triple, ...]:
        """Triples that are known in the window: the predicted one, and those that the person names."""
        return tuple(sorted({self.triple, *(triple for triple, _, _ in self.bouts)}))


def corrected(annotation: pd.DataFrame, corrections: Iterable[Correction], annotator: str) -> pd.DataFrame:
    """Return the bouts of one recording with its corrections: `ANNOTATION`, sorted.

    A bout that reaches into a window of its triple is cut there. Pieces that touch become one bout again.
    """
    rows = annotation.reindex(columns=ANNOTATION).astype({"annotator": object})
    for one in corrections:
        for triple in one.known:
            rows = _without(rows, triple, one.window)
        new = [(*triple, *_clipped(start, stop, one.window), annotator) for triple, start, stop in one.bouts]
        rows = pd.concat([rows, pd.DataFrame(new, columns=ANNOTATION)], ignore_index=True) if new else rows
        for triple in one.known:
            rows = _joined(rows, triple, one.window)
    return rows.sort_values(["start_frame", *_TRIPLE], ignore_index=True)


def clip_id(lab_id: str, correction: Correction) -> int:
    """Return the number of the recording that a window becomes: the same for the same window and triple, whatever the person says."""
    text = repr((lab_id, correction.video_id, tuple(correction.triple), correction.window))
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big") % 10**17


def clip_bouts(correction: Correction, annotator: str) -> pd.DataFrame:
    """Return the annotation of the recording that a window becomes: `ANNOTATION`, frames counted from the window's start."""
    first = correction.window[0]
    spans = ((triple, *_clipped(start, stop, correction.window)) for triple, start, stop in correction.bouts)
    rows = [(*triple, start - first, stop - first, annotator) for triple, start, stop in spans]
    return pd.DataFrame(rows, columns=ANNOTATION).sort_values(["start_frame", *_TRIPLE], ignore_index=True)


def _clipped(start: int, stop: int, window: tuple[int, int]) -> tuple[int, int]:
    return max(start, window[0]), min(stop, window[1])


def _of(rows: pd.DataFrame, triple: Triple) -> pd.Series:
    return (rows["agent_id"] == triple.agent) & (rows["target_id"] == triple.target) & (rows["action"] == triple.behavior)


def _without(rows: pd.DataFrame, triple: Triple, window: tuple[int, int]) -> pd.DataFrame:
    """Return bouts with those of a triple cut out of a window."""
    first, end = window
    own = _of(rows, triple) & (rows["start_frame"] < end) & (rows["stop_frame"] > first)
    before, after = rows[own & (rows["start_frame"] < first)], rows[own & (rows["stop_frame"] > end)]
    parts = [rows[~own], before.assign(stop_frame=first), after.assign(start_frame=end)]
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _joined(rows: pd.DataFrame, triple: Triple, window: tuple[int, int]) -> pd.DataFrame:
    """Return bouts in which pieces of a triple that touch at the edges of a window are one bout."""
    for edge in window:
        own = _of(rows, triple)
        left, right = rows[own & (rows["stop_frame"] == edge)], rows[own & (rows["start_frame"] == edge)]
        if len(left) and len(right):
            names = [name for name in (*left["annotator"], *right["annotator"]) if isinstance(name, str)]
            whole = left.iloc[[0]].assign(stop_frame=int(right["stop_frame"].iloc[0]), annotator=names[-1] if names else None)
            rows = pd.concat([rows.drop([left.index[0], right.index[0]]), whole], ignore_index=True)
    return rows
