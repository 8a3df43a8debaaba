"""Averaged weights: what is judged and kept of a network whose own weights still jump from step to step."""

from copy import deepcopy

import torch
from torch import nn


class AveragedWeights:
    """A copy of a network that follows it; the first steps, of which few are worth averaging, more closely than later ones."""

    def __init__(self, network: nn.Module, share: float) -> None:
        self.network = deepcopy(network)
        self.share = share

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Take over a part of each weight after a step, counted from 0: the copy keeps `share` of its own, early on less."""
        kept = min(self.share, (1 + step) / (10 + step))
        for own, new in zip(self.network.parameters(), network.parameters(), strict=True):
            own.lerp_(new, 1 - kept)
        for mean, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(newest, 1 - kept)
            else:
                mean.copy_(newest)
