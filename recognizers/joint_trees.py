"""Gradient-boosted trees with one softmax over all behaviors and "nothing": for behaviors that exclude each other.

Axes: N rows, F features, C behaviors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import lightgbm
import numpy as np

from recognizers.boosted_trees import TreesConfig, as_bytes, boosting_parameters, read_booster

if TYPE_CHECKING:
    from torch import Tensor

_TENSOR = "joint"


@dataclass(frozen=True)
class JointTrees:
    """One model for all behaviors: the scores of a row and of "nothing" sum to 1."""

    booster: lightgbm.Booster
    """Over C + 1 classes; the last one is "nothing"."""
    answered: tuple[bool, ...]
    """[C]: behaviors with a score; the others have score 0."""

    @classmethod
    def fit(cls, features: np.ndarray, labels: np.ndarray, every: np.ndarray, config: TreesConfig, seed: int = 0, threads: int = 0) -> Self:
        """Grow trees on features [N, F] float32, NaN where unknown, and labels [N, C] bool, at most one per row (else the first counts).

        `every` [N] says how many rows each row stands for. The result depends on the arguments and the seed alone.
        """
        classes = np.where(labels.any(axis=1), labels.argmax(axis=1), labels.shape[1])
        parameters = {**boosting_parameters(config, seed, threads), "objective": "multiclass", "num_class": labels.shape[1] + 1}
        rows = lightgbm.Dataset(features, classes, weight=every.astype(np.float32), params=parameters)
        occurs = tuple((labels.sum(axis=0) > 0).tolist())
        return cls(lightgbm.train(parameters, rows, num_boost_round=config.trees), occurs)

    def only(self, chosen: np.ndarray) -> Self:
        """Return the same with scores for some behaviors [C] bool; the others have score 0."""
        return replace(self, answered=tuple(np.logical_and(self.answered, chosen).tolist()))

    def predict(self, features: np.ndarray, threads: int = 0) -> np.ndarray:
        """Return probabilities [N, C] float32 for features [N, F] float32."""
        if not len(features):
            return np.zeros((0, len(self.answered)), np.float32)
        scores = np.asarray(self.booster.predict(features, num_threads=threads), np.float32)[:, :-1]
        return scores * np.array(self.answered)

    def contributions(self, features: np.ndarray, column: int) -> np.ndarray:
        """Return how much each feature adds to the log-odds of a behavior against "nothing", and the mean: [N, F + 1]."""
        classes = len(self.answered) + 1
        shares = np.asarray(self.booster.predict(features, pred_contrib=True)).reshape(len(features), classes, -1)
        return np.asarray(shares[:, column] - shares[:, -1])

    def to_tensors(self) -> "dict[str, Tensor]":
        """Return digest and text of the model, and which behaviors have scores."""
        import torch

        return {_TENSOR: as_bytes(self.booster), f"{_TENSOR}.answered": torch.tensor(self.answered)}

    @classmethod
    def from_tensors(cls, tensors: "Mapping[str, Tensor]", n_features: int, where: str = "trees") -> Self:
        """Read what `to_tensors` wrote. Raises ContractError, which names `where`, for a changed text."""
        booster = read_booster(bytes(tensors[_TENSOR].numpy()), n_features, where)
        return cls(booster, tuple(tensors[f"{_TENSOR}.answered"].tolist()))
