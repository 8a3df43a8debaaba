"""Kept scores beside the truth: what an evaluation counts, pair by pair, or arena by arena for recipes that name groups only.

Axes: T frames, C behaviors, G groups.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from behavior.bouts import BOUT_COLUMNS, runs
from behavior.ethogram import ethogram
from behavior.groups import GROUP_NAMES, group_bouts, group_labels, watched_groups
from behavior.recording import Recording, Triple
from recognizers.recognizer import View
from training.content import Content
from training.fold_plan import FoldPlan
from training.out_of_fold import WHOLE_ARENA, FoldRecord, OutOfFold
from training.tally import ScoredPair


def evaluated_behaviors(view: View, bouts: pd.DataFrame) -> tuple[str, ...]:
    """Return what is judged: the behaviors that occur; in the arena view the groups but the background, which is no bout."""
    return GROUP_NAMES[1:] if view is View.ARENA else ethogram(bouts["action"])


def scored_pairs(store: OutOfFold, plan: FoldPlan) -> Iterator[ScoredPair]:
    """Yield everything that was watched, with its scores in the order of `evaluated_behaviors`.

    Where a recognizer says nothing (a behavior its fold never saw, a mouse that tracking lacks) the score is 0: a miss, not a gap.
    """
    behaviors = evaluated_behaviors(store.view, plan.bouts)
    records = {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        record, unit = records[plan.fold_of[recording.video_id]], plan.groups[recording.video_id]
        own = plan.bouts[plan.bouts["video_id"] == recording.video_id]
        if store.view is View.ARENA:
            yield from _arena(store, record, recording, content, own, unit)
            continue
        places = [behaviors.index(behavior) for behavior in record.behaviors]
        for pair in recording.pairs:
            kept = store.scores(recording, pair)
            scores = np.zeros((content.frames, len(behaviors)), np.float16)
            found = []
            if kept is not None:
                scores[:, places] = kept
                found = record.decoding.bouts(record.behaviors, recording, pair, kept.astype(np.float32))
            true = own[(own["agent_id"] == pair[0]) & (own["target_id"] == pair[1])]
            yield ScoredPair(recording, pair, unit, scores, true, found)


def _arena(
    store: OutOfFold, record: FoldRecord, recording: Recording, content: Content, bouts: pd.DataFrame, unit: int
) -> Iterator[ScoredPair]:
    """Yield the whole arena as one pair that is nobody in particular; nothing if no group was watched for."""
    watched = watched_groups(recording, content.mice)
    kept = store.scores(recording, WHOLE_ARENA)
    if kept is None or not watched.any():
        return
    labels = group_labels(recording, content.mice, content.frames, bouts)
    asked = replace(recording, annotated=tuple(Triple(*WHOLE_ARENA, name) for name in np.array(GROUP_NAMES)[1:][watched[1:]].tolist()))
    true = [
        (recording.video_id, *WHOLE_ARENA, name, start, stop)
        for group, name in enumerate(GROUP_NAMES[1:], start=1)
        for start, stop in zip(*runs(labels[:, group]), strict=True)
    ]
    found = [
        (recording.video_id, *WHOLE_ARENA, GROUP_NAMES[group], start, stop)
        for group, start, stop in group_bouts(kept.astype(np.float32), recording.fps, record.decoding.settings)
    ]
    table = pd.DataFrame(true, columns=list(BOUT_COLUMNS)).astype({"start_frame": np.int64, "stop_frame": np.int64})
    yield ScoredPair(asked, WHOLE_ARENA, unit, kept[:, 1:], table, found, known=np.asarray(labels.any(axis=1)))
