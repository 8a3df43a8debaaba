"""Losses that ask only about what was watched for.

Axes: B batch, W window frames, C behaviors.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LossSettings:
    """How a wrong answer counts."""

    kind: str = "bce"
    """bce (cross-entropy per behavior) or focal (the same, easy frames counting less)."""
    max_weight: float = 5.0
    """A frame with a rare behavior counts sqrt(absent / present) times, at most this; 1 turns it off."""
    gamma: float = 2.0
    """Focal only: how fast easy frames fade."""

    def __post_init__(self) -> None:
        if self.kind not in ("bce", "focal"):
            raise ValueError(f"Expected the loss bce or focal, but got {self.kind}. Choose one of them.")
        if self.max_weight < 1:
            raise ValueError(f"Expected max_weight of 1 or more, but got {self.max_weight}. Use 1 for no weighting.")
        if self.gamma < 0:
            raise ValueError(f"Expected gamma of 0 or more, but got {self.gamma}. Use 2.")


def positive_weights(present: np.ndarray, watched: np.ndarray, settings: LossSettings) -> np.ndarray:
    """Return [C] float32: how many times a frame with the behavior counts, from frames present [C] and watched [C]."""
    ratio = (watched - present) / np.maximum(present, 1)
    return np.clip(np.sqrt(ratio), 1.0, settings.max_weight).astype(np.float32)


def masked_loss(logits: Tensor, labels: Tensor, mask: Tensor, weights: Tensor, settings: LossSettings) -> Tensor:
    """Return the mean loss over the (frame, behavior) cells that `mask` [B, W, C] names; what was not watched for has no part.

    `logits` [B, W, C], `labels` [B, W, C] bool, `weights` [C] from `positive_weights`. Without any cell the loss is 0.
    """
    truth = labels.float()
    cells = functional.binary_cross_entropy_with_logits(logits.float(), truth, pos_weight=weights, reduction="none")
    if settings.kind == "focal":
        probability = torch.sigmoid(logits.float())
        miss = torch.where(labels, 1 - probability, probability)
        cells = cells * miss**settings.gamma
    # where, not a product: an infinite loss in a cell nobody asks about must not turn into NaN
    return torch.where(mask, cells, 0.0).sum() / mask.sum().clamp(min=1)
