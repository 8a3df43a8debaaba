"""Stored scores with the truth and the decoded bouts, subject by subject, for evaluation.

The decoding of a recording is fitted on the scores and labels of all other folds. (The recognizers of the other folds were trained with
this fold, but this has no effect: their scores are of recordings that they never saw.)

Axes: T frames, C behaviors.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from behavior.bouts import calibrated, runs, smooth
from behavior.labelling import Labelling
from recognizers.recognizer import LABELLINGS, BoutRow, Decoding, Head
from training.decoding.choice import ALL, ChosenDecoding, choose_decodings
from training.decoding.scored_subject import ScoredSubject
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.material.fold_plan import FoldPlan

PLAIN_WAY, FITTED_WAY, VALIDATION_WAY, NO_LABS_WAY = "plain", "fitted", "validation", "without_labs"
"""Other ways to decode the same scores: one threshold and default durations; all values fitted, also those without a shown gain; the
checkpoint of the fold as training left it, with thresholds of its validation recordings; no thresholds of labs."""


def labelling_of_run(store: OutOfFold, plan: FoldPlan) -> Labelling:
    """Return the labelling of a run, with all behaviors that occur in its recordings."""
    return LABELLINGS[store.view].of_actions(plan.bouts["action"])


def evaluated_behaviors(labelling: Labelling) -> tuple[str, ...]:
    """Return the behaviors that are evaluated: all but the background, which has no bouts."""
    return tuple(behavior for behavior in labelling.behaviors if behavior != labelling.background)


def fit_decodings(store: OutOfFold, plan: FoldPlan) -> dict[int | None, ChosenDecoding]:
    """Return for each fold the decoding fitted and chosen on all others, and for None the one fitted and chosen on all.

    Nothing for classes that exclude each other: the best class is predicted, without a threshold. (Thresholds were tried for films: a
    frame that no class reaches is always wrong, and the score fell.)
    """
    if store.head is Head.EXCLUSIVE:
        return {}
    return choose_decodings(lambda: subjects_with_scores(store, plan), evaluated_behaviors(labelling_of_run(store, plan)), plan.fold_of)


def subjects_with_bouts(store: OutOfFold, plan: FoldPlan, fitted: Mapping[int | None, ChosenDecoding]) -> Iterator[ScoredSubject]:
    """Yield every annotated subject with its scores and its bouts; `fitted` are the decodings of `fit_decodings`."""
    labelling = labelling_of_run(store, plan)
    trained = _records(store, plan)
    extra = {NO_LABS_WAY} if any(one.decoding.lab_thresholds for one in fitted.values()) else set()
    extra |= {FITTED_WAY} if any(one.way != ALL for one in fitted.values()) else set()
    extra |= {VALIDATION_WAY} if all(record.split.validation for record in trained.values()) else set()
    for one in subjects_with_scores(store, plan):
        fold = plan.fold_of[one.recording.video_id]
        decoded = _decoded(one, labelling, fitted.get(fold), trained[fold], extra)
        yield replace(decoded, decoded=tuple(within_known(decoded.decoded, decoded.truth.known)))


def subjects_with_scores(store: OutOfFold, plan: FoldPlan) -> Iterator[ScoredSubject]:
    """Yield every annotated subject with its scores, without bouts.

    Without a score (a behavior that does not occur in the training folds, or a mouse that is not tracked) the score is 0: it counts as a
    miss.
    """
    labelling = labelling_of_run(store, plan)
    behaviors = labelling.behaviors
    records = _records(store, plan)
    for recording, content in zip(plan.recordings, plan.contents, strict=True):
        places = [behaviors.index(behavior) for behavior in records[plan.fold_of[recording.video_id]].behaviors]
        for subject in labelling.subjects(recording, content.mice):
            stored = store.scores(recording, subject)
            scores, answered = np.zeros((content.frames, len(behaviors)), np.float16), np.zeros(len(behaviors), bool)
            if stored is not None:
                scores[:, places], answered[places] = stored, True
            truth = labelling.truth(recording, subject, content.mice, content.frames, plan.bouts)
            yield ScoredSubject(recording, subject, plan.groups[recording.video_id], behaviors, scores, truth, answered)


def within_known(bouts: Iterable[BoutRow], known: np.ndarray) -> list[BoutRow]:
    """Return the parts of bouts on frames with a known label, `known` [T]: on other frames a prediction is neither right nor wrong."""
    if known.all():
        return list(bouts)
    parts: list[BoutRow] = []
    for video, agent, target, action, start, stop in bouts:
        firsts, lasts = runs(known[start:stop])
        within = zip(firsts.tolist(), lasts.tolist(), strict=True)
        parts += [(video, agent, target, action, start + first, start + last) for first, last in within]
    return parts


def _records(store: OutOfFold, plan: FoldPlan) -> dict[int, FoldRecord]:
    """Return the record of every fold."""
    return {fold: store.record(fold) for fold in range(1, len(plan.splits) + 1)}


def _decoded(
    one: ScoredSubject, labelling: Labelling, fitted: ChosenDecoding | None, trained: FoldRecord, extra: Collection[str]
) -> ScoredSubject:
    """Return the subject with its bouts from each decoding; `extra` names ways that not every run has."""
    if not one.answered.any():
        return one
    behaviors = labelling.behaviors
    known = tuple(np.array(behaviors)[one.answered].tolist())  # a behavior without scores is never predicted
    known_labelling, scores = labelling.over(known), one.scores[:, one.answered].astype(np.float32)
    as_trained = trained.decoding.over(trained.behaviors, known)
    if fitted is None:
        return replace(one, decoded=tuple(as_trained.bouts(known_labelling, one.recording, one.subject, scores)))
    ways = {PLAIN_WAY: fitted.fitted.plain.over(behaviors, known)}
    if VALIDATION_WAY in extra:
        ways[VALIDATION_WAY] = as_trained
    if FITTED_WAY in extra:
        ways[FITTED_WAY] = fitted.fitted.decoding.over(behaviors, known)
    if NO_LABS_WAY in extra:
        ways[NO_LABS_WAY] = replace(fitted.decoding, lab_thresholds={}).over(behaviors, known)
    decoding = fitted.decoding.over(behaviors, known)
    probability = np.zeros_like(one.scores)
    probability[:, one.answered] = _calibrated(decoding, scores, one.recording.fps)
    return replace(
        one,
        decoded=tuple(decoding.bouts(known_labelling, one.recording, one.subject, scores)),
        others={name: way.bouts(known_labelling, one.recording, one.subject, scores) for name, way in ways.items()},
        calibrated=probability,
    )


def _calibrated(decoding: Decoding, scores: np.ndarray, fps: float) -> np.ndarray:
    smoothed = smooth(scores, fps, decoding.settings.smooth_s)
    return calibrated(smoothed, np.array(decoding.calibration)) if decoding.calibration else smoothed
