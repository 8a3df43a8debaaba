"""The lesson of networks over films: small frames and labels of every film.

Axes: S samples, C behaviors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from behavior.contract import ContractError, refuse
from behavior.labelling import Labelling
from behavior.recording import Recording
from behavior.views.film_views import FilmView
from recognizers.families import network_family
from recognizers.film_recognizer import FilmFamily, FilmRecognizer
from recognizers.film_scores import FilmScorer, film_scores
from recognizers.recognizer import LABELLINGS, Decoding
from training.fitting.judges import FrameJudge, default_decoding
from training.fitting.verdict import Verdict
from training.material.clips import ClipDataset, open_clips
from training.material.datasets import Batch, Stream
from training.material.zones import Zone
from training.recipes.network_recipe import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class FilmLesson:
    """Material of networks over films."""

    recipe: Recipe
    """The recipe."""
    labelling: Labelling
    """Behaviors that the network scores: behaviors that occur in training films."""
    features: FilmView
    """What the network sees."""
    train: ClipDataset
    """Training data."""
    validation: ClipDataset | None
    """Validation data; None without validation films."""
    bouts: pd.DataFrame
    """Labels of training and validation films."""
    unfitted: Decoding
    """How scores become bouts."""

    @classmethod
    def open(
        cls, zone: Zone, recipe: Recipe, train: Sequence[Recording], validate: Sequence[Recording], features: object | None = None
    ) -> "FilmLesson":
        """Open the films, and decode those that are not yet on disk as small frames. Raises ContractError with all faults of the data."""
        if recipe.features is None or features is not None:
            raise ContractError([f"Expected a recipe with a view of films and no trunk, but got {recipe.name}. Leave out --trunk."])
        refuse(zone.data_faults([*train, *validate]))
        bouts = zone.bouts([*train, *validate])
        labelling = LABELLINGS[recipe.view].of_actions(bouts.loc[bouts["video_id"].isin([one.video_id for one in train]), "action"])
        module, _, name = network_family(recipe.family).network.rpartition(".")
        centered = bool(getattr(getattr(import_module(module), name), "CENTERED", False))
        view: Any = recipe.features.fitted(zone.material(train[0]).film)  # type: ignore[union-attr]

        def clips(recordings: Sequence[Recording]) -> ClipDataset:
            return open_clips([zone.material(one) for one in recordings], bouts, labelling, view, recipe.windowing, centered)

        unfitted = default_decoding(recipe.head, labelling.behaviors, {}, recipe.decode)
        return cls(recipe, labelling, view, clips(train), clips(validate) if validate else None, bouts, unfitted)

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
        return self.recipe.augmentation.of(self.features)  # type: ignore[arg-type]

    @property
    def extent(self) -> str:
        """The amount of training data, in words."""
        return f"{len(self.train.streams)} films, {len(self.train.labels):,} samples, {self.train.n_windows:,} clips per epoch"

    def judge(self, device: torch.device, weights: Tensor) -> Callable[[nn.Module], Verdict] | None:
        """Return the judge of networks on the validation films; None without any."""
        if self.validation is None:
            return None
        parts = (self.validation.to(device), self.bouts, self.labelling, self.unfitted, self.recipe, device, weights)
        return FilmJudge(*parts)  # type: ignore[arg-type]

    def decoding(self, verdict: Verdict | None) -> Decoding:
        """Return the decoding; the most probable class is chosen, without thresholds."""
        return self.unfitted if verdict is None or not verdict.thresholds else replace(self.unfitted, thresholds=verdict.thresholds)

    def recognizer(self, network: nn.Module, config: "DataclassInstance", decoding: Decoding) -> FilmRecognizer:
        """Return the network as a recognizer."""
        family = network_family(self.recipe.family)
        assert isinstance(family, FilmFamily)
        labs = tuple(sorted({stream.recording.lab_id for stream in self.train.streams}))
        return FilmRecognizer(family, network, config, self.behaviors, self.features, self.recipe.windowing, decoding, labs)

    def identity(self) -> dict[str, Any]:
        """Return the facts of the material that must not change when a run is resumed."""
        return {"view": str(self.features), "samples": len(self.train.labels)}


@dataclass(frozen=True)
class FilmJudge(FrameJudge):
    """Score networks over films by the mean F1 over behaviors."""

    def scores(self, network: nn.Module, answer: Callable[[Tensor], Tensor]) -> list[np.ndarray]:
        """Return the scores [S, C] of each film; a network that answers once per clip is asked as often as in training."""
        windowing = self.recipe.windowing
        scorer = FilmScorer(network, windowing.window, self.device, answer)
        clips: Any = self.dataset
        every = (film_scores(scorer, rows, windowing, windowing.step, 2 * self.recipe.batch) for rows in clips.rows)
        return [np.concatenate(list(blocks)) for blocks in every]

    def labels(self, stream: Stream) -> np.ndarray:
        """Return the labels [S, C] of a film."""
        return self.dataset.labels[stream.start : stream.start + stream.samples].numpy()
