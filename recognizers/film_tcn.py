"""A network over films that answers for every frame: a small 2-D network sees each picture and its motion, then convolutions see seconds.

Pain responses last 5 to 10 frames. They are recognized by their motion, at the full frame rate, and by what comes before and after.

Axes: B batch, W frames of a window, H and W pixels, E numbers of a frame, D channels, C classes.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from recognizers.frame_channels import standardized, with_motion


@dataclass(frozen=True)
class TimeConfig:
    """Size of the convolutions over time."""

    width: int = 96
    """Channels, D."""
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)
    """One residual block each; samples between the taps of its kernel of 3."""
    dropout: float = 0.2
    """Share of activations set to 0 in training, 0 to below 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))  # JSON brings a list
        if min(self.width, *self.dilations) < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"Expected width and dilations of 1 or more and dropout from 0 to below 1, but got {self}. Change them.")


@dataclass(frozen=True)
class FilmTcnConfig(TimeConfig):
    """Size of a network over pictures."""

    channels: tuple[int, ...] = (16, 32, 48, 64)
    """Of the 2-D network; each convolution halves the picture."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        if not self.channels or min(self.channels) < 1:
            raise ValueError(f"Expected channels of 1 or more, but got {self.channels}. Raise them.")


class FilmTcn(nn.Module):
    """Map windows of gray pictures to one logit per frame and class."""

    CONFIG: ClassVar = FilmTcnConfig

    def __init__(self, config: FilmTcnConfig, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.config = config
        widths = (3, *config.channels)
        self.frame = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
                for before, after in pairwise(widths)
            )
        )
        self.over_time = TimeBlocks(config, 2 * widths[-1], n_classes)

    def forward(self, windows: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """Return logits [B, W, C] for windows [B, W, H, W]; `valid` and the context are not used."""
        channels = with_motion(standardized(windows))
        maps = self.frame(channels.flatten(0, 1))  # [B * W, E, ...]
        numbers = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], 1)
        return self.over_time(numbers.unflatten(0, windows.shape[:2]))


class EmbeddingTcn(nn.Module):
    """Map windows of numbers that another program computed from each frame to one logit per frame and class."""

    CONFIG: ClassVar = TimeConfig

    def __init__(self, config: TimeConfig, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.LayerNorm(n_features)
        self.over_time = TimeBlocks(config, 2 * n_features, n_classes)

    def forward(self, windows: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """Return logits [B, W, C] for windows [B, W, E]; `valid` and the context are not used."""
        numbers = self.norm(windows.float())
        change = torch.diff(numbers, dim=1, prepend=numbers[:, :1])
        return self.over_time(torch.cat([numbers, change], 2))


class TimeBlocks(nn.Module):
    """Map numbers of each frame to logits of each frame, by dilated convolutions over time."""

    def __init__(self, config: TimeConfig, n_numbers: int, n_classes: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(n_numbers, config.width, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(config.width, config.width, 3, padding=dilation, dilation=dilation),
                nn.BatchNorm1d(config.width),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Conv1d(config.width, config.width, 1),
            )
            for dilation in config.dilations
        )
        self.logits = nn.Conv1d(config.width, n_classes, 1)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return logits [B, W, C] for numbers [B, W, E]."""
        hidden = self.enter(numbers.transpose(1, 2))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.logits(hidden).transpose(1, 2)
