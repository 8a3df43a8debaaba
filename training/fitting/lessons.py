"""What networks of each view are taught: a lesson opens its material and says what is made of it.

Axes: C behaviors.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from behavior.recording import Recording
from behavior.views.features import ScaledFeatures
from recognizers.recognizer import Decoding, TaughtRecognizer, View
from training.fitting.loop import Dataset
from training.fitting.track_lesson import TrackLesson
from training.fitting.verdict import Verdict
from training.material.curated_zone import CuratedZone
from training.material.datasets import Batch
from training.recipes.network_recipe import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Lesson(Protocol):
    """Opened material of the recordings that may be read."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        ...

    @property
    def n_features(self) -> int:
        """Width of what the network sees."""
        ...

    @property
    def train(self) -> Dataset:
        """What teaches."""
        ...

    @property
    def augment(self) -> Callable[[Batch], Batch]:
        """What is done to each batch that teaches."""
        ...

    @property
    def extent(self) -> str:
        """Say in words how much teaches."""
        ...

    def judge(self, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict] | None:
        """Return what scores a network on the recordings that validate; None without any. `weights` [C] are those of training."""
        ...

    def decoding(self, verdict: Verdict | None) -> Decoding:
        """Return how scores become bouts, with what the verdict fitted."""
        ...

    def recognizer(self, network: nn.Module, config: "DataclassInstance", decoding: Decoding) -> TaughtRecognizer:
        """Return the network with all that belongs to it."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return what must be the same of the material for a run to go on, flat."""
        ...


LESSONS: dict[View, Callable[[CuratedZone, Recipe, Sequence[Recording], Sequence[Recording], ScaledFeatures | None], Lesson]] = {
    View.PAIR: TrackLesson.open,
    View.ARENA: TrackLesson.open,
}
"""By view: opens the material of the recordings that teach and that validate. Features, where given, are those of a trunk."""
