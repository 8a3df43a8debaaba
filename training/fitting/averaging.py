"""Averaged weights (EMA): validation and checkpoints use them, because the weights themselves vary from step to step."""

from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged_copy(network: nn.Module, share: float) -> AveragedModel:
    """Return an averaged copy of a network. `update_parameters` averages weights and buffers, and copies counters.

    Each update keeps a share `share` of the copy, or (1 + step) / (10 + step) in the first steps, which are less useful. The initial
    weights count as the first value; `n_averaged` is therefore 1 before the first step.
    """

    def follow(own: Any, newest: Any, _: Any) -> None:  # torch calls it with lists of tensors of one type
        if not own[0].is_floating_point():
            for counter, latest in zip(own, newest, strict=True):
                counter.copy_(latest)
            return
        steps = int(averaged.n_averaged)  # on the CPU, so that no step waits for a GPU
        get_ema_multi_avg_fn(min(share, steps / (9 + steps)))(own, newest, steps)

    averaged = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    averaged.n_averaged.fill_(1)
    return averaged
