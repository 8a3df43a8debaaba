"""Augmentation: random small changes of training windows.

Axes: B batch, W window samples, F features.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from behavior.views.features import Features
from training.material.datasets import Batch


@dataclass(frozen=True)
class Augmentation:
    """Changes of a batch; none by default. Random numbers are torch's, so they depend on seed and epoch only."""

    noise: float = 0.0
    """Spread of the noise added to scaled features, interquartile ranges."""
    jitter: int = 0
    """A window is shifted by up to so many samples against its labels: experts do not agree on borders either."""

    def __post_init__(self) -> None:
        if self.noise < 0 or self.jitter < 0:
            raise ValueError(f"Expected noise and jitter of 0 or more, but got {self}. Use 0 for none.")

    def of(self, features: Features) -> Callable[[Batch], Batch]:
        """Return the augmentation for batches of these features; it is the same for all features."""
        return self

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with changed features; padding stays 0."""
        features = batch.features
        if self.jitter:
            features = _shifted(features, batch.valid, self.jitter)
        if self.noise:
            features = features + self.noise * torch.randn_like(features)
            features = features if batch.valid is None else features * batch.valid[..., None]
        return batch if features is batch.features else replace(batch, features=features)


def _shifted(features: Tensor, valid: Tensor | None, most: int) -> Tensor:
    """Shift each window [B, W, F] by up to `most` samples; the sample at its end is repeated."""
    batch, window, _ = features.shape
    shift = torch.randint(-most, most + 1, (batch, 1), device=features.device)
    last = torch.full_like(shift, window - 1) if valid is None else valid.sum(1, keepdim=True) - 1
    rows = (torch.arange(window, device=features.device) + shift).clamp(min=0).minimum(last)
    moved = features[torch.arange(batch, device=features.device)[:, None], rows]
    return moved if valid is None else moved * valid[..., None]
