"""Stacks and files of recognizers made of recognizers: what is loaded scores as what was saved."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from small_recognizer import PROVENANCE, random_recognizer, scores_of

from behavior.contract import ContractError
from behavior.curation import CuratedTracking, curate
from behavior.material import Material
from behavior.recording import Recording, Triple
from inference.recognition import recognize_material
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.checkpoint import read_header, videos_seen
from recognizers.ensemble import Ensemble, WeightedMean
from recognizers.families import load_recognizer
from recognizers.recognizer import Decoding, Recognizer
from recognizers.stack_inputs import StackInputs
from recognizers.stacked import Stack, StackedRecognizer

BEHAVIORS = ("attack", "sniff")
INPUTS = StackInputs(around_s=(0.3,), beside_s=(1.0,), peak_s=(0.3,))
DECODING = Decoding((0.3, 0.4), {"QuietOtter": frozenset({"sniff"})})


@pytest.fixture
def annotated(recording: Recording) -> Recording:
    return replace(recording, annotated=(Triple(1, 2, "attack"), Triple(1, 2, "sniff"), Triple(2, 1, "sniff")))


@pytest.fixture
def curated(annotated: Recording, tracking_rows) -> CuratedTracking:
    rows = [(frame, mouse, "nose", 100.0 + 4 * frame * mouse, 60.0) for frame in range(50) for mouse in (1, 2)]
    return curate(tracking_rows(rows), annotated)


def random_stack(members: int, share: float = 0.5) -> Stack:
    """Trees grown on noise: of sniff only, attack could not be learned."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, len(INPUTS.names(members, BEHAVIORS, 1)))).astype(np.float32)
    labels = features[:, :1] + rng.normal(size=(400, 1)) > 0
    grown = BoostedTrees.fit(features, labels, np.ones_like(labels), TreesConfig(trees=5, leaves=4), threads=1)
    return Stack(BEHAVIORS, INPUTS, (BoostedTrees((None,)), grown), (share, share), WeightedMean(((1.0, 1.0),) * members))


def saved_members(folder: Path, count: int) -> tuple[list[Any], list[checkpoint.Parts]]:
    """Return small networks of which each taught another video, and the parts of their checkpoints."""
    members, parts = [], []
    for seed in range(count):
        members.append(random_recognizer(BEHAVIORS, seed=seed, fps=(30.0, 10.0)[seed % 2]))
        path = folder / f"{seed}.safetensors"
        checkpoint.save(path, members[-1], {**PROVENANCE, "videos": {"train": [seed], "validation": [100 + seed], "held_out": []}})
        parts.append(checkpoint.load_parts(path))
    return members, parts


def saved_stack(folder: Path) -> tuple[StackedRecognizer, Path]:
    """Return a stack over a network and an ensemble of two, and its file."""
    members, parts = saved_members(folder, 3)
    pair = Ensemble((members[1], members[2]), WeightedMean(((0.2, 0.7), (0.8, 0.3))), DECODING)
    whole = StackedRecognizer((members[0], pair), random_stack(2), DECODING)
    inside = [parts[0], pair.parts_with({**PROVENANCE, "videos": {"train": [7], "validation": [], "held_out": []}}, parts[1:])]
    path = folder / "whole.safetensors"
    checkpoint.save_parts(path, whole.parts_with({**PROVENANCE, "videos": {"train": [], "validation": [8], "held_out": [9]}}, inside))
    return whole, path


def bouts(recognizer: Recognizer, curated: CuratedTracking, recording: Recording) -> list[tuple[Any, ...]]:
    return list(recognize_material(Material.with_tracking(recording, curated), recognizer).itertuples(index=False, name=None))


def test_a_stack_of_a_network_and_an_ensemble_is_one_file_that_scores_as_before(
    tmp_path: Path, annotated: Recording, curated: CuratedTracking
) -> None:
    before, path = saved_stack(tmp_path)
    after = load_recognizer([path])
    assert isinstance(after, StackedRecognizer)
    assert isinstance(after.members[1], Ensemble)
    told = scores_of(before, curated, annotated)
    assert list(told) == list(annotated.pairs)
    for pair, scores in scores_of(after, curated, annotated).items():
        np.testing.assert_array_equal(scores, told[pair])
    assert after.decoding == DECODING
    assert bouts(after, curated, annotated) == bouts(before, curated, annotated)
    assert any(bout[3] == "sniff" for bout in bouts(after, curated, annotated))


