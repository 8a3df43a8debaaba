"""Recipes: named functions, each returning the whole configuration of a training run. Hardware is a value, never a name.

A variant is a function that changes what differs: `replace(cnn_transformer(), epochs=60)`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from behavior.arena_features import ArenaFeatures
from behavior.bouts import DecodeSettings
from recognizers import FAMILIES
from recognizers.boosted_trees import TreesConfig
from recognizers.cnn_transformer import CnnTransformerConfig
from recognizers.cnn_transformer_plus import CnnTransformerPlusConfig
from recognizers.conv_bilstm import ConvBilstmConfig
from recognizers.windowed import Windowing
from training.augmentation import Augmentation
from training.losses import ExclusiveLossSettings, LossSettings
from training.schedules import Cosine, Plateau, Schedule
from training.track_augmentation import TrackAugmentation
from training.trees.recipe import TreesRecipe


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
    features: ArenaFeatures | None = None
    """Settings of the arena view, at the same samples per second; the pair view takes its own from the data."""
    windowing: Windowing = field(default_factory=Windowing)
    """How recordings are cut, in samples."""
    augmentation: Augmentation | TrackAugmentation = field(default_factory=Augmentation)
    """How training windows are varied."""
    loss: LossSettings | ExclusiveLossSettings = field(default_factory=LossSettings)
    """How a wrong answer counts; fits the head of the family."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length of bouts, s."""
    epochs: int = 30
    """Passes over the training windows."""
    batch: int = 64
    """Windows per step."""
    learning_rate: float = 1e-3
    """Peak, after the warm-up."""
    schedule: Schedule = field(default_factory=Cosine)
    """How the rate goes."""
    weight_decay: float = 1e-2
    """Of matrices; offsets and norms are not decayed."""
    clip_norm: float = 1.0
    """Longest gradient."""
    ema: float = 0.0
    """What a step leaves of the averaged weights that are judged and kept, 0 to below 1; 0 keeps the weights of the last step."""
    patience: int = 8
    """Epochs without a better validation score before training stops."""
    trunk: str = ""
    """File of training/pretrain.py whose weights training starts from; "" starts from chance."""
    half_features: bool = True
    """Keep the features of all recordings in 16 bits: half the memory, an error below 0.002 interquartile ranges."""

    def __post_init__(self) -> None:
        faults = {
            "epochs, batch and patience of 1 or more": min(self.epochs, self.batch, self.patience) >= 1,
            "a learning rate and a clip norm above 0": min(self.learning_rate, self.clip_norm) > 0,
            "samples per second above 0": self.fps > 0,
            "ema from 0 to below 1": 0 <= self.ema < 1,
            "a network at the recipe's samples per second": getattr(self.network, "fps", self.fps) == self.fps,
            "features at the recipe's samples per second": self.features is None or self.features.fps == self.fps,
            "a loss for the head of the family": self.family not in FAMILIES or self.loss.HEAD is FAMILIES[self.family].head,
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


def cnn_transformer_plus() -> Recipe:
    """Return one network for all labs over bare tracks: width 256, 6 layers, windows of 256 samples."""
    return Recipe(
        "cnn_transformer_plus",
        "cnn_transformer_plus",
        CnnTransformerPlusConfig(),
        windowing=Windowing(256, 128),
        augmentation=TrackAugmentation(),
        ema=0.999,
    )


def cnn_transformer_plus_small() -> Recipe:
    """Return the same for two cores: width 64, 2 layers."""
    network = CnnTransformerPlusConfig(width=64, kernel=3, layers=2, heads=4, feedforward=2, token=32)
    return replace(
        cnn_transformer_plus(),
        name="cnn_transformer_plus_small",
        network=network,
        epochs=12,
        batch=16,
        learning_rate=2e-3,
        ema=0.99,
        patience=6,
    )


def conv_bilstm_144() -> Recipe:
    """Return the Conv1D-BiLSTM of the brief over places alone: windows of 100 samples, four groups of behaviors."""
    return Recipe(
        "conv_bilstm_144",
        "conv_bilstm",
        ConvBilstmConfig(),
        features=ArenaFeatures(motion=False),
        windowing=Windowing(100, 50),
        augmentation=Augmentation(noise=0.01, jitter=2),
        loss=ExclusiveLossSettings(weights=(1.0, 5.0, 8.0, 8.0)),
        epochs=100,
        learning_rate=4e-4,
        schedule=Plateau(),
        weight_decay=1e-4,
        patience=15,
    )


def conv_bilstm_288() -> Recipe:
    """Return the same with speed and acceleration of every keypoint."""
    return replace(conv_bilstm_144(), name="conv_bilstm_288", features=ArenaFeatures(motion=True))


def conv_bilstm_small() -> Recipe:
    """Return a Conv1D-BiLSTM with motion for two cores: channels 32-64, one LSTM layer of 48."""
    network = ConvBilstmConfig(channels=(32, 64), hidden=48, layers=1)
    return replace(conv_bilstm_288(), name="conv_bilstm_small", network=network, epochs=12, batch=16, learning_rate=2e-3, patience=6)


def trees() -> TreesRecipe:
    """Return boosted trees over the statistics of pairs: for comparison, and for labs without a GPU."""
    grown = TreesConfig(
        trees=150, leaves=15, learning_rate=0.05, least_rows=30, l2=10.0, feature_fraction=0.1, every_nth=8, every_nth_positive=2
    )
    return TreesRecipe("trees", grown, windows_s=(0.5, 2.0, 5.0, 15.0, 60.0))


def trees_undirected() -> TreesRecipe:
    """Return the same for labels that do not say who acts: agent and target may trade places."""
    return replace(trees(), name="trees_undirected", symmetric=True)


AnyRecipe = Recipe | TreesRecipe
"""What a session runs."""
RECIPES: dict[str, Callable[[], Any]] = {
    recipe.__name__: recipe
    for recipe in (
        cnn_transformer,
        cnn_transformer_small,
        cnn_transformer_plus,
        cnn_transformer_plus_small,
        conv_bilstm_144,
        conv_bilstm_288,
        conv_bilstm_small,
        trees,
        trees_undirected,
    )
}
