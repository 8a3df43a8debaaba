"""Fitting a decoding: the best F1 of what was seen, little faith in what was rarely seen, and no look at the own fold."""

from dataclasses import replace

import numpy as np
import pytest
from scored_pair import FPS, scored

from behavior.bouts import DecodeSettings, decode, frame_labels, runs
from behavior.labelling import PairLabelling, Subject
from behavior.recording import Recording, Triple
from recognizers.recognizer import Decoding
from training.decoding.counts import MAX_GAP_S, MIN_LENGTH_S, Evidence, Subjects, duration_frames
from training.decoding.fit import cross_fit_decodings, trust
from training.decoding.scored_subject import ScoredSubject


def among(one: ScoredSubject, behaviors: tuple[str, ...]) -> ScoredSubject:
    """The same among more behaviors, which nobody annotated in it."""
    places = [behaviors.index(name) for name in one.behaviors]
    scores, labels = (np.zeros((len(one.scores), len(behaviors)), values.dtype) for values in (one.scores, one.truth.labels))
    scores[:, places], labels[:, places] = one.scores, one.truth.labels
    return replace(one, behaviors=behaviors, scores=scores, truth=replace(one.truth, labels=labels), answered=np.ones(len(behaviors), bool))


def fit_decoding(subjects: Subjects, behaviors: tuple[str, ...]) -> Decoding:
    """Fit on all subjects, as one fold."""
    return cross_fit_decodings(subjects, behaviors, {one.recording.video_id: 1 for one in subjects()})[None].decoding


def found_in(one: ScoredSubject, decoding: Decoding) -> list[tuple]:
    return decoding.bouts(PairLabelling(one.behaviors), one.recording, one.subject, one.scores.astype(np.float32))


def bouts_of(seconds: float, apart: float, number: int) -> np.ndarray:
    """Return labels [T] of so many bouts, as far apart as that."""
    one = np.concatenate([np.zeros(round(apart * FPS), bool), np.ones(round(seconds * FPS), bool)])
    return np.append(np.tile(one, number), np.zeros(round(apart * FPS), bool))


def saying(labels: np.ndarray, high: float, low: float) -> np.ndarray:
    return np.where(labels, high, low)


def noisy(recording: Recording, video: int, seed: int, flip: bool = False, seconds: int = 60, behavior: str = "attack") -> ScoredSubject:
    """Scores that mistake whole seconds, so that smoothing mends nothing."""
    generator = np.random.default_rng(seed)
    present = generator.random(seconds) < 0.4
    scores = 1 / (1 + np.exp(-(generator.normal(0, 1.5, seconds) + 2 * present - 1)))
    return scored(recording, video, np.repeat(scores, FPS), np.repeat(~present if flip else present, FPS), (behavior,))


def recording_of(recording: Recording) -> Recording:
    return replace(recording, lab_id="Otter", video_id=1, fps=FPS, annotated=(Triple(1, 2, "attack"),))


def test_trust_needs_bouts_and_seconds() -> None:
    assert trust(Evidence()) == 0
    assert trust(Evidence(lengths_s=np.full(20, 1.0))) == pytest.approx(0.5)  # 20 bouts say a half, their 20 s two thirds
    assert trust(Evidence(lengths_s=np.full(1000, 0.01))) == pytest.approx(0.5)  # 10 s say a half, 1000 bouts nearly all
    assert trust(Evidence(lengths_s=np.full(1, 500.0))) == pytest.approx(1 / 21)


def test_little_support_takes_the_common_threshold_and_much_keeps_its_own(recording: Recording) -> None:
    """Sniff is seen often and with noise. Rear is seen once, where only a threshold between 0.6 and 0.9 would do."""
    sniff = among(noisy(recording, 1, 1, seconds=2000, behavior="sniff"), ("rear", "sniff"))
    once, often = bouts_of(2.0, 2.0, 1), bouts_of(2.0, 2.0, 300)
    rears = {}
    for number, labels in {1: once, 300: often}.items():
        rears[number] = among(scored(recording, 2, saying(labels, 0.9, 0.6), labels, ("rear",)), ("rear", "sniff"))
    alone = fit_decoding(lambda: [sniff], ("rear", "sniff"))
    assert alone.thresholds[0] == alone.thresholds[1]  # rear was never seen: what is common is what sniff says
    little, much = (fit_decoding(lambda: [sniff, rears[number]], ("rear", "sniff")) for number in (1, 300))  # noqa: B023
    assert little.thresholds[0] == pytest.approx(little.thresholds[1], abs=0.05)
    assert little.thresholds[0] < 0.6
    assert little.thresholds[1] == pytest.approx(alone.thresholds[1], abs=0.05)
    rear = rears[300]
    found = found_in(rear, much)
    assert [bout[4:] for bout in found] == rear.truth.bouts[["start_frame", "stop_frame"]].apply(tuple, axis=1).tolist()


