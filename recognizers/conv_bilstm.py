"""The Conv1D-BiLSTM: three convolutions for short motion, a recurrent network in both directions of time for context.

Axes: B batch, W window samples, F features, D channels, H hidden units, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class ConvBilstmConfig:
    """Size of a Conv1D-BiLSTM; the widths of input and output come from the data."""

    channels: tuple[int, ...] = (64, 128, 256)
    """One convolution each, D."""
    kernel: int = 3
    """Samples under one convolution; odd, so that samples are not shifted."""
    hidden: int = 256
    """Units of the LSTM in each direction, H."""
    layers: int = 2
    """LSTM layers."""
    dropout: float = 0.3
    """Share of activations set to 0 in training, 0 to below 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))  # JSON brings a list
        if not self.channels or min(*self.channels, self.hidden, self.layers) < 1:
            raise ValueError(f"Expected channels, hidden units and layers of 1 or more, but got {self}. Raise them.")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"Expected an odd kernel, but got {self.kernel}. Use {self.kernel + 1}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"Expected dropout from 0 to below 1, but got {self.dropout}. Use 0.3.")


class ConvBilstm(nn.Module):
    """Map windows of arena features to one logit per sample and class."""

    CONFIG: ClassVar = ConvBilstmConfig

    def __init__(self, config: ConvBilstmConfig, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.config = config
        widths = (n_features, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(before, after, config.kernel, padding=config.kernel // 2),
                nn.BatchNorm1d(after),
                nn.ReLU(),
                nn.Dropout(config.dropout),
            )
            for before, after in pairwise(widths)
        )
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = nn.LSTM(widths[-1], config.hidden, config.layers, batch_first=True, bidirectional=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.logits = nn.Linear(2 * config.hidden, n_classes)

    def forward(self, features: Tensor, valid: Tensor | None = None, context: Tensor | None = None) -> Tensor:
        """Return logits [B, W, C] for features [B, W, F]; `valid` [B, W] bool is false on the padding behind a short recording.

        The context is not used.
        """
        hidden = features.transpose(1, 2)  # [B, F, W]
        for convolution in self.convolutions:
            hidden = convolution(hidden)
            if valid is not None:  # padding stays 0, like the samples outside a full window
                hidden = hidden * valid[:, None, :]
        return self.logits(self.dropout(self._both_ways(hidden.transpose(1, 2), valid)))

    def _both_ways(self, hidden: Tensor, valid: Tensor | None) -> Tensor:
        """Map [B, W, D] to [B, W, 2H]; the backward direction starts at the last sample that is no padding."""
        if valid is None:
            return torch.as_tensor(self.lstm(hidden)[0])
        length, sample = valid.sum(1, keepdim=True), torch.arange(valid.shape[1], device=valid.device)
        turned = torch.where(sample < length, length - 1 - sample, sample)[..., None]  # [B, W, 1]; packed sequences cannot be exported
        for number, (ahead, back) in enumerate(self.lstm.all_weights[first : first + 2] for first in range(0, 2 * self.lstm.num_layers, 2)):
            if number:
                hidden = functional.dropout(hidden, self.lstm.dropout, self.training)
            behind = self._one_way(hidden.gather(1, turned.expand_as(hidden)), back)
            hidden = torch.cat([self._one_way(hidden, ahead), behind.gather(1, turned.expand_as(behind))], dim=2)
        return hidden

    def _one_way(self, hidden: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Map [B, W, D] to [B, W, H] by one layer of the LSTM in the order of the samples."""
        state = hidden.new_zeros(1, hidden.shape[0], self.lstm.hidden_size)
        return torch.lstm(hidden, (state, state), list(weights), True, 1, 0.0, False, False, True)[0]
