"""Attributions add up to the score, and blame what the score depends on."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from small_recognizer import random_arena_recognizer, random_plus_recognizer, random_recognizer

from behavior.contract import ContractError
from behavior.curation import curate
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording, Triple
from behavior.views.pair_statistics import PairStatistics
from recognizers.attribution import attribute
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.ensemble import Ensemble
from recognizers.recognizer import Decoding
from recognizers.trees import TreesRecognizer

BEHAVIORS = ("chase", "sniff")
WHO = Subject(1, 2)
PARTS = ("body_center", "ear_left", "ear_right", "nose", "tail_base")


@pytest.fixture(scope="module")
def material():
    """Mouse 1 waits for 4 s, then runs at 30 cm/s toward mouse 2, which never moves."""
    recording = Recording("QuietOtter", 7, 30.0, 10.0, 1000, 400, annotated=tuple(Triple(1, 2, name) for name in BEHAVIORS))
    rows = []
    for frame in range(180):
        x = 100 + 10 * max(frame - 120, 0)
        for mouse, at in ((1, x), (2, 800)):
            rows += [(frame, mouse, part, at + 15.0 * place, 200.0 + 9 * (place % 3)) for place, part in enumerate(PARTS)]
    columns = dict(zip(("video_frame", "mouse_id", "bodypart", "x", "y"), map(list, zip(*rows, strict=True)), strict=True))
    return Material.with_tracking(recording, curate(pa.table(columns), recording))


@pytest.mark.parametrize("recognizer", [random_recognizer(BEHAVIORS), random_plus_recognizer(BEHAVIORS)], ids=["features", "tracks"])
def test_contributions_of_a_network_add_up_to_its_logit(recognizer, material):
    reason = attribute(recognizer, material, WHO, "sniff", slice(130, 150))
    assert abs(reason.unexplained) < 0.02 * max(abs(reason.total - reason.base), 1)
    sizes = [abs(value) for value in reason.contributions.values()]
    assert sizes == sorted(sizes, reverse=True)


def test_the_total_is_the_logit_of_the_score_over_the_bout(material):
    recognizer = random_recognizer(BEHAVIORS)
    reason = attribute(recognizer, material, WHO, "chase", slice(100, 120))
    ((_, scores),) = list(recognizer.scores(material))
    level = scores.whole()[100:120, 0]
    logit = np.log(level / (1 - level)).mean()
    assert reason.total == pytest.approx(logit, abs=0.5)  # scores are means over windows that overlap; this is one window around the bout


def test_a_network_that_sees_only_the_agents_speed_blames_nothing_else(material):
    recognizer = random_recognizer(BEHAVIORS, bodyparts=PARTS)

    class Speedy(torch.nn.Module):
        def forward(self, features, valid=None, context=None):
            columns = [place for place, name in enumerate(recognizer.features.names) if name.startswith("vx_")]
            return features[..., columns].sum(-1, keepdim=True) * torch.ones(2)

    reason = attribute(replace(recognizer, network=Speedy()), material, WHO, "chase", slice(140, 160))
    assert next(iter(reason.contributions)) == "agent: speed"
    assert [name for name, value in reason.contributions.items() if abs(value) > 1e-6] == ["agent: speed"]
    assert reason.contributions["agent: speed"] > 0.1


@pytest.fixture(scope="module")
def trees(material):
    features = PairStatistics(PARTS, windows_s=(0.5,))
    curated, recording = material.tracking, material.recording
    rows = features.of(curated, recording.fps, WHO)
    labels = np.zeros((len(rows), 2), bool)
    labels[125:, 0] = True  # chase: while mouse 1 runs
    config = TreesConfig(trees=20, leaves=4, least_rows=5)
    shared = BoostedTrees.fit(rows, labels, np.ones_like(labels), config, threads=1)
    return TreesRecognizer(BEHAVIORS, features, config, shared, Decoding((0.5, 0.5), {}))


def test_contributions_of_trees_are_exact_and_blame_motion(trees, material):
    reason = attribute(trees, material, WHO, "chase", slice(140, 170))
    assert reason.unexplained == pytest.approx(0, abs=1e-6)
    rows = trees.features.of(material.tracking, 30.0, WHO, slice(140, 170))
    assert reason.total == pytest.approx(trees.shared.boosters[0].predict(rows, raw_score=True).mean(), abs=1e-6)
    assert next(iter(reason.contributions)) in ("agent: speed", "approach", "distance between the mice", "who faces whom")
    assert reason.compared_with == "training data"


def test_the_arena_has_a_reason_above_the_background(material):
    recognizer = random_arena_recognizer()
    reason = attribute(recognizer, material, Subject(), "social", slice(100, 130))
    assert {name.split(":")[0] for name in reason.contributions} <= {"mouse 1", "mouse 2", "mouse 3", "mouse 4"}


def test_what_cannot_be_explained_says_why(trees, material):
    recognizer = random_recognizer(BEHAVIORS)
    frames = slice(100, 120)
    with pytest.raises(ContractError, match="Expected one of chase, sniff, but got yawn"):
        attribute(recognizer, material, WHO, "yawn", frames)
    with pytest.raises(ContractError, match="but got agent 2, target 1"):
        attribute(recognizer, material, Subject(2, 1), "chase", frames)
    with pytest.raises(ContractError, match=r"but got Ensemble\. Explain one of its members"):
        attribute(Ensemble((recognizer, random_recognizer(BEHAVIORS, seed=1))), material, WHO, "chase", frames)
    with pytest.raises(ContractError, match="too few bouts in training"):
        attribute(trees, material, WHO, "sniff", frames)
