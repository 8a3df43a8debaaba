"""The training loop: it needs batches and a judge, and does not depend on the view.

Axes: C behaviors.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from recognizers.torch_windows import autocast, half_type
from training.fitting.averaging import averaged_copy
from training.fitting.divergence import TrainingDivergedError
from training.fitting.peers import ALONE, Peers
from training.fitting.run_state import Epoch, RunState, Underway, set_random_state
from training.fitting.verdict import Verdict
from training.material.datasets import WHOLE, Batch, Portion
from training.recipes.network_recipe import Recipe

ShowProgress = Callable[[Iterable[Batch], int], Iterable[Batch]]
"""Called with the batches of an epoch and their number; returns the same batches and shows the progress."""


def no_progress(batches: Iterable[Batch], total: int) -> Iterable[Batch]:
    """Return the batches and show nothing."""
    return batches


def nothing() -> None:
    """Do nothing after a batch."""


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

    def batches(self, batch: int, generator: np.random.Generator, portion: Portion = WHOLE) -> Iterator[Batch]:
        """Yield all windows once, shuffled, in batches; of them only the portion."""
        ...


class Trainer:
    """Trains a network by a recipe. Its state is weights, averaged weights, optimizer, gradient scale and `run`.

    `augment` changes each batch. `compiled` trains with torch.compile: faster on a GPU, after about a minute of compilation. Judging
    and saving use the network that is not compiled. `peers` train the same network, each with its part of every batch.
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
        peers: Peers = ALONE,
    ) -> None:
        self.network = network.to(device)
        self.answers: Callable[..., Tensor] = torch.compile(self.network) if compiled else self.network
        self.averaged = averaged_copy(self.network, recipe.ema) if recipe.ema else None
        self.augment = augment
        self.train = train.to(device)
        self.recipe, self.seed, self.device, self.peers = recipe, seed, device, peers
        self.run = RunState()
        self.busy = False  # whether weights or `run` are changing, so that the state is not one that can be saved
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
        on_batch: Callable[[], None] = nothing,
    ) -> RunState:
        """Train from the current place to the end; return the state of the run.

        `on_epoch` is called after each epoch, `on_batch` after each batch: then the state may be saved. `show_progress` is called with
        the batches of each epoch. Raises TrainingDivergedError.
        """
        self.peers.start_equal(self.network)
        while not self.is_done:
            epoch, started = self.run.epoch + 1, time.perf_counter()
            earlier_s = 0.0 if self.run.underway is None else self.run.underway.seconds
            train_loss = self._train_epoch(epoch, show_progress, on_batch)
            trained_s = earlier_s + time.perf_counter() - started
            judged = self.network if self.averaged is None else self.averaged.module
            verdict = None if judge is None else self._verdict(judge, judged)
            self.busy = True
            self.run.consider(epoch, verdict, judged)
            self.run.epoch, self.run.underway = epoch, None
            score, loss = (None, None) if verdict is None else (verdict.score, verdict.loss)
            seconds = earlier_s + time.perf_counter() - started
            self.run.history.append(Epoch(epoch, train_loss, score, loss, seconds, self.train.n_windows / trained_s))
            on_epoch(self)
            self.busy = False
        return self.run

    def _verdict(self, judge: Callable[[nn.Module], Verdict], network: nn.Module) -> Verdict:
        """Return the verdict; of several processes one judges and tells it to the others."""
        if self.peers.count == 1:
            return judge(network)
        return Verdict.from_json_dict(self.peers.told(asdict(judge(network)) if self.peers.leads else None))

    def _train_epoch(self, epoch: int, show_progress: ShowProgress, on_batch: Callable[[], None]) -> float:
        """Return the mean loss. An epoch that was interrupted goes on after its last saved batch."""
        begun = time.perf_counter()
        self.busy = True
        self.network.train()
        here = self._place(epoch)
        earlier_s = here.seconds
        portion = Portion(here.batches, self.peers.rank, self.peers.count)
        batches = self.train.batches(self.recipe.batch, np.random.default_rng((self.seed, epoch)), portion)
        for batch in show_progress(batches, self.steps_per_epoch - here.batches):
            self._set_rate((epoch - 1) * self.steps_per_epoch + here.batches)
            if self.peers.count > 1:
                torch.manual_seed(self._seed_of(epoch, here.batches))
            loss = self._step(self.augment(batch))
            if self.averaged is not None:
                self.averaged.update_parameters(self.network)
            here.add(loss, batch.videos)
            here.seconds = earlier_s + time.perf_counter() - begun
            if bad := here.read(over=here.batches == self.steps_per_epoch):
                raise TrainingDivergedError(self._divergence(f"a finite loss, but got {bad.value}", epoch, bad.batch, bad.videos))
            if here.batches == self.steps_per_epoch:
                self._require_finite_weights(epoch, here)
            on_batch()
        self.busy = False
        return here.total / self.steps_per_epoch

    def _place(self, epoch: int) -> Underway:
        """Return where the epoch begins, or goes on, with torch's random numbers as they were there.

        Random numbers depend on seed and epoch only; within an epoch, a process that is alone goes on from their state.
        """
        if self.run.underway is None:
            torch.manual_seed(self.seed * 100_003 + epoch)
            self.run.underway = Underway()
        elif self.run.underway.random:
            set_random_state(self.run.underway.random)
        return self.run.underway

    def _seed_of(self, epoch: int, batch: int) -> int:
        """Return the seed of one batch of one process: with several, states of random numbers need not be collected."""
        return int(np.random.SeedSequence((self.seed, epoch, batch, self.peers.rank)).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def _require_finite_weights(self, epoch: int, here: Underway) -> None:
        """Raise TrainingDivergedError if a weight is not finite: a finite loss can have an infinite gradient."""
        if not all(bool(value.isfinite().all()) for value in self.network.parameters()):
            raise TrainingDivergedError(self._divergence("finite weights, but got others", epoch, here.batches, here.last))

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
        if self.peers.count > 1:
            loss = self.peers.average(self.network, loss, self._counted(batch))
        self.gradient_scale.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
        self.gradient_scale.step(self.optimizer)
        self.gradient_scale.update()
        return loss

    def _counted(self, batch: Batch) -> Tensor:
        """Return what counts of this process's part of a batch: nothing, if the last batch of an epoch has no window for it."""
        assert self.run.underway is not None
        windows = min(self.recipe.batch, self.train.n_windows - self.run.underway.batches * self.recipe.batch)
        return self.recipe.loss.counted(batch.labels, batch.mask, self.class_weights) * self.peers.takes_part(windows)

    def _gradients(self, batch: Batch) -> Tensor:
        """Add up the gradients of all parts of a batch, weighted by what counts in them; return the loss.

        With layers that look at the whole batch, this is nearly, not exactly, the step of the whole batch.
        """
        total = torch.zeros((), device=self.device)
        whole = self.recipe.loss.counted(batch.labels, batch.mask, self.class_weights) if self.parts > 1 else None
        for part in batch.split(self.parts):
            with autocast(self.device):
                logits = self.answers(part.features, part.valid, part.context)
            loss = self.recipe.loss(logits, part.labels, part.mask, self.class_weights)
            if whole is not None:
                loss = loss * (self.recipe.loss.counted(part.labels, part.mask, self.class_weights) / whole.clamp(min=1e-9))
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
