"""Several processes that train one network: the network of one process, one writer, and clear words for what cannot work."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_training
import torch
from safetensors.torch import load_file
from simulated_lake import Lake

from behavior.contract import EXIT_USAGE, UsageError
from training import train
from training.fitting.loop import Trainer
from training.fitting.peers import ALONE, join
from training.fitting.prepare import prepare
from training.fitting.resume import STATE_FILE
from training.material.datasets import Portion
from training.recipes.network_recipe import Recipe

STEP_S = 0.02


@pytest.fixture
def exact(tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The recipe tiny, without what depends on how a batch is divided."""
    monkeypatch.setattr(torch.nn.BatchNorm1d, "forward", torch.nn.BatchNorm1d.forward)  # to have it back afterwards
    return tiny_training.without_chance(tiny)


def torchrun(lake: Lake, model: Path, state: Path | None = None) -> subprocess.Popen:
    """Train the recipe tiny for an epoch in two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    flags = ["--curated", lake.curated, "--recipe", "tiny", "--epochs", 1, "--threads", 1, "--model-dir", model]
    flags += [] if state is None else ["--checkpoint-dir", state]
    command = [*launcher, tiny_training.__file__, STEP_S, "exact", *flags]
    return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def lines_of(process: subprocess.Popen) -> Iterator[str]:
    with process:
        yield from process.stdout


def test_two_processes_train_the_network_of_one_also_when_they_are_interrupted(lake: Lake, exact: Recipe, tmp_path: Path) -> None:
    whole = [*lines_of(torchrun(lake, tmp_path / "whole"))]
    (line_of_epoch,) = [line for line in whole if line.startswith("epoch=1 ")]  # one of them tells
    (loss,) = re.findall(r"train_loss=(\d\.\d+)", line_of_epoch)
    alone = prepare(lake.curated, replace(exact, epochs=1), 0)
    alone.fit(lambda line: None)
    assert len(re.findall(r"step 0 \d+", "".join(whole))) == 2 * alone.trainer.steps_per_epoch
    assert float(loss) == pytest.approx(alone.trainer.run.history[0].train_loss, abs=1e-4)  # as it is printed
    together = load_file(tmp_path / "whole" / "tiny.safetensors")
    alone.save_recognizer(tmp_path / "alone.safetensors")
    for name, value in load_file(tmp_path / "alone.safetensors").items():
        assert torch.allclose(value, together[name], atol=1e-4), name

    process = torchrun(lake, tmp_path / "halves", tmp_path / "state")
    told = False
    said = []
    for line in lines_of(process):
        said.append(line)
        if "step 0 4" in line and not told:
            process.send_signal(signal.SIGTERM)  # to the launcher, as SageMaker does; it passes the signal on
            told = True
    assert process.returncode != 0
    assert not (tmp_path / "halves").exists(), "".join(said)
    assert (tmp_path / "state" / STATE_FILE).exists(), "".join(said)
    resumed = [*lines_of(torchrun(lake, tmp_path / "halves", tmp_path / "state"))]
    (at,) = [int(found[1]) for line in resumed if (found := re.match(r"Resumed after epoch 0, batch (\d+) of", line))]
    assert 4 <= at < alone.trainer.steps_per_epoch
    again = load_file(tmp_path / "halves" / "tiny.safetensors")
    assert all(torch.equal(value, again[name]) for name, value in together.items())


def test_processes_share_each_batch_and_none_is_without_a_window() -> None:
    order = np.arange(10, 17)
    shares = [[part.tolist() for part in Portion(0, rank, 3).of(order, 4)] for rank in range(3)]
    assert [batch[0] for batch in shares] == [[10, 11], [12], [13]]
    assert [batch[1] for batch in shares] == [[14], [15], [16]]
    assert [[part.tolist() for part in Portion(0, rank, 3).of(order[:5], 4)][1] for rank in range(3)] == [[14], [14], [14]]
    assert [part.tolist() for part in Portion(first=1).of(order, 4)] == [[14, 15, 16]]


def test_parts_of_a_batch_together_give_its_gradients(lake: Lake, exact: Recipe) -> None:
    """Also where one part has more annotated behaviors than the other."""
    losses, gradients = [], []
    for parts in (1, 3):
        trainer = prepare(lake.curated, exact, 0).trainer
        trainer.parts = parts
        batch = next(trainer.train.batches(exact.batch, np.random.default_rng(0)))
        batch = replace(batch, mask=batch.mask & (torch.arange(len(batch.mask)) > 1)[:, None, None])
        losses.append(float(trainer._gradients(batch)))
        gradients.append(torch.cat([value.grad.flatten() for value in trainer.network.parameters() if value.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert torch.allclose(*gradients, atol=1e-6)


def environment(count: int, here: int) -> dict[str, str]:
    return {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(here), "RANK": "0", "LOCAL_RANK": "0"}


def test_a_process_without_the_launcher_is_alone() -> None:
    assert join({}, "cpu") == join(environment(1, 1), "cpu") == (ALONE, "cpu")


@pytest.mark.parametrize(
    ("count", "here", "device", "sentence"),
    [
        (4, 2, "cpu", "Expected all processes on one machine, but got 4 of which 2 are here"),
        (2, 2, "mps", "Expected several processes on --device cpu or cuda, but got mps"),
        (99, 99, "cuda", "Expected a GPU for each of 99 processes, but got"),
    ],
)
def test_processes_that_cannot_train_together_are_refused(count: int, here: int, device: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=re.escape(sentence)):
        join(environment(count, here), device)


@pytest.mark.parametrize(
    ("recipe", "more", "sentence"),
    [
        ("trees", [], "Expected one process for trees, which use all cores, but got 2. Start recipe trees without torchrun."),
        ("cnn_transformer_small", ["--batch", "1"], "Expected a batch of at least 2 windows, one for each process, but got 1."),
    ],
)
def test_a_recipe_that_several_processes_cannot_train_is_refused(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, recipe: str, more: list[str], sentence: str
) -> None:
    monkeypatch.setattr(Trainer, "fit", lambda *_: pytest.fail("it trained"))
    for name, value in environment(2, 2).items():
        monkeypatch.setenv(name, value)
    flags = ["--curated", str(lake.curated), "--recipe", recipe, "--model-dir", str(tmp_path), "--device", "cpu", *more]
    assert train.main(flags) == EXIT_USAGE
    assert sentence in capsys.readouterr().err
