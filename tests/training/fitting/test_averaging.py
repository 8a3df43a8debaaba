"""Averaged weights: close to the network at first, slow later, buffers as well, to the bit what the formula says."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from training.fitting.averaging import averaged_copy


def network(value: float) -> nn.Module:
    made = nn.BatchNorm1d(2)
    with torch.no_grad():
        for one in (made.weight, made.bias, made.running_mean):
            one.fill_(value)
    return made


@pytest.mark.parametrize(("step", "kept"), [(0, 1 / 10), (8, 9 / 18), (10_000, 0.99)])
def test_the_copy_keeps_less_of_its_own_in_the_first_steps(step: int, kept: float) -> None:
    averaged = averaged_copy(network(1.0), share=0.99)
    averaged.n_averaged.fill_(1 + step)
    averaged.update_parameters(network(0.0))
    assert averaged.n_averaged == 2 + step
    for one in (averaged.module.weight, averaged.module.bias, averaged.module.running_mean):
        assert one.tolist() == pytest.approx([kept, kept])


def test_counters_are_copied_and_the_network_is_left_alone() -> None:
    followed = network(0.0)
    followed.num_batches_tracked.fill_(7)
    averaged = averaged_copy(network(1.0), share=0.9)
    averaged.update_parameters(followed)
    assert averaged.module.num_batches_tracked.item() == 7
    assert not followed.weight.any()


@torch.no_grad()
def test_many_steps_give_what_the_formula_gives_to_the_bit() -> None:
    """Each step: own + (1 - kept) (new - own), kept = min(share, (1 + step) / (10 + step)), for weights and buffers one by one."""
    torch.manual_seed(0)
    followed = nn.Sequential(nn.Linear(7, 33), nn.BatchNorm1d(33), nn.LSTM(33, 5, num_layers=2, bidirectional=True))
    averaged, expected = averaged_copy(followed, share=0.93), deepcopy(followed)
    for step in range(200):  # the share is reached at step 119
        for value in (*followed.parameters(), followed[1].running_mean, followed[1].running_var):
            value.add_(torch.randn_like(value) * 0.1)
        followed[1].num_batches_tracked += 1
        averaged.update_parameters(followed)
        kept = min(0.93, (1 + step) / (10 + step))
        for own, new in zip(expected.parameters(), followed.parameters(), strict=True):
            own.lerp_(new, 1 - kept)
        for own, new in zip(expected.buffers(), followed.buffers(), strict=True):
            own.lerp_(new, 1 - kept) if own.is_floating_point() else own.copy_(new)
    for name, value in averaged.module.state_dict().items():
        assert torch.equal(value, expected.state_dict()[name]), name
    assert averaged.module[1].num_batches_tracked == 200
