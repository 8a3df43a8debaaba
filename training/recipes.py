"""Recipes: named functions, each returning the whole configuration of a training run. Hardware is a value, never a name.

A variant is a function that changes what differs: `replace(cnn_transformer(), epochs=60)`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from behavior.bouts import DecodeSettings
from recognizers.cnn_transformer import CnnTransformerConfig
from recognizers.pair_view import Windowing
from training.losses import LossSettings


@dataclass(frozen=True)
class Recipe:
    """Everything a training run depends on, apart from data, seed and device."""

    name: str
    """Name of the function that returned it."""
    family: str
    """Name in `recognizers.FAMILIES`."""
    network: Any
    """Configuration of the family's network."""
    fps: float = 30.0
    """Samples per second that the network sees, 1/s."""
    windowing: Windowing = field(default_factory=Windowing)
    """How recordings are cut, in samples."""
    loss: LossSettings = field(default_factory=LossSettings)
    """How a wrong answer counts."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length of bouts, s."""
    epochs: int = 30
    """Passes over the training windows."""
    batch: int = 64
    """Windows per step."""
    learning_rate: float = 1e-3
    """Peak, after the warm-up."""
    weight_decay: float = 1e-2
    """Of matrices; offsets and norms are not decayed."""
    warmup: float = 0.05
    """Share of all steps in which the rate rises linearly; then it falls along a cosine to 0."""
    clip_norm: float = 1.0
    """Longest gradient."""
    patience: int = 8
    """Epochs without a better validation score before training stops."""
    half_features: bool = True
    """Keep the features of all recordings in 16 bits: half the memory, an error below 0.002 interquartile ranges."""

    def __post_init__(self) -> None:
        faults = {
            "epochs, batch and patience of 1 or more": min(self.epochs, self.batch, self.patience) >= 1,
            "a learning rate and a clip norm above 0": min(self.learning_rate, self.clip_norm) > 0,
            "a warm-up from 0 to below 1": 0 <= self.warmup < 1,
            "samples per second above 0": self.fps > 0,
        }
        wrong = [expected for expected, holds in faults.items() if not holds]
        if wrong:
            raise ValueError(f"Expected {'; '.join(wrong)}, but got {self}. Change the recipe.")

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field as JSON holds it."""
        return asdict(self)


def cnn_transformer() -> Recipe:
    """Return the CNN-Transformer of the brief: width 256, 6 layers, windows of 128 samples."""
    return Recipe("cnn_transformer", "cnn_transformer", CnnTransformerConfig())


def cnn_transformer_small() -> Recipe:
    """Return a CNN-Transformer for the demo and for two cores: width 64, 2 layers."""
    network = CnnTransformerConfig(width=64, kernel=3, layers=2, heads=4, feedforward=2)
    return replace(cnn_transformer(), name="cnn_transformer_small", network=network, epochs=12, batch=32, learning_rate=2e-3, patience=6)


RECIPES: dict[str, Callable[[], Recipe]] = {recipe.__name__: recipe for recipe in (cnn_transformer, cnn_transformer_small)}
