"""Augmentation of clips of films: mirroring and turning, shifts, light, noise, jitter in time, mixup.

A mouse that is seen from below may face anywhere, so a mirrored or turned clip is as likely as the clip itself.

Axes: B batch, W samples of a clip, H and W pixels, C behaviors.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from training.material.datasets import Batch


@dataclass(frozen=True)
class FilmAugmentation:
    """Changes of a batch of clips. Random numbers are torch's, so they depend on seed and epoch only."""

    flip: float = 0.5
    """Share of mirrored clips."""
    turn: bool = True
    """Turn clips of square pictures by 0, 90, 180 or 270 degrees."""
    crop: float = 0.1
    """Clips are shifted by up to this share of the picture; the border is repeated."""
    light: float = 0.2
    """Brightness and contrast change by up to this share."""
    noise: float = 3.0
    """Spread of the noise of pixels, gray levels."""
    jitter: int = 1
    """A clip is shifted by up to so many samples against its label: experts do not agree on borders either."""
    mixup: float = 0.0
    """Two clips and their labels are mixed, by shares of a Beta distribution with this parameter; 0 for no mixing."""

    def __post_init__(self) -> None:
        shares = (self.flip, self.crop, self.light)
        if not all(0 <= share <= 1 for share in shares) or min(self.noise, self.jitter, self.mixup) < 0:
            raise ValueError(f"Expected shares from 0 to 1 and noise, jitter and mixup of 0 or more, but got {self}. Use 0 for none.")

    def of(self, features: object) -> Callable[[Batch], Batch]:
        """Return the augmentation for batches of clips; it is the same for all views of pictures."""
        return self

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with changed clips."""
        clips = batch.features
        if self.jitter:
            clips = _shifted_in_time(clips, self.jitter)
        clips = self._moved(clips)
        clips = clips.float()
        count, device = len(clips), clips.device
        if self.light:
            gain, offset = (1 + self.light * (2 * torch.rand(2, count, 1, 1, 1, device=device) - 1)).unbind()
            clips = clips * gain + 128 * (offset - 1)
        if self.noise:
            clips = clips + self.noise * torch.rand(count, 1, 1, 1, device=device) * torch.randn_like(clips)
        changed = replace(batch, features=clips)
        return self._mixed(changed) if self.mixup else changed

    def _moved(self, clips: Tensor) -> Tensor:
        """Mirror, turn and shift each clip [B, W, H, W]."""
        count = len(clips)
        mirrored = torch.rand(count) < self.flip
        square = clips.shape[-1] == clips.shape[-2]
        turns = torch.randint(4, (count,)) if self.turn and square else torch.zeros(count, dtype=torch.long)
        ways = zip(clips, mirrored.tolist(), turns.tolist(), strict=True)
        moved = torch.stack([torch.rot90(one.flip(-1) if flip else one, turn, (-2, -1)) for one, flip, turn in ways])
        most = round(self.crop * min(clips.shape[-2:]))
        if not most:
            return moved
        padded = functional.pad(moved.float(), (most, most, most, most), mode="replicate")
        places = torch.randint(2 * most + 1, (count, 2)).tolist()
        height, width = clips.shape[-2:]
        return torch.stack([one[:, top : top + height, left : left + width] for one, (top, left) in zip(padded, places, strict=True)])

    def _mixed(self, batch: Batch) -> Batch:
        """Mix each clip with another one that has the same classes annotated."""
        count, device = len(batch.features), batch.features.device
        share = torch.distributions.Beta(self.mixup, self.mixup).sample((count,)).to(device)
        other = torch.randperm(count, device=device)
        mates = (batch.mask == batch.mask[other]).flatten(1).all(1) & (batch.labels.any(-1) == batch.labels[other].any(-1)).all(1)
        share = torch.where(mates, share, torch.ones_like(share))

        def mixed(values: Tensor) -> Tensor:
            own = share.view(-1, *(1,) * (values.ndim - 1))
            return own * values.float() + (1 - own) * values[other].float()

        return replace(batch, features=mixed(batch.features), labels=mixed(batch.labels))


def _shifted_in_time(clips: Tensor, most: int) -> Tensor:
    """Shift each clip [B, W, ...] by up to `most` samples; the sample at its end is repeated."""
    count, window = clips.shape[:2]
    shift = torch.randint(-most, most + 1, (count, 1), device=clips.device)
    samples = (torch.arange(window, device=clips.device) + shift).clamp(0, window - 1)
    return clips[torch.arange(count, device=clips.device)[:, None], samples]
