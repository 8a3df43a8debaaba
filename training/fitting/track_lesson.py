"""The lesson of networks over tracks: features and labels of every subject, for any view of tracks.

Axes: C behaviors.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn

from behavior.contract import ContractError, refuse
from behavior.labelling import Labelling
from behavior.recording import Recording
from behavior.skeleton import canonical
from behavior.views.arena_features import ArenaFeatures
from behavior.views.features import ScaledFeatures
from behavior.views.pair_features import common_bodyparts
from behavior.views.scaler import RobustScaler
from recognizers.families import network_family
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import LABELLINGS, Decoding
from training.fitting.judges import JUDGES, default_decoding
from training.fitting.verdict import Verdict
from training.material.curated_zone import CuratedZone
from training.material.datasets import Batch, Samples, StreamDataset, assemble, samples_of, thinned
from training.recipes.network_recipe import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class TrackLesson:
    """Material of networks over tracks."""

    recipe: Recipe
    """The recipe."""
    labelling: Labelling
    """Subjects and behaviors that the network scores: behaviors that occur in training recordings."""
    features: ScaledFeatures
    """Features of the network."""
    scaler: RobustScaler
    """Fitted on training recordings."""
    labs: tuple[str, ...]
    """Labs of the training recordings, in the order of their numbers."""
    train: StreamDataset
    """Training data."""
    validation: StreamDataset | None
    """Validation data; None without validation recordings."""
    bouts: pd.DataFrame
    """Annotated bouts of training and validation recordings."""
    unfitted: Decoding
    """The decoding before thresholds are fitted."""

    @classmethod
    def open(
        cls,
        zone: CuratedZone,
        recipe: Recipe,
        train: Sequence[Recording],
        validate: Sequence[Recording],
        features: ScaledFeatures | None = None,
    ) -> "TrackLesson":
        """Read the recordings, one at a time. Raises ContractError for recordings without labels or bodyparts of the recipe."""
        refuse(zone.data_faults([*train, *validate]))
        bouts = zone.bouts([*train, *validate])
        labelling = LABELLINGS[recipe.view].of_actions(bouts.loc[bouts["video_id"].isin([one.video_id for one in train]), "action"])
        features = features or _features(recipe, zone.bodyparts(train))
        training_samples, validation_samples = (
            [samples for recording in part for samples in samples_of(zone.material(recording), bouts, labelling, features)]
            for part in (train, validate)
        )
        if not training_samples:
            raise ContractError(
                ["Expected annotated mice in the tracking of the training recordings, but got none. Compare the mouse ids."]
            )
        scaler, labs = features.fit_scaler(thinned(training_samples)), tuple(sorted({recording.lab_id for recording in train}))
        dtype = torch.float16 if recipe.half_features else torch.float32

        def dataset(samples: list[Samples]) -> StreamDataset:
            return assemble(_consumed(samples), labelling.behaviors, scaler.transform, dtype, recipe.windowing, labs)

        occurring = occurring_behaviors([*train, *validate], bouts, labelling)
        unfitted = default_decoding(recipe.loss.HEAD, labelling.behaviors, occurring, recipe.decode)
        validation = dataset(validation_samples) if validation_samples else None
        return cls(recipe, labelling, features, scaler, labs, dataset(training_samples), validation, bouts, unfitted)

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        return self.labelling.behaviors

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.features.names)

    @property
    def augment(self) -> Callable[[Batch], Batch]:
        """The augmentation of each training batch."""
        return self.recipe.augmentation.of(self.features)

    @property
    def extent(self) -> str:
        """The amount of training data, in words."""
        return f"{len(self.train.streams)} streams, {len(self.train.features):,} samples"

    def judge(self, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict] | None:
        """Return the judge of networks on the validation recordings; None without any."""
        if self.validation is None:
            return None
        judged = JUDGES[self.recipe.loss.HEAD]
        return judged(self.validation.to(device), self.bouts, self.labelling, self.unfitted, self.recipe, device, weights)

    def decoding(self, verdict: Verdict | None) -> Decoding:
        """Return the decoding, with the thresholds of the verdict, if it has any."""
        return self.unfitted if verdict is None or not verdict.thresholds else replace(self.unfitted, thresholds=verdict.thresholds)

    def recognizer(self, network: nn.Module, config: "DataclassInstance", decoding: Decoding) -> NetworkRecognizer:
        """Return the network as a recognizer."""
        family, windowing = network_family(self.recipe.family), self.recipe.windowing
        return NetworkRecognizer(family, network, config, self.behaviors, self.features, self.scaler, windowing, decoding, self.labs)

    def identity(self) -> dict[str, Any]:
        """Return the facts of the material that must not change when a run is resumed."""
        return {"bodyparts": ", ".join(self.features.bodyparts), "samples": len(self.train.features)}


def occurring_behaviors(recordings: Iterable[Recording], bouts: pd.DataFrame, labelling: Labelling) -> dict[str, frozenset[str]]:
    """Return for each lab the behaviors that occur in it at least once, among those of the labelling."""
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    occurring: dict[str, set[str]] = defaultdict(set)
    for lab in labs.values():
        occurring[lab]  # a lab without any bout has nothing to predict
    for video, behavior in bouts[["video_id", "action"]].drop_duplicates().itertuples(index=False):
        occurring[labs[video]].add(behavior)
    return {lab: frozenset(seen.intersection(labelling.behaviors)) for lab, seen in occurring.items()}


def _features(recipe: Recipe, tracked: list[tuple[str, ...]]) -> ScaledFeatures:
    """Return the features of the recipe, or else those of its family with all tracked bodyparts."""
    if recipe.features is None:
        return network_family(recipe.family).features_for(recipe.network, common_bodyparts(tracked), recipe.fps)
    assert isinstance(recipe.features, ArenaFeatures)  # films have a lesson of their own
    present = {canonical(part) for parts in tracked for part in parts}
    if not present & set(recipe.features.bodyparts):
        got = ", ".join(sorted(present))
        expected = f"Expected bodyparts such as {recipe.features.bodyparts[0]}"
        raise ContractError([f"{expected}, but got {got}. Name yours in the recipe's features."])
    return recipe.features


def _consumed(samples: list[Samples]) -> Iterator[Samples]:
    """Yield the samples and remove them from the list, so that scaled and unscaled features are never both in memory as a whole."""
    samples.reverse()
    while samples:
        yield samples.pop()
