"""The state of a network's training run: epochs done, the best weights, and where an epoch that is not over stands."""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from training.fitting.verdict import Verdict

_LOOK_EVERY = 32
"""Losses are read once in so many batches, because each reading makes a GPU wait."""


@dataclass(frozen=True)
class Epoch:
    """Results of one epoch."""

    epoch: int
    """From 1."""
    train_loss: float
    """Mean over the batches."""
    val_score: float | None
    """None without validation recordings."""
    val_loss: float | None
    """None without validation recordings."""
    seconds: float
    """Duration of training and validation."""
    windows_per_s: float
    """Speed of training alone."""


@dataclass(frozen=True)
class BadLoss:
    """The first loss that is not finite."""

    value: float
    """The loss."""
    batch: int
    """Its batch, from 1."""
    videos: tuple[int, ...]
    """Videos of the batch."""


@dataclass
class Underway:
    """An epoch that is not over: its batches done, their losses, and torch's random numbers."""

    batches: int = 0
    """Batches done."""
    total: float = 0.0
    """Sum of the losses that were read."""
    unread: list[Tensor] = field(default_factory=list)
    """Losses that were not read yet, on the device."""
    videos: list[tuple[int, ...]] = field(default_factory=list)
    """Videos of these batches."""
    last: tuple[int, ...] = ()
    """Videos of the last batch."""
    seconds: float = 0.0
    """Duration until the state was saved."""
    random: dict[str, Tensor] = field(default_factory=dict)
    """State of torch's random numbers when the state was saved, by device; empty in a run that was not interrupted."""

    def add(self, loss: Tensor, videos: tuple[int, ...]) -> None:
        """Count a batch."""
        self.batches += 1
        self.unread.append(loss)
        self.videos.append(videos)
        self.last = videos

    def read(self, *, over: bool) -> BadLoss | None:
        """Add up the losses if it is time, or if the epoch is `over`; return the first that is not finite."""
        if not self.unread or (len(self.unread) < _LOOK_EVERY and not over):
            return None
        values = torch.stack(self.unread).cpu().numpy()
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            return BadLoss(float(values[bad]), self.batches - len(values) + bad + 1, self.videos[bad])
        self.total += float(values.sum())
        self.unread, self.videos = [], []
        return None

    def to_json_dict(self) -> dict[str, Any]:
        """Return all but the tensors."""
        return {name: getattr(self, name) for name in ("batches", "total", "videos", "last", "seconds")}

    def tensors(self) -> dict[str, Tensor]:
        """Return the losses that were not read, and the state of torch's random numbers as it is now."""
        losses = {"losses": torch.stack(self.unread)} if self.unread else {}
        return {**losses, **{f"random.{device}": state for device, state in random_state().items()}}

    @classmethod
    def from_json_dict(cls, value: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Read what `to_json_dict` and `tensors` wrote."""
        losses = list(tensors["losses"].to(device).unbind()) if "losses" in tensors else []
        random = {name.removeprefix("random."): state for name, state in tensors.items() if name.startswith("random.")}
        videos = [tuple(each) for each in value["videos"]]
        return cls(value["batches"], value["total"], losses, videos, tuple(value["last"]), value["seconds"], random)


@dataclass
class RunState:
    """The state of a run that is saved beside the weights."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """Epoch of the best weights; 0 before the first."""
    best: Verdict | None = None
    """Its verdict."""
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    """The network's state at that epoch, on the CPU."""
    history: list[Epoch] = field(default_factory=list)
    """All epochs done."""
    underway: Underway | None = None
    """The epoch that is not over; None between two epochs."""

    def consider(self, epoch: int, verdict: Verdict | None, network: nn.Module) -> None:
        """Store the weights if the score is the best so far (of equal scores the lower loss), or if there is no validation."""
        better = self.best is None or verdict is None or (verdict.score, -verdict.loss) > (self.best.score, -self.best.loss)
        if better:
            self.best_epoch, self.best = epoch, verdict
            self.best_weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

    def to_json_dict(self) -> dict[str, Any]:
        """Return all but the tensors."""
        return {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best": None if self.best is None else asdict(self.best),
            "history": [asdict(epoch) for epoch in self.history],
            "underway": self.underway and self.underway.to_json_dict(),
        }

    @classmethod
    def from_json_dict(cls, value: dict[str, Any], best_weights: dict[str, Tensor], underway: Underway | None = None) -> "RunState":
        """Read what `to_json_dict` wrote."""
        best = value["best"] and Verdict.from_json_dict(value["best"])
        history = [Epoch(**epoch) for epoch in value["history"]]
        return cls(value["epoch"], value["best_epoch"], best, best_weights, history, underway)


def random_state() -> dict[str, Tensor]:
    """Return the state of torch's random numbers, by device; of a GPU only the one in use."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Tensor]) -> None:
    """Set torch's random numbers to a state of `random_state`; a device that is not here is left out."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
