"""Augmentation of tracks: random mirroring, scaling, noise, loss of bodyparts or of a mouse, and mice that change their names.

Rotation and shift of the arena are not part of it: they do not change what networks over tracks compute.

Axes: B batch, W window samples, F columns, P points of one mouse; 2 mice (agent, target), 3 numbers of a point (x, y, seen).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from behavior.views.anchors import ANCHORS
from behavior.views.features import Features
from behavior.views.pair_tracks import ARENA, CM_PER_M, COORDINATES, PairTracks
from training.material.datasets import Batch


@dataclass(frozen=True)
class TrackAugmentation:
    """Changes of a batch of tracks. Random numbers are torch's, so they depend on seed and epoch only."""

    mirror: float = 0.5
    """Share of mirrored windows, with left and right bodyparts exchanged."""
    scale: float = 0.1
    """Windows are scaled by up to this share: mice grow, and the scales of pictures are approximate."""
    noise_cm: float = 0.1
    """Standard deviation of the noise of every place, cm."""
    drop_bodypart: float = 0.1
    """Share of bodyparts lost for a whole window; anchors and the arena are never lost."""
    swap: float = 0.0
    """Share of windows with agent and target exchanged, for labels that do not say which mouse acts."""
    lose_mouse: float = 0.0
    """Share of windows in which the tracker loses one mouse for a while, as it does when mice fight: its points are interpolated."""
    swap_for_a_while: float = 0.0
    """Share of windows in which agent and target are exchanged for a while, as if the tracker mixed them up."""
    forget_lab: float = 0.1
    """Share of windows without a lab in their context, because recordings of new labs will come."""

    def __post_init__(self) -> None:
        shares = (self.mirror, self.drop_bodypart, self.swap, self.lose_mouse, self.swap_for_a_while, self.forget_lab)
        if not all(0 <= share <= 1 for share in shares) or not 0 <= self.scale < 1 or self.noise_cm < 0:
            raise ValueError(f"Expected shares from 0 to 1 and noise_cm of 0 or more, but got {self}. Use 0 for none.")

    def of(self, features: Features) -> Callable[[Batch], Batch]:
        """Return the augmentation for batches of these features. Raises ValueError if they are not tracks."""
        if not isinstance(features, PairTracks):
            raise ValueError(f"Expected tracks to augment, but got {type(features).__name__}. Use training.recipes.augmentation.")
        return partial(self._augmented, layout=features)

    def _augmented(self, batch: Batch, layout: PairTracks) -> Batch:
        """Return the batch with changed tracks; padding stays 0."""
        count, device = len(batch.features), batch.features.device
        mirrored = torch.rand(count, device=device) < self.mirror
        tracks = _reordered(batch.features, mirrored, torch.from_numpy(layout.mirror.columns))
        if self.swap:
            tracks = _reordered(tracks, torch.rand(count, device=device) < self.swap, _swapped(layout))
        if self.swap_for_a_while:
            tracks = _swapped_for_a_while(tracks, torch.rand(count, device=device) < self.swap_for_a_while, layout)
        if self.lose_mouse:
            tracks = _without_a_mouse(tracks, torch.rand(count, device=device) < self.lose_mouse)
        size = 1 + self.scale * (2 * torch.rand(count, 1, device=device) - 1)
        always = torch.tensor([point in (*ANCHORS, *ARENA) for point in layout.points], device=device)
        present = (torch.rand(count, len(always), device=device) >= self.drop_bodypart) | always
        turned = (1 - 2 * mirrored.float())[:, None]  # the sign of x, as layout.mirror.signs has it
        factor = torch.stack([turned * size * present, size * present, present.float()], -1)  # [B, P, 3]
        spread = present[..., None] * torch.tensor([1.0, 1.0, 0.0], device=device) * (self.noise_cm / CM_PER_M)
        tracks = tracks * factor.flatten(1).repeat(1, 2)[:, None]
        if self.noise_cm:
            tracks = tracks.addcmul_(_noise(tracks), spread.flatten(1).repeat(1, 2)[:, None])
        if batch.valid is not None:
            tracks = tracks * batch.valid[..., None]
        return replace(batch, features=tracks, context=_forget_labs(batch.context, self.forget_lab))


