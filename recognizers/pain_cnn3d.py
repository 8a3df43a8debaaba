"""The 3-D convolutional network over short clips of a film: it answers once per clip, for the frame in its middle.

Axes: B batch, W frames of a clip (8 before the middle, the middle, 7 after it), H and W pixels, D channels, C classes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from recognizers.frame_channels import standardized


@dataclass(frozen=True)
class PainCnn3dConfig:
    """Size of a network over clips."""

    channels: tuple[int, ...] = (32, 64, 192, 448)
    """One block each: 3-D convolution, batch norm, ReLU, pooling. D."""
    hidden: int = 512
    """Units between the two fully connected layers."""
    dropout: float = 0.5
    """Share of activations set to 0 in training, before each fully connected layer, 0 to below 1."""
    shuffle_frames: bool = False
    """Put the frames of every clip in a random order: this is wrong, but benchmarks measure what motion is worth with it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON brings a list
        if not self.channels or min(*self.channels, self.hidden) < 1 or not 0 <= self.dropout < 1:
            expected = "channels and hidden units of 1 or more and dropout from 0 to below 1"
            raise ValueError(f"Expected {expected}, but got {self}. Change them.")


class PainCnn3d(nn.Module):
    """Map clips of gray pictures to one logit per class."""

    CONFIG: ClassVar = PainCnn3dConfig
    CENTERED: ClassVar = True

    def __init__(self, config: PainCnn3dConfig, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.config = config
        widths = (1, *config.channels)
        blocks = []
        for number, (before, after) in enumerate(pairwise(widths)):
            stride = (1, 2, 2) if number == 0 else 1  # the first block halves the picture at once: most of the work would be there
            pool = (1, 2, 2) if number < 1 else 2  # motion is fast: time is not pooled before it was seen twice
            blocks.append(
                nn.Sequential(
                    nn.Conv3d(before, after, 3, stride, padding=1, bias=False),
                    nn.BatchNorm3d(after),
                    nn.ReLU(),
                    nn.MaxPool3d(pool, ceil_mode=True),
                )
            )
        self.blocks = nn.Sequential(*blocks)
        self.answer = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(widths[-1], config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, n_classes),
        )

    def forward(self, clips: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """Return logits [B, 1, C] for clips [B, W, H, W]; `valid` and the context are not used."""
        pictures = standardized(clips)
        if self.config.shuffle_frames:
            order = torch.rand(pictures.shape[:2], device=pictures.device).argsort(1)
            pictures = pictures.gather(1, order[:, :, None, None].expand_as(pictures))
        hidden = self.blocks(pictures[:, None])  # [B, D, ...]
        return self.answer(hidden.mean(dim=(2, 3, 4)))[:, None]
