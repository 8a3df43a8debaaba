"""A device with too little memory: steps are made in parts, and the weights are the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.fitting.loop import Trainer
from training.material.datasets import Batch, Portion
from training.recipes.losses import ExclusiveLossSettings
from training.recipes.named import conv_bilstm_small


class Narrow(nn.Module):
    """A network that has room for so many windows at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.layer, self.most = nn.Linear(3, 4), most

    def forward(self, features: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        if len(features) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.layer(features)


class OneBatch:
    n_windows = 8

    def to(self, device: torch.device) -> "OneBatch":
        return self

    def class_frames(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(4), np.full(4, 4.0)

    def batches(self, batch: int, generator: np.random.Generator, portion: Portion):
        labels = torch.eye(4, dtype=torch.bool)[torch.arange(8) % 4][:, None].expand(8, 5, 4)
        features = torch.from_numpy(generator.normal(size=(8, 5, 3)).astype(np.float32))
        yield Batch(features, None, labels, torch.ones(8, 5, 4, dtype=torch.bool), torch.zeros(8, 5), (1,))


def trained(most: int) -> nn.Module:
    torch.manual_seed(0)
    recipe = replace(conv_bilstm_small(), loss=ExclusiveLossSettings(weights=(1.0,) * 4))
    network = Narrow(most)
    trainer = Trainer(network, OneBatch(), recipe, 0, torch.device("cpu"), lambda batch: batch)
    trainer.fit(None, lambda _: None)
    return network


def test_a_step_in_parts_is_the_same_step(capsys):
    whole, parts = trained(8), trained(3)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    printed = capsys.readouterr().out
    assert printed.count("too little memory") == 2  # 8, then 4 windows at once, then 2
    assert "in 4 parts" in printed


def test_a_device_without_room_for_one_window_stops_with_its_own_error():
    with pytest.raises(torch.OutOfMemoryError):
        trained(0)
