"""Evaluation: thresholds of other folds, optimism that is named, intervals over contents."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS, bout_table
from behavior.labelling import Subject, Truth
from behavior.recording import Recording, Triple
from training.decoding.scored_subject import ScoredSubject
from training.judging.evaluation import evaluate, gains
from training.judging.tally import tally


def scored(recording: Recording, video: int, scores: list[float], true: list[int], unit: int | None = None) -> ScoredSubject:
    """One behavior, 100 frames: `true` names the frames that have it, `scores` repeats over them."""
    one = replace(recording, video_id=video, annotated=(Triple(1, 2, "attack"),))
    rows = [(video, 1, 2, "attack", frame, frame + 1) for frame in true]
    bouts = pd.DataFrame(rows, columns=list(BOUT_COLUMNS)).astype({"start_frame": int, "stop_frame": int})
    truth = Truth(np.isin(np.arange(100), true)[:, None], np.ones(100, bool), bouts)
    subject, scored = Subject(1, 2, frozenset({"attack"})), np.resize(scores, (100, 1)).astype(np.float16)
    return ScoredSubject(one, subject, unit or video, ("attack",), scored, truth, np.ones(1, bool))


def told(pairs: list[ScoredSubject], folds: dict[int, int], resamples: int = 200) -> dict:
    groups = {one.recording.video_id: one.unit for one in pairs}
    return evaluate(tally(pairs, ("attack",)), [one.recording for one in pairs], groups, folds, resamples).numbers


EVEN = list(range(0, 100, 2))


def test_a_threshold_never_knows_the_recording_it_judges(recording: Recording) -> None:
    """Fold 1 separates at 0.5, fold 2 at 0.05: each is perfect with its own threshold and not with the other's."""
    pairs = [scored(recording, 1, [0.6, 0.4], EVEN), scored(recording, 2, [0.07, 0.03], EVEN)]
    attack = told(pairs, {1: 1, 2: 2})["behaviors"]["attack"]
    thresholds = attack["thresholds_of_other_folds"]
    assert thresholds["1"] == pytest.approx(0.07, rel=0.01)
    assert thresholds["2"] == pytest.approx(0.6, rel=0.01)
    # recording 1 at 0.07: all 100 found, 50 hits; recording 2 at 0.6: nothing found. F1 = 2 * 50 / (100 + 100)
    assert attack["frame_f1"]["value"] == pytest.approx(0.5)
    # one threshold for both: 0.4 or 0.07 gives 50 + 50 hits of 150 found and 100 true
    assert attack["frame_f1_optimistic"]["value"] == pytest.approx(2 * 100 / (150 + 100))


def test_thresholds_on_the_same_scores_are_never_worse(recording: Recording) -> None:
    generator = np.random.default_rng(0)
    pairs = [scored(recording, video, generator.random(100).tolist(), EVEN[: 10 * (video % 5)]) for video in range(1, 9)]
    headline = told(pairs, {video: video % 4 for video in range(1, 9)})["headline"]
    assert headline["frame_f1_optimistic"]["value"] >= headline["frame_f1"]["value"]


def test_equal_recordings_have_no_interval_and_unequal_ones_do(recording: Recording) -> None:
    alike = told([scored(recording, video, [0.6, 0.4], EVEN) for video in range(1, 6)], {video: video % 2 for video in range(1, 6)})
    area = alike["headline"]["average_precision"]
    assert area == {"value": 1.0, "low": 1.0, "high": 1.0}
    mixed = [scored(recording, video, [0.6, 0.4] if video % 2 else [0.4, 0.6], EVEN) for video in range(1, 11)]
    area = told(mixed, {video: video % 4 for video in range(1, 11)})["headline"]["average_precision"]
    assert area["low"] < area["value"] < area["high"]
    assert area["high"] - area["low"] > 0.1


def test_copies_of_one_video_do_not_narrow_the_interval(recording: Recording) -> None:
    def width(copies: int) -> float:
        pairs = []
        for content in range(1, 7):
            scores = [0.6, 0.4] if content % 2 else [0.4, 0.6]
            pairs += [scored(recording, 100 * copy + content, scores, EVEN, unit=content) for copy in range(copies)]
        area = told(pairs, {one.recording.video_id: one.unit % 2 for one in pairs})["headline"]["average_precision"]
        return area["high"] - area["low"]

    assert width(3) == pytest.approx(width(1))


