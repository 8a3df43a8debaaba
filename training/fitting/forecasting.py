"""What a network over tracks can learn without labels: it is shown two mice up to a moment and says where they will go.

The weights that see motion are then the start of a training run; those that know labs and behaviors start anew.

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
from recognizers.cnn_transformer_plus import CnnTransformerPlus, turned
from recognizers.windowed import Windowing
from training.recipes.schedules import rate_share

N_FORECASTS = 2 * len(ANCHORS) * 2
"""Numbers a sample: along and across, for each anchor of both mice."""
_OWN_ANEW = ("logits.", "told.", "lab.")
_CHECK_EVERY = 10
"""One window in so many is not taught, and tells what was learned."""


@dataclass(frozen=True)
class ForecastSettings:
    """How long is looked and how far ahead."""

    shown: int = 64
    """Samples in sight, S."""
    hidden: int = 32
    """Samples behind them that are to be foretold, H."""
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
        """Windows of shown and hidden samples; the hidden ones of one are shown in the next."""
        return Windowing(self.shown + self.hidden, self.hidden)


@dataclass(frozen=True)
class ForecastEpoch:
    """What one epoch brought."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the batches."""
    skill: float
    """1 - loss / loss of "they stay where they are", over windows that were not taught; 0 is nothing learned."""
    seconds: float
    """Of the whole epoch."""


def hide(tracks: Tensor, shown: int) -> tuple[Tensor, Tensor]:
    """Return tracks [B, W, F] whose mice stand still and unseen from sample `shown` on, and what they really do there [B, H, 12].

    That is the way of each anchor from where it was last shown, as its mouse saw it then, in cm, far ones by their logarithm.
    """
    parts = tracks.unflatten(-1, (2, -1, len(COORDINATES)))  # [B, W, 2, P, 3]
    last = parts[:, shown - 1 : shown]
    still = torch.cat([last[..., :2], torch.zeros_like(last[..., 2:])], -1).expand_as(parts[:, shown:])
    anchors = parts[..., : len(ANCHORS), :2] * CM_PER_M
    way = anchors[:, shown:] - anchors[:, shown - 1 : shown]  # [B, H, 2, A, 2]
    ahead = anchors[:, shown - 1 : shown, :, 0] - anchors[:, shown - 1 : shown, :, 2]  # [B, 1, 2, 2]: from back to front
    seen_from_mouse = turned(way, functional.normalize(ahead, dim=-1))
    return torch.cat([parts[:, :shown], still], 1).flatten(2), torch.asinh(seen_from_mouse).flatten(2)


def learn_to_forecast(
    network: CnnTransformerPlus,
    tracks: Tensor,
    starts: Tensor,
    settings: ForecastSettings,
    seed: int,
    on_epoch: Callable[[ForecastEpoch], None] = lambda done: None,
) -> list[ForecastEpoch]:
    """Teach a network with `N_FORECASTS` outputs, in place; all windows lie within tracks [M, F], from `starts` [N] on.

    Raises ValueError for fewer windows than one to teach and one to check.
    """
    check, taught = starts[::_CHECK_EVERY], torch.cat([starts[first::_CHECK_EVERY] for first in range(1, _CHECK_EVERY)])
    if not len(taught):
        raise ValueError(f"Expected two windows or more, but got {len(starts)}. Add recordings or show and hide fewer samples.")
    for first_guess in network.logits.parameters():
        nn.init.zeros_(first_guess)  # that they stay where they are
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate)
    steps = settings.epochs * math.ceil(len(taught) / settings.batch)
    step, history = 0, []
    for epoch in range(1, settings.epochs + 1):
        begun, total = time.perf_counter(), 0.0
        network.train()
        order = taught[torch.randperm(len(taught), generator=generator)]
        for batch in _windows(tracks, order, settings):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * rate_share(step, steps, 0.05)
            loss, _ = _losses(network, batch, settings.shown)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total, step = total + loss.item() * len(batch), step + 1
        done = ForecastEpoch(epoch, total / len(taught), _skill(network, tracks, check, settings), time.perf_counter() - begun)
        history.append(done)
        on_epoch(done)
    return history


def start_from(network: nn.Module, trunk: Mapping[str, Tensor]) -> None:
    """Give a network the weights of one that forecasts; what knows labs and behaviors keeps its own."""
    own = network.state_dict()
    network.load_state_dict({name: value if name.startswith(_OWN_ANEW) else trunk[name] for name, value in own.items()})


def _windows(tracks: Tensor, starts: Tensor, settings: ForecastSettings) -> Iterator[Tensor]:
    ahead = torch.arange(settings.shown + settings.hidden)
    for chosen in starts.split(settings.batch):
        yield tracks[chosen[:, None] + ahead].float()


def _losses(network: nn.Module, batch: Tensor, shown: int) -> tuple[Tensor, Tensor]:
    """Return the loss of the network and that of saying that nobody moves."""
    visible, truth = hide(batch, shown)
    nothing_told = torch.zeros(len(batch), 1 + N_FORECASTS, device=batch.device)
    foretold = network(visible, None, nothing_told)[:, shown:].float()
    return functional.smooth_l1_loss(foretold, truth), functional.smooth_l1_loss(torch.zeros_like(truth), truth)


def _skill(network: nn.Module, tracks: Tensor, starts: Tensor, settings: ForecastSettings) -> float:
    network.eval()
    with torch.inference_mode():
        pairs = [torch.stack(_losses(network, batch, settings.shown)) * len(batch) for batch in _windows(tracks, starts, settings)]
    loss, standing = torch.stack(pairs).sum(0).tolist()
    return 1 - loss / standing if standing else 0.0
