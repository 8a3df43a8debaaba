"""Train a finished network further on other recordings: its last layer alone, or all of it.

Features, scaler, windows and behaviors stay those of the recognizer; there is no validation, so all epochs are done.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pandas as pd
import torch
from torch import nn

from behavior.contract import ContractError
from behavior.recording import Recording
from behavior.views.arena_features import ArenaFeatures
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import labelling_of
from training.fitting.loop import ShowProgress, Trainer, no_progress
from training.material.datasets import assemble, samples_of
from training.material.zones import Zone
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe

HEAD = "logits"
"""Name of the last layer in every family of networks."""


@dataclass(frozen=True)
class FineTuning:
    """How a network is trained further."""

    head_only: bool
    """Train the last layer alone; all others stay as they are, without dropout."""
    epochs: int
    """Passes over the windows."""
    learning_rate: float
    """Peak."""


def fine_tuned(
    recognizer: NetworkRecognizer,
    zone: Zone,
    recordings: Sequence[Recording],
    bouts: pd.DataFrame,
    how: FineTuning,
    seed: int,
    device: str,
    on_step: Callable[[str], None] = lambda line: None,
    show_progress: ShowProgress = no_progress,
) -> NetworkRecognizer:
    """Return a new recognizer, trained further on these recordings. `bouts` may hold other recordings too.

    Raises ContractError for an exported network, and for recordings without annotated mice.
    """
    if not isinstance(recognizer.network, nn.Module):
        raise ContractError(["Expected a checkpoint that can be trained, but got an exported network. Name its .safetensors file."])
    labelling = labelling_of(recognizer)
    samples = [one for recording in recordings for one in samples_of(zone.material(recording), bouts, labelling, recognizer.features)]
    if not samples:
        raise ContractError(["Expected annotated mice in the tracking of your recordings, but got none. Compare the mouse ids."])
    scale = recognizer.scaler.transform
    dataset = assemble(samples, recognizer.behaviors, scale, torch.float32, recognizer.windowing, recognizer.labs)
    recipe = _recipe(recognizer, how)
    network = copy.deepcopy(recognizer.network)
    trained: nn.Module = _OnlyTheHead(network) if how.head_only else network
    trainer = Trainer(trained, dataset, recipe, seed, torch.device(device), recipe.augmentation.of(recognizer.features))
    trainer.fit(None, lambda state: on_step(state.line), show_progress)
    return replace(recognizer, network=network.to("cpu").eval(), device="cpu")


class _OnlyTheHead(nn.Module):
    """A network of which only the last layer learns; the others do not change, not even their running means."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for name, value in network.named_parameters():
            value.requires_grad_(name.partition(".")[0] == HEAD)

    def train(self, mode: bool = True) -> Self:
        """Keep the network as in use: without dropout, with the means and deviations of its training."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, *inputs: Any) -> torch.Tensor:
        """Return the logits of the network."""
        return self.network(*inputs)


def _recipe(recognizer: NetworkRecognizer, how: FineTuning) -> Recipe:
    """Return a recipe of the recognizer's family with its network, windows and features."""
    family = recognizer.family.name
    base = next(made for recipe in RECIPES.values() if isinstance(made := recipe(), Recipe) and made.family == family)
    assert recognizer.network_config is not None
    return replace(
        base,
        name="reused",
        network=recognizer.network_config,
        fps=recognizer.features.fps,
        features=recognizer.features if isinstance(recognizer.features, ArenaFeatures) else None,
        windowing=recognizer.windowing,
        epochs=how.epochs,
        patience=how.epochs,
        learning_rate=how.learning_rate,
        batch=16,
        ema=0.0,
        trunk="",
    )