def test_an_ensemble_is_one_file_that_scores_as_before(tmp_path: Path, annotated: Recording, curated: CuratedTracking) -> None:
    members, parts = saved_members(tmp_path, 2)
    before = Ensemble(tuple(members), WeightedMean(((0.25, 1.0), (0.75, 0.0)), (0.2, 0.0)), DECODING)
    checkpoint.save_parts(tmp_path / "ensemble.safetensors", before.parts_with(PROVENANCE, parts))
    after = load_recognizer([tmp_path / "ensemble.safetensors"])
    for (pair, scores), (same, told) in zip(
        scores_of(after, curated, annotated).items(), scores_of(before, curated, annotated).items(), strict=True
    ):
        assert pair == same
        np.testing.assert_array_equal(scores, told)
    assert bouts(after, curated, annotated) == bouts(before, curated, annotated)


def test_a_stack_and_a_network_load_as_their_mean(tmp_path: Path) -> None:
    _, path = saved_stack(tmp_path)
    loaded = load_recognizer([path, tmp_path / "0.safetensors"], batch=5)
    assert isinstance(loaded, Ensemble)
    assert isinstance(loaded.members[0], StackedRecognizer)
    assert loaded.members[0].members[0].batch == 5  # type: ignore[attr-defined]


def test_the_answer_is_the_share_of_the_trees_and_the_mean_of_the_members(annotated: Recording, curated: CuratedTracking) -> None:
    members = tuple(random_recognizer(BEHAVIORS, seed=seed) for seed in (1, 2))
    (pair, mean), *_ = scores_of(Ensemble(members), curated, annotated).items()
    half, whole = (
        scores_of(StackedRecognizer(members, random_stack(2, share), DECODING), curated, annotated)[pair] for share in (0.5, 1.0)
    )
    np.testing.assert_allclose(half[:, 1], (whole[:, 1] + mean[:, 1]) / 2, atol=1e-6)
    np.testing.assert_allclose(half[:, 0], mean[:, 0], atol=1e-6)  # attack could not be learned
    assert not np.allclose(whole[:, 1], mean[:, 1])


def test_a_member_may_know_other_behaviors(annotated: Recording, curated: CuratedTracking) -> None:
    """The second knows sniff only; of attack the first is asked alone."""
    members = random_recognizer(BEHAVIORS, seed=1), random_recognizer(("sniff",), seed=2)
    scores = scores_of(StackedRecognizer(members, random_stack(2), DECODING), curated, annotated)
    np.testing.assert_allclose(scores[1, 2][:, 0], scores_of(members[0], curated, annotated)[1, 2][:, 0], atol=1e-6)
    assert scores[1, 2].dtype == np.float32


def test_the_videos_of_all_members_count_as_seen(tmp_path: Path) -> None:
    _, path = saved_stack(tmp_path)
    assert videos_seen([read_header(path)]) == {0, 1, 2, 100, 101, 102, 7, 8}


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        header = json.loads(file.metadata()["json"])
    del header["sha256"]  # as in files of earlier versions: what is told is not that somebody changed the file
    change(header, tensors)
    save_file(tensors, path, metadata={"json": json.dumps(header)})


def inner(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header of the second member's first member."""
    return header["members"][1]["members"][0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda header, _: inner(header)["schema"].update(z_cm="float"), r"member 2: member 1: .* z_cm \(float\) is gone"),
        (lambda header, _: inner(header).update(version=99), r"member 2: member 1: Expected format .*, but got .* version 99"),
        (lambda header, _: inner(header)["feature_names"].append("rel_angle"), "member 2, member 1: Expected the features .* rel_angle"),
        (lambda header, _: inner(header).update(family="oracle"), "Expected one of the families .*, but got oracle"),
        (lambda _, tensors: tensors.pop(_weight(tensors)), "member 2, member 1: Expected the weights of its own network"),
        (lambda header, _: header["network"]["inputs"].update(around_s=[0.3, 5.0]), "trees of sniff.*: Expected trees over"),
        (lambda header, _: header["members"].pop(), "trees of sniff.*: Expected trees over"),
    ],
)
def test_a_broken_member_is_refused_with_the_difference(tmp_path: Path, change, told: str) -> None:
    _, path = saved_stack(tmp_path)
    changed(path, change)
    with pytest.raises(ContractError, match=told):
        load_recognizer([path])


def _weight(tensors: dict[str, Any]) -> str:
    return next(name for name in tensors if name.startswith("member.1.member.0.network.") and name.endswith("weight"))
