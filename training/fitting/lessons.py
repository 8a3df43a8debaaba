"""Lessons: a lesson opens the material of training and validation recordings for networks of one view.

Axes: C behaviors.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from behavior.recording import Recording
from behavior.views.features import ScaledFeatures
from recognizers.recognizer import Decoding, TrainedRecognizer, View
from training.fitting.film_lesson import FilmLesson
from training.fitting.loop import Dataset
from training.fitting.track_lesson import TrackLesson
from training.fitting.verdict import Verdict
from training.material.datasets import Batch
from training.recipes.network_recipe import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Lesson(Protocol):
    """Material of the training and validation recordings, opened for networks of one view."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        ...

    @property
    def n_features(self) -> int:
        """Number of features."""
        ...

    @property
    def train(self) -> Dataset:
        """Training data."""
        ...

    @property
    def augment(self) -> Callable[[Batch], Batch]:
        """The augmentation of each training batch."""
        ...

    @property
    def extent(self) -> str:
        """The amount of training data, in words."""
        ...

    def judge(self, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict] | None:
        """Return the judge of networks on the validation recordings; None without any. `weights` [C] are those of training."""
        ...

    def decoding(self, verdict: Verdict | None) -> Decoding:
        """Return the decoding, with the thresholds of the verdict."""
        ...

    def recognizer(self, network: nn.Module, config: "DataclassInstance", decoding: Decoding) -> TrainedRecognizer:
        """Return the network as a recognizer."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return the facts of the material that must not change when a run is resumed, as a flat mapping."""
        ...


LESSONS: dict[View, Callable[[Any, Recipe, Sequence[Recording], Sequence[Recording], ScaledFeatures | None], Lesson]] = {
    View.PAIR: TrackLesson.open,
    View.ARENA: TrackLesson.open,
    View.CLIP: FilmLesson.open,
}
"""By view: opens the material of training and validation recordings, from the zone of that view. The features of a trunk replace the
recipe's."""
