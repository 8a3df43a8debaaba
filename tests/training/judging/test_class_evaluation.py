"""Precision, recall and F1 of behaviors that exclude each other, worked out by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS
from behavior.labelling import Subject, Truth
from behavior.recording import Recording
from training.decoding.scored_subject import ScoredSubject
from training.judging.class_evaluation import class_tally, evaluate_classes, macro_gain
from training.judging.clip_gallery import notable_clips

NAMES = ("rest", "walk")


def scored(video: int, predicted: list[int], true: list[int], confidence: float = 0.8) -> ScoredSubject:
    """Frames with the number of the predicted and of the true behavior; -1 is an unknown frame."""
    scores = np.full((len(predicted), 2), 1 - confidence, np.float16)
    scores[np.arange(len(predicted)), predicted] = confidence
    labels = np.array(true)[:, None] == np.arange(2)
    truth = Truth(labels, labels.any(1), pd.DataFrame(columns=list(BOUT_COLUMNS)))
    recording = Recording("lab", video, 10.0, float("nan"), 8, 8)
    return ScoredSubject(recording, Subject(annotated=frozenset(NAMES)), video, NAMES, scores, truth, np.ones(2, bool))


def test_numbers_are_those_worked_out_by_hand():
    # rest: 2 hits, 3 predicted, 2 true; walk: 1 hit, 1 predicted, 2 true; the unknown frame does not count
    numbers = evaluate_classes(class_tally([scored(1, [0, 0, 0, 1, 1], [0, 0, 1, 1, -1])], NAMES), resamples=10)
    rest, walk = numbers["behaviors"]["rest"], numbers["behaviors"]["walk"]
    assert [rest[key]["value"] for key in ("precision", "recall", "f1")] == pytest.approx([2 / 3, 1, 0.8])
    assert [walk[key]["value"] for key in ("precision", "recall", "f1")] == pytest.approx([1, 1 / 2, 2 / 3])
    assert numbers["headline"]["macro_f1"]["value"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert numbers["headline"]["accuracy"]["value"] == pytest.approx(3 / 4)
    assert numbers["confusion"]["frames"] == [[2, 0], [1, 1]]


def test_the_weighted_mean_counts_frames_and_the_macro_mean_does_not():
    numbers = evaluate_classes(class_tally([scored(1, [0] * 9 + [0], [0] * 9 + [1])], NAMES), resamples=10)
    f1 = 2 * 9 / 19
    assert numbers["headline"]["weighted_f1"]["value"] == pytest.approx(0.9 * f1)
    assert numbers["headline"]["macro_f1"]["value"] == pytest.approx(f1 / 2)


def test_a_behavior_without_scores_is_missed():
    one = replace(scored(1, [0] * 4, [0, 0, 1, 1]), answered=np.array([True, False]))
    numbers = evaluate_classes(class_tally([one], NAMES), resamples=10)
    assert numbers["headline"]["accuracy"]["value"] == pytest.approx(1 / 2)
    assert numbers["behaviors"]["walk"]["recall"]["value"] == 0


def test_intervals_are_over_recordings():
    good, bad = scored(1, [0, 1] * 5, [0, 1] * 5), scored(2, [1, 0] * 5, [0, 1] * 5)
    estimate = evaluate_classes(class_tally([good, bad], NAMES))["headline"]["macro_f1"]
    assert (estimate["low"], estimate["high"]) == (0, 1)
    assert estimate["value"] == pytest.approx(0.5)


def test_the_gain_over_itself_is_nothing_and_other_recordings_are_refused():
    tally = class_tally([scored(1, [0, 1], [0, 1])], NAMES)
    assert macro_gain(tally, tally) == {"value": 0.0, "low": 0.0, "high": 0.0}
    with pytest.raises(ValueError, match="same recordings"):
        macro_gain(tally, class_tally([scored(2, [0, 1], [0, 1])], NAMES))


def test_the_most_certain_and_the_most_doubtful_clips_are_named():
    sure, unsure = scored(1, [0] * 5 + [1] * 5, [0] * 10, 0.9), scored(2, [1] * 6, [-1] * 6, 0.55)
    certain, doubtful = notable_clips([sure, unsure], shown=2)
    assert [(clip.action, clip.recording.video_id, clip.frame, clip.expert) for clip in certain] == [
        ("rest", 1, 2, "rest"),
        ("walk", 1, 7, "rest"),
    ]
    assert (doubtful[0].recording.video_id, doubtful[0].expert) == (2, "unknown")