def test_labs_that_score_differently_get_thresholds_of_their_own(recording: Recording) -> None:
    """The same scores mean attack in one lab and nothing in the other: what separates 0.8 from 0.5 here separates 0.5 from 0.2 there."""
    labels = bouts_of(1.0, 1.0, 200)
    high = scored(recording, 1, saying(labels, 0.8, 0.5), labels, lab="High")
    low = scored(recording, 2, saying(labels, 0.5, 0.2), labels, lab="Low")
    decoding = fit_decoding(lambda: [high, low], ("attack",))
    assert decoding.lab_thresholds["Low"]["attack"] < decoding.lab_thresholds["High"]["attack"]
    for one in (high, low):
        found = found_in(one, decoding)
        assert len(found) == 200
    blind = replace(decoding, lab_thresholds={})
    both = [found_in(one, blind) for one in (high, low)]
    assert [len(found) for found in both] != [200, 200]  # no single threshold serves both


def test_a_lab_with_one_bout_has_the_threshold_of_the_behavior(recording: Recording) -> None:
    labels, once = bouts_of(1.0, 1.0, 400), bouts_of(1.0, 1.0, 1)
    pairs = [
        scored(recording, 1, saying(labels, 0.5, 0.2), labels, lab="Many"),
        scored(recording, 2, saying(once, 0.9, 0.8), once, lab="One"),
    ]
    decoding = fit_decoding(lambda: pairs, ("attack",))
    assert decoding.lab_thresholds["One"]["attack"] == pytest.approx(decoding.thresholds[0], abs=0.03)


def test_scores_are_calibrated_where_enough_was_seen(recording: Recording) -> None:
    """Every frame says 0.5, one in four is true: the calibrated score is 0.25. With ten bouts nothing is changed."""
    for bouts, expected in ((100, 0.25), (10, 0.5)):
        labels = bouts_of(1.0, 3.0, bouts)[:-90]
        decoding = fit_decoding(lambda: [scored(recording, 1, np.full(len(labels), 0.5), labels)], ("attack",))  # noqa: B023
        slope, offset = decoding.calibration[0]
        assert 1 / (1 + np.exp(-offset - slope * 0)) == pytest.approx(expected, abs=0.01)


def test_flicker_is_closed_and_flashes_are_dropped_in_long_bouts(recording: Recording) -> None:
    """Bouts of 8 s with a hole of 0.3 s each, and flashes of 0.3 s between them; smoothing has no say in scores of 0 and 1 alone."""
    labels = bouts_of(8.0, 8.0, 40)
    scores = labels.copy()
    for start, _ in zip(*runs(labels), strict=True):
        scores[start + 100 : start + 109] = False
        scores[start - 120 : start - 111] = True
    decoding = fit_decoding(lambda: [scored(recording, 1, saying(scores, 0.9, 0.1), labels)], ("attack",))
    found = decoding.bouts(
        PairLabelling(("attack",)), recording_of(recording), Subject(1, 2, frozenset({"attack"})), saying(scores, 0.9, 0.1)[:, None]
    )
    assert len(found) == 40
    covered = frame_labels(*np.array([bout[4:] for bout in found]).T, np.zeros(40, int), len(labels), 1)[:, 0]
    assert (covered != labels).mean() < 0.02


