"""Ensembles: the mean of members, aligned by name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_recognizer import PROVENANCE, random_recognizer

from behavior.bouts import DecodeSettings
from behavior.contract import ContractError
from behavior.curation import curate
from behavior.recording import Recording, Triple
from recognizers import load_recognizer
from recognizers.ensemble import Ensemble
from recognizers.recognizer import Decoding


@pytest.fixture
def watched(recording: Recording) -> Recording:
    return replace(recording, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff"), Triple(2, 1, "sniff")))


@pytest.fixture
def curated(watched: Recording, tracking_rows):
    rows = [(frame, mouse, "nose", 100.0 + 4 * frame * mouse, 60.0) for frame in range(50) for mouse in (1, 2)]
    return curate(tracking_rows(rows), watched)


def test_scores_are_the_mean_of_the_members(watched: Recording, curated) -> None:
    members = tuple(random_recognizer(("attack", "sniff"), seed=seed) for seed in (1, 2, 3))
    ensemble = dict(Ensemble(members).scores(curated, watched))
    for pair in ((1, 2), (2, 1)):
        expected = np.mean([dict(member.scores(curated, watched))[pair] for member in members], axis=0)
        np.testing.assert_allclose(ensemble[pair], expected, rtol=1e-5)


def test_members_are_aligned_by_the_names_of_their_behaviors(watched: Recording, curated) -> None:
    first, second = random_recognizer(("attack", "sniff"), seed=1), random_recognizer(("sniff", "zigzag"), seed=2)
    ensemble = Ensemble((first, second))
    assert ensemble.behaviors == ("attack", "sniff", "zigzag")
    scores, one, two = (dict(member.scores(curated, watched))[1, 2] for member in (ensemble, first, second))
    np.testing.assert_allclose(scores[:, 0], one[:, 0])
    np.testing.assert_allclose(scores[:, 1], (one[:, 1] + two[:, 0]) / 2, rtol=1e-6)
    np.testing.assert_allclose(scores[:, 2], two[:, 1])


def test_members_of_different_rates_meet_on_the_frames_of_the_recording(watched: Recording, curated) -> None:
    ensemble = Ensemble((random_recognizer(("sniff",), fps=30.0), random_recognizer(("sniff",), fps=10.0)))
    assert all(scores.shape == (50, 1) for _, scores in ensemble.scores(curated, watched))


def test_thresholds_are_averaged_and_occurrences_joined() -> None:
    first = replace(random_recognizer(("attack", "sniff")), decoding=Decoding((0.2, 0.4), {"A": frozenset({"attack"})}))
    second = replace(random_recognizer(("sniff",)), decoding=Decoding((0.6,), {"A": frozenset({"sniff"}), "B": frozenset()}))
    decoding = Ensemble((first, second)).decoding
    assert decoding.thresholds == pytest.approx((0.2, 0.5))
    assert decoding.occurring == {"A": {"attack", "sniff"}, "B": frozenset()}


def test_an_ensemble_can_be_a_member(watched: Recording, curated) -> None:
    inner = Ensemble(tuple(random_recognizer(("sniff",), seed=seed) for seed in (1, 2)))
    outer = dict(Ensemble((inner, inner)).scores(curated, watched))
    for pair, scores in inner.scores(curated, watched):
        np.testing.assert_allclose(outer[pair], scores)


def test_several_checkpoints_load_as_their_ensemble(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seed}.safetensors" for seed in (1, 2)]
    for seed, path in enumerate(paths):
        random_recognizer(("sniff",), seed=seed).save(path, PROVENANCE)
    loaded = load_recognizer(paths)
    assert isinstance(loaded, Ensemble)
    assert len(loaded.members) == 2


def test_members_that_decode_differently_are_refused_and_so_is_a_single_one() -> None:
    one = random_recognizer(("sniff",))
    other = replace(one, decoding=replace(one.decoding, settings=DecodeSettings(smooth_s=1.0)))
    with pytest.raises(ContractError, match="Expected recognizers that decode alike"):
        Ensemble((one, other))
    with pytest.raises(ContractError, match="Expected two or more recognizers, but got 1"):
        Ensemble((one,))
