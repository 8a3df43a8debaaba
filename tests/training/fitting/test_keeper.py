"""A run that is interrupted in the middle of an epoch: what is lost, and that the end is the same to the last bit."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import tiny_training
import torch
from safetensors.torch import load_file
from simulated_lake import Lake

from behavior.contract import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from recognizers.tensor_file import read_description
from training import train
from training.fitting.judges import BoutJudge
from training.fitting.keeper import Keeper
from training.fitting.loop import Trainer
from training.fitting.network_session import NetworkSession
from training.fitting.prepare import prepare
from training.fitting.resume import STATE_FILE
from training.recipes import named as recipes
from training.recipes.named import cnn_transformer_plus_small
from training.recipes.network_recipe import Recipe


def interrupted_at(session: NetworkSession, batch: int, folder: Path) -> None:
    """Fit a session until this batch, counted over all epochs, and save its state there."""

    def stop() -> None:
        run = session.trainer.run
        if run.epoch * session.trainer.steps_per_epoch + run.underway.batches == batch:
            session.save_state(folder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit(lambda line: None, on_batch=stop)


def require_equal(one: NetworkSession, other: NetworkSession) -> None:
    for name in ("train_loss", "val_score", "val_loss"):
        assert [getattr(each, name) for each in one.trainer.run.history] == [getattr(each, name) for each in other.trainer.run.history]
    networks = [(one.trainer.network, other.trainer.network)]
    if one.trainer.averaged is not None:
        networks.append((one.trainer.averaged, other.trainer.averaged))
    for network, its in networks:
        for name, value in network.state_dict().items():
            assert torch.equal(value, its.state_dict()[name]), name
    assert one.trainer.run.best == other.trainer.run.best


def test_a_run_interrupted_within_an_epoch_ends_as_the_one_that_was_never_stopped(lake: Lake, tiny: Recipe, tmp_path: Path) -> None:
    """After its first batch, after losses were read once, and after the last batch before it is judged."""
    recipe = replace(tiny, epochs=2, ema=0.9, batch=3)
    whole = prepare(lake.curated, recipe, 0)
    steps = whole.trainer.steps_per_epoch
    assert steps > 40, "the test needs an epoch in which losses are read before its end"
    whole.fit(lambda line: None)
    for batch in (1, 40, steps):
        stopped, resumed = (prepare(lake.curated, recipe, 0) for _ in range(2))
        interrupted_at(stopped, steps + batch, tmp_path)
        assert resumed.restore(tmp_path)
        assert resumed.progress == f"epoch 1, batch {batch} of {steps} of the next epoch,"
        torch.manual_seed(99)  # whatever happened to torch's random numbers in the meantime
        shown: list[int] = []
        resumed.fit(lambda line: None, lambda batches, total, shown=shown: shown.append(total) or batches)
        assert shown == [steps - batch]
        require_equal(resumed, whole)


def test_augmentation_of_tracks_goes_on_as_if_nothing_had_happened(lake: Lake, tiny: Recipe, tmp_path: Path) -> None:
    recipe = cnn_transformer_plus_small()
    network = replace(recipe.network, width=16, dilations=(1,), layers=1, heads=2)
    recipe = replace(recipe, network=network, epochs=1, windowing=tiny.windowing, batch=8)
    whole, stopped, resumed = (prepare(lake.curated, recipe, 0) for _ in range(3))
    whole.fit(lambda line: None)
    interrupted_at(stopped, 3, tmp_path)
    assert resumed.restore(tmp_path)
    resumed.fit(lambda line: None)
    require_equal(resumed, whole)


TINY = Path(tiny_training.__file__)


@pytest.fixture
def with_tiny(tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The recipe tiny, known by name."""
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: replace(tiny, epochs=2))
    return tiny


def end_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "tiny.safetensors")


