"""The lesson of networks over tracks: features and labels of every subject, whoever the subjects of the view are.

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
    """Opened material of networks over tracks."""

    recipe: Recipe
    """What is run."""
    labelling: Labelling
    """Whom the network is asked about: what occurs in the recordings that teach."""
    features: ScaledFeatures
    """What the network sees."""
    scaler: RobustScaler
    """Fitted on what teaches."""
    labs: tuple[str, ...]
    """Labs that a network may be told, in the order of their numbers: those of the recordings that teach."""
    train: StreamDataset
    """What teaches."""
    validation: StreamDataset | None
    """What validates; None if no recording does."""
    bouts: pd.DataFrame
    """What experts saw in both."""
    unfitted: Decoding
    """Without fitted thresholds yet."""

    @classmethod
    def open(
        cls,
        zone: CuratedZone,
        recipe: Recipe,
        teach: Sequence[Recording],
        check: Sequence[Recording],
        features: ScaledFeatures | None = None,
    ) -> "TrackLesson":
        """Read the recordings, one at a time. Raises ContractError if they say nothing of what the recipe asks, or lack all bodyparts."""
        refuse(zone.missing([*teach, *check]))
        bouts = zone.bouts([*teach, *check])
        labelling = LABELLINGS[recipe.view].of_actions(bouts.loc[bouts["video_id"].isin([one.video_id for one in teach]), "action"])
        features = features or _features(recipe, zone.bodyparts(teach))
        taught, checked = (
            [samples for recording in part for samples in samples_of(zone.material(recording), bouts, labelling, features)]
            for part in (teach, check)
        )
        if not taught:
            raise ContractError(
                ["Expected annotated mice in the tracking of the training recordings, but got none. Compare the mouse ids."]
            )
        scaler, labs = features.fit_scaler(thinned(taught)), tuple(sorted({recording.lab_id for recording in teach}))
        dtype = torch.float16 if recipe.half_features else torch.float32

        def dataset(samples: list[Samples]) -> StreamDataset:
            return assemble(_consumed(samples), labelling.behaviors, scaler.transform, dtype, recipe.windowing, labs)

        occurring = occurring_behaviors([*teach, *check], bouts, labelling)
        unfitted = default_decoding(recipe.loss.HEAD, labelling.behaviors, occurring, recipe.decode)
        validation = dataset(checked) if checked else None
        return cls(recipe, labelling, features, scaler, labs, dataset(taught), validation, bouts, unfitted)

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        return self.labelling.behaviors

    @property
    def n_features(self) -> int:
        """Width of what the network sees."""
        return len(self.features.names)

    @property
    def augment(self) -> Callable[[Batch], Batch]:
        """What is done to each batch that teaches."""
        return self.recipe.augmentation.of(self.features)

    @property
    def extent(self) -> str:
        """Say in words how much teaches."""
        return f"{len(self.train.streams)} streams, {len(self.train.features):,} samples"

    def judge(self, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict] | None:
        """Return what scores a network on the recordings that validate; None without any."""
        if self.validation is None:
            return None
        judged = JUDGES[self.recipe.loss.HEAD]
        return judged(self.validation.to(device), self.bouts, self.labelling, self.unfitted, self.recipe, device, weights)

    def decoding(self, verdict: Verdict | None) -> Decoding:
        """Return how scores become bouts, with the thresholds of the verdict, if it fitted any."""
        return self.unfitted if verdict is None or not verdict.thresholds else replace(self.unfitted, thresholds=verdict.thresholds)

    def recognizer(self, network: nn.Module, config: "DataclassInstance", decoding: Decoding) -> NetworkRecognizer:
        """Return the network with all that belongs to it."""
        family, windowing = network_family(self.recipe.family), self.recipe.windowing
        return NetworkRecognizer(family, network, config, self.behaviors, self.features, self.scaler, windowing, decoding, self.labs)

    def identity(self) -> dict[str, Any]:
        """Return what must be the same of the material for a run to go on."""
        return {"bodyparts": ", ".join(self.features.bodyparts), "samples": len(self.train.features)}


def occurring_behaviors(recordings: Iterable[Recording], bouts: pd.DataFrame, labelling: Labelling) -> dict[str, frozenset[str]]:
    """Return for each lab the behaviors that occur in it at least once; nothing where the labelling puts them together in groups."""
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    occurring: dict[str, set[str]] = defaultdict(set)
    for lab in labs.values():
        occurring[lab]  # a lab without any bout has nothing to predict
    for video, behavior in bouts[["video_id", "action"]].drop_duplicates().itertuples(index=False):
        occurring[labs[video]].add(behavior)
    return {lab: frozenset(seen.intersection(labelling.behaviors)) for lab, seen in occurring.items()}


def _features(recipe: Recipe, tracked: list[tuple[str, ...]]) -> ScaledFeatures:
    """Return the recipe's own features, else those of its family over all bodyparts that are tracked."""
    if recipe.features is None:
        return network_family(recipe.family).features(bodyparts=common_bodyparts(tracked), fps=recipe.fps)
    present = {canonical(part) for parts in tracked for part in parts}
    if not present & set(recipe.features.bodyparts):
        got = ", ".join(sorted(present))
        wanted = f"Expected bodyparts such as {recipe.features.bodyparts[0]}"
        raise ContractError([f"{wanted}, but got {got}. Name yours in the recipe's features."])
    return recipe.features


def _consumed(samples: list[Samples]) -> Iterator[Samples]:
    """Yield from the front and forget, so that scaled and unscaled features never both lie in memory as a whole."""
    samples.reverse()
    while samples:
        yield samples.pop()
