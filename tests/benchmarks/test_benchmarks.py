"""Benchmarks compare like with like, and count what they say they count."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks import gpu
from benchmarks import training as windows
from torch.utils.data import DataLoader

from recognizers.cnn_transformer import CnnTransformerConfig
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe


@pytest.fixture
def tiny() -> Recipe:
    network = CnnTransformerConfig(width=16, dilations=(1, 2), kernel=3, layers=1, heads=2, feedforward=2)
    recipe = RECIPES["cnn_transformer_small"]()
    assert isinstance(recipe, Recipe)
    return replace(recipe, name="tiny", network=network, batch=4)


@pytest.mark.parametrize("name", windows.RECIPES_MEASURED)
def test_the_peer_sees_the_same_windows_as_the_tensor(name: str) -> None:
    material = windows.make_material(RECIPES[name](), recordings=1, minutes=0.3)
    dataset = windows.make_dataset(material)
    peer = windows.make_peer(material, dataset)
    windows.check_equal(material, dataset, peer)
    theirs = list(DataLoader(peer, 4, collate_fn=windows.collate))
    mine = list(windows.ours(replace_batch(material, 4), dataset, 0))
    assert sum(len(batch.features) for batch in theirs) == sum(len(batch.features) for batch in mine) == len(peer)
    for field in ("features", "labels", "mask", "context"):
        assert getattr(theirs[0], field).shape == getattr(mine[0], field).shape
        assert getattr(theirs[0], field).dtype == getattr(mine[0], field).dtype


def replace_batch(material: windows.SharedMaterial, batch: int) -> windows.SharedMaterial:
    return replace(material, recipe=replace(material.recipe, batch=batch))


def test_the_peer_augments_as_the_batch_does() -> None:
    """With everything at its limit only the noise is left to chance: compare the rest."""
    material = windows.make_material(RECIPES["cnn_transformer_plus_small"](), recordings=1, minutes=0.3)
    sure = replace(material.recipe.augmentation, mirror=1.0, scale=0.0, noise_cm=0.0, drop_bodypart=1.0, forget_lab=1.0)
    dataset = windows.make_dataset(material)
    batch = next(dataset.batches(1, np.random.default_rng(0)))
    seen, told = windows.augmented(batch.features[0].numpy(), batch.context[0].numpy(), sure, material.settings)
    expected = sure.of(material.settings)(batch)
    np.testing.assert_allclose(seen, expected.features[0].numpy(), atol=1e-6)
    np.testing.assert_array_equal(told, expected.context[0].numpy())


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA H100 80GB HBM3", 989.0),
        ("NVIDIA A100-SXM4-80GB", 312.0),
        ("NVIDIA A10G", 70.0),
        ("Tesla T4", 65.0),
        ("Abacus 9000", None),
    ],
)
def test_the_peak_is_that_of_the_device(name: str, peak: float | None) -> None:
    assert gpu.peak_tflops(name) == peak


def test_operations_are_counted() -> None:
    layer = torch.nn.Linear(6, 4)
    assert gpu.counted(lambda: layer(torch.zeros(5, 6))) == 2 * 5 * 6 * 4


def test_speeds_are_counted_windows_a_second(tiny: Recipe) -> None:
    dataset, settings = gpu.make_dataset(tiny, 2_000)
    assert sum(stream.samples for stream in dataset.streams) == len(dataset.features) == 2_000
    trainer = gpu.make_trainer(tiny, dataset, settings, torch.device("cpu"), compiled=False)
    speed = gpu.train_speed(trainer, steps=1, flops_per_window=2e12, warmup=1)
    assert speed.tflops == pytest.approx(2 * speed.windows_per_s)
    inferred, seconds = gpu.infer_speed(trainer, 8, flops_per_window=1.0)
    assert inferred.windows_per_s * seconds == pytest.approx(24)  # 31 windows, in full batches of 8
    assert speed.line("training", 1e6).startswith("  training: ")


def test_without_a_gpu_it_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    told = subprocess.run([sys.executable, str(Path(gpu.__file__))], capture_output=True, text=True, check=True)
    assert told.stdout == "gpu: no GPU here, so nothing is measured\n"
