"""Losses over annotated behaviors only.

Axes: B batch, W window frames, C behaviors.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from recognizers.recognizer import Head


@dataclass(frozen=True)
class LossSettings:
    """Loss of a multilabel head."""

    HEAD: ClassVar[Head] = Head.MULTILABEL

    kind: str = "bce"
    """bce (cross-entropy per behavior) or focal (the same, with less weight for easy frames)."""
    max_weight: float = 5.0
    """Highest weight of frames with a behavior, which is sqrt(absent / present); 1 for no weights."""
    gamma: float = 2.0
    """Focal only: how much the weight of easy frames is reduced."""
    unknown_is_absent: bool = False
    """Treat behaviors that were not annotated as absent; this is wrong, but ablations measure its effect (training/ablations.py)."""

    def __post_init__(self) -> None:
        if self.kind not in ("bce", "focal"):
            raise ValueError(f"Expected the loss bce or focal, but got {self.kind}. Choose one of them.")
        if self.max_weight < 1:
            raise ValueError(f"Expected max_weight of 1 or more, but got {self.max_weight}. Use 1 for no weighting.")
        if self.gamma < 0:
            raise ValueError(f"Expected gamma of 0 or more, but got {self.gamma}. Use 2.")

    def class_weights(self, present: np.ndarray, annotated: np.ndarray) -> np.ndarray:
        """Return [C] float32 from samples with each behavior [C] and samples in which it was annotated [C]."""
        return positive_weights(present, annotated, self)

    def counted(self, labels: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
        """Return what the loss of a batch is the mean over: the number of its cells. So losses of parts can be put together."""
        return _cells(mask, self).sum()

    def __call__(self, logits: Tensor, labels: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of a batch, as `masked_loss` does."""
        return masked_loss(logits, labels, mask, weights, self)


@dataclass(frozen=True)
class ExclusiveLossSettings:
    """Loss of an exclusive head."""

    HEAD: ClassVar[Head] = Head.EXCLUSIVE

    kind: str = "cross_entropy"
    """cross_entropy or focal (the same, with less weight for easy frames)."""
    weights: tuple[float, ...] | None = None
    """Weight of frames of each class; None for the inverse of its frequency, with weight 1 for the most common class."""
    max_weight: float = 20.0
    """Highest weight by inverse frequency."""
    gamma: float = 2.0
    """Focal only: how fast easy frames fade."""

    def __post_init__(self) -> None:
        if self.kind not in ("cross_entropy", "focal"):
            raise ValueError(f"Expected the loss cross_entropy or focal, but got {self.kind}. Choose one of them.")
        if self.weights is not None and not (self.weights and min(self.weights) > 0):
            raise ValueError(f"Expected weights above 0, but got {self.weights}. Use None for the inverse of the frequency.")
        if self.max_weight < 1 or self.gamma < 0:
            raise ValueError(f"Expected max_weight of 1 or more and gamma of 0 or more, but got {self}. Use 20 and 2.")

    def class_weights(self, present: np.ndarray, annotated: np.ndarray) -> np.ndarray:
        """Return [C] float32 from samples of each class [C] and samples in which it was annotated [C]."""
        if self.weights is not None:
            if len(self.weights) != len(present):
                raise ValueError(f"Expected a weight for each of {len(present)} classes, but got {self.weights}. Change the recipe.")
            return np.array(self.weights, np.float32)
        frequency = present / np.maximum(annotated, 1)
        return np.minimum(frequency.max() / np.maximum(frequency, 1e-9), self.max_weight).astype(np.float32)

    def counted(self, labels: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
        """Return what the loss of a batch is the mean over: the sum of the weights of its frames, as `LossSettings.counted` does."""
        return ((labels * mask).float() * weights).sum()

    def __call__(self, logits: Tensor, labels: Tensor, mask: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of a batch, as `exclusive_loss` does."""
        return exclusive_loss(logits, labels, mask, weights, self)


def positive_weights(present: np.ndarray, annotated: np.ndarray, settings: LossSettings) -> np.ndarray:
    """Return [C] float32: the weight of frames with the behavior, from frames present [C] and annotated [C]."""
    ratio = (annotated - present) / np.maximum(present, 1)
    return np.clip(np.sqrt(ratio), 1.0, settings.max_weight).astype(np.float32)


def masked_loss(logits: Tensor, labels: Tensor, mask: Tensor, weights: Tensor, settings: LossSettings) -> Tensor:
    """Return the mean loss over the (frame, behavior) cells of `mask` [B, W, C]; behaviors that were not annotated do not count.

    `logits` [B, W, C], `labels` [B, W, C] bool, `weights` [C] from `positive_weights`. Without any cell the loss is 0.
    """
    truth = labels.float()
    cells = functional.binary_cross_entropy_with_logits(logits.float(), truth, pos_weight=weights, reduction="none")
    if settings.kind == "focal":
        probability = torch.sigmoid(logits.float())
        miss = torch.where(labels, 1 - probability, probability)
        cells = cells * miss**settings.gamma
    mask = _cells(mask, settings)
    # where, not a product: an infinite loss in a cell that does not count must not become NaN
    return torch.where(mask, cells, 0.0).sum() / mask.sum().clamp(min=1)


def _cells(mask: Tensor, settings: LossSettings) -> Tensor:
    """Return which cells of the mask [B, W, C] count."""
    if settings.unknown_is_absent:
        return mask.any(-1, keepdim=True).expand_as(mask)  # all samples that are not padding: every stream has an annotated behavior
    return mask


def exclusive_loss(logits: Tensor, labels: Tensor, mask: Tensor, weights: Tensor, settings: ExclusiveLossSettings) -> Tensor:
    """Return the weighted mean cross-entropy over the frames that have a label.

    `logits`, `mask` [..., C]: the softmax of a frame is over the classes of `mask` only. `labels` [..., C]: the true class, none on an
    unknown frame; bool, or shares of several classes (mixup). `weights` [C] of the classes. Without any known frame the loss is 0.
    """
    true = (labels * mask).float()
    known = true.any(-1)
    shares = logits.float().masked_fill(~mask, torch.finfo(torch.float32).min).log_softmax(-1)
    miss = -torch.where(true > 0, true * shares, 0.0).sum(-1)
    weight = (true * weights).sum(-1)
    if settings.kind == "focal":
        miss = miss * (1 - torch.exp(-miss)) ** settings.gamma
    return torch.where(known, weight * miss, 0.0).sum() / weight.sum().clamp(min=torch.finfo(torch.float32).tiny)
