"""The rungs of the ladder: what is adapted to new recordings, and how the scores of each recording become bouts, always held out.

Every recording is scored by a recognizer that never saw it, and its decoding is fitted on the recordings of the other folds.

Axes: T frames, C behaviors that both the recognizer and the recordings have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np

from behavior.bouts import calibrated, smooth
from behavior.contract import ContractError
from behavior.labelling import Labelling
from recognizers.recognizer import Decoding, Head, Recognizer, labelling_of, whole_scores
from training.decoding.fit import cross_fit_decodings
from training.decoding.scored_subject import ScoredSubject
from training.decoding.thresholds import ScoredStream, fit_thresholds
from training.judging.evaluation import Evaluation, evaluate
from training.judging.tally import tally
from training.material.fold_plan import FoldPlan


class Rung(StrEnum):
    """What is adapted; each rung includes the decoding of the one before it."""

    AS_IS = "as_is"
    """Nothing."""
    THRESHOLDS = "thresholds"
    """The least score of each behavior."""
    CALIBRATION = "calibration"
    """The whole decoding: smoothing, calibration, thresholds, weights, gaps and lengths."""
    HEAD = "head"
    """The last layer of the network, and the decoding."""
    WHOLE = "whole"
    """All weights of the network, and the decoding."""


MEANINGS = {
    Rung.AS_IS: "as it came",
    Rung.THRESHOLDS: "thresholds fitted on your recordings",
    Rung.CALIBRATION: "the whole decoding fitted on your recordings",
    Rung.HEAD: "its last layer trained on your recordings",
    Rung.WHOLE: "all of its weights trained on your recordings",
}


def shared_labelling(recognizer: Recognizer, plan: FoldPlan) -> Labelling:
    """Return the labelling of behaviors that the recognizer has and that occur in the recordings. Raises ContractError for none."""
    own = labelling_of(recognizer)
    occurring = type(own).of_actions(plan.bouts["action"]).behaviors
    shared = tuple(behavior for behavior in own.behaviors if behavior in occurring)
    if not shared:
        got = f"{', '.join(sorted(occurring))} in your recordings and {', '.join(own.behaviors)} in the recognizer"
        raise ContractError([f"Expected at least one behavior that both have, but got {got}. Train a recognizer of your own."])
    return own.over(shared)


def scored(recognizer_of: Callable[[int], Recognizer], plan: FoldPlan, labelling: Labelling) -> list[ScoredSubject]:
    """Return every annotated subject with its scores; `recognizer_of` gives the recognizer of a fold, which never saw its recordings.

    A subject that is not tracked has scores 0: its behaviors count as missed.
    """
    subjects = []
    for fold in range(1, len(plan.splits) + 1):
        recognizer = recognizer_of(fold)
        places = [recognizer.behaviors.index(behavior) for behavior in labelling.behaviors]
        for recording, content in zip(plan.recordings, plan.contents, strict=True):
            if plan.fold_of[recording.video_id] != fold:
                continue
            answers = dict(whole_scores(recognizer, plan.zone.material(recording)))
            for subject in labelling.subjects(recording, content.mice):
                own = answers.get(subject)
                scores = np.zeros((content.frames, len(places)), np.float16) if own is None else own[:, places].astype(np.float16)
                truth = labelling.truth(recording, subject, content.mice, content.frames, plan.bouts)
                truth = replace(truth, bouts=truth.bouts[truth.bouts["action"].isin(labelling.behaviors)])  # others are not judged
                answered = np.full(len(places), own is not None)
                unit = plan.groups[recording.video_id]
                subjects.append(ScoredSubject(recording, subject, unit, labelling.behaviors, scores, truth, answered))
    return subjects


def decodings(rung: Rung, recognizer: Recognizer, subjects: Sequence[ScoredSubject], plan: FoldPlan) -> dict[int | None, Decoding]:
    """Return for each fold the decoding fitted on all others, and for None the one fitted on all, over the behaviors of the subjects."""
    behaviors, folds = subjects[0].behaviors, (None, *range(1, len(plan.splits) + 1))
    own = recognizer.decoding.over(recognizer.behaviors, behaviors)
    if rung is Rung.AS_IS or recognizer.head is Head.EXCLUSIVE:
        return dict.fromkeys(folds, own)
    if rung is Rung.THRESHOLDS:
        return {fold: _with_thresholds(own, [one for one in subjects if plan.fold_of[one.recording.video_id] != fold]) for fold in folds}
    fitted = cross_fit_decodings(lambda: subjects, behaviors, plan.fold_of)
    return {fold: result.decoding for fold, result in fitted.items()}


def judged(subjects: Sequence[ScoredSubject], fitted: Mapping[int | None, Decoding], plan: FoldPlan, labelling: Labelling) -> Evaluation:
    """Return the evaluation of a rung."""
    names = tuple(behavior for behavior in labelling.behaviors if behavior != labelling.background)

    def decoded() -> Iterator[ScoredSubject]:
        for one in subjects:
            decoding = fitted[plan.fold_of[one.recording.video_id]]
            rows = decoding.bouts(labelling, one.recording, one.subject, one.scores.astype(np.float32)) if one.answered.any() else []
            yield replace(one, decoded=tuple(rows))

    return evaluate(tally(decoded(), names), plan.recordings, plan.groups, plan.fold_of)


def _with_thresholds(own: Decoding, subjects: Sequence[ScoredSubject]) -> Decoding:
    """Return the decoding with thresholds that are best on these subjects; nothing else of it changes, except that no lab has its own."""
    behaviors = subjects[0].behaviors if subjects else ()
    streams = [ScoredStream(_read(own, one), one.truth.labels, one.subject.mask(behaviors)) for one in subjects if one.answered.all()]
    if not streams:
        return own
    fps = float(np.mean([one.recording.fps for one in subjects]))
    return replace(own, thresholds=fit_thresholds(streams, len(behaviors), fps), lab_thresholds={})


def _read(decoding: Decoding, one: ScoredSubject) -> np.ndarray:
    """Return the scores of a subject as the decoding compares them with thresholds: smoothed and calibrated."""
    smoothed = smooth(one.scores.astype(np.float32), one.recording.fps, decoding.settings.smooth_s)
    return calibrated(smoothed, np.array(decoding.calibration)) if decoding.calibration else smoothed
