"""Losses: only what was annotated counts."""

import math

import numpy as np
import pytest
import torch

from training.recipes.losses import ExclusiveLossSettings, LossSettings, exclusive_loss, masked_loss, positive_weights

EVEN = torch.ones(2)


def test_a_cell_nobody_annotated_changes_neither_loss_nor_gradient() -> None:
    labels = torch.tensor([[[True, False]]])
    mask = torch.tensor([[[True, False]]])
    losses, gradients = [], []
    for unannotated in (-7.0, 50.0):
        logits = torch.tensor([[[0.0, unannotated]]], requires_grad=True)
        loss = masked_loss(logits, labels, mask, EVEN, LossSettings())
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad)
    assert losses == pytest.approx([math.log(2)] * 2)
    assert torch.equal(gradients[0], gradients[1])
    assert gradients[0][0, 0, 1] == 0


def test_taking_the_unknown_as_absent_asks_about_every_cell_but_padding() -> None:
    logits = torch.tensor([[[0.0, math.log(3.0)], [9.0, 9.0]]])  # the second frame is padding
    mask = torch.tensor([[[True, False], [False, False]]])
    labels = torch.zeros_like(mask)
    settings = LossSettings(unknown_is_absent=True)
    assert masked_loss(logits, labels, mask, EVEN, settings).item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert masked_loss(logits, labels, mask, EVEN, LossSettings()).item() == pytest.approx(math.log(2))


def test_an_infinite_loss_in_an_unannotated_cell_is_no_nan() -> None:
    logits = torch.tensor([[[0.0, math.inf]]])
    loss = masked_loss(logits, torch.tensor([[[True, False]]]), torch.tensor([[[True, False]]]), EVEN, LossSettings())
    assert loss.item() == pytest.approx(math.log(2))


def test_the_loss_is_the_mean_over_annotated_cells() -> None:
    logits = torch.zeros(1, 4, 2)
    mask = torch.zeros(1, 4, 2, dtype=torch.bool)
    mask[0, :3, 0] = True
    assert masked_loss(logits, torch.zeros_like(mask), mask, EVEN, LossSettings()).item() == pytest.approx(math.log(2))


def test_nothing_annotated_is_no_loss() -> None:
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


FOUR = torch.ones(4)


def one_hot(*classes: int | None) -> torch.Tensor:
    """Labels [1, frames, 4]; None is an unknown frame."""
    labels = torch.zeros(1, len(classes), 4, dtype=torch.bool)
    for frame, number in enumerate(classes):
        if number is not None:
            labels[0, frame, number] = True
    return labels


def test_an_exclusive_loss_is_the_cross_entropy_weighted_by_the_true_class() -> None:
    torch.manual_seed(0)
    logits, classes = torch.randn(1, 5, 4), [0, 3, 1, 2, 0]
    weights = torch.tensor([1.0, 5.0, 8.0, 8.0])
    loss = exclusive_loss(logits, one_hot(*classes), torch.ones(1, 5, 4, dtype=torch.bool), weights, ExclusiveLossSettings())
    assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(logits[0], torch.tensor(classes), weights).item(), rel=1e-6)


def test_a_class_nobody_annotated_has_no_part_in_the_softmax() -> None:
    mask = torch.tensor([True, True, False, True]).expand(1, 1, 4)
    losses, gradients = [], []
    for unannotated in (-7.0, 50.0, math.inf):
        logits = torch.tensor([[[0.0, 0.0, unannotated, 0.0]]], requires_grad=True)
        loss = exclusive_loss(logits, one_hot(1), mask, FOUR, ExclusiveLossSettings())
        loss.backward()
        losses.append(loss.item())
        gradients.append(logits.grad)
    assert losses == pytest.approx([math.log(3)] * 3)
    assert gradients[0].tolist() == gradients[1].tolist() == gradients[2].tolist()
    assert gradients[0][0, 0, 2] == 0


def test_an_unknown_frame_is_not_background() -> None:
    annotated = torch.ones(1, 2, 4, dtype=torch.bool)
    logits = torch.tensor([[[0.0] * 4, [9.0, 1.0, 2.0, 3.0]]], requires_grad=True)
    loss = exclusive_loss(logits, one_hot(0, None), annotated, FOUR, ExclusiveLossSettings())
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4))
    assert not logits.grad[0, 1].any()


@pytest.mark.parametrize("kind", ["cross_entropy", "focal"])
def test_frames_nobody_knows_are_no_loss_and_no_nan(kind: str) -> None:
    logits = torch.full((1, 2, 4), math.inf, requires_grad=True)
    nothing = torch.zeros(1, 2, 4, dtype=torch.bool)
    loss = exclusive_loss(logits, one_hot(0, None), nothing, FOUR, ExclusiveLossSettings(kind=kind))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()


def test_an_exclusive_focal_loss_fades_what_is_already_known() -> None:
    logits = torch.log(torch.tensor([[[0.9, 0.05, 0.03, 0.02]]]))
    settings = ExclusiveLossSettings(kind="focal", gamma=2.0)
    loss = exclusive_loss(logits, one_hot(0), torch.ones(1, 1, 4, dtype=torch.bool), FOUR, settings)
    assert loss.item() == pytest.approx(-math.log(0.9) * 0.01, rel=1e-3)


def test_class_weights_are_those_of_the_recipe_or_the_inverse_of_the_frequency() -> None:
    present, annotated = np.array([80, 20, 4, 0]), np.array([100, 100, 80, 100])
    assert ExclusiveLossSettings(weights=(1, 5, 8, 8)).class_weights(present, annotated).tolist() == [1, 5, 8, 8]
    assert ExclusiveLossSettings(max_weight=20).class_weights(present, annotated).tolist() == pytest.approx([1, 4, 16, 20])
    with pytest.raises(ValueError, match="Expected a weight for each of 4 classes"):
        ExclusiveLossSettings(weights=(1, 2)).class_weights(present, annotated)


@pytest.mark.parametrize("wrong", [{"kind": "bce"}, {"weights": ()}, {"weights": (0.0, 1.0)}, {"max_weight": 0.5}])
def test_an_exclusive_loss_that_cannot_be_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="Expected"):
        ExclusiveLossSettings(**wrong)
