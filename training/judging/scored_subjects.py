"""Kept scores beside the truth: what an evaluation counts, subject by subject.

Bouts are decoded as was fitted without the recording's fold: on the scores and labels of all other folds. (That the other folds'
recognizers were taught with this fold is harmless, for what is fitted are scores of recordings they never saw.)

Axes: T frames, C behaviors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from behavior.bouts import calibrated, smooth
from behavior.labelling import Labelling
from recognizers.recognizer import LABELLINGS, Decoding, Head
from training.decoding.fit import Fitted, cross_fit
from training.decoding.scored_subject import ScoredSubject
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.material.fold_plan import FoldPlan

PLAIN, VALIDATION, NO_LABS = "plain", "validation", "without_labs"
"""Other ways to decode the same scores: one threshold and default durations; the checkpoint of the fold as training left it, with
thresholds of its validation recordings; no thresholds of labs."""


def labelling_of_run(store: OutOfFold, plan: FoldPlan) -> Labelling:
    """Return whom the recognizers of a run are asked about: all that occurs in its recordings."""
    return LABELLINGS[store.view].of_actions(plan.bouts["action"])


def evaluated_behaviors(labelling: Labelling) -> tuple[str, ...]:
    """Return what is judged: all but the background, which is no bout."""
    return tuple(behavior for behavior in labelling.behaviors if behavior != labelling.background)


def cross_fitted(store: OutOfFold, plan: FoldPlan) -> dict[int | None, Fitted]:
    """Return for each fold the decodings fitted on all others, and for None those fitted on all.

    Nothing for classes that exclude each other: of them the best one stands, without a threshold.
    """
    if store.head is Head.EXCLUSIVE:
        return {}
    return cross_fit(lambda: kept_subjects(store, plan), evaluated_behaviors(labelling_of_run(store, plan)), plan.fold_of)


def scored_subjects(store: OutOfFold, plan: FoldPlan, fitted: Mapping[int | None, Fitted]) -> Iterator[ScoredSubject]:
    """Yield everything that was annotated, with its scores and its bouts, decoded as `cross_fitted` has it."""
    labelling = labelling_of_run(store, plan)
    trained = {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}
    by_lab = any(one.decoding.lab_thresholds for one in fitted.values())
    for one in kept_subjects(store, plan):
        fold = plan.fold_of[one.recording.video_id]
        yield _decoded(one, labelling, fitted.get(fold), trained[fold], by_lab)


def kept_subjects(store: OutOfFold, plan: FoldPlan) -> Iterator[ScoredSubject]:
    """Yield every annotated subject; nothing is decoded yet.

    Where a recognizer says nothing (a behavior its fold never saw, a mouse that tracking lacks) the score is 0: a miss, not a gap.
    """
    labelling = labelling_of_run(store, plan)
    behaviors = labelling.behaviors
    records = {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        places = [behaviors.index(behavior) for behavior in records[plan.fold_of[recording.video_id]].behaviors]
        for subject in labelling.subjects(recording, content.mice):
            kept = store.scores(recording, subject)
            scores, answered = np.zeros((content.frames, len(behaviors)), np.float16), np.zeros(len(behaviors), bool)
            if kept is not None:
                scores[:, places], answered[places] = kept, True
            truth = labelling.truth(recording, subject, content.mice, content.frames, plan.bouts)
            yield ScoredSubject(recording, subject, plan.groups[recording.video_id], behaviors, scores, truth, answered)


def _decoded(one: ScoredSubject, labelling: Labelling, fitted: Fitted | None, trained: FoldRecord, by_lab: bool) -> ScoredSubject:
    """Return the subject with its bouts, decoded in each way."""
    if not one.answered.any():
        return one
    behaviors = labelling.behaviors
    known = tuple(np.array(behaviors)[one.answered].tolist())  # a behavior without an answer is never found
    asked, scores = labelling.over(known), one.scores[:, one.answered].astype(np.float32)
    as_trained = trained.decoding.over(trained.behaviors, known)
    if fitted is None:
        return replace(one, decoded=tuple(as_trained.bouts(asked, one.recording, one.subject, scores)))
    ways = {PLAIN: fitted.plain.over(behaviors, known), VALIDATION: as_trained}
    if by_lab:
        ways[NO_LABS] = replace(fitted.decoding, lab_thresholds={}).over(behaviors, known)
    decoding = fitted.decoding.over(behaviors, known)
    probability = np.zeros_like(one.scores)
    probability[:, one.answered] = _calibrated(decoding, scores, one.recording.fps)
    return replace(
        one,
        decoded=tuple(decoding.bouts(asked, one.recording, one.subject, scores)),
        others={name: way.bouts(asked, one.recording, one.subject, scores) for name, way in ways.items()},
        calibrated=probability,
    )


def _calibrated(decoding: Decoding, scores: np.ndarray, fps: float) -> np.ndarray:
    smoothed = smooth(scores, fps, decoding.settings.smooth_s)
    return calibrated(smoothed, np.array(decoding.calibration)) if decoding.calibration else smoothed
