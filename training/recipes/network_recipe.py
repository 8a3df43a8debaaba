"""The recipe of a network: everything a training run depends on, apart from data, seed and device."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from behavior.bouts import DecodeSettings
from behavior.views.arena_features import ArenaFeatures
from behavior.views.film_views import FilmEmbeddings, FilmPictures
from recognizers.families import network_family
from recognizers.recognizer import Head, View
from recognizers.windowed import Windowing
from training.recipes.augmentation import Augmentation
from training.recipes.film_augmentation import FilmAugmentation
from training.recipes.losses import ExclusiveLossSettings, LossSettings
from training.recipes.schedules import Cosine, Schedule
from training.recipes.track_augmentation import TrackAugmentation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Recipe:
    """Everything a training run depends on, apart from data, seed and device."""

    name: str
    """Name of the function that returned it."""
    family: str
    """Name in `recognizers.families.FAMILIES`."""
    network: "DataclassInstance"
    """Configuration of the family's network."""
    fps: float = 30.0
    """Samples per second that the network sees, 1/s."""
    features: ArenaFeatures | FilmPictures | FilmEmbeddings | None = None
    """Settings of the arena view or of films, at the same samples per second; the settings of the pair view come from the data."""
    windowing: Windowing = field(default_factory=Windowing)
    """How recordings are cut into windows, in samples."""
    augmentation: Augmentation | TrackAugmentation | FilmAugmentation = field(default_factory=Augmentation)
    """Random changes of training windows."""
    loss: LossSettings | ExclusiveLossSettings = field(default_factory=LossSettings)
    """The loss, for the head of the family."""
    decode: DecodeSettings = field(default_factory=DecodeSettings)
    """Smoothing, gap and length of bouts, s."""
    epochs: int = 30
    """Passes over the training windows."""
    batch: int = 64
    """Windows per step."""
    learning_rate: float = 1e-3
    """Peak, after the warm-up."""
    schedule: Schedule = field(default_factory=Cosine)
    """How the learning rate changes."""
    weight_decay: float = 1e-2
    """Weight decay of matrices; biases and norms have none."""
    clip_norm: float = 1.0
    """Largest norm of the gradient; longer gradients are clipped."""
    ema: float = 0.0
    """Decay of the averaged weights (EMA), 0 to below 1; 0 for the weights of the last step."""
    patience: int = 8
    """Epochs without a better validation score before training stops."""
    validates: bool = True
    """Validation recordings choose the epoch; if not, they are for training too, and the last epoch counts."""
    trunk: str = ""
    """File of training/pretrain.py with the initial weights; "" for random ones."""
    half_features: bool = True
    """Store the features of all recordings in 16 bits: half the memory, an error below 0.002 interquartile ranges."""

    def __post_init__(self) -> None:
        faults = {
            "epochs, batch and patience of 1 or more": min(self.epochs, self.batch, self.patience) >= 1,
            "a learning rate and a clip norm above 0": min(self.learning_rate, self.clip_norm) > 0,
            "samples per second above 0": self.fps > 0,
            "ema from 0 to below 1": 0 <= self.ema < 1,
            "a network at the recipe's samples per second": getattr(self.network, "fps", self.fps) == self.fps,
            "features at the recipe's samples per second": self.features is None or self.features.fps == self.fps,
            "a loss for the head of the family": self.loss.HEAD is network_family(self.family).head,
        }
        wrong = [expected for expected, holds in faults.items() if not holds]
        if wrong:
            numbers = ("epochs", "batch", "patience", "learning_rate", "clip_norm", "fps", "ema")
            got = ", ".join(f"{name} {getattr(self, name):g}" for name in numbers)
            raise ValueError(f"Expected {'; '.join(wrong)}, but got {got} and family {self.family}. Change the recipe.")

    @property
    def view(self) -> View:
        """View of its recognizer."""
        return network_family(self.family).view

    @property
    def head(self) -> Head:
        """Head of its recognizer."""
        return self.loss.HEAD

    def to_json_dict(self) -> dict[str, Any]:
        """Return every field, for JSON."""
        return asdict(self)
