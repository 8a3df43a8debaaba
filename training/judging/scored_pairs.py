"""Kept scores beside the truth: what an evaluation counts, pair by pair, or arena by arena for recipes that name groups only.

Bouts are found by a decoding that was fitted without the recording's fold: on the scores and labels of all other folds. (That the
other folds' recognizers were taught with this fold is harmless, for what is fitted are scores of recordings they never saw.)

Axes: T frames, C behaviors, G groups.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from behavior.bouts import BOUT_COLUMNS, calibrated, runs, smooth
from behavior.content import Content
from behavior.ethogram import ethogram
from behavior.groups import GROUP_NAMES, annotated_groups, group_bouts, group_labels
from behavior.recording import Recording, Triple
from recognizers.recognizer import Decoding, View
from training.decoding.fit import Fitted, cross_fit
from training.judging.out_of_fold import WHOLE_ARENA, FoldRecord, OutOfFold
from training.judging.tally import ScoredPair
from training.material.fold_plan import FoldPlan

PLAIN, VALIDATION, NO_LABS = "plain", "validation", "without_labs"
"""Other ways to decode the same scores: one threshold and default durations; the checkpoint of the fold as training left it, with
thresholds of its validation recordings; no thresholds of labs."""


def evaluated_behaviors(view: View, bouts: pd.DataFrame) -> tuple[str, ...]:
    """Return what is judged: the behaviors that occur; in the arena view the groups but the background, which is no bout."""
    return GROUP_NAMES[1:] if view is View.ARENA else ethogram(bouts["action"])


def cross_fitted(store: OutOfFold, plan: FoldPlan) -> dict[int | None, Fitted]:
    """Return for each fold the decodings fitted on all others, and for None those fitted on all; nothing for the arena view."""
    if store.view is View.ARENA:
        return {}
    return cross_fit(lambda: kept_pairs(store, plan), evaluated_behaviors(store.view, plan.bouts), plan.fold_of)


def scored_pairs(store: OutOfFold, plan: FoldPlan, fitted: Mapping[int | None, Fitted]) -> Iterator[ScoredPair]:
    """Yield everything that was annotated, with its scores in the order of `evaluated_behaviors`, decoded as `cross_fitted` has it.

    Where a recognizer says nothing (a behavior its fold never saw, a mouse that tracking lacks) the score is 0: a miss, not a gap.
    """
    if store.view is View.ARENA:
        yield from _arenas(store, plan)
        return
    behaviors = evaluated_behaviors(store.view, plan.bouts)
    trained = {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}
    by_lab = any(one.decoding.lab_thresholds for one in fitted.values())
    for one in kept_pairs(store, plan):
        fold = plan.fold_of[one.recording.video_id]
        yield _decoded(one, behaviors, fitted[fold], trained[fold], by_lab)


def kept_pairs(store: OutOfFold, plan: FoldPlan) -> Iterator[ScoredPair]:
    """Yield every annotated pair; nothing is found in it yet."""
    behaviors = evaluated_behaviors(store.view, plan.bouts)
    records = {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        places = [behaviors.index(behavior) for behavior in records[plan.fold_of[recording.video_id]].behaviors]
        own = plan.bouts[plan.bouts["video_id"] == recording.video_id]
        for pair in recording.pairs:
            kept = store.scores(recording, pair)
            scores, answered = np.zeros((content.frames, len(behaviors)), np.float16), np.zeros(len(behaviors), bool)
            if kept is not None:
                scores[:, places], answered[places] = kept, True
            true = own[(own["agent_id"] == pair[0]) & (own["target_id"] == pair[1])]
            yield ScoredPair(recording, pair, plan.groups[recording.video_id], scores, true, [], answered=answered)


def _decoded(one: ScoredPair, behaviors: tuple[str, ...], fitted: Fitted, trained: FoldRecord, by_lab: bool) -> ScoredPair:
    """Return the pair with what is found in it, in each way of decoding."""
    assert one.answered is not None
    if not one.answered.any():
        return one
    known = tuple(np.array(behaviors)[one.answered].tolist())  # a behavior without an answer is never found
    scores = one.scores[:, one.answered].astype(np.float32)
    ways = {
        PLAIN: fitted.plain.over(behaviors, known),
        VALIDATION: trained.decoding.over(trained.behaviors, known),
    }
    if by_lab:
        ways[NO_LABS] = replace(fitted.decoding, lab_thresholds={}).over(behaviors, known)
    decoding = fitted.decoding.over(behaviors, known)
    probability = np.zeros_like(one.scores)
    probability[:, one.answered] = _calibrated(decoding, scores, one.recording.fps)
    return replace(
        one,
        found=decoding.bouts(known, one.recording, one.pair, scores),
        others={name: way.bouts(known, one.recording, one.pair, scores) for name, way in ways.items()},
        calibrated=probability,
    )


def _calibrated(decoding: Decoding, scores: np.ndarray, fps: float) -> np.ndarray:
    smoothed = smooth(scores, fps, decoding.settings.smooth_s)
    return calibrated(smoothed, np.array(decoding.calibration)) if decoding.calibration else smoothed


def _arenas(store: OutOfFold, plan: FoldPlan) -> Iterator[ScoredPair]:
    """Yield each whole arena as one pair that is nobody in particular; nothing for one in which no group was annotated."""
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        annotated = annotated_groups(recording, content.mice)
        kept = store.scores(recording, WHOLE_ARENA)
        if kept is None or not annotated.any():
            continue
        decoding = store.record(plan.fold_of[recording.video_id]).decoding
        found = group_bouts(kept.astype(np.float32), recording.fps, decoding.settings)
        yield _arena(recording, content, plan, kept, [(GROUP_NAMES[group], start, stop) for group, start, stop in found])


def _arena(recording: Recording, content: Content, plan: FoldPlan, kept: np.ndarray, found: list[tuple[str, int, int]]) -> ScoredPair:
    annotated = annotated_groups(recording, content.mice)
    labels = group_labels(recording, content.mice, content.frames, plan.bouts)
    asked = replace(recording, annotated=tuple(Triple(*WHOLE_ARENA, name) for name in np.array(GROUP_NAMES)[1:][annotated[1:]].tolist()))
    true = [
        (recording.video_id, *WHOLE_ARENA, name, start, stop)
        for group, name in enumerate(GROUP_NAMES[1:], start=1)
        for start, stop in zip(*runs(labels[:, group]), strict=True)
    ]
    bouts = [(recording.video_id, *WHOLE_ARENA, *bout) for bout in found]
    table = pd.DataFrame(true, columns=list(BOUT_COLUMNS)).astype({"start_frame": np.int64, "stop_frame": np.int64})
    unit = plan.groups[recording.video_id]
    return ScoredPair(asked, WHOLE_ARENA, unit, kept[:, 1:], table, bouts, known=np.asarray(labels.any(axis=1)))
