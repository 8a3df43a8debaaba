"""The loop: rates, resumption, divergence, early stop."""

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_lake import Lake

from behavior.contract import ContractError
from behavior.labelling import PairLabelling
from training.fitting.divergence import TrainingDivergedError
from training.fitting.network_session import NetworkSession
from training.fitting.prepare import prepare
from training.fitting.run_state import RunState
from training.fitting.session import Machine
from training.fitting.verdict import Verdict
from training.recipes.named import cnn_transformer_plus_small
from training.recipes.network_recipe import Recipe
from training.recipes.schedules import rate_share

Start = Callable[..., NetworkSession]


@pytest.fixture
def start(lake: Lake, tiny: Recipe) -> Start:
    return lambda recipe=tiny, seed=0: prepare(lake.curated, recipe, seed)


def verdict(score: float, loss: float = 1.0) -> Verdict:
    return Verdict(score, loss, (0.5,), {})


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine() -> None:
    shares = [rate_share(step, steps=110, warmup=10 / 110) for step in range(110)]
    assert shares[0] == pytest.approx(1 / 11)
    assert shares[9] == pytest.approx(10 / 11)
    assert shares[10] == 1.0
    assert shares[60] == pytest.approx(0.5)
    assert shares[109] == pytest.approx(0.0, abs=1e-3)
    assert rate_share(0, steps=10, warmup=0.0) == 1.0


@pytest.mark.parametrize("averaged", [0.0, 0.99])
def test_a_resumed_run_ends_as_the_one_that_was_never_stopped(start: Start, tiny: Recipe, tmp_path: Path, averaged: float) -> None:
    recipe = replace(tiny, ema=averaged)
    whole = start(recipe)
    whole.fit(lambda line: None)

    def stop_after_two(line: str) -> None:
        stopped.save_state(tmp_path)
        if stopped.trainer.run.epoch == 2:
            raise KeyboardInterrupt

    stopped = start(recipe)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(stop_after_two)
    resumed = start(recipe)
    assert resumed.restore(tmp_path)
    assert resumed.trainer.run.epoch == 2
    resumed.fit(lambda line: None)

    assert [one.train_loss for one in resumed.trainer.run.history] == [one.train_loss for one in whole.trainer.run.history]
    assert [one.val_score for one in resumed.trainer.run.history] == [one.val_score for one in whole.trainer.run.history]
    expected = whole.trainer.network.state_dict()
    for name, value in resumed.trainer.network.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert resumed.trainer.run.best == whole.trainer.run.best
    for name, value in resumed.trainer.run.best_weights.items():
        assert torch.equal(value, whole.trainer.run.best_weights[name]), name
    if averaged:
        steps = whole.trainer.run.epoch * whole.trainer.steps_per_epoch
        assert resumed.trainer.averaged.n_averaged == whole.trainer.averaged.n_averaged == 1 + steps


def test_another_seed_is_another_run(start: Start, tmp_path: Path) -> None:
    session = start()
    session.trainer.run.epoch = 1
    session.save_state(tmp_path)
    with pytest.raises(ContractError, match="to be of this run, but got another: seed was 0 and is 5"):
        start(seed=5).restore(tmp_path)


def test_the_state_of_another_recipe_is_refused_by_its_name_alone(start: Start, tiny: Recipe, tmp_path: Path) -> None:
    session = start()
    session.trainer.run.epoch = 1
    session.save_state(tmp_path)
    with pytest.raises(ContractError, match=r"but got another: recipe name was tiny and is other\. Empty"):
        start(replace(tiny, name="other", learning_rate=0.5)).restore(tmp_path)


def test_the_state_of_other_behaviors_is_refused_with_the_difference(start: Start, tmp_path: Path) -> None:
    session = start()
    session.trainer.run.epoch = 1
    session.save_state(tmp_path)
    other = start()
    other = replace(other, lesson=replace(other.lesson, labelling=PairLabelling(("attack", "yodel"))))
    with pytest.raises(ContractError, match=r"behaviors was attack, .* and is attack, yodel"):
        other.restore(tmp_path)


def test_an_empty_folder_is_the_start_of_a_run(start: Start, tmp_path: Path) -> None:
    assert not start().restore(tmp_path)


def test_a_loss_that_is_no_number_stops_names_the_batch_and_keeps_the_best_network(start: Start) -> None:
    session = start()

    def poison(line: str) -> None:
        trainer = session.trainer
        if trainer.run.epoch == 1:
            stream = trainer.train.streams[0]
            trainer.train.features[stream.start : stream.start + stream.samples] = torch.nan

    with pytest.raises(TrainingDivergedError) as told:
        session.fit(poison)
    poisoned = session.trainer.train.streams[0].recording.video_id
    assert "Expected a finite loss, but got nan in epoch 2, batch 1 of" in str(told.value)
    assert str(poisoned) in str(told.value)
    assert "of epoch 1, is saved" in str(told.value)
    assert all(value.isfinite().all() for value in session.trainer.run.best_weights.values())


def test_averaged_weights_of_the_best_epoch_outlive_a_loss_that_is_no_number(start: Start, tiny: Recipe) -> None:
    session = start(replace(tiny, ema=0.9))

    def poison(line: str) -> None:
        session.trainer.train.features.fill_(torch.nan)

    with pytest.raises(TrainingDivergedError, match="of epoch 1, is saved"):
        session.fit(poison)
    assert all(value.isfinite().all() for value in session.trainer.run.best_weights.values())
    assert not all(value.isfinite().all() for value in session.trainer.network.parameters())


