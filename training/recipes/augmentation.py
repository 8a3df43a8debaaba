"""Training windows seen a little differently each time.

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
    """What is done to a batch; nothing by default. Random numbers are torch's, so they follow from seed and epoch."""

    noise: float = 0.0
    """Spread of the noise added to scaled features, interquartile ranges."""
    jitter: int = 0
    """Up to so many samples a window is early or late against its labels: experts do not agree on a border either."""

    def __post_init__(self) -> None:
        if self.noise < 0 or self.jitter < 0:
            raise ValueError(f"Expected noise and jitter of 0 or more, but got {self}. Use 0 for none.")

    def of(self, features: Features) -> Callable[[Batch], Batch]:
        """Return what is done to batches of these features; what each column is makes no difference."""
        return self

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with other features; padding stays 0."""
        features = batch.features
        if self.jitter:
            features = _shifted(features, batch.valid, self.jitter)
        if self.noise:
            features = features + self.noise * torch.randn_like(features)
            features = features if batch.valid is None else features * batch.valid[..., None]
        return batch if features is batch.features else replace(batch, features=features)


def _shifted(features: Tensor, valid: Tensor | None, most: int) -> Tensor:
    """Move each window [B, W, F] by up to `most` samples; what comes in from beyond its ends repeats the sample there."""
    batch, window, _ = features.shape
    shift = torch.randint(-most, most + 1, (batch, 1), device=features.device)
    last = torch.full_like(shift, window - 1) if valid is None else valid.sum(1, keepdim=True) - 1
    rows = (torch.arange(window, device=features.device) + shift).clamp(min=0).minimum(last)
    moved = features[torch.arange(batch, device=features.device)[:, None], rows]
    return moved if valid is None else moved * valid[..., None]
