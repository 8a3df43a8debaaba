"""The lesson of the pair view: all behaviors that occur, for each annotated pair of mice.

Axes: C behaviors.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

import recognizers
from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.ethogram import ethogram
from behavior.recording import Recording
from behavior.views.pair_features import PairFeatures, common_bodyparts
from behavior.views.pair_tracks import PairTracks
from behavior.views.scaler import RobustScaler
from recognizers.pair_view import PairRecognizer
from recognizers.recognizer import Decoding
from training.decoding.thresholds import DEFAULT_THRESHOLD
from training.fitting.loop import Verdict
from training.fitting.validation import Judge
from training.material.datasets import PairSamples, StreamDataset, pair_samples, thinned
from training.recipes.network_recipe import Recipe


@dataclass(frozen=True)
class PairLesson:
    """Behaviors of pairs of mice."""

    recipe: Recipe
    """What is run."""
    behaviors: tuple[str, ...]
    """Names along axis C: what occurs in the recordings that teach."""
    features: PairFeatures | PairTracks
    """What the network sees: the bodyparts of the recordings that teach."""
    decoding: Decoding
    """Without fitted thresholds yet."""
    labs: tuple[str, ...]
    """Labs that a network may be told, in the order of their numbers: those of the recordings that teach."""

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        teach: Sequence[Recording],
        check: Sequence[Recording],
        bouts: pd.DataFrame,
        bodyparts: Sequence[tuple[str, ...]],
    ) -> "PairLesson":
        """Make the lesson. Raises ContractError if nothing occurs in the recordings that teach."""
        behaviors = ethogram(bouts.loc[bouts["video_id"].isin([recording.video_id for recording in teach]), "action"])
        if not behaviors:
            raise ContractError(["Expected bouts in the training recordings, but got none. Annotate some, or correct behaviors_labeled."])
        features = recognizers.features_class(recipe.family)(common_bodyparts(list(bodyparts)), recipe.fps)
        labs = tuple(sorted({recording.lab_id for recording in teach}))
        occurring = occurring_behaviors([*teach, *check], bouts, behaviors)
        return cls(recipe, behaviors, features, Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring, recipe.decode), labs)

    def samples(self, recording: Recording, curated: Curated, bouts: pd.DataFrame) -> list[PairSamples]:
        """Return every annotated pair."""
        return pair_samples(recording, curated, bouts, self.behaviors, self.features)

    def fit_scaler(self, samples: Sequence[PairSamples]) -> RobustScaler:
        """Fit on what teaches."""
        return self.features.fit_scaler(thinned(samples))

    def judge(self, dataset: StreamDataset, bouts: pd.DataFrame, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict]:
        """Return what scores a network as the competition does."""
        return Judge(dataset, bouts, self.behaviors, self.decoding, self.recipe, device, weights)

    def recognizer(self, network: nn.Module, config: Any, scaler: RobustScaler, verdict: Verdict | None) -> PairRecognizer:
        """Return the network with all that belongs to it, thresholds as the verdict has them."""
        thresholds = self.decoding.thresholds if verdict is None else verdict.thresholds
        decoding = Decoding(thresholds, self.decoding.occurring, self.decoding.settings)
        family, windowing = self.recipe.family, self.recipe.windowing
        return PairRecognizer(family, network, config, self.behaviors, self.features, scaler, windowing, decoding, self.labs)


def occurring_behaviors(recordings: Iterable[Recording], bouts: pd.DataFrame, behaviors: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return for each lab the behaviors that occur in it at least once."""
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    occurring: dict[str, set[str]] = defaultdict(set)
    for lab in labs.values():
        occurring[lab]  # a lab without any bout has nothing to predict
    for video, behavior in bouts[["video_id", "action"]].drop_duplicates().itertuples(index=False):
        occurring[labs[video]].add(behavior)
    return {lab: frozenset(found.intersection(behaviors)) for lab, found in occurring.items()}
