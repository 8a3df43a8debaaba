"""The CNN-Transformer: dilated residual convolutions for short motion, self-attention over the whole window for context.

Axes: B batch, W window frames, F features, D width, H heads, C behaviors.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_LOG_LONGEST = torch.log(torch.tensor(10_000.0)).item()
"""A constant outside the network: reading a number from a tensor there would split the graph of torch.compile."""


@dataclass(frozen=True)
class CnnTransformerConfig:
    """Size of a CNN-Transformer; the widths of input and output come from the data."""

    width: int = 256
    """Channels between all parts, D."""
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """One residual convolution each, in frames."""
    kernel: int = 5
    """Frames under one convolution; odd, so that frames are not shifted."""
    layers: int = 6
    """Transformer layers."""
    heads: int = 8
    """Attention heads, H."""
    feedforward: int = 4
    """Hidden width of a Transformer layer, in widths."""
    dropout: float = 0.1
    """Share of activations set to 0 in training, 0 to below 1."""
    attention_dropout: float = 0.0
    """The same for attention weights; above 0, fused attention kernels cannot be used (measured: half the training speed on a CPU)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))  # JSON brings a list
        if self.width % (2 * self.heads):
            raise ValueError(f"Expected width to be a multiple of 2 x heads, but got {self.width} and {self.heads}. Change one of them.")
        if not self.dilations or min(self.dilations) < 1:
            raise ValueError(f"Expected dilations of 1 frame or more, but got {self.dilations}. Use (1, 2, 4, 8).")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"Expected an odd kernel, but got {self.kernel}. Use {self.kernel + 1}.")
        if min(self.layers, self.heads, self.feedforward) < 1:
            raise ValueError(f"Expected layers, heads and feedforward of 1 or more, but got {self}. Raise them.")
        if not all(0 <= share < 1 for share in (self.dropout, self.attention_dropout)):
            raise ValueError(f"Expected dropout from 0 to below 1, but got {self.dropout} and {self.attention_dropout}. Use 0.1 and 0.")


class CnnTransformer(nn.Module):
    """Map windows of pair features to one logit per frame and behavior."""

    CONFIG: ClassVar = CnnTransformerConfig

    def __init__(self, config: CnnTransformerConfig, n_features: int, n_behaviors: int) -> None:
        super().__init__()
        self.config = config
        widths = (n_features, *[config.width] * (len(config.dilations) - 1))
        self.convolutions = nn.ModuleList(
            ResidualConvolution(before, config, dilation) for before, dilation in zip(widths, config.dilations, strict=True)
        )
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.logits = nn.Linear(config.width, n_behaviors)

    def forward(self, features: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """Return logits [B, W, C] for features [B, W, F]; `valid` [B, W] bool is false on the padding behind a short recording.

        The context is not used.
        """
        hidden = features.transpose(1, 2)  # [B, F, W]
        for convolution in self.convolutions:
            hidden = convolution(hidden, valid)
        hidden = hidden.transpose(1, 2)  # [B, W, D]
        hidden = hidden + sinusoidal_positions(hidden.shape[1], hidden.shape[2], hidden.device).to(hidden.dtype)
        mask = None if valid is None else valid[:, None, None, :]  # [B, 1, 1, W]: no attention to padding
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return self.logits(self.norm(hidden))


class ResidualConvolution(nn.Module):
    """Conv1d, BatchNorm, GELU, Dropout, and the input added back."""

    def __init__(self, width_before: int, config: CnnTransformerConfig, dilation: int) -> None:
        super().__init__()
        padding = dilation * (config.kernel // 2)
        self.convolution = nn.Conv1d(width_before, config.width, config.kernel, padding=padding, dilation=dilation)
        self.norm = nn.BatchNorm1d(config.width)
        self.dropout = Dropout(config.dropout)
        self.skip = nn.Identity() if width_before == config.width else nn.Conv1d(width_before, config.width, 1)

    def forward(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        """Map [B, D', W] to [B, D, W]; padding stays 0, like the samples outside a full window."""
        out = self.skip(hidden) + self.dropout(functional.gelu(self.norm(self.convolution(hidden))))
        return out if valid is None else out * valid[:, None, :]


class Dropout(nn.Module):
    """Dropout with cheap random numbers on a CPU: one byte per value, so that the share is rounded to 1/256.

    Torch uses one float per value there, which took a third of the training time of a small network.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, hidden: Tensor) -> Tensor:
        """Zero a share of the values in training and scale the others up."""
        level = round(self.share * 256)
        if not self.training or level == 0:
            return hidden
        if hidden.device.type != "cpu":
            return functional.dropout(hidden, level / 256)
        words = torch.empty(-(-hidden.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        mask = words.view(torch.uint8)[: hidden.numel()].view(hidden.shape) >= level
        return hidden * (mask * (256 / (256 - level)))


class TransformerLayer(nn.Module):
    """Pre-norm self-attention and feed-forward, each added to its input."""

    def __init__(self, config: CnnTransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.attention_dropout = config.attention_dropout
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, config.feedforward * width),
            nn.GELU(),
            Dropout(config.dropout),
            nn.Linear(config.feedforward * width, width),
        )
        self.dropout = Dropout(config.dropout)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Map [B, W, D] to [B, W, D]."""
        hidden = hidden + self.dropout(self._attend(self.attention_norm(hidden), mask))
        return hidden + self.dropout(self.feedforward(self.feedforward_norm(hidden)))

    def _attend(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        parts = self.query_key_value(hidden).unflatten(-1, (3, self.heads, -1))  # [B, W, 3, H, D/H]
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # [B, H, W, D/H] each
        dropout = self.attention_dropout if self.training else 0.0
        out = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.attention_out(out.transpose(1, 2).flatten(2))


def sinusoidal_positions(frames: int, width: int, device: torch.device | None = None) -> Tensor:
    """Return [W, D]: sines in the first half of the channels, cosines in the second, wavelengths from 2 pi to 20,000 pi frames."""
    half = width // 2
    frequency = torch.exp(torch.arange(half, device=device) * (-_LOG_LONGEST / half))
    angle = torch.arange(frames, device=device)[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)