def require_same_network(one: Path, other: Path) -> None:
    first, second = end_of(one), end_of(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.fixture
def train_into(lake: Lake, with_tiny: Recipe, tmp_path: Path) -> Callable[..., int]:
    def run(model: str, *more: object) -> int:
        flags = ("--curated", lake.curated, "--recipe", "tiny", "--threads", 1, "--model-dir", tmp_path / model, *more)
        return train.main([str(flag) for flag in flags])

    return run


def signals_itself(call: Callable, number: int, at: int) -> Callable:
    """Return the function; in the `at`-th call it first sends this process a signal."""
    calls = iter(range(1, 10_000))

    def called(*given: object) -> object:
        if next(calls) == at:
            os.kill(os.getpid(), number)
        return call(*given)

    return called


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_within_an_epoch_saves_the_state_after_the_batch(
    train_into: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, number: int
) -> None:
    """However long the epoch, and although it is not time to save."""
    assert train_into("whole") == EXIT_OK
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", signals_itself(Trainer._step, number, at=5))
        assert train_into("halves", "--checkpoint-dir", tmp_path / "state") == EXIT_INTERRUPTED
    assert "Continue with the same command." in capsys.readouterr().err
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert train_into("halves", "--checkpoint-dir", tmp_path / "state") == EXIT_OK
    assert re.search(r"Resumed after epoch 0, batch 5 of \d+ of the next epoch, from", capsys.readouterr().out)
    require_same_network(tmp_path / "whole", tmp_path / "halves")


def test_a_signal_during_validation_ends_it_at_once_and_the_trained_epoch_is_not_lost(
    train_into: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    assert train_into("whole") == EXIT_OK
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(BoutJudge, "__call__", signals_itself(BoutJudge.__call__, signal.SIGTERM, at=2))
        assert train_into("halves", "--checkpoint-dir", tmp_path / "state") == EXIT_INTERRUPTED
    assert "epoch=2" not in capsys.readouterr().out
    assert train_into("halves", "--checkpoint-dir", tmp_path / "state") == EXIT_OK
    (steps,) = set(re.findall(r"Resumed after epoch 1, batch (\d+) of \1 of the next", capsys.readouterr().out))
    assert int(steps) > 5
    require_same_network(tmp_path / "whole", tmp_path / "halves")


def test_a_second_signal_does_not_wait_and_saves_nothing_of_half_a_batch(
    train_into: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = signals_itself(signals_itself(Trainer._step, signal.SIGTERM, at=3), signal.SIGTERM, at=3)
    monkeypatch.setattr(Trainer, "_step", twice)
    assert train_into("model", "--checkpoint-dir", tmp_path / "state") == EXIT_INTERRUPTED
    assert not (tmp_path / "state" / STATE_FILE).exists()


def test_the_state_is_saved_when_the_interval_is_over_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = [0.0], []
    monkeypatch.setattr("training.fitting.keeper.time", SimpleNamespace(monotonic=lambda: now[0]))
    keeper = Keeper(SimpleNamespace(busy=True, save_state=lambda folder: saved.append(now[0])), tmp_path, every_s=60.0)
    for now[0] in range(10, 130, 10):
        keeper.after_batch()
        if now[0] == 90:
            keeper.after_step()  # the interval begins anew
    assert saved == [60, 90]
    for now[0] in (140, 150, 160):
        keeper.after_batch()
    assert saved == [60, 90, 150]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_at_a_checkpoint_is_told_and_the_checkpoint_before_stays_whole(
    train_into: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    state, save = tmp_path / "state", safetensors.torch.save_file
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    saves = iter(range(1000))

    def save_on_a_full_disk(tensors: dict, path: Path, metadata: dict) -> None:
        if next(saves) < 3:
            return save(tensors, path, metadata)
        Path(path).unlink()
        Path(path).symlink_to("/dev/full")  # the kernel refuses every byte with the error of a full disk
        Path(path).write_bytes(safetensors.torch.save(tensors, metadata))

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", save_on_a_full_disk)
        assert train_into("halves", "--checkpoint-dir", state, "--checkpoint-minutes", 0) == EXIT_USAGE
    said = "Free some space and start the same command again."
    assert said in capsys.readouterr().err
    assert said in (tmp_path / "failure").read_text()
    assert train_into("halves", "--checkpoint-dir", state) == EXIT_OK
    assert re.search(r"Resumed after epoch 0, batch 3 of \d+ of the next", capsys.readouterr().out)
    assert train_into("whole") == EXIT_OK
    require_same_network(tmp_path / "whole", tmp_path / "halves")


def test_a_run_that_is_killed_loses_at_most_the_interval(lake: Lake, train_into: Callable[..., int], tmp_path: Path) -> None:
    """By kill -9, which no program can answer. A step takes 0.05 s or more, so an interval of 0.3 s has six steps at most."""
    every_s, step_s = 0.3, 0.05
    command = [sys.executable, TINY, step_s, "usual", "--curated", lake.curated, "--recipe", "tiny"]
    command += ["--epochs", 2, "--threads", 1, "--model-dir", tmp_path / "halves", "--checkpoint-dir", tmp_path / "state"]
    command += ["--checkpoint-minutes", every_s / 60]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        told = []
        for line in process.stdout:
            told.append(line)
            if line == "step 0 14\n":
                process.kill()
    assert process.returncode == -signal.SIGKILL, told
    saved = read_description(tmp_path / "state" / STATE_FILE)["run"]
    assert saved["epoch"] == 0
    done = max(int(line.split()[2]) for line in told if line.startswith("step 0 "))
    assert done - saved["underway"]["batches"] <= every_s / step_s + 1

    assert train_into("whole") == EXIT_OK
    assert train_into("halves", "--checkpoint-dir", tmp_path / "state") == EXIT_OK
    require_same_network(tmp_path / "whole", tmp_path / "halves")
