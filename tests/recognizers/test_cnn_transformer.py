"""The CNN-Transformer: shapes, padding, positions, and that it can learn at all."""

import math

import pytest
import torch
from torch.nn import functional

from recognizers.cnn_transformer import CnnTransformer, CnnTransformerConfig, Dropout, sinusoidal_positions

SMALL = CnnTransformerConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2)


def test_the_default_is_the_network_of_the_brief() -> None:
    config = CnnTransformerConfig()
    network = CnnTransformer(config, n_features=83, n_behaviors=37)
    assert (config.width, config.layers, config.dilations) == (256, 6, (1, 2, 4, 8))
    assert [block.convolution.dilation for block in network.convolutions] == [(1,), (2,), (4,), (8,)]
    assert len(network.layers) == 6
    assert network(torch.zeros(2, 128, 83)).shape == (2, 128, 37)


def test_one_logit_per_frame_and_behavior_whatever_the_window() -> None:
    network = CnnTransformer(SMALL, n_features=5, n_behaviors=3)
    assert network(torch.zeros(4, 32, 5)).shape == (4, 32, 3)
    assert network(torch.zeros(1, 7, 5)).shape == (1, 7, 3)


def test_it_learns_one_batch_by_heart() -> None:
    torch.manual_seed(0)
    network = CnnTransformer(CnnTransformerConfig(width=32, layers=1, heads=2, kernel=3, feedforward=2, dropout=0.0), 6, 4)
    features, labels = torch.randn(4, 32, 6), torch.rand(4, 32, 4) < 0.3
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(150):
        loss = functional.binary_cross_entropy_with_logits(network(features), labels.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02


def test_what_lies_on_padding_changes_nothing_before_it() -> None:
    torch.manual_seed(0)
    network = CnnTransformer(SMALL, 5, 3).eval()
    features = torch.randn(2, 32, 5)
    valid = torch.ones(2, 32, dtype=torch.bool)
    valid[:, 20:] = False
    other = features.clone()
    other[:, 20:] = 99.0
    zeroed = features * valid[..., None]
    expected = network(zeroed, valid)[:, :20]
    torch.testing.assert_close(network(other * valid[..., None], valid)[:, :20], expected)
    torch.testing.assert_close(network(zeroed[:, :20])[:, :20], expected, atol=1e-5, rtol=1e-4)


def test_a_frame_hears_of_the_whole_window() -> None:
    torch.manual_seed(0)
    network = CnnTransformer(SMALL, 5, 3).eval()
    features = torch.randn(1, 128, 5, requires_grad=True)
    network(features)[0, 0].sum().backward()
    assert features.grad is not None
    assert (features.grad[0].abs().sum(1) > 0).all()


def test_positions_are_sines_and_cosines_of_the_frame() -> None:
    positions = sinusoidal_positions(frames=10, width=8)
    assert positions.shape == (10, 8)
    assert positions[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert positions[3, 0].item() == pytest.approx(math.sin(3))
    assert positions[3, 5].item() == pytest.approx(math.cos(3 / 10))  # the second of four wavelengths: 10,000 ** (1 / 4) = 10


def test_dropout_zeroes_its_share_keeps_the_mean_and_rests_in_evaluation() -> None:
    torch.manual_seed(0)
    ones = torch.ones(500, 400)
    dropout = Dropout(0.25)
    dropped = dropout(ones)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    assert torch.equal(dropout.eval()(ones), ones)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"width": 60}, "width to be a multiple of 2 x heads"),
        ({"kernel": 4}, "an odd kernel"),
        ({"dilations": ()}, "dilations of 1 frame or more"),
        ({"layers": 0}, "layers, heads and feedforward of 1 or more"),
        ({"dropout": 1.0}, "dropout from 0 to below 1"),
    ],
)
def test_contradictions_are_refused(fields: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=f"Expected {expected}"):
        CnnTransformerConfig(**fields)
