"""Trees over rows of numbers: what they learn, what they leave, how they are kept."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from behavior.contract import ContractError
from recognizers.boosted_trees import BoostedTrees, GrownColumn, TreesConfig, thin_mask

ROOT = Path(__file__).resolve().parents[2]
SMALL = TreesConfig(trees=30, leaves=4, learning_rate=0.3, least_rows=5)


def rows(count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features [N, 3], labels [N, 2] and a mask: the first label says feature 0 > 0.8, the second that feature 1 is unknown."""
    features = np.random.default_rng(0).uniform(-1, 1, (count, 3)).astype(np.float32)
    features[::4, 1] = np.nan
    labels = np.stack([features[:, 0] > 0.8, np.isnan(features[:, 1])], axis=1)
    return features, labels, np.ones_like(labels)


def test_a_step_and_an_unknown_value_are_learned() -> None:
    features, labels, mask = rows()
    trees = BoostedTrees.fit(features, labels, mask, SMALL, threads=1)
    asked = np.array([[0.9, 0, 0], [0.7, 0, 0], [0, np.nan, 0]], np.float32)
    scores = trees.predict(asked, threads=1)
    assert scores.dtype == np.float32
    assert (scores > 0.9).tolist() == [[True, False], [False, False], [False, True]]
    assert (scores < 0.1).tolist() == [[False, True], [True, True], [True, False]]


def test_a_column_whose_rows_are_all_alike_is_never_seen() -> None:
    features, labels, mask = rows()
    mask[labels[:, 0], 0] = False  # nobody teaches what the first behavior looks like
    told: list[GrownColumn] = []
    trees = BoostedTrees.fit(features, labels, mask, SMALL, threads=1, on_column=told.append)
    assert trees.predict(features)[:, 0].tolist() == [0.0] * len(features)
    assert trees.predict(features)[:, 1].max() > 0.9
    assert [(one.rows, one.positives) for one in told] == [(int(mask[:, 0].sum()), 0), (400, 100)]


def test_rows_that_the_mask_leaves_out_teach_nothing() -> None:
    features, labels, mask = rows()
    lies = labels.copy()
    lies[200:] = ~lies[200:]
    mask[200:] = False
    honest, masked = (BoostedTrees.fit(features, truth, mask, SMALL, threads=1) for truth in (labels, lies))
    np.testing.assert_array_equal(honest.predict(features), masked.predict(features))


def test_the_same_seed_grows_the_same_trees_and_another_does_not() -> None:
    features, labels, mask = rows()
    labels[::7] = ~labels[::7]
    config = replace(SMALL, row_fraction=0.5, feature_fraction=0.7)
    one, again, other = (BoostedTrees.fit(features, labels, mask, config, seed, 1).predict(features) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_thinning_takes_every_fourth_row_without_and_every_other_with_the_behavior() -> None:
    labels = np.array([[row >= 6] for row in range(12)])
    mask = np.ones_like(labels)
    mask[8] = False
    taken = thin_mask(labels, mask, replace(SMALL, every_nth=4, every_nth_positive=2))
    assert np.flatnonzero(taken[:, 0]).tolist() == [0, 4, 6, 10]


def test_thinned_rows_weigh_as_much_as_those_they_stand_for() -> None:
    """Where features tell nothing, the answer is the share of rows with the behavior: a tenth, before thinning and after."""
    labels = (np.arange(4000) % 10 == 0)[:, None]
    config = replace(SMALL, every_nth=3, every_nth_positive=1)
    mask = thin_mask(labels, np.ones_like(labels), config)
    trees = BoostedTrees.fit(np.zeros((4000, 1), np.float32), labels, mask, config, threads=1)
    assert trees.predict(np.zeros((1, 1), np.float32))[0, 0] == pytest.approx(0.1, abs=0.003)


def test_balanced_classes_are_worth_the_same() -> None:
    labels = (np.arange(4000) % 10 == 0)[:, None]
    trees = BoostedTrees.fit(np.zeros((4000, 1), np.float32), labels, np.ones_like(labels), replace(SMALL, balance=1.0), threads=1)
    assert trees.predict(np.zeros((1, 1), np.float32))[0, 0] == pytest.approx(0.5, abs=0.003)


def test_an_answer_that_must_rise_never_falls() -> None:
    """More of the feature means the behavior, but for a few rows that say the contrary."""
    features = np.linspace(0, 1, 300, dtype=np.float32)[:, None]
    labels = (features > 0.5) ^ ((features > 0.7) & (features < 0.8))
    free, rising = (
        BoostedTrees.fit(features, labels, np.ones_like(labels), replace(SMALL, rising=told), threads=1).predict(features)[:, 0]
        for told in ((), (1,))
    )
    assert np.diff(free).min() < -0.5
    assert np.diff(rising).min() >= 0


def test_tensors_hold_all_of_the_trees() -> None:
    features, labels, mask = rows()
    mask[labels[:, 0], 0] = False
    trees = BoostedTrees.fit(features, labels, mask, SMALL, threads=1)
    tensors = trees.to_tensors()
    assert {name: tensor.dtype for name, tensor in tensors.items()} == {"trees.1": torch.uint8}
    np.testing.assert_array_equal(BoostedTrees.from_tensors(tensors, 2, 3).predict(features), trees.predict(features))


def test_a_model_that_is_cut_short_or_changed_is_refused_before_it_is_read() -> None:
    features, labels, mask = rows()
    tensors = BoostedTrees.fit(features, labels, mask, SMALL, threads=1).to_tensors()
    changed = tensors["trees.0"].clone()
    changed[500] += 1
    for broken in (tensors["trees.0"][:-100], changed, torch.zeros(0, dtype=torch.uint8)):
        with pytest.raises(ContractError, match="file, column 0: Expected the trees as they were written"):
            BoostedTrees.from_tensors({"trees.0": broken}, 2, 3, "file")


def test_trees_over_other_features_are_refused() -> None:
    features, labels, mask = rows()
    tensors = BoostedTrees.fit(features, labels, mask, SMALL, threads=1).to_tensors()
    with pytest.raises(ContractError, match="Expected trees over 4 features, but got 3"):
        BoostedTrees.from_tensors(tensors, 2, 4)


@pytest.mark.parametrize("wrong", [{"trees": 0}, {"leaves": 1}, {"learning_rate": 0.0}, {"l2": -1.0}, {"row_fraction": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Expected"):
        TreesConfig(**wrong)


def test_rows_that_know_more_than_most_do_not_end_the_process() -> None:
    """Bodyparts that one lab alone tracks, and a behavior that this lab alone annotated: with bundled columns LightGBM dies of it."""
    code = """
import numpy as np
from recognizers.boosted_trees import BoostedTrees, TreesConfig
generator = np.random.default_rng(0)
features = np.full((9000, 66), np.nan, np.float32)
features[:1300] = generator.normal(size=(1300, 66))
mask = np.arange(9000)[:, None] < 1300
labels = features[:, :1] > 0.5
trees = BoostedTrees.fit(features, labels, mask, TreesConfig(trees=20, leaves=15, bins=63), 0, 1)
print((trees.predict(features[:1300]) > 0.5)[labels[:1300]].mean())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) > 0.9
