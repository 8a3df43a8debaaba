"""Tracks seen a little differently each time: mirrored, larger, noisier, with bodyparts lost.

Turning and shifting the arena is no part of it: the networks that see tracks do not notice either.

Axes: B batch, W window samples, P points of one mouse; 2 mice (agent, target), 3 numbers of a point (x, y, seen).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from behavior.pair_tracks import ANCHORS, CM_PER_M, COORDINATES, PairTracks
from training.datasets import Batch


@dataclass(frozen=True)
class TrackAugmentation:
    """What is done to a batch of tracks. Random numbers are torch's, so they follow from seed and epoch."""

    mirror: float = 0.5
    """Share of windows seen in a mirror, left bodyparts named right."""
    scale: float = 0.1
    """Windows are larger or smaller by up to this share: mice grow, and labs measure their picture's scale roughly."""
    noise_cm: float = 0.1
    """Spread of the noise added to every place, cm."""
    drop_bodypart: float = 0.1
    """Share of bodyparts lost for a whole window; anchors are never lost."""
    swap: float = 0.0
    """Share of windows in which agent and target trade places; for labels that say nothing about who acts."""
    forget_lab: float = 0.1
    """Share of windows whose lab the network is not told: new labs will come."""

    def __post_init__(self) -> None:
        shares = (self.mirror, self.drop_bodypart, self.swap, self.forget_lab)
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.scale < 1 or self.noise_cm < 0:
            raise ValueError(f"Expected shares from 0 to 1 and noise_cm of 0 or more, but got {self}. Use 0 for none.")

    def __call__(self, batch: Batch, layout: PairTracks) -> Batch:
        """Return the batch with other tracks; padding stays 0."""
        tracks = batch.features.unflatten(-1, (2, len(layout.points), len(COORDINATES))).clone()  # [B, W, 2, P, 3]
        count, device = len(tracks), tracks.device
        mirrored = torch.rand(count, device=device) < self.mirror
        tracks[mirrored] = _mirrored(tracks[mirrored], layout)
        swapped = torch.rand(count, device=device) < self.swap
        tracks[swapped] = tracks[swapped].flip(2)
        size = 1 + self.scale * (2 * torch.rand(count, 1, 1, 1, 1, device=device) - 1)
        place, seen = tracks[..., :2] * size, tracks[..., 2:]
        place = place + self.noise_cm / CM_PER_M * torch.randn_like(place)
        points = torch.arange(len(layout.points), device=device)
        kept = (torch.rand(count, 1, 1, len(points), 1, device=device) >= self.drop_bodypart) | (points < len(ANCHORS))[:, None]
        tracks = (torch.cat([place, seen], -1) * kept).flatten(2)
        if batch.valid is not None:
            tracks = tracks * batch.valid[..., None]
        return replace(batch, features=tracks, context=_forgotten(batch.context, self.forget_lab))


def _mirrored(tracks: Tensor, layout: PairTracks) -> Tensor:
    """Return tracks [..., P, 3] seen in a mirror."""
    other = tracks[..., list(layout.mirrored), :]
    return other * torch.tensor([-1.0, 1.0, 1.0], device=tracks.device)


def _forgotten(context: Tensor, share: float) -> Tensor:
    told = torch.rand(len(context), device=context.device) >= share
    return torch.cat([context[:, :1] * told[:, None], context[:, 1:]], 1)
