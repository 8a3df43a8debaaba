"""Averaged weights: close to the network at first, slow later, buffers as well."""

import pytest
import torch
from torch import nn

from training.fitting.averaging import AveragedWeights


def network(value: float) -> nn.Module:
    made = nn.BatchNorm1d(2)
    with torch.no_grad():
        for one in (made.weight, made.bias, made.running_mean):
            one.fill_(value)
    return made


@pytest.mark.parametrize(("step", "kept"), [(0, 1 / 10), (8, 9 / 18), (10_000, 0.99)])
def test_the_copy_keeps_less_of_its_own_in_the_first_steps(step: int, kept: float) -> None:
    averaged = AveragedWeights(network(1.0), share=0.99)
    averaged.follow(network(0.0), step)
    for one in (averaged.network.weight, averaged.network.bias, averaged.network.running_mean):
        assert one.tolist() == pytest.approx([kept, kept])


def test_counters_are_copied_and_the_network_is_left_alone() -> None:
    followed = network(0.0)
    followed.num_batches_tracked.fill_(7)
    averaged = AveragedWeights(network(1.0), share=0.9)
    averaged.follow(followed, 0)
    assert averaged.network.num_batches_tracked.item() == 7
    assert not followed.weight.any()