def test_weights_that_are_no_numbers_after_a_finite_loss_stop_too(start: Start) -> None:
    """The gradient of the last batch is infinite: no later loss would tell before the network is judged."""
    session = start()
    trainer, steps = session.trainer, []
    weight = next(trainer.network.parameters())
    weight.register_hook(lambda gradient: gradient * (torch.inf if len(steps) == trainer.steps_per_epoch else 1))

    def counting(batches, total):
        for batch in batches:
            steps.append(batch.videos)
            yield batch

    with pytest.raises(TrainingDivergedError) as told:
        session.fit(lambda line: None, counting)
    of = trainer.steps_per_epoch
    assert f"Expected finite weights, but got others in epoch 1, batch {of} of {of} (videos " in str(told.value)
    assert str(steps[-1][0]) in str(told.value)
    assert not trainer.run.best_weights


def test_an_infinite_gradient_of_16_bits_is_skipped_and_the_scale_comes_down(start: Start, tiny: Recipe, tmp_path: Path) -> None:
    session = start(replace(tiny, ema=0.9))
    trainer = session.trainer
    trainer.gradient_scale = torch.amp.GradScaler("cpu", init_scale=1024.0)
    trainer.recipe = replace(trainer.recipe, epochs=1)
    batch = next(iter(trainer.train.batches(tiny.batch, np.random.default_rng(0))))
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    hook = next(trainer.network.parameters()).register_hook(lambda gradient: gradient * torch.inf)
    trainer._step(batch)
    assert all(torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())
    assert trainer.gradient_scale.get_scale() == 512.0
    hook.remove()
    trainer._step(batch)
    assert not all(torch.equal(value, before[name]) for name, value in trainer.network.named_parameters())

    session.save_state(tmp_path)
    resumed = start(replace(tiny, ema=0.9))
    resumed.trainer.gradient_scale = torch.amp.GradScaler("cpu", init_scale=1024.0)
    assert resumed.restore(tmp_path)
    assert resumed.trainer.gradient_scale.get_scale() == 512.0


@pytest.mark.filterwarnings("default")  # torch's own, while it traces
@pytest.mark.parametrize("plus", [False, True])
def test_a_compiled_network_learns_the_same_and_is_saved_as_itself(tiny: Recipe, lake: Lake, monkeypatch, plus: bool) -> None:
    """Traced in one piece, but not translated: translating takes a minute and rounds otherwise. (Dropout on a CPU cannot be traced.)"""
    trace = functools.partial(torch.compile, backend="eager", fullgraph=True)
    monkeypatch.setattr(torch, "compile", trace)
    recipe = cnn_transformer_plus_small() if plus else tiny
    network = replace(recipe.network, width=16, dilations=(1,), layers=1, heads=2, dropout=0.0)
    recipe = replace(recipe, network=network, epochs=1, windowing=tiny.windowing)
    plain, compiled = (prepare(lake.curated, recipe, 0, Machine(compiled=compiled)) for compiled in (False, True))
    for session in (plain, compiled):
        session.fit(lambda line: None)
    assert compiled.trainer.answers is not compiled.trainer.network
    assert compiled.trainer.run.history[0].train_loss == pytest.approx(plain.trainer.run.history[0].train_loss, rel=1e-5)
    assert compiled.trainer.run.best_weights.keys() == plain.trainer.run.best_weights.keys()


def test_training_stops_when_patience_ends(start: Start, tiny: Recipe) -> None:
    session = start(replace(tiny, epochs=50, patience=3))
    scores = iter([0.1, 0.4, 0.3, 0.4, 0.2, 0.9])
    run = session.trainer.fit(lambda network: verdict(next(scores)), lambda trainer: None)
    assert (run.epoch, run.best_epoch) == (5, 2)
    assert [one.val_score for one in run.history] == [0.1, 0.4, 0.3, 0.4, 0.2]


def test_the_best_network_has_the_best_score_and_of_equals_the_lower_loss() -> None:
    run, network = RunState(), torch.nn.Linear(1, 1)
    for epoch, one in enumerate([verdict(0.2, 5), verdict(0.5, 3), verdict(0.5, 2), verdict(0.5, 4), verdict(0.4, 1)], start=1):
        with torch.no_grad():
            network.weight.fill_(epoch)
        run.consider(epoch, one, network)
    assert run.best_epoch == 3
    assert run.best_weights["weight"].item() == 3


def test_without_a_judge_the_last_network_is_kept(start: Start, tiny: Recipe) -> None:
    run = start(replace(tiny, epochs=2)).trainer.fit(None, lambda trainer: None)
    assert (run.best_epoch, run.best) == (2, None)


def test_a_step_is_never_longer_than_the_clip_allows(start: Start, tiny: Recipe) -> None:
    session = start(replace(tiny, clip_norm=1e-3))
    batch = next(iter(session.trainer.train.batches(tiny.batch, np.random.default_rng(0))))
    session.trainer._step(batch)
    norms = [value.grad.norm() for value in session.trainer.network.parameters() if value.grad is not None]
    assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=1e-2)