def test_bouts_of_a_fifth_of_a_second_survive_beside_labs_with_long_ones(recording: Recording) -> None:
    """One lab marks 0.2 s, another 4 s, both scored with flashes that a longer shortest bout would drop."""
    generator = np.random.default_rng(0)
    pairs = []
    for video, (lab, seconds) in enumerate({"Short": 0.2, "Long": 4.0}.items(), start=1):
        labels = bouts_of(seconds, 2.0, 100)
        flashes = generator.random(len(labels)) < 0.02
        pairs.append(scored(recording, video, saying(labels | flashes, 0.9, 0.1), labels, lab=lab))
    decoding = fit_decoding(lambda: pairs, ("attack",))
    (smoothing,), (shortest,) = decoding.settings.smooth_s, decoding.settings.min_length_s
    assert max(smoothing, shortest) <= 0.2
    short = pairs[0]
    found = found_in(short, decoding)
    starts = {bout[4] for bout in found}
    assert sum(any(abs(start - true) <= 2 for start in starts) for true in short.truth.bouts["start_frame"]) >= 95


def test_a_lab_with_few_short_bouts_is_not_outvoted_by_one_with_many_long_ones(recording: Recording) -> None:
    """By F1 alone the flashes of 0.3 s in the large lab would be dropped or smoothed away, and with them all bouts of the small one."""
    long, short = bouts_of(4.0, 4.0, 150), bouts_of(0.2, 2.0, 2)
    flashes = np.convolve(np.random.default_rng(0).random(len(long)) < 0.03, np.ones(9), "same") > 0
    pairs = [
        scored(recording, 1, saying(long | flashes, 0.9, 0.1), long, lab="Long"),
        scored(recording, 2, saying(short, 0.9, 0.1), short, lab="Short"),
    ]
    alone, both = (fit_decoding(lambda: some, ("attack",)) for some in (pairs[:1], pairs))  # noqa: B023
    assert max(*alone.settings.smooth_s, *alone.settings.min_length_s) > 0.2
    assert max(*both.settings.smooth_s, *both.settings.min_length_s) <= 0.2
    found = found_in(pairs[1], both)
    assert len(found) == 2


def test_a_rare_behavior_inside_a_common_one_is_found(recording: Recording) -> None:
    """Fights of 10 s, scored 0.9, hold a bite of 1 s, scored 0.7 there and 0.1 elsewhere: it wins by its rarity only."""
    fight = bouts_of(10.0, 10.0, 40)
    bite = np.zeros_like(fight)
    for start, _ in zip(*runs(fight), strict=True):
        bite[start + 120 : start + 150] = True
    scores = np.column_stack([saying(bite, 0.7, 0.1), saying(fight, 0.9, 0.02)])
    one = scored(recording, 1, scores, np.column_stack([bite, fight]), ("bite", "fight"))
    decoding = fit_decoding(lambda: [one], ("bite", "fight"))
    assert decoding.weights[0] == 1 > decoding.weights[1]
    found = found_in(one, decoding)
    assert sum(bout[3] == "bite" for bout in found) == 40
    assert sum(bout[3] == "fight" for bout in found) == 80  # each fight is cut in two by its bite


@pytest.mark.parametrize("seed", range(3))
def test_duration_frames_are_those_of_decoding(seed: int) -> None:
    """Every gap and every shortest length, counted at once, as decoding with each of them would."""
    generator = np.random.default_rng(seed)
    label = np.repeat(generator.integers(-1, 3, 300), generator.integers(1, 40, 300))
    truth = np.repeat(generator.random((300, 3)) < 0.4, generator.integers(1, 40, 300), axis=0)[: len(label)]
    truth = np.pad(truth, ((0, len(label) - len(truth)), (0, 0)))
    counts = duration_frames(label, truth, FPS)
    scores = (label[:, None] == np.arange(3)).astype(float)
    for k, gap_s in enumerate(MAX_GAP_S):
        for m, shortest_s in enumerate(MIN_LENGTH_S):
            found = decode(scores, FPS, np.ones(3, bool), DecodeSettings(0, 0.5, gap_s, shortest_s))
            classes, starts, stops = np.array(found).T
            covered = frame_labels(starts, stops, classes, len(label), 3)
            np.testing.assert_array_equal(counts[:, k, m], np.stack([(covered & truth).sum(0), covered.sum(0)], axis=1))


