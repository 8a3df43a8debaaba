"""Pretraining of a network over tracks without labels: it sees two mice up to a sample and forecasts where they will go.

A training run then starts from these weights, except those for labs and behaviors.

Axes: B batch, W window samples, S shown samples, H hidden samples, A anchors of one mouse; 2 mice, 2 coordinates (along, across).
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from behavior.views.anchors import ANCHORS
from behavior.views.pair_tracks import CM_PER_M, COORDINATES
from recognizers.cnn_transformer_plus import CnnTransformerPlus
from recognizers.track_geometry import in_frame_of
from recognizers.windowed import Windowing
from training.recipes.schedules import rate_share

N_FORECASTS = 2 * len(ANCHORS) * 2
"""Numbers per sample: along and across, for each anchor of both mice."""
_NOT_FROM_TRUNK = ("logits.", "told.", "lab.")
"""How the names of weights begin that a training run does not take from the trunk."""
_VALIDATE_EVERY = 10
"""One window in so many is for validation."""


@dataclass(frozen=True)
class ForecastSettings:
    """Lengths of windows, and settings of the training."""

    shown: int = 64
    """Samples that the network sees, S."""
    hidden: int = 32
    """Samples after them that it forecasts, H."""
    epochs: int = 10
    """Passes over the windows."""
    batch: int = 32
    """Windows per step."""
    learning_rate: float = 1e-3
    """Peak, after the warm-up."""

    def __post_init__(self) -> None:
        if min(self.shown, self.hidden, self.epochs, self.batch) < 1 or not self.learning_rate > 0:
            raise ValueError(f"Expected all of 1 or more and a learning rate above 0, but got {self}. Raise them.")

    @property
    def windowing(self) -> Windowing:
        """Windows of shown and hidden samples; the hidden samples of one window are shown in the next."""
        return Windowing(self.shown + self.hidden, self.hidden)


@dataclass(frozen=True)
class ForecastEpoch:
    """Results of one epoch."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the batches."""
    skill: float
    """1 - loss / loss of the forecast "mice do not move", over validation windows; 0 means that nothing was learned."""
    seconds: float
    """Duration of the whole epoch."""


def hide(tracks: Tensor, shown: int) -> tuple[Tensor, Tensor]:
    """Return tracks [B, W, F] in which mice stand still, unseen, from sample `shown` on, and their true motion there [B, H, 12].

    The motion is the displacement of each anchor since the last shown sample, in the frame of reference of its mouse then; cm, on a
    logarithmic scale far from 0.
    """
    parts = tracks.unflatten(-1, (2, -1, len(COORDINATES)))  # [B, W, 2, P, 3]
    last = parts[:, shown - 1 : shown]
    still = torch.cat([last[..., :2], torch.zeros_like(last[..., 2:])], -1).expand_as(parts[:, shown:])
    anchors = parts[..., : len(ANCHORS), :2] * CM_PER_M
    way = anchors[:, shown:] - anchors[:, shown - 1 : shown]  # [B, H, 2, A, 2]
    ahead = anchors[:, shown - 1 : shown, :, 0] - anchors[:, shown - 1 : shown, :, 2]  # [B, 1, 2, 2]: from back to front
    seen_from_mouse = in_frame_of(way, functional.normalize(ahead, dim=-1))
    return torch.cat([parts[:, :shown], still], 1).flatten(2), torch.asinh(seen_from_mouse).flatten(2)


def learn_to_forecast(
    network: CnnTransformerPlus,
    tracks: Tensor,
    starts: Tensor,
    settings: ForecastSettings,
    seed: int,
    on_epoch: Callable[[ForecastEpoch], None] = lambda done: None,
) -> list[ForecastEpoch]:
    """Train a network with `N_FORECASTS` outputs, in place; windows begin at `starts` [N] of tracks [M, F].

    Raises ValueError unless there is a window for training and one for validation.
    """
    validation, training = starts[::_VALIDATE_EVERY], torch.cat([starts[first::_VALIDATE_EVERY] for first in range(1, _VALIDATE_EVERY)])
    if not len(training):
        raise ValueError(f"Expected two windows or more, but got {len(starts)}. Add recordings or show and hide fewer samples.")
    for first_guess in network.logits.parameters():
        nn.init.zeros_(first_guess)  # at first it forecasts that mice do not move
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    steps = settings.epochs * math.ceil(len(training) / settings.batch)
    step, history = 0, []
    for epoch in range(1, settings.epochs + 1):
        begun, total = time.perf_counter(), 0.0
        network.train()
        order = training[torch.randperm(len(training), generator=generator)]
        for batch in _windows(tracks, order, settings):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * rate_share(step, steps, 0.05)
            loss, _ = _losses(network, batch, settings.shown)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total, step = total + loss.item() * len(batch), step + 1
        done = ForecastEpoch(epoch, total / len(training), _skill(network, tracks, validation, settings), time.perf_counter() - begun)
        history.append(done)
        on_epoch(done)
    return history


def start_from(network: nn.Module, trunk: Mapping[str, Tensor]) -> None:
    """Load the weights of a forecasting network into a network, except those for labs and behaviors."""
    own = network.state_dict()
    network.load_state_dict({name: value if name.startswith(_NOT_FROM_TRUNK) else trunk[name] for name, value in own.items()})


def _windows(tracks: Tensor, starts: Tensor, settings: ForecastSettings) -> Iterator[Tensor]:
    ahead = torch.arange(settings.shown + settings.hidden)
    for chosen in starts.split(settings.batch):
        yield tracks[chosen[:, None] + ahead].float()


def _losses(network: nn.Module, batch: Tensor, shown: int) -> tuple[Tensor, Tensor]:
    """Return the loss of the network and that of the forecast that no mouse moves."""
    visible, truth = hide(batch, shown)
    no_context = torch.zeros(len(batch), 1 + N_FORECASTS, device=batch.device)
    forecast = network(visible, None, no_context)[:, shown:].float()
    return functional.smooth_l1_loss(forecast, truth), functional.smooth_l1_loss(torch.zeros_like(truth), truth)


def _skill(network: nn.Module, tracks: Tensor, starts: Tensor, settings: ForecastSettings) -> float:
    network.eval()
    with torch.inference_mode():
        pairs = [torch.stack(_losses(network, batch, settings.shown)) * len(batch) for batch in _windows(tracks, starts, settings)]
    loss, standing = torch.stack(pairs).sum(0).tolist()
    return 1 - loss / standing if standing else 0.0
