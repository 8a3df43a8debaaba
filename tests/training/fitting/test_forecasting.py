"""Learning without labels: what is hidden, what is to be foretold, that a network learns it, and that training starts from it."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import Tensor

from behavior.contract import ContractError
from behavior.views.pair_tracks import PairTracks
from recognizers.cnn_transformer_plus import CnnTransformerPlus, CnnTransformerPlusConfig
from recognizers.families import network_family
from training.fitting.forecasting import N_FORECASTS, ForecastSettings, hide, learn_to_forecast, start_from
from training.fitting.trunk import Trunk

LAYOUT = PairTracks(("nose",))
SMALL = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2, token=8, dilations=(1, 2), dropout=0.0)


def walking(windows: int, samples: int, speed_cm_s: Tensor) -> Tensor:
    """Two mice that look right; both walk right at the speed of their window: [windows x samples, F] in one piece."""
    body = torch.tensor([[0.03, 0.0], [0.0, 0.0], [-0.03, 0.0], [0.03, 0.0]])
    x = speed_cm_s[:, None] / 100 * torch.arange(samples) / 30
    place = body.expand(windows, samples, 2, 4, 2).clone()
    place[..., 0] += x[..., None, None]
    return torch.cat([place, torch.ones(windows, samples, 2, 4, 1)], -1).flatten(2).flatten(0, 1)


def test_what_is_hidden_stands_still_and_is_told_to_be_unseen() -> None:
    given = walking(1, 6, torch.tensor([30.0]))[None]
    visible, _ = hide(given, shown=4)
    torch.testing.assert_close(visible[:, :4], given[:, :4])
    parts = visible.unflatten(-1, (2, 4, 3))
    torch.testing.assert_close(parts[:, 4:, ..., :2], parts[:, 3:4, ..., :2].expand(1, 2, 2, 4, 2))
    assert not parts[:, 4:, ..., 2].any()


def test_the_way_is_told_in_cm_as_the_mouse_saw_it_when_last_shown() -> None:
    """At 30 cm/s a mouse goes 1 cm a sample. Mouse 2 is turned to look up: its way to the right is to its right, across to the minus."""
    parts = walking(1, 6, torch.tensor([30.0]))[None].unflatten(-1, (2, 4, 3)).clone()
    offset = parts[..., 1, :, :2] - parts[..., 1, 1:2, :2]
    parts[..., 1, :, 0], parts[..., 1, :, 1] = parts[..., 1, 1:2, 0] - offset[..., 1], offset[..., 0]
    _, way = hide(parts.flatten(2), shown=4)
    cm = torch.sinh(way).unflatten(-1, (2, 3, 2))[0]  # [H, mouse, anchor, (along, across)]
    torch.testing.assert_close(cm[:, 0], torch.tensor([[[1.0, 0.0]] * 3, [[2.0, 0.0]] * 3]), atol=1e-3, rtol=0)
    torch.testing.assert_close(cm[:, 1], torch.tensor([[[0.0, -1.0]] * 3, [[0.0, -2.0]] * 3]), atol=1e-3, rtol=0)


def test_a_network_learns_that_who_walks_walks_on() -> None:
    torch.manual_seed(0)
    settings = ForecastSettings(shown=12, hidden=6, epochs=12, batch=16, learning_rate=5e-3)
    tracks = walking(120, 18, torch.linspace(0, 40, 120)[torch.randperm(120)])
    network = CnnTransformerPlus(SMALL, len(LAYOUT.names), N_FORECASTS)
    history = learn_to_forecast(network, tracks, torch.arange(120) * 18, settings, seed=0)
    assert [done.epoch for done in history] == [*range(1, 13)]
    assert history[-1].skill > 0.8
    assert history[-1].train_loss < history[0].train_loss / 3


def test_too_few_windows_are_refused() -> None:
    network = CnnTransformerPlus(SMALL, len(LAYOUT.names), N_FORECASTS)
    with pytest.raises(ValueError, match="Expected two windows or more, but got 1"):
        learn_to_forecast(network, torch.zeros(96, len(LAYOUT.names)), torch.zeros(1, dtype=torch.long), ForecastSettings(), seed=0)


def test_training_starts_from_what_sees_motion_and_learns_labs_and_behaviors_anew() -> None:
    forecaster, network = (CnnTransformerPlus(SMALL, len(LAYOUT.names), outputs) for outputs in (N_FORECASTS, 5))
    own = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, forecaster.state_dict())
    begun = network.state_dict()
    for name in ("mouse.1.weight", "convolutions.0.convolution.weight", "layers.0.query_key_value.weight"):
        assert torch.equal(begun[name], forecaster.state_dict()[name])
    for name in ("logits.weight", "told.weight", "lab.weight"):
        assert torch.equal(begun[name], own[name])


def trunk(tmp_path: Path) -> tuple[Path, Trunk]:
    _, network = network_family("cnn_transformer_plus").build(asdict(SMALL), len(LAYOUT.names), N_FORECASTS)
    made = Trunk("cnn_transformer_plus", SMALL, LAYOUT, (5, 9), 0.4, network.state_dict())
    made.save(tmp_path / "trunk.safetensors")
    return tmp_path / "trunk.safetensors", made


def test_a_trunk_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, made = trunk(tmp_path)
    read = Trunk.load(path, "cnn_transformer_plus", SMALL)
    assert (read.features, read.videos, read.skill, read.network) == (LAYOUT, (5, 9), 0.4, SMALL)
    assert all(torch.equal(read.weights[name], value) for name, value in made.weights.items())


def test_a_trunk_of_another_network_is_refused_with_the_difference(tmp_path: Path) -> None:
    path, _ = trunk(tmp_path)
    with pytest.raises(ContractError, match="token was 8 and is 16"):
        Trunk.load(path, "cnn_transformer_plus", CnnTransformerPlusConfig(**{**asdict(SMALL), "token": 16}))
