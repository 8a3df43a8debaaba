"""The lesson of the arena view: one group of behaviors per frame, whoever does it.

Axes: S samples, F features, G groups.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.ethogram import GROUPS
from behavior.groups import GROUP_NAMES, annotated_groups, group_labels
from behavior.recording import Recording
from behavior.skeleton import canonical
from behavior.views.arena_features import ArenaFeatures, arena_features, fit_arena_scaler
from behavior.views.sampling import sample_frames
from behavior.views.scaler import RobustScaler
from recognizers.arena_view import ArenaRecognizer
from recognizers.recognizer import Decoding
from training.fitting.loop import Verdict
from training.fitting.validation import GroupJudge
from training.material.datasets import StreamDataset, thinned
from training.recipes.network_recipe import Recipe


@dataclass(frozen=True)
class ArenaSamples:
    """Samples of one recording with all its mice."""

    recording: Recording
    mice: tuple[int, ...]
    frames: int
    features: np.ndarray  # [S, F] float32, NaN where unknown
    labels: np.ndarray  # [S, G] bool

    @property
    def pair(self) -> None:
        """Nobody in particular."""
        return None

    def annotated(self, behaviors: Sequence[str]) -> list[bool]:
        """Return for each group whether somebody annotated it."""
        by_name = dict(zip(GROUP_NAMES, annotated_groups(self.recording, self.mice).tolist(), strict=True))
        return [by_name[behavior] for behavior in behaviors]


@dataclass(frozen=True)
class ArenaLesson:
    """Groups of behaviors from all mice at once."""

    recipe: Recipe
    """What is run."""
    features: ArenaFeatures
    """What the network sees."""
    behaviors: tuple[str, ...] = GROUP_NAMES
    """Names along axis G."""

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        teach: Sequence[Recording],
        check: Sequence[Recording],
        bouts: pd.DataFrame,
        bodyparts: Sequence[tuple[str, ...]],
    ) -> "ArenaLesson":
        """Make the lesson. Raises ContractError if the training recordings hold no bout of any group, or no bodypart of the view."""
        features = recipe.features or ArenaFeatures(fps=recipe.fps)
        faults = []
        found = set(bouts.loc[bouts["video_id"].isin([recording.video_id for recording in teach]), "action"])
        if not found & set(GROUPS):
            told = f"only {', '.join(sorted(found))}" if found else "none at all"
            faults.append(f"Expected {', '.join(GROUP_NAMES[1:])} bouts in the training recordings, but got {told}. Use another recipe.")
        tracked = {canonical(part) for parts in bodyparts for part in parts}
        if not tracked & set(features.bodyparts):
            got = ", ".join(sorted(tracked))
            faults.append(f"Expected bodyparts such as {features.bodyparts[0]}, but got {got}. Name yours in the recipe's features.")
        if faults:
            raise ContractError(faults)
        return cls(recipe, features)

    @property
    def labs(self) -> tuple[str, ...]:
        """None: the network is not told whose arena it sees."""
        return ()

    def samples(self, recording: Recording, curated: Curated, bouts: pd.DataFrame) -> list[ArenaSamples]:
        """Return the recording as one stream; nothing if no group was annotated, since then it says nothing."""
        if not annotated_groups(recording, curated.mice).any():
            return []
        sampled = sample_frames(curated.frames, recording.fps, self.features.fps)
        labels = group_labels(recording, curated.mice, curated.frames, bouts)[sampled]
        features = arena_features(curated, recording.fps, self.features)
        return [ArenaSamples(recording, curated.mice, curated.frames, features, labels)]

    def fit_scaler(self, samples: Sequence[ArenaSamples]) -> RobustScaler:
        """Fit on what teaches, one scale for each kind of column."""
        return fit_arena_scaler(thinned(samples), self.features)

    def judge(self, dataset: StreamDataset, bouts: pd.DataFrame, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict]:
        """Return what scores a network by F1 over frames."""
        return GroupJudge(dataset, self.recipe, device, weights)

    def recognizer(self, network: nn.Module, config: Any, scaler: RobustScaler, verdict: Verdict | None) -> ArenaRecognizer:
        """Return the network with all that belongs to it; its thresholds are what a group must have more than the background."""
        decoding = Decoding((0.0,) * len(self.behaviors), {}, self.recipe.decode)
        family, windowing = self.recipe.family, self.recipe.windowing
        return ArenaRecognizer(family, network, config, self.behaviors, self.features, scaler, windowing, decoding)
