"""Choosing a decoding: what was fitted is used only where recordings that did not fit it gain."""

from dataclasses import replace

import numpy as np
import pytest
from scored_pair import FPS, scored

from behavior.recording import Recording, Triple
from training.decoding.choice import ALL, DEFAULT, choose_decodings
from training.decoding.fit import cross_fit_decodings
from training.decoding.scored_subject import ScoredSubject

BEHAVIORS = ("attack", "sniff")


@pytest.fixture
def told(recording: Recording) -> Recording:
    return replace(recording, lab_id="Otter", fps=FPS, annotated=(Triple(1, 2, "attack"),))


def uneven(recording: Recording, video: int, high: tuple[float, float] = (0.25, 0.9)) -> ScoredSubject:
    """Attacks have low scores, sniffs high ones, and nothing has middling scores of sniff: one threshold cannot serve both."""
    generator = np.random.default_rng(video)
    kind = np.repeat(generator.integers(0, 3, 60), FPS)  # attack, sniff or nothing, a second each
    labels = np.stack([kind == 0, kind == 1], axis=1)
    scores = np.where(labels, high, (0.05, 0.5)) + generator.normal(0, 0.01, labels.shape)
    return scored(recording, video, np.clip(scores, 0, 1), labels, BEHAVIORS)


def random(recording: Recording, video: int, seconds: int = 30) -> ScoredSubject:
    """Scores that mistake whole seconds, alike for both behaviors: one threshold serves both, and smoothing mends nothing."""
    generator = np.random.default_rng(video)
    kind = generator.integers(0, 3, seconds)
    labels = np.stack([kind == 0, kind == 1], axis=1)
    scores = 1 / (1 + np.exp(-(generator.normal(0, 1.5, labels.shape) + 2 * labels - 1)))
    return scored(recording, video, np.repeat(scores, FPS, axis=0), np.repeat(labels, FPS, axis=0), BEHAVIORS)


@pytest.mark.parametrize("folds", [2, 4])
def test_a_gain_that_every_recording_shows_is_used(told: Recording, folds: int) -> None:
    pairs = [uneven(told, video) for video in range(1, 13)]
    fold_of = {video: 1 + video % folds for video in range(1, 13)}
    chosen = choose_decodings(lambda: pairs, BEHAVIORS, fold_of)
    assert chosen.keys() == {None, *range(1, folds + 1)}
    for one in chosen.values():
        assert one.way != DEFAULT
        gain, sure = one.gains[one.way]
        assert gain > 0.2
        assert sure == 1


def test_what_gains_nothing_is_not_used(told: Recording) -> None:
    """Over many data sets with nothing to gain, the default stays in most; a choice by the highest score would leave it in few."""
    ways = []
    for first in range(1, 161, 8):
        pairs = [random(told, video) for video in range(first, first + 8)]
        fold_of = {video: 1 + video % 4 for video in range(first, first + 8)}
        ways.append(choose_decodings(lambda pairs=pairs: pairs, BEHAVIORS, fold_of)[None].way)
    assert ways.count(DEFAULT) > len(ways) / 2


def test_a_fold_neither_fits_nor_chooses_its_own_decoding(told: Recording) -> None:
    """In fold 1 attacks have high scores and sniffs low ones; its decoding is the one of the other folds alone."""
    fold_of = {video: 1 + video % 4 for video in range(1, 13)}
    usual = [uneven(told, video) for video in fold_of]
    turned = [uneven(told, video, (0.9, 0.25)) if fold_of[video] == 1 else one for video, one in zip(fold_of, usual, strict=True)]
    before, after = (choose_decodings(lambda pairs=pairs: pairs, BEHAVIORS, fold_of) for pairs in (usual, turned))
    assert before[1] == after[1]
    assert before[2].fitted != after[2].fitted


def test_the_fits_are_those_of_cross_fitting(told: Recording) -> None:
    pairs, fold_of = [uneven(told, video) for video in range(1, 9)], {video: 1 + video % 4 for video in range(1, 9)}
    fitted = cross_fit_decodings(lambda: pairs, BEHAVIORS, fold_of)
    for fold, one in choose_decodings(lambda: pairs, BEHAVIORS, fold_of).items():
        assert one.fitted == fitted[fold]


def test_without_a_second_recording_the_default_stays(told: Recording) -> None:
    one = uneven(told, 1)
    chosen = choose_decodings(lambda: [one], BEHAVIORS, {1: 1})
    assert {fold: each.way for fold, each in chosen.items()} == {None: DEFAULT, 1: DEFAULT}
    assert chosen[None].way != ALL
