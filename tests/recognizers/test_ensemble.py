"""Ensembles: the mean of members, aligned by name."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer, scores_of

from behavior.bouts import DecodeSettings
from behavior.contract import ContractError
from behavior.curation import curate
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording, Triple
from recognizers import checkpoint
from recognizers.ensemble import Ensemble, WeightedMean
from recognizers.families import load_recognizer
from recognizers.recognizer import Decoding, Head, Recognizer, Scores, View


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    return replace(recording, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff"), Triple(2, 1, "sniff")))


@pytest.fixture
def curated(annotated: Recording, tracking_rows):
    rows = [(frame, mouse, "nose", 100.0 + 4 * frame * mouse, 60.0) for frame in range(50) for mouse in (1, 2)]
    return curate(tracking_rows(rows), annotated)


def test_scores_are_the_mean_of_the_members(annotated: Recording, curated) -> None:
    members = tuple(random_recognizer(("attack", "sniff"), seed=seed) for seed in (1, 2, 3))
    ensemble = scores_of(Ensemble(members), curated, annotated)
    for pair in ((1, 2), (2, 1)):
        expected = np.mean([scores_of(member, curated, annotated)[pair] for member in members], axis=0)
        np.testing.assert_allclose(ensemble[pair], expected, rtol=1e-5)


def test_members_are_aligned_by_the_names_of_their_behaviors(annotated: Recording, curated) -> None:
    first, second = random_recognizer(("attack", "sniff"), seed=1), random_recognizer(("sniff", "zigzag"), seed=2)
    ensemble = Ensemble((first, second))
    assert ensemble.behaviors == ("attack", "sniff", "zigzag")
    scores, one, two = (scores_of(member, curated, annotated)[1, 2] for member in (ensemble, first, second))
    np.testing.assert_allclose(scores[:, 0], one[:, 0])
    np.testing.assert_allclose(scores[:, 1], (one[:, 1] + two[:, 0]) / 2, rtol=1e-6)
    np.testing.assert_allclose(scores[:, 2], two[:, 1])


def test_members_of_different_rates_meet_on_the_frames_of_the_recording(annotated: Recording, curated) -> None:
    ensemble = Ensemble((random_recognizer(("sniff",), fps=30.0), random_recognizer(("sniff",), fps=10.0)))
    assert all(scores.shape == (50, 1) for _, scores in scores_of(ensemble, curated, annotated).items())


def test_thresholds_are_averaged_and_occurrences_joined() -> None:
    first = replace(random_recognizer(("attack", "sniff")), decoding=Decoding((0.2, 0.4), {"A": frozenset({"attack"})}))
    second = replace(random_recognizer(("sniff",)), decoding=Decoding((0.6,), {"A": frozenset({"sniff"}), "B": frozenset()}))
    decoding = Ensemble((first, second)).decoding
    assert decoding.thresholds == pytest.approx((0.2, 0.5))
    assert decoding.occurring == {"A": {"attack", "sniff"}, "B": frozenset()}


def test_an_ensemble_can_be_a_member(annotated: Recording, curated) -> None:
    inner = Ensemble(tuple(random_recognizer(("sniff",), seed=seed) for seed in (1, 2)))
    outer = scores_of(Ensemble((inner, inner)), curated, annotated)
    for pair, scores in scores_of(inner, curated, annotated).items():
        np.testing.assert_allclose(outer[pair], scores)


def test_several_checkpoints_load_as_their_ensemble(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.safetensors" for seed in (1, 2)]
    for seed, path in enumerate(paths):
        checkpoint.save(path, random_recognizer(("sniff",), seed=seed), PROVENANCE)
    loaded = load_recognizer(paths)
    assert isinstance(loaded, Ensemble)
    assert len(loaded.members) == 2


def test_a_single_member_is_refused_and_so_are_members_of_several_views() -> None:
    one = random_recognizer(("sniff",))
    with pytest.raises(ContractError, match="Expected two or more recognizers, but got 1"):
        Ensemble((one,))
    with pytest.raises(ContractError, match="Expected recognizers of one kind, but got the views arena, pair"):
        Ensemble((one, random_arena_recognizer()))  # type: ignore[arg-type]


def test_durations_and_calibration_are_averaged_too() -> None:
    """Of attack only the first knows anything; its values stay. No calibration means slope 1 and offset 0."""
    plain, told = random_recognizer(("sniff",)), random_recognizer(("attack", "sniff"))
    settings = DecodeSettings(smooth_s=(1.0, 0.5), max_gap_s=0.2, min_length_s=0.0)
    lines = ((2.0, -1.0), (3.0, 1.0))
    own = Decoding((0.3, 0.5), {}, settings, {"A": {"sniff": 0.7}}, weights=(1.0, 0.5), calibration=lines)
    first = replace(told, decoding=own)
    second = replace(plain, decoding=Decoding((0.1,), {}, DecodeSettings(smooth_s=0.1, max_gap_s=0.4, min_length_s=0.6)))
    decoding = Ensemble((first, second)).decoding
    assert decoding.thresholds == pytest.approx((0.3, 0.3))
    assert decoding.settings.smooth_s == pytest.approx((1.0, 0.3))
    assert decoding.settings.max_gap_s == pytest.approx((0.2, 0.3))
    assert decoding.settings.min_length_s == pytest.approx((0.0, 0.3))
    assert decoding.lab_thresholds == {"A": {"sniff": pytest.approx((0.7 + 0.1) / 2)}}
    assert decoding.weights == pytest.approx((1.0, 0.75))
    assert np.array(decoding.calibration) == pytest.approx(np.array([(2.0, -1.0), (2.0, 0.5)]))


def test_a_decoding_that_was_fitted_for_the_ensemble_replaces_the_mean() -> None:
    fitted = Decoding((0.11,), {"A": frozenset({"sniff"})})
    assert Ensemble((random_recognizer(("sniff",)),) * 2, fitted=fitted).decoding == fitted


def test_a_weighted_mean_by_hand() -> None:
    """Members say 0.2 and 0.8; behaviors are weighed 3 to 1, 0 to 1 and equally. Only ratios count."""
    scores = np.array([[[0.2, 0.2, 0.2]], [[0.8, 0.8, 0.8]]], np.float32)
    mean = WeightedMean(((3, 0, 7), (1, 1, 7)))
    np.testing.assert_allclose(mean.scores(scores, 30.0), [[0.35, 0.8, 0.5]], atol=1e-5)


def test_where_a_member_is_silent_the_others_share_its_weight() -> None:
    """Of three members one is silent, then two, of which the one that speaks has weight 0, then all."""
    scores = np.array([[[0.4, np.nan, np.nan]], [[0.8, 0.6, np.nan]], [[np.nan, np.nan, np.nan]]], np.float32)
    mean = WeightedMean(((1, 1, 1), (3, 0, 1), (5, 1, 1)), smooth_s=(0.1, 0.0, 0.1))
    np.testing.assert_allclose(mean.scores(scores, 30.0), [[0.7, 0.6, np.nan]], atol=1e-5)


def test_weights_are_used_in_serving(annotated: Recording, curated) -> None:
    members = tuple(random_recognizer(("attack", "sniff"), seed=seed) for seed in (1, 2))
    weighted = Ensemble(members, WeightedMean(((0.9, 0.5), (0.1, 0.5))))
    for (pair, scores), (_, one), (_, other) in zip(
        *(scores_of(each, curated, annotated).items() for each in (weighted, *members)), strict=True
    ):
        assert pair in annotated.pairs
        np.testing.assert_allclose(scores[:, 0], 0.9 * one[:, 0] + 0.1 * other[:, 0], rtol=1e-5)
        np.testing.assert_allclose(scores[:, 1], (one[:, 1] + other[:, 1]) / 2, rtol=1e-5)


@dataclass(frozen=True)
class LeavesOut:
    """A recognizer that says nothing about one pair."""

    inner: Recognizer
    pair: tuple[int, int]
    view = View.PAIR
    head = Head.MULTILABEL

    @property
    def behaviors(self) -> tuple[str, ...]:
        return self.inner.behaviors

    @property
    def decoding(self) -> Decoding:
        return self.inner.decoding

    def scores(self, material: Material) -> Iterator[tuple[Subject, Scores]]:
        return ((subject, scores) for subject, scores in self.inner.scores(material) if (subject.agent, subject.target) != self.pair)


def test_a_pair_that_a_member_leaves_out_is_answered_by_the_others(annotated: Recording, curated) -> None:
    one, other = (random_recognizer(("sniff",), seed=seed) for seed in (1, 2))
    scores = scores_of(Ensemble((LeavesOut(one, (1, 2)), other)), curated, annotated)
    alone, first = scores_of(other, curated, annotated), scores_of(one, curated, annotated)
    np.testing.assert_allclose(scores[1, 2], alone[1, 2])
    np.testing.assert_allclose(scores[2, 1], (alone[2, 1] + first[2, 1]) / 2, rtol=1e-6)
    silent = LeavesOut(one, (1, 2)), LeavesOut(other, (1, 2))
    assert list(scores_of(Ensemble(silent), curated, annotated)) == [(2, 1)]


def test_the_mean_is_smoothed_behavior_by_behavior() -> None:
    """At 10 frames a second 0.3 s are three frames; the second behavior is left alone."""
    one = np.zeros((1, 5, 2), np.float32)
    one[0, 2] = 0.9
    scores = WeightedMean(((1.0, 1.0),), smooth_s=(0.3, 0.0)).scores(one, 10.0)
    np.testing.assert_allclose(scores, [[0, 0], [0.3, 0], [0.3, 0.9], [0.3, 0], [0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("mean", "told"),
    [
        (WeightedMean(((1.0, 1.0),)), "Expected 2 x 2 finite weights of 0 or more"),
        (WeightedMean(((1.0,), (1.0,))), "Expected 2 x 2 finite weights of 0 or more"),
        (WeightedMean(((1.0, -1.0), (1.0, 1.0))), "Expected 2 x 2 finite weights of 0 or more"),
        (WeightedMean(((np.nan, 1.0), (1.0, 1.0))), "Expected 2 x 2 finite weights of 0 or more"),
        (WeightedMean(((1.0, 1.0), (1.0, 1.0)), (0.3,)), "Expected 2 widths of smoothing, one per behavior, but got 1"),
    ],
)
def test_a_mean_that_does_not_fit_is_refused(mean: WeightedMean, told: str) -> None:
    members = tuple(random_recognizer(("attack", "sniff"), seed=seed) for seed in (1, 2))
    with pytest.raises(ContractError, match=told):
        Ensemble(members, mean)
