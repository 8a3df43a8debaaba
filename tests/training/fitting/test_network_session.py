"""A session of a network: what validates, and when one softmax scores all behaviors."""

from dataclasses import replace

import pytest
from simulated_lake import Lake

from recognizers.cnn_transformer_plus import CnnTransformerPlusConfig
from recognizers.windowed import Windowing
from training.fitting.prepare import prepare
from training.material.folds import Split
from training.recipes.named import cnn_transformer_plus_small
from training.recipes.network_recipe import Recipe


@pytest.fixture
def tiny_plus() -> Recipe:
    network = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, token=8, dilations=(1, 2), labs=0, pair_attention=False)
    return replace(cnn_transformer_plus_small(), name="tiny_plus", network=network, windowing=Windowing(32, 16), epochs=2, batch=8)


def test_without_validation_all_readable_recordings_train_and_the_last_epoch_counts(lake: Lake, tiny_plus: Recipe) -> None:
    usual, whole = prepare(lake.curated, tiny_plus, 0), prepare(lake.curated, replace(tiny_plus, validates=False), 0)
    assert whole.split == Split(tuple(sorted((*usual.split.train, *usual.split.validation))), (), usual.split.held_out)
    whole.fit(lambda line: None)
    assert whole.metrics() == {"best_epoch": 2, "epochs": 2}
    assert whole.recognizer().decoding.thresholds == (0.5,) * len(whole.behaviors)


def test_one_softmax_scores_behaviors_that_exclude_each_other_and_no_others(lake: Lake, tiny_plus: Recipe) -> None:
    """Two labs annotate other behaviors: then the softmax would weigh what one of them never looked for."""
    joint = replace(tiny_plus, network=replace(tiny_plus.network, joint=True, place=True))
    one_lab, both_labs = Split((101, 102, 103), (), (104,)), Split((101, 102, 103, 105), (), (104,))
    assert prepare(lake.curated, joint, 0, split=one_lab).network_config.joint
    assert not prepare(lake.curated, joint, 0, split=both_labs).network_config.joint
    assert prepare(lake.curated, joint, 0, split=both_labs).lesson.features.place
