"""What combines recognizers is learned from other folds only, and is worth it where members know different things."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from behavior.frame_scores import average_precision
from behavior.labelling import Subject
from behavior.recording import Recording
from behavior.score_levels import count_fine
from recognizers.ensemble import WeightedMean
from recognizers.stacked import Stack
from training.combining.combination import Combination, How, cross_fit_combiners
from training.combining.member_runs import MemberScores

SMALL = replace(Combination(How.STACKED, ("one", "two")).trees, trees=30, least_rows=20, least_weight=0.1)


@dataclass(frozen=True)
class MadeUpRuns:
    """The part of `MemberRuns` that is learned from, in memory."""

    given: tuple[MemberScores, ...]
    behaviors: tuple[str, ...] = ("attack", "sniff")

    @property
    def stores(self) -> tuple[None, ...]:
        return (None,) * len(self.given[0].scores)

    @property
    def plan(self) -> "MadeUpRuns":
        return self

    @property
    def splits(self) -> tuple[None, ...]:
        return (None,) * max(one.fold for one in self.given)

    def subjects(self) -> Iterator[MemberScores]:
        yield from self.given


def bouts_and_distractors(rng: np.random.Generator, frames: int) -> np.ndarray:
    """Return [3, T] bool: bouts of 30 frames of the behavior and of two things that look like it, none at once."""
    kind = rng.choice(4, frames // 30, p=(0.2, 0.2, 0.2, 0.4))
    return np.stack([np.repeat(kind == number, 30) for number in range(3)])


def made_up(fold: int, seed: int, frames: int = 1800) -> MemberScores:
    """Sniff is taken for one thing by the first member and for another by the second; every frame is noisy. Nobody attacks."""
    rng = np.random.default_rng(seed)
    sniff, first, second = bouts_and_distractors(rng, frames)
    clean = np.stack([sniff | first, sniff | second]) * 0.4 + 0.3
    scores = np.full((2, frames, 2), 0.05, np.float32)
    scores[..., 1] = np.clip(clean + rng.normal(0, 0.2, clean.shape), 0.01, 0.99)
    recording = Recording("QuietOtter", seed, 30.0, 10.0, 400, 200)
    labels = np.stack([np.zeros(frames, bool), sniff], axis=1)
    return MemberScores(recording, Subject(1, 2), fold, scores, labels, np.array([True, True]))


@pytest.fixture(scope="module")
def runs() -> MadeUpRuns:
    return MadeUpRuns(tuple(made_up(1 + seed % 3, seed) for seed in range(6)))


def precision(runs: MadeUpRuns, score) -> float:
    """Return the average precision of sniff over all subjects; `score` returns [T, C] for one."""
    return float(average_precision(sum(count_fine(score(one)[:, 1], one.labels[:, 1]) for one in runs.given)))


def scorer(runs: MadeUpRuns, how: Combination):
    combiners = cross_fit_combiners(runs, how)
    return lambda one: combiners[one.fold].scores(one.scores, one.recording.fps)


def test_a_stack_beats_its_best_member_and_their_mean_where_members_err_on_different_things(runs: MadeUpRuns) -> None:
    best = max(precision(runs, lambda one, number=number: one.scores[number]) for number in (0, 1))
    mean = precision(runs, scorer(runs, Combination(How.EQUAL, ("one", "two"))))
    stack = precision(runs, scorer(runs, Combination(How.STACKED, ("one", "two"), trees=SMALL)))
    assert best < mean < stack
    assert stack > 0.95


def test_fitted_weights_leave_out_a_member_that_knows_nothing() -> None:
    def with_a_guesser(one: MemberScores) -> MemberScores:
        rng = np.random.default_rng(one.recording.video_id)
        return replace(one, scores=np.stack([one.scores[0], rng.random(one.scores[0].shape, np.float32)]))

    runs = MadeUpRuns(tuple(with_a_guesser(made_up(1 + seed % 2, seed)) for seed in range(6)))
    combiners = cross_fit_combiners(runs, Combination(How.FITTED, ("one", "guesser")))
    for combiner in combiners.values():
        assert isinstance(combiner, WeightedMean)
        weights = np.array(combiner.weights)
        assert weights[0, 1] > 0.65
        np.testing.assert_allclose(weights.sum(axis=0), 1)
        np.testing.assert_allclose(weights[:, 0], 0.5)  # nobody was ever seen to attack
    assert precision(runs, lambda one: combiners[one.fold].scores(one.scores, 30.0)) > precision(runs, lambda one: one.scores.mean(axis=0))


@pytest.mark.parametrize("how", [How.FITTED, How.STACKED])
def test_what_is_learned_for_a_fold_does_not_depend_on_its_scores_or_labels(runs: MadeUpRuns, how: How) -> None:
    """In fold 1 labels become their opposite and the second member knows it: only what scores fold 1 stays the same."""

    def spoiled(one: MemberScores) -> MemberScores:
        scores = np.stack([one.scores[0], np.where(one.labels, 0.1, 0.9).astype(np.float32)])
        return replace(one, labels=~one.labels, scores=scores) if one.fold == 1 else one

    combination = Combination(how, ("one", "two"), trees=SMALL)
    honest = cross_fit_combiners(runs, combination)
    other = cross_fit_combiners(MadeUpRuns(tuple(map(spoiled, runs.given))), combination)
    asked = runs.given[0].scores
    np.testing.assert_array_equal(honest[1].scores(asked, 30.0), other[1].scores(asked, 30.0))
    for fold in (2, 3, None):
        assert not np.array_equal(honest[fold].scores(asked, 30.0), other[fold].scores(asked, 30.0))


def test_what_was_not_annotated_teaches_nothing(runs: MadeUpRuns) -> None:
    """A recording in which nobody annotated sniff may have any labels there."""
    unannotated = replace(made_up(2, 99), annotated=np.array([True, False]))
    combination = Combination(How.STACKED, ("one", "two"), trees=SMALL)
    one = cross_fit_combiners(MadeUpRuns((*runs.given, unannotated)), combination)[1]
    other = cross_fit_combiners(
        MadeUpRuns((*runs.given, replace(unannotated, labels=~unannotated.labels & unannotated.annotated))), combination
    )[1]
    asked = runs.given[0].scores
    np.testing.assert_array_equal(one.scores(asked, 30.0)[:, 1], other.scores(asked, 30.0)[:, 1])


def test_a_behavior_that_was_never_seen_is_left_to_the_mean_of_the_members(runs: MadeUpRuns) -> None:
    stack = cross_fit_combiners(runs, Combination(How.STACKED, ("one", "two"), trees=SMALL))[None]
    assert isinstance(stack, Stack)
    assert stack.trees[0].boosters == (None,)
    asked = runs.given[0].scores
    np.testing.assert_allclose(stack.scores(asked, 30.0)[:, 0], asked.mean(axis=0)[:, 0], atol=1e-6)


def test_a_silent_member_is_no_member(runs: MadeUpRuns) -> None:
    """Where one member has no answer the equal mean is the other's answer, not half of it."""
    asked = runs.given[0].scores.copy()
    asked[1] = np.nan
    mean = cross_fit_combiners(runs, Combination(How.EQUAL, ("one", "two")))[1]
    np.testing.assert_allclose(mean.scores(asked, 30.0), asked[0])
    stack = cross_fit_combiners(runs, Combination(How.STACKED, ("one", "two"), trees=SMALL))[1].scores(asked, 30.0)
    assert np.isfinite(stack).all()