def test_behaviors_that_a_lab_never_shows_are_not_predicted_there(recording: Recording) -> None:
    labels = bouts_of(1.0, 1.0, 30)
    both = np.column_stack([labels, np.zeros_like(labels)])
    pairs = [
        scored(recording, 1, both * 0.9, both, ("attack", "sniff"), lab="Shy"),
        scored(recording, 2, both * 0.9, both[:, ::-1], ("attack", "sniff"), lab="Bold"),
    ]
    assert fit_decoding(lambda: pairs, ("attack", "sniff")).occurring == {"Shy": {"attack"}, "Bold": {"sniff"}}


def test_what_a_recognizer_does_not_know_has_no_say(recording: Recording) -> None:
    labels = bouts_of(1.0, 1.0, 50)
    knowing = scored(recording, 1, saying(labels, 0.6, 0.3), labels)
    silent = replace(scored(recording, 2, np.zeros(len(labels)), labels), answered=np.array([False]))
    alone, beside = (fit_decoding(lambda: pairs, ("attack",)) for pairs in ([knowing], [knowing, silent]))  # noqa: B023
    assert beside.thresholds == alone.thresholds
    assert beside.calibration == alone.calibration


def test_without_any_bout_the_default_stays(recording: Recording) -> None:
    nothing = scored(recording, 1, np.full(100, 0.3), np.zeros(100, bool))
    decoding = fit_decoding(lambda: [nothing], ("attack",))
    assert (decoding.thresholds, decoding.settings, decoding.occurring) == ((0.5,), DecodeSettings(), {"Otter": frozenset()})


def test_a_fold_is_decoded_with_what_the_other_folds_say(recording: Recording) -> None:
    """Turning all labels of fold 1 around changes every decoding but that of fold 1, which is the one without its recordings."""
    folds = {video: 1 + video % 3 for video in range(1, 10)}
    honest = [noisy(recording, video, video) for video in folds]
    turned = [noisy(recording, video, video, flip=folds[video] == 1) for video in folds]
    before, after = (cross_fit_decodings(lambda pairs=pairs: pairs, ("attack",), folds) for pairs in (honest, turned))
    assert before.keys() == {None, 1, 2, 3}
    assert after[1] == before[1]
    for other in (None, 2, 3):
        assert after[other].decoding.thresholds != before[other].decoding.thresholds
        assert after[other].plain != before[other].plain
    without = fit_decoding(lambda: [one for one in honest if folds[one.recording.video_id] != 1], ("attack",))
    assert before[1].decoding == without
    assert before[None].decoding == fit_decoding(lambda: honest, ("attack",))


def test_durations_too_are_chosen_without_the_own_fold(recording: Recording) -> None:
    """In fold 1 every short run of high scores is a mistake, in folds 2 and 3 they are bouts."""
    long, short = bouts_of(2.0, 2.0, 24), bouts_of(0.3, 0.7, 200)
    folds = {1: 1, 2: 2, 3: 3}
    true = np.append(long, short[:180])
    mistaken = scored(recording, 1, saying(np.append(long, short), 0.9, 0.1), np.append(long, np.zeros_like(short)))
    pairs = [mistaken, *(scored(recording, video, saying(true, 0.9, 0.1), true) for video in (2, 3))]
    fitted = cross_fit_decodings(lambda: pairs, ("attack",), folds)
    of_all, of_others = (fitted[fold].decoding.settings for fold in (None, 1))
    assert max(*of_all.smooth_s, *of_all.min_length_s) >= 0.4
    assert max(*of_others.smooth_s, *of_others.min_length_s) <= 0.2
    assert fitted[1].decoding == fit_decoding(lambda: pairs[1:], ("attack",))


def test_the_plain_decoding_has_one_threshold_and_default_durations(recording: Recording) -> None:
    labels = bouts_of(1.0, 1.0, 50)
    both = np.column_stack([labels, ~labels])
    one = scored(recording, 1, np.column_stack([saying(labels, 0.6, 0.3), saying(~labels, 0.8, 0.4)]), both, ("attack", "sniff"))
    plain = cross_fit_decodings(lambda: [one], ("attack", "sniff"), {1: 1})[None].plain
    assert plain.settings == DecodeSettings()
    assert plain.thresholds[0] == plain.thresholds[1]
    assert 0.4 < plain.thresholds[0] <= 0.6
    assert (plain.lab_thresholds, plain.weights, plain.calibration) == ({}, (), ())
