"""The training loop: it needs batches and a judge, and does not depend on the view.

Axes: C behaviors.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from recognizers.torch_windows import autocast, half_type
from training.fitting.averaging import averaged_copy
from training.fitting.divergence import TrainingDivergedError
from training.fitting.verdict import Verdict
from training.material.datasets import Batch
from training.recipes.network_recipe import Recipe

_LOOK_EVERY = 32
"""Losses are read once in so many batches, because each reading makes a GPU wait."""


ShowProgress = Callable[[Iterable[Batch], int], Iterable[Batch]]
"""Called with the batches of an epoch and their number; returns the same batches and shows the progress."""


def no_progress(batches: Iterable[Batch], total: int) -> Iterable[Batch]:
    """Return the batches and show nothing."""
    return batches


class Dataset(Protocol):
    """Training data of any kind."""

    @property
    def n_windows(self) -> int:
        """Windows per epoch."""
        ...

    def to(self, device: torch.device) -> Self:
        """Return the same data on a device."""
        ...

    def class_frames(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of samples with each behavior [C], and of samples in which it was annotated [C]."""
        ...

    def batches(self, batch: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield all windows once, shuffled, in batches."""
        ...


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

    def consider(self, epoch: int, verdict: Verdict | None, network: nn.Module) -> None:
        """Store the weights if the score is the best so far (of equal scores the lower loss), or if there is no validation."""
        better = self.best is None or verdict is None or (verdict.score, -verdict.loss) > (self.best.score, -self.best.loss)
        if better:
            self.best_epoch, self.best = epoch, verdict
            self.best_weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

    def to_json_dict(self) -> dict[str, Any]:
        """Return all but the weights."""
        return {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best": None if self.best is None else asdict(self.best),
            "history": [asdict(epoch) for epoch in self.history],
        }

    @classmethod
    def from_json_dict(cls, value: dict[str, Any], best_weights: dict[str, Tensor]) -> "RunState":
        """Read what `to_json_dict` wrote."""
        best = value["best"] and Verdict.from_json_dict(value["best"])
        return cls(value["epoch"], value["best_epoch"], best, best_weights, [Epoch(**epoch) for epoch in value["history"]])


class Trainer:
    """Trains a network by a recipe. Its state is weights, averaged weights, optimizer, gradient scale and `run`.

    `augment` changes each batch. `compiled` trains with torch.compile: faster on a GPU, after about a minute of compilation. Judging
    and saving use the network that is not compiled.
    """

    def __init__(
        self,
        network: nn.Module,
        train: Dataset,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        augment: Callable[[Batch], Batch],
        compiled: bool = False,
    ) -> None:
        self.network = network.to(device)
        self.answers: Callable[..., Tensor] = torch.compile(self.network) if compiled else self.network
        self.averaged = averaged_copy(self.network, recipe.ema) if recipe.ema else None
        self.augment = augment
        self.train = train.to(device)
        self.recipe, self.seed, self.device = recipe, seed, device
        self.run = RunState()
        self.parts = 1  # a step is made in so many parts, one after the other; more if the device has too little memory
        self.optimizer = _optimizer(self.network, recipe, device)
        self.gradient_scale = torch.amp.GradScaler(device.type, enabled=half_type(device) is torch.float16)
        self.class_weights = torch.from_numpy(recipe.loss.class_weights(*train.class_frames())).to(device)
        self.steps_per_epoch = math.ceil(train.n_windows / recipe.batch)

    @property
    def is_done(self) -> bool:
        """Whether all epochs are done, or too many epochs had no better score."""
        return self.run.epoch >= self.recipe.epochs or self.run.epoch - self.run.best_epoch >= self.recipe.patience

    @property
    def line(self) -> str:
        """The results of the last epoch in one line; SageMaker's metric definitions read its name=value parts."""
        done = self.run.history[-1]
        judged = "" if done.val_score is None else f" val_loss={done.val_loss:.4f} val_score={done.val_score:.4f}"
        best = " best" if self.run.best_epoch == done.epoch else ""
        speed = f"seconds={done.seconds:.1f} windows_per_s={done.windows_per_s:.0f}"
        return f"epoch={done.epoch} train_loss={done.train_loss:.4f}{judged} {speed}{best}"

    def fit(
        self,
        judge: Callable[[nn.Module], Verdict] | None,
        on_epoch: Callable[["Trainer"], None],
        show_progress: ShowProgress = no_progress,
    ) -> RunState:
        """Train from the current epoch to the end; return the state of the run.

        `on_epoch` is called after each epoch, when the state may be saved; `show_progress` is called with the batches of each epoch.
        Raises TrainingDivergedError.
        """
        while not self.is_done:
            epoch, started = self.run.epoch + 1, time.perf_counter()
            train_loss = self._train_epoch(epoch, show_progress)
            trained = time.perf_counter()
            judged = self.network if self.averaged is None else self.averaged.module
            verdict = None if judge is None else judge(judged)
            self.run.consider(epoch, verdict, judged)
            self.run.epoch = epoch
            windows = self.train.n_windows
            score, loss = (None, None) if verdict is None else (verdict.score, verdict.loss)
            done = Epoch(epoch, train_loss, score, loss, time.perf_counter() - started, windows / (trained - started))
            self.run.history.append(done)
            on_epoch(self)
        return self.run

    def _train_epoch(self, epoch: int, show_progress: ShowProgress) -> float:
        """Return the mean loss. Random numbers depend on seed and epoch only, so that a resumed run needs no random state."""
        torch.manual_seed(self.seed * 100_003 + epoch)
        generator = np.random.default_rng((self.seed, epoch))
        self.network.train()
        losses: list[Tensor] = []
        videos: list[tuple[int, ...]] = []
        last: tuple[int, ...] = ()
        total = 0.0
        batches = self.train.batches(self.recipe.batch, generator)
        for number, batch in enumerate(show_progress(batches, self.steps_per_epoch)):
            step = (epoch - 1) * self.steps_per_epoch + number
            self._set_rate(step)
            losses.append(self._step(self.augment(batch)))
            if self.averaged is not None:
                self.averaged.update_parameters(self.network)
            videos.append(batch.videos)
            if len(losses) == _LOOK_EVERY or number + 1 == self.steps_per_epoch:
                values = torch.stack(losses).cpu().numpy()
                if not np.isfinite(values).all():
                    bad = int(np.flatnonzero(~np.isfinite(values))[0])
                    batch_number = number - len(losses) + bad + 2
                    raise TrainingDivergedError(self._divergence(f"a finite loss, but got {values[bad]}", epoch, batch_number, videos[bad]))
                total += float(values.sum())
                last = videos[-1]
                losses, videos = [], []
        if not all(bool(value.isfinite().all()) for value in self.network.parameters()):  # a finite loss can have an infinite gradient
            raise TrainingDivergedError(self._divergence("finite weights, but got others", epoch, self.steps_per_epoch, last))
        return total / self.steps_per_epoch

    def _step(self, batch: Batch) -> Tensor:
        """Return the loss. If the device has too little memory, this step and all later ones are made in twice as many parts."""
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                loss = self._gradients(batch)
                break
            except torch.OutOfMemoryError:
                if self.parts >= len(batch.features):
                    raise
            self.parts *= 2
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            windows = math.ceil(self.recipe.batch / self.parts)
            print(f"The device has too little memory: a step is made in {self.parts} parts of {windows} windows.", flush=True)
        self.gradient_scale.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.gradient_scale.step(self.optimizer)
        self.gradient_scale.update()
        return loss

    def _gradients(self, batch: Batch) -> Tensor:
        """Add up the gradients of all parts of a batch, weighted by their windows; return the loss.

        With class weights, or with layers that look at the whole batch, this is nearly, not exactly, the step of the whole batch.
        """
        total = torch.zeros((), device=self.device)
        for part in batch.split(self.parts):
            with autocast(self.device):
                logits = self.answers(part.features, part.valid, part.context)
            loss = self.recipe.loss(logits, part.labels, part.mask, self.class_weights)
            if self.parts > 1:
                loss = loss * (len(part.features) / len(batch.features))
            self.gradient_scale.scale(loss).backward()
            total = total + loss.detach()
        return total

    def _set_rate(self, step: int) -> None:
        scores = [epoch.val_score for epoch in self.run.history]
        rate = self.recipe.schedule.rate(self.recipe.learning_rate, step, self.steps_per_epoch, self.recipe.epochs, scores)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _divergence(self, expected: str, epoch: int, batch: int, videos: tuple[int, ...]) -> str:
        outcome = f"The best network so far, of epoch {self.run.best_epoch}, is saved" if self.run.best_epoch else "No network is saved"
        return (
            f"Expected {expected} in epoch {epoch}, batch {batch} of {self.steps_per_epoch} "
            f"(videos {', '.join(map(str, videos))}). {outcome}. Look at these videos, or lower the learning rate."
        )


def _optimizer(network: nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.AdamW:
    matrices = [value for value in network.parameters() if value.ndim > 1]
    others = [value for value in network.parameters() if value.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=device.type == "cuda")
