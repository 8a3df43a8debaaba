"""Whether the annotated behaviors exclude each other, as the labels show it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from behavior.recording import Recording

MOST_OVERLAP = 0.01
"""With a larger share of labelled frames that have two labels, behaviors do not exclude each other; experts' bouts touch now and then."""


def exclude_each_other(recordings: Sequence[Recording], bouts: pd.DataFrame) -> bool:
    """Return whether at most one behavior occurs at a time, and the same two or more behaviors were annotated for every subject.

    `bouts` may hold other recordings too.
    """
    lists = {frozenset(recording.behaviors_of(*pair)) for recording in recordings for pair in recording.pairs}
    if len(lists) != 1 or len(next(iter(lists))) < 2:
        return False
    return overlap_share(bouts[bouts["video_id"].isin([recording.video_id for recording in recordings])]) <= MOST_OVERLAP


def overlap_share(bouts: pd.DataFrame) -> float:
    """Return the share of labelled frames of a subject that have two labels or more; 0 without bouts."""
    frames = covered = 0
    for _, own in bouts.groupby(["video_id", "agent_id", "target_id"], dropna=False):
        ordered = own.sort_values("start_frame")
        starts, stops = ordered["start_frame"].to_numpy(), ordered["stop_frame"].to_numpy()
        reached = np.maximum.accumulate(np.append(starts[:1], stops[:-1]))  # how far the bouts before reach
        covered += int(np.maximum(stops - np.maximum(starts, reached), 0).sum())
        frames += int((stops - starts).sum())
    return (frames - covered) / covered if covered else 0.0
