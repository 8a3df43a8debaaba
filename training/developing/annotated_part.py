"""Whether experts annotated only a part of each recording: then the time before its first or after its last bout is longer than any pause.

In a recording of n pauses, the time after the last bout is the longest of all by chance in one of n + 1 recordings.
"""

from dataclasses import dataclass

import numpy as np

from training.material.fold_plan import FoldPlan

LEAST_BOUTS = 5
"""Recordings with fewer bouts say nothing about pauses."""
LEAST_RECORDINGS = 4
"""With fewer such recordings nothing is said."""


@dataclass(frozen=True)
class AnnotatedPart:
    """What the bouts of recordings show about their ends."""

    recordings: int
    """Recordings with enough bouts."""
    late_starts: int
    """Of these, recordings in which the time before the first bout is longer than any pause."""
    early_ends: int
    """The same of the time after the last bout."""
    part_s: float
    """Median time from the first bout to the last, s."""
    before_s: float
    """Median time before the first bout, s."""
    after_s: float
    """Median time after the last bout, s."""

    @property
    def is_shown(self) -> bool:
        """Whether an end is longer than any pause in more than half of the recordings."""
        return self.recordings >= LEAST_RECORDINGS and 2 * max(self.late_starts, self.early_ends) > self.recordings


def annotated_part(plan: FoldPlan) -> AnnotatedPart | None:
    """Return what the bouts of a plan show; None without a recording with enough bouts."""
    by_video = dict(tuple(plan.bouts.sort_values("start_frame").groupby("video_id")))
    rows = []
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        own = by_video.get(recording.video_id)
        if own is None or len(own) < LEAST_BOUTS:
            continue
        starts, stops = own["start_frame"].to_numpy(), np.maximum.accumulate(own["stop_frame"].to_numpy())
        pauses = np.maximum(starts[1:] - stops[:-1], 0)
        before, after, part = starts[0], max(content.frames - stops[-1], 0), stops[-1] - starts[0]
        rows.append((before > pauses.max(), after > pauses.max(), *(float(one) / recording.fps for one in (part, before, after))))
    if not rows:
        return None
    late, early, part_s, before_s, after_s = np.array(rows, float).T
    return AnnotatedPart(
        len(rows), int(late.sum()), int(early.sum()), float(np.median(part_s)), float(np.median(before_s)), float(np.median(after_s))
    )