def _swapped(layout: PairTracks) -> Tensor:
    """Return the columns [F] with agent and target exchanged."""
    return torch.arange(len(layout.names)).unflatten(0, (2, len(layout.points), len(COORDINATES))).flip(0).flatten()


def _swapped_for_a_while(tracks: Tensor, chosen: Tensor, layout: PairTracks) -> Tensor:
    """Return tracks [B, W, F] with agent and target exchanged in one section of each chosen window [B]."""
    first, stop = _sections(chosen, tracks.shape[1])
    sample = torch.arange(tracks.shape[1], device=tracks.device)
    within = (sample >= first) & (sample < stop)  # [B, W]
    return torch.where(within[..., None], tracks[..., _swapped(layout).to(tracks.device)], tracks)


def _without_a_mouse(tracks: Tensor, chosen: Tensor) -> Tensor:
    """Return tracks [B, W, F] with one mouse lost in one section of each chosen window [B].

    A lost point lies on the line between the samples before and after the section (at the border of a window, its last one), and is
    not seen: as `PairTracks` has it.
    """
    count, window = tracks.shape[:2]
    first, stop = _sections(chosen, window)
    points = tracks.unflatten(-1, (2, -1, len(COORDINATES)))  # [B, W, 2, P, 3]
    windows = torch.arange(count, device=tracks.device)
    before, after = points[windows, (first[:, 0] - 1).clamp(min=0)], points[windows, stop[:, 0].clamp(max=window - 1)]
    sample = torch.arange(window, device=tracks.device)
    share = ((sample - first + 1) / (stop - first + 1)).clamp(0, 1)[..., None, None, None]  # [B, W, 1, 1, 1]
    lost = torch.lerp(before[:, None], after[:, None], share) * torch.tensor([1.0, 1.0, 0.0], device=tracks.device)
    mouse = torch.randint(2, (count, 1, 1), device=tracks.device) == torch.arange(2, device=tracks.device)
    within = ((sample >= first) & (sample < stop))[..., None] & mouse  # [B, W, 2]
    return torch.where(within[..., None, None], lost, points).flatten(2)


def _sections(chosen: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Return first sample and end [B, 1] of a random section of each chosen window [B]; of the others, an empty one."""
    ends = torch.randint(window + 1, (2, len(chosen), 1), device=chosen.device).sort(0).values
    return ends[0], torch.where(chosen[:, None], ends[1], ends[0])


def _reordered(tracks: Tensor, chosen: Tensor, columns: Tensor) -> Tensor:
    """Return tracks [B, W, F] with the columns of the chosen windows [B] in another order."""
    windows = chosen.nonzero().flatten()
    rows = tracks.index_select(0, windows).flatten(0, 1)  # choosing columns is three times as fast with two axes
    other = rows.index_select(1, columns.to(tracks.device))
    return tracks.index_copy(0, windows, other.unflatten(0, (len(windows), tracks.shape[1])))


def _noise(tracks: Tensor) -> Tensor:
    """Return normal noise for tracks [B, W, F]: each window gets a random section of one long row of numbers.

    The values within a window are independent. New random numbers for every window took most of the time.
    """
    count, length = len(tracks), tracks[0].numel()
    row = torch.randn(2 * length, device=tracks.device)
    start = torch.randint(length + 1, (count,), device=tracks.device)
    return row.unfold(0, length, 1).index_select(0, start).view_as(tracks)


def _forget_labs(context: Tensor, share: float) -> Tensor:
    keeps_lab = torch.rand(len(context), device=context.device) >= share
    return torch.cat([context[:, :1] * keeps_lab[:, None], context[:, 1:]], 1)
