"""Losses: only what was watched for counts."""

import math

import numpy as np
import pytest
import torch

from training.losses import LossSettings, masked_loss, positive_weights

EVEN = torch.ones(2)


def test_a_cell_nobody_watched_changes_neither_loss_nor_gradient() -> None:
    labels = torch.tensor([[[True, False]]])
    mask = torch.tensor([[[True, False]]])
    losses, gradients = [], []
    for unwatched in (-7.0, 50.0):
        logits = torch.tensor([[[0.0, unwatched]]], requires_grad=True)
        loss = masked_loss(logits, labels, mask, EVEN, LossSettings())
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad)
    assert losses == pytest.approx([math.log(2)] * 2)
    assert torch.equal(gradients[0], gradients[1])
    assert gradients[0][0, 0, 1] == 0


def test_an_infinite_loss_in_an_unwatched_cell_is_no_nan() -> None:
    logits = torch.tensor([[[0.0, math.inf]]])
    loss = masked_loss(logits, torch.tensor([[[True, False]]]), torch.tensor([[[True, False]]]), EVEN, LossSettings())
    assert loss.item() == pytest.approx(math.log(2))


def test_the_loss_is_the_mean_over_watched_cells() -> None:
    logits = torch.zeros(1, 4, 2)
    mask = torch.zeros(1, 4, 2, dtype=torch.bool)
    mask[0, :3, 0] = True
    assert masked_loss(logits, torch.zeros_like(mask), mask, EVEN, LossSettings()).item() == pytest.approx(math.log(2))


def test_nothing_watched_is_no_loss() -> None:
    nothing = torch.zeros(1, 2, 2, dtype=torch.bool)
    assert masked_loss(torch.ones(1, 2, 2), nothing, nothing, EVEN, LossSettings()).item() == 0


def test_a_frame_with_a_rare_behavior_counts_by_its_weight() -> None:
    labels = torch.tensor([[[True, True]]])
    loss = masked_loss(torch.zeros(1, 1, 2), labels, labels, torch.tensor([1.0, 3.0]), LossSettings())
    assert loss.item() == pytest.approx(2 * math.log(2))


def test_focal_loss_fades_what_is_already_known() -> None:
    logits, labels = torch.tensor([[[math.log(9.0)]]]), torch.tensor([[[True]]])  # probability 0.9
    loss = masked_loss(logits, labels, labels, torch.ones(1), LossSettings(kind="focal", gamma=2.0))
    assert loss.item() == pytest.approx(-math.log(0.9) * 0.01, rel=1e-4)


def test_weights_are_the_root_of_absent_to_present_between_one_and_the_highest() -> None:
    weights = positive_weights(np.array([10, 50, 90, 1, 0]), np.array([90, 100, 100, 1000, 100]), LossSettings(max_weight=5))
    assert weights.tolist() == pytest.approx([math.sqrt(8), 1, 1, 5, 5])


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected the loss bce or focal, but got hinge"):
        LossSettings(kind="hinge")