def test_a_behavior_that_never_occurs_is_no_number_and_no_part_of_the_mean(recording: Recording) -> None:
    annotated = (Triple(1, 2, "attack"), Triple(1, 2, "sniff"))
    both = ("attack", "sniff")
    pairs = [
        replace(
            one,
            recording=replace(one.recording, annotated=annotated),
            subject=Subject(1, 2, frozenset(both)),
            behaviors=both,
            scores=np.repeat(one.scores, 2, axis=1),
            truth=replace(one.truth, labels=np.pad(one.truth.labels, ((0, 0), (0, 1)))),
            answered=np.ones(2, bool),
        )
        for one in (scored(recording, 1, [0.6, 0.4], EVEN), scored(recording, 2, [0.6, 0.4], EVEN))
    ]
    groups = {1: 1, 2: 2}
    result = evaluate(tally(pairs, both), [one.recording for one in pairs], groups, {1: 1, 2: 2}, 50).numbers
    assert result["behaviors"]["sniff"]["average_precision"] == {"value": None, "low": None, "high": None}
    assert result["behaviors"]["sniff"]["frame_f1"]["value"] is None
    assert result["behaviors"]["sniff"]["competition_f1"] is None
    assert result["headline"]["frame_f1"]["value"] == 1.0


def test_a_behavior_that_nobody_annotated_is_no_number_and_no_part_of_the_mean(recording: Recording) -> None:
    pairs = [scored(recording, video, [0.6, 0.4], EVEN) for video in (1, 2)]
    pairs = [replace(one, scores=np.repeat(one.scores, 2, axis=1)) for one in pairs]
    evaluation = evaluate(tally(pairs, ("attack", "sniff")), [one.recording for one in pairs], {1: 1, 2: 2}, {1: 1, 2: 2}, 50)
    sniff = evaluation.numbers["behaviors"]["sniff"]
    assert (sniff["annotated_frames"], sniff["recordings"], sniff["share"]) == (0, 0, None)
    assert sniff["average_precision"] == sniff["bout_f1_at_0.3"] == {"value": None, "low": None, "high": None}
    assert evaluation.numbers["headline"]["average_precision"]["value"] == 1.0


def test_without_any_found_bout_the_score_is_0(recording: Recording) -> None:
    result = told([scored(recording, video, [0.6, 0.4], EVEN) for video in (1, 2)], {1: 1, 2: 2})
    assert result["headline"]["competition_score"]["value"] == 0.0
    assert result["labs"]["QuietOtter"]["actions"] == {"attack": 0.0}


def test_bouts_of_whole_arenas_are_pooled_as_those_of_mice(recording: Recording) -> None:
    """In each arena social is true on frames 0 to 3 and found on 2 to 5: 2 hits, 4 found, 4 true; nobody is named."""
    arenas = []
    for video in (1, 2):
        labels = np.arange(10)[:, None] < 4
        truth = Truth(labels, np.ones(10, bool), bout_table([(video, None, None, "social", 0, 4)]))
        found = ((video, None, None, "social", 2, 6),)
        subject, scores = Subject(annotated=frozenset({"social"})), np.full((10, 1), 0.5, np.float16)
        one = replace(recording, video_id=video, annotated=(Triple(1, 2, "sniff"),))
        arenas.append(ScoredSubject(one, subject, video, ("social",), scores, truth, np.ones(1, bool), found))
    numbers = evaluate(tally(arenas, ("social",)), [one.recording for one in arenas], {1: 1, 2: 2}, {1: 1, 2: 2}, 50).numbers
    assert numbers["labs"]["QuietOtter"]["actions"] == {"social": pytest.approx(2 * 2 / (4 + 4))}
    assert numbers["headline"]["competition_score"]["value"] == pytest.approx(0.5)


def test_a_gain_has_a_narrower_interval_than_the_two_it_lies_between(recording: Recording) -> None:
    """Recordings differ much, the two recognizers little: one is better by the same small step on every recording."""
    generator = np.random.default_rng(0)
    noise = {video: generator.normal(0, 0.15 + 0.02 * video, 100) for video in range(1, 13)}

    def evaluation(margin: float):
        pairs = []
        for video, of_video in noise.items():
            scores = np.clip(0.5 + of_video + margin * (np.arange(100) % 2 == 0), 0, 1)
            pairs.append(scored(recording, video, scores.tolist(), EVEN))
        groups = {video: video for video in noise}
        return evaluate(tally(pairs, ("attack",)), [one.recording for one in pairs], groups, {video: video % 4 for video in noise})

    worse, better = evaluation(0.30), evaluation(0.36)
    gain = gains(better, worse)["average_precision"]
    apart = [one.numbers["headline"]["average_precision"] for one in (better, worse)]
    assert gain["value"] == pytest.approx(apart[0]["value"] - apart[1]["value"])
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert apart[0]["low"] < apart[1]["high"], "by their own intervals the two could be equal"
    assert gain["high"] - gain["low"] < 0.5 * min(one["high"] - one["low"] for one in apart)
