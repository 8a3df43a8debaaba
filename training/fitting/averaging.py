"""Averaged weights: what is judged and kept of a network whose own weights still jump from step to step."""

from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged_copy(network: nn.Module, share: float) -> AveragedModel:
    """Return a copy of a network whose `update_parameters` follows it: buffers are averaged as weights are, counters copied.

    The copy keeps `share` of its own at each update, early on less, (1 + step) / (10 + step): the first steps are hardly worth averaging.
    The start of the network counts as the first of what is averaged; `n_averaged` is therefore 1 before the first step.
    """

    def follow(own: Any, newest: Any, _: Any) -> None:  # lists of tensors of one kind, as torch hands them over
        if not own[0].is_floating_point():
            for counter, latest in zip(own, newest, strict=True):
                counter.copy_(latest)
            return
        steps = int(averaged.n_averaged)  # lies on the CPU: no step waits for a GPU
        get_ema_multi_avg_fn(min(share, steps / (9 + steps)))(own, newest, steps)

    averaged = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    averaged.n_averaged.fill_(1)
    return averaged
