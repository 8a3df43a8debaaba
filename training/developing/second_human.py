"""How well two humans agree on the same film: the measure of what a recognizer can reach.

Axes: T frames, C behaviors.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.bouts import labels_of_bouts
from behavior.frame_scores import f1_score
from behavior.recording import Recording
from training.material.fold_plan import FoldPlan


@dataclass(frozen=True)
class Agreement:
    """Agreement of two humans about one behavior."""

    f1: float
    """F1 of frames; it does not matter which of them counts as the truth."""
    recordings: int
    """Recordings that both annotated."""
    others: tuple[str, ...]
    """Labs of the other humans."""


def agreements(plan: FoldPlan) -> dict[str, Agreement]:
    """Return the agreement by behavior with other annotations of the same films in the zone, of any lab; nothing if there are none."""
    everyone = {recording.video_id: recording for recording in plan.zone.annotated_recordings()}
    group = plan.zone.content_groups()
    counts: dict[str, np.ndarray] = {}
    seen: dict[str, tuple[set[int], set[str]]] = {}
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        others = [one for video, one in everyone.items() if video != recording.video_id and _same(group, video, recording.video_id)]
        for other in others:
            if other in plan.recordings and other.video_id < recording.video_id:
                continue  # both are in the plan: count them once
            if plan.zone.material(other).frames != content.frames or other.fps != recording.fps:
                continue  # another cut of the film
            bouts = plan.zone.bouts([recording, other])
            for name, (hits, one, two) in _counts(recording, other, bouts, content.frames).items():
                counts[name] = counts.get(name, np.zeros(3)) + np.array((hits, one, two))
                videos, labs = seen.setdefault(name, (set(), set()))
                videos.add(recording.video_id)
                labs.add(other.lab_id)
    return {
        name: Agreement(float(f1_score(*count)), len(seen[name][0]), tuple(sorted(seen[name][1])))
        for name, count in sorted(counts.items())
        if count[1:].any()
    }


def _same(group: dict[int, int], one: int, other: int) -> bool:
    return one in group and group[one] == group.get(other)


def _counts(one: Recording, other: Recording, bouts: pd.DataFrame, frames: int) -> dict[str, tuple[int, int, int]]:
    """Return frames that both labelled, that one labelled, and that the other labelled, by behavior that both looked for."""
    found: dict[str, tuple[int, int, int]] = {}
    for triple in sorted(set(one.annotated) & set(other.annotated)):
        of_triple = (bouts["agent_id"] == triple.agent) & (bouts["target_id"] == triple.target)
        own = bouts[of_triple & (bouts["action"] == triple.behavior)]
        first, second = (labels_of_bouts(own[own["video_id"] == video.video_id], [triple.behavior], frames)[:, 0] for video in (one, other))
        before = found.get(triple.behavior, (0, 0, 0))
        added = (int((first & second).sum()), int(first.sum()), int(second.sum()))
        found[triple.behavior] = (before[0] + added[0], before[1] + added[1], before[2] + added[2])
    return found
