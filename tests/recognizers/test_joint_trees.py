"""Trees with one softmax: behaviors that exclude each other share the probability of a frame."""

from pathlib import Path

import numpy as np
import pytest
from small_recognizer import PROVENANCE

from behavior.contract import ContractError
from behavior.views.pair_statistics import PairStatistics
from recognizers import checkpoint
from recognizers.boosted_trees import TreesConfig
from recognizers.families import load_recognizer
from recognizers.joint_trees import JointTrees
from recognizers.recognizer import Decoding
from recognizers.trees import TreesRecognizer

CONFIG = TreesConfig(trees=20, leaves=4, learning_rate=0.3, least_rows=5)
FEATURES = PairStatistics(("nose", "tail_base"), windows_s=())


def speeds(width: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Below 10 nothing, from 10 to 20 walk, above run; "swim" never occurs."""
    speed = np.linspace(0, 30, 600, dtype=np.float32)
    features = np.full((600, width), np.nan, np.float32)
    features[:, 0] = speed
    return features, np.stack([(speed >= 10) & (speed < 20), speed >= 20, np.zeros(600, bool)], axis=1)


def grown(width: int = 1, every: int = 1) -> JointTrees:
    features, labels = speeds(width)
    return JointTrees.fit(features, labels, np.where(labels.any(axis=1), every, 1), CONFIG, threads=1)


def test_scores_of_a_frame_are_shared_out_among_behaviors_and_nothing() -> None:
    scores = grown().predict(np.array([[5.0], [15.0], [25.0]], np.float32))
    assert scores.argmax(axis=1).tolist()[1:] == [0, 1]
    assert scores[0].sum() < 0.1
    assert (scores[1:].max(axis=1) > 0.9).all()
    assert (scores.sum(axis=1) <= 1 + 1e-6).all()
    assert (scores[:, 2] == 0).all()  # it never occurred
    assert grown().predict(np.empty((0, 1), np.float32)).shape == (0, 3)


def test_a_behavior_that_was_not_annotated_has_score_0() -> None:
    scores = grown().only(np.array([True, False, True])).predict(np.array([[15.0], [25.0]], np.float32))
    assert scores[0, 0] > 0.9
    assert (scores[:, 1:] == 0).all()


def test_a_row_that_stands_for_many_counts_as_many() -> None:
    """The same row has both labels; the one that stands for nine rows has nine tenths of the probability."""
    features, labels = np.zeros((200, 1), np.float32), np.repeat([[True], [False]], 100, axis=0)
    trees = JointTrees.fit(features, labels, np.repeat([9, 1], 100), TreesConfig(trees=60, leaves=2, learning_rate=0.3), threads=1)
    assert trees.predict(features[:1])[0, 0] == pytest.approx(0.9, abs=0.02)


def test_contributions_add_up_to_the_odds_against_nothing() -> None:
    """Of two features only the first one matters."""
    features, labels = speeds(2)
    features[:, 1] = 0
    trees = JointTrees.fit(features, labels, np.ones(len(labels)), CONFIG, threads=1)
    rows = np.array([[15.0, 0.0], [25.0, 0.0]], np.float32)
    shares = trees.contributions(rows, 0)
    raw = np.asarray(trees.booster.predict(rows, raw_score=True))
    np.testing.assert_allclose(shares.sum(axis=1), raw[:, 0] - raw[:, -1], atol=1e-6)
    assert (shares[:, 1] == 0).all()


def test_a_checkpoint_gives_the_same_scores_back_and_a_changed_text_is_refused(tmp_path: Path) -> None:
    width = len(FEATURES.names)
    trees = grown(width)
    recognizer = TreesRecognizer(("run", "swim", "walk"), FEATURES, CONFIG, trees, Decoding((0.5,) * 3, {}))
    checkpoint.save(tmp_path / "joint.safetensors", recognizer, PROVENANCE)
    opened = load_recognizer([tmp_path / "joint.safetensors"])
    assert isinstance(opened, TreesRecognizer)
    features, _ = speeds(width)
    np.testing.assert_array_equal(opened.shared.predict(features), trees.predict(features))
    tensors = trees.to_tensors()
    tensors["joint"][100] += 1
    with pytest.raises(ContractError, match="changed text"):
        JointTrees.from_tensors(tensors, width)
