"""The bouts most worth a person's look: doubtful or disputed ones, spread over labs and behaviors.

- doubt: 1 at the threshold, 0 at a score of 1.
- dispute: share of the bout's frames on which the other observers that looked for the triple do not have it, mean over these observers.

A queue is chosen to teach, not to measure: do not estimate errors from it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from behavior.observed import TRIPLE, Observed

COLUMNS = [
    "lab_id",
    *TRIPLE,
    "start_frame",
    "stop_frame",
    "window_start_frame",
    "window_stop_frame",
    "frames_per_second",
    "confidence",
    "threshold",
    "doubt",
    "dispute",
    "worth",
    "observer",
]
MARGIN_S = 2.0
"""Seconds around a bout that a person looks at."""
_FIRST = "first_frame"


def review_queue(observers: Sequence[Observed], count: int, margin_s: float = MARGIN_S) -> pd.DataFrame:
    """Return the `count` bouts most worth a look, best first: `COLUMNS`.

    `observers` are predictions of the same recordings; the first is the one to be corrected. Bouts of the others are candidates where no
    earlier observer has one (column observer counts from 0). A window reaches `margin_s` around its bout, but never closer to another
    candidate of the same triple than halfway, so that a window holds one bout only. Each lab and behavior gives its best bout in turn.
    """
    first = observers[0]
    candidates = [_scored(first.bouts, 0, observers)]
    for number, other in enumerate(observers[1:], start=1):
        alone = (np.nan_to_num(_covered(other.bouts, observers[:number])) == 0).all(axis=1)
        candidates.append(_scored(other.bouts[alone], number, observers))
    rows = _windowed(pd.concat(candidates, ignore_index=True), first, margin_s)
    rows = rows.sort_values(["worth", *TRIPLE, "start_frame"], ascending=[False, *[True] * 5], ignore_index=True)
    turn = rows.groupby(["lab_id", "action"], sort=False).cumcount()
    ordered = rows.assign(turn=turn).sort_values(["turn", "worth"], ascending=[True, False], kind="stable")
    return ordered.head(count)[COLUMNS].reset_index(drop=True)


def _scored(bouts: pd.DataFrame, number: int, observers: Sequence[Observed]) -> pd.DataFrame:
    """Return bouts of one observer with doubt, dispute and worth: the mean of those that are known."""
    missing = np.full(len(bouts), np.nan)
    confidence, threshold = (bouts[name].to_numpy(float) if name in bouts else missing for name in ("confidence", "threshold"))
    doubt = np.clip(1 - (confidence - threshold) / np.maximum(1 - threshold, 1e-6), 0, 1)
    others = [one for place, one in enumerate(observers) if place != number]
    share = 1 - _covered(bouts, others)
    known = np.isfinite(share)
    dispute = np.divide(np.where(known, share, 0).sum(axis=1), known.sum(axis=1), out=missing.copy(), where=known.any(axis=1))
    both = np.stack([doubt, dispute])
    worth = np.nan_to_num(both).sum(axis=0) / np.maximum(np.isfinite(both).sum(axis=0), 1)
    return bouts.assign(confidence=confidence, threshold=threshold, doubt=doubt, dispute=dispute, worth=worth, observer=number)


def _covered(bouts: pd.DataFrame, others: Sequence[Observed]) -> np.ndarray:
    """Return [bouts, others]: the share of each bout's frames that an observer's bouts of the same triple cover; NaN if it did not look."""
    covered = np.full((len(bouts), len(others)), np.nan)
    places = bouts.assign(place=np.arange(len(bouts)))
    for column, other in enumerate(others):
        looked = places.merge(other.triples[TRIPLE], on=TRIPLE)["place"].to_numpy()
        covered[looked, column] = 0
        theirs = other.bouts[[*TRIPLE, "start_frame", "stop_frame"]].rename(columns={"start_frame": "start", "stop_frame": "stop"})
        both = places.merge(theirs, on=TRIPLE)
        ends = {name: both[name].to_numpy(float) for name in ("start_frame", "stop_frame", "start", "stop")}
        shared = np.minimum(ends["stop_frame"], ends["stop"]) - np.maximum(ends["start_frame"], ends["start"])
        share = np.clip(shared / (ends["stop_frame"] - ends["start_frame"]), 0, 1)
        np.add.at(covered[:, column], both["place"].to_numpy(), share)
    return np.minimum(covered, 1)


def _windowed(rows: pd.DataFrame, first: Observed, margin_s: float) -> pd.DataFrame:
    """Return candidates with lab, frame rate and window."""
    about = first.triples[["lab_id", *TRIPLE, _FIRST, "frame_count", "frames_per_second"]]
    by_triple = {key: own[["start_frame", "stop_frame"]].to_numpy(np.int64) for key, own in rows.groupby(TRIPLE, dropna=False)}
    rows = rows.merge(about, on=TRIPLE)
    margin = np.rint(margin_s * rows["frames_per_second"]).astype("int64")
    start = np.maximum(rows["start_frame"] - margin, rows[_FIRST])
    stop = np.minimum(rows["stop_frame"] + margin, rows[_FIRST] + rows["frame_count"])
    windows = [
        _between_neighbors(by_triple.get(key, np.empty((0, 2), np.int64)), *span)
        for key, *span in zip(
            rows[TRIPLE].itertuples(index=False, name=None), rows["start_frame"], rows["stop_frame"], start, stop, strict=True
        )
    ]
    edges = np.array(windows, np.int64).reshape(-1, 2)
    return rows.assign(window_start_frame=edges[:, 0], window_stop_frame=edges[:, 1])


def _between_neighbors(bouts: np.ndarray, start: int, stop: int, window_start: int, window_stop: int) -> tuple[int, int]:
    """Return a window that keeps to its own half of the gap to the neighbors; `bouts` are [R, 2] and may hold the bout itself."""
    before, after = bouts[bouts[:, 1] <= start], bouts[bouts[:, 0] >= stop]
    if len(before):
        window_start = max(window_start, (int(before[:, 1].max()) + start + 1) // 2)
    if len(after):
        window_stop = min(window_stop, (stop + int(after[:, 0].min()) + 1) // 2)
    return window_start, window_stop
