"""A session that trains a network.

Axes: C behaviors.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from behavior.recording import Recording
from recognizers.families import network_family
from recognizers.recognizer import TrainedRecognizer
from training.fitting.forecasting import start_from
from training.fitting.lessons import LESSONS, Lesson
from training.fitting.loop import ShowProgress, Trainer, no_progress, nothing
from training.fitting.resume import restore_state, save_state
from training.fitting.session import Machine, Session, best_metrics
from training.fitting.trunk import Trunk
from training.fitting.verdict import Verdict
from training.material.exclusive_labels import exclude_each_other
from training.material.folds import Split
from training.material.zones import Zone
from training.recipes.network_recipe import Recipe

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, kw_only=True)
class NetworkSession(Session):
    """A training run of a network, with opened material."""

    recipe: Recipe
    lesson: Lesson
    """Its material."""
    network_config: "DataclassInstance"
    """Configuration of the network."""
    trainer: Trainer
    """It trains the network."""
    judge: Callable[[nn.Module], Verdict] | None
    """None without validation recordings."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        return self.lesson.behaviors

    @property
    def summary(self) -> str:
        """One line about recipe and recordings."""
        weights = sum(value.numel() for value in self.trainer.network.parameters())
        return (
            f"Recipe {self.recipe.name}: {weights:,} weights, {self.lesson.n_features} features, {len(self.behaviors)} behaviors; "
            f"{len(self.split.train)} training recordings ({self.lesson.extent}), "
            f"{len(self.split.validation)} for validation, {len(self.split.held_out)} held out; device {self.trainer.device}."
        )

    @property
    def has_result(self) -> bool:
        """Whether there is a network to save."""
        return bool(self.trainer.run.best_weights)

    @property
    def progress(self) -> str:
        """The epochs done, in words, and how far the next one is."""
        run = self.trainer.run
        within = "" if run.underway is None else f", batch {run.underway.batches} of {self.trainer.steps_per_epoch} of the next epoch,"
        return f"epoch {run.epoch}{within}"

    @property
    def busy(self) -> bool:
        """Whether weights are changing."""
        return self.trainer.busy

    def fit(
        self, on_step: Callable[[str], None], show_progress: ShowProgress = no_progress, on_batch: Callable[[], None] = nothing
    ) -> None:
        """Train to the end."""
        self.trainer.fit(self.judge, lambda trainer: on_step(trainer.line), show_progress, on_batch)

    def restore(self, folder: Path) -> bool:
        """Continue from the state in `folder`; return False if there is none."""
        return restore_state(folder, self.trainer, self.identity())

    def save_state(self, folder: Path) -> None:
        """Save weights, optimizer and history."""
        save_state(folder, self.trainer, self.identity())

    def recognizer(self) -> TrainedRecognizer:
        """Return the best network so far as a recognizer."""
        run = self.trainer.run
        config, network = network_family(self.recipe.family).build(asdict(self.network_config), self.lesson.n_features, len(self.behaviors))
        network.load_state_dict(run.best_weights)
        return self.lesson.recognizer(network.eval(), config, self.decoding_in_use(self.lesson.decoding(run.best)))

    def report(self) -> dict[str, Any]:
        """Return the history, epoch by epoch."""
        history = [asdict(epoch) for epoch in self.trainer.run.history]
        return {"recipe": self.recipe.name, "seed": self.seed, "metrics": self.metrics(), "epochs": history}

    def result_line(self, path: Path) -> str:
        """Return one line about the result."""
        run = self.trainer.run
        score = "without validation" if run.best is None else f"val_score={run.best.score:.4f}"
        return f"Wrote {path}: epoch {run.best_epoch} of {run.epoch}, {score}."

    def metrics(self) -> dict[str, Any]:
        """Return the metrics of the best epoch."""
        run = self.trainer.run
        return {"best_epoch": run.best_epoch, "epochs": run.epoch, **best_metrics(run.best)}

    def curve(self) -> list[dict[str, Any]]:
        """Return losses and validation score, epoch by epoch."""
        return [
            {name: getattr(epoch, name) for name in ("epoch", "train_loss", "val_loss", "val_score")} for epoch in self.trainer.run.history
        ]

    def described_recipe(self) -> dict[str, Any]:
        """Return the whole configuration, including that of the network."""
        return {**self.recipe.to_json_dict(), "network": asdict(self.network_config)}

    def identity(self) -> dict[str, Any]:
        """Return the facts that must not change when a run is resumed, including those of the material."""
        return {**super().identity(), **self.lesson.identity()}


def prepare_network(zone: Zone, recipe: Recipe, seed: int, split: Split, machine: Machine) -> NetworkSession:
    """Open the lesson of the recipe's view and build the network. Raises ContractError with all faults of the data."""
    if machine.threads is not None:
        torch.set_num_threads(machine.threads)
    family = network_family(recipe.family)
    trunk = (
        Trunk.load(Path(recipe.trunk), recipe.family, recipe.network) if recipe.trunk else None
    )  # a wrong file is refused before recordings are read
    recordings = {recording.video_id: recording for recording in zone.annotated_recordings()}
    train, validation = ([recordings[video] for video in part] for part in (split.train, split.validation))
    lesson = LESSONS[family.view](zone, recipe, train, validation, None if trunk is None else trunk.features)

    torch.manual_seed(seed)
    config, network = family.build(asdict(_network_for(recipe, train, zone)), lesson.n_features, len(lesson.behaviors))
    if trunk is not None:
        start_from(network, trunk.weights)
    device = torch.device(machine.device)
    trainer = Trainer(network, lesson.train, recipe, seed, device, lesson.augment, machine.compiled, machine.peers)
    judge = lesson.judge(trainer.device, trainer.class_weights)
    return NetworkSession(recipe=recipe, seed=seed, split=split, lesson=lesson, network_config=config, trainer=trainer, judge=judge)


def _network_for(recipe: Recipe, train: Sequence[Recording], zone: Zone) -> "DataclassInstance":
    """Return the configuration of the network, without one softmax if the behaviors do not exclude each other."""
    network: Any = recipe.network
    if not getattr(network, "joint", False) or exclude_each_other(train, zone.bouts(train)):
        return recipe.network
    without: DataclassInstance = replace(network, joint=False)
    return without
