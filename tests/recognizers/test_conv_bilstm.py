"""The Conv1D-BiLSTM: the sizes of the brief, padding, and that it can learn at all."""

import pytest
import torch
from torch.nn import functional

from behavior.groups import GROUP_NAMES
from behavior.views.arena_features import ArenaFeatures
from recognizers.conv_bilstm import ConvBilstm, ConvBilstmConfig

SMALL = ConvBilstmConfig(channels=(8, 16), hidden=12, layers=1)


@pytest.mark.parametrize("motion", [False, True])
def test_the_default_is_the_network_of_the_brief(motion: bool) -> None:
    width = len(ArenaFeatures(motion).names)
    network = ConvBilstm(ConvBilstmConfig(), width, len(GROUP_NAMES)).eval()
    convolutions = [block[0] for block in network.convolutions]
    assert [(one.in_channels, one.out_channels) for one in convolutions] == [(width, 64), (64, 128), (128, 256)]
    assert (network.lstm.input_size, network.lstm.hidden_size, network.lstm.num_layers) == (256, 256, 2)
    assert network.lstm.bidirectional
    assert (network.lstm.dropout, network.dropout.p) == (0.3, 0.3)
    assert (network.logits.in_features, network.logits.out_features) == (512, 4)
    assert network(torch.zeros(2, 100, width)).shape == (2, 100, 4)


def test_it_looks_both_ways_in_time() -> None:
    torch.manual_seed(0)
    network = ConvBilstm(SMALL, 3, 2).eval()
    features = torch.randn(1, 30, 3)
    other = features.clone()
    other[0, 15] += 3
    changed = (network(features) - network(other)).abs().amax(-1)[0] > 1e-7
    assert changed[:5].any()
    assert changed[-5:].any()


def test_padding_changes_no_score() -> None:
    torch.manual_seed(0)
    network = ConvBilstm(SMALL, 3, 2).eval()
    short, whole = torch.randn(9, 3), torch.randn(16, 3)
    features = torch.stack([whole, torch.cat([short, torch.zeros(7, 3)])])
    valid = torch.ones(2, 16, dtype=torch.bool)
    valid[1, 9:] = False
    padded = network(features, valid)
    assert padded.shape == (2, 16, 2)
    torch.testing.assert_close(padded[1, :9], network(short[None])[0])
    torch.testing.assert_close(padded[0], network(whole[None])[0])


def test_it_learns_one_batch_by_heart() -> None:
    torch.manual_seed(0)
    network = ConvBilstm(ConvBilstmConfig(channels=(16, 32), hidden=24, layers=1, dropout=0.0), 6, 4)
    features, labels = torch.randn(4, 25, 6), torch.randint(0, 4, (4, 25))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(120):
        loss = functional.cross_entropy(network(features).flatten(0, 1), labels.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert (network(features).argmax(-1) == labels).float().mean() > 0.98


@pytest.mark.parametrize("wrong", [{"channels": ()}, {"kernel": 4}, {"dropout": 1.0}, {"layers": 0}, {"hidden": 0}])
def test_sizes_that_cannot_be_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="Expected"):
        ConvBilstmConfig(**wrong)
