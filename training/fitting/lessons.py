"""What a view and a head make of recordings: classes, features, labels, a judge and, in the end, a recognizer.

A session runs any lesson; which one it is follows from the recipe's family.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import pandas as pd
import torch
from torch import Tensor, nn

from behavior.curation import Curated
from behavior.recording import Recording
from behavior.views.scaler import RobustScaler
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import View
from training.fitting.arena_lesson import ArenaLesson
from training.fitting.loop import Verdict
from training.fitting.pair_lesson import PairLesson
from training.material.datasets import Samples, StreamDataset
from training.recipes.network_recipe import Recipe


class Lesson(Protocol):
    """What is taught, made from the recordings that may be read. Axes: C classes, F features."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        ...

    @property
    def features(self) -> Any:
        """What the network sees: a frozen dataclass with `names` [F]."""
        ...

    @property
    def labs(self) -> tuple[str, ...]:
        """Labs that a network may be told, in the order of their numbers."""
        ...

    def samples(self, recording: Recording, curated: Curated, bouts: pd.DataFrame) -> Sequence[Samples]:
        """Return what one recording holds."""
        ...

    def fit_scaler(self, samples: Sequence[Any]) -> RobustScaler:
        """Fit on what teaches."""
        ...

    def judge(self, dataset: StreamDataset, bouts: pd.DataFrame, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict]:
        """Return what scores a network on the dataset."""
        ...

    def recognizer(self, network: nn.Module, config: Any, scaler: RobustScaler, verdict: Verdict | None) -> NetworkRecognizer:
        """Return the network with all that belongs to it."""
        ...


LESSONS: dict[View, Callable[[Recipe, Sequence[Recording], Sequence[Recording], pd.DataFrame, Sequence[tuple[str, ...]]], Lesson]] = {
    View.PAIR: PairLesson.of,
    View.ARENA: ArenaLesson.of,
}
"""By view: makes a lesson of recipe, recordings that teach and that validate, their bouts, and the bodyparts of those that teach."""
