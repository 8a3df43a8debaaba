"""One training session: curated zone in, trained recognizer out; the steps between, in order.

Axes: C behaviors.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

import recognizers
from behavior.contract import ContractError, refuse
from behavior.views.scaler import RobustScaler
from recognizers.network_recognizer import NetworkRecognizer
from training.decoding.fitted import FittedDecoding
from training.fitting.forecasting import start_from
from training.fitting.lessons import LESSONS, Lesson
from training.fitting.loop import Trainer, Verdict
from training.fitting.pair_lesson import PairLesson
from training.fitting.resume import restore_state, save_state
from training.fitting.tree_session import TreeRun, TreeSession, prepare_trees
from training.fitting.trunk import Trunk
from training.material.curated_zone import CuratedZone
from training.material.datasets import Batch, Samples, StreamDataset, assemble
from training.material.folds import Split, split_videos
from training.recipes.named import AnyRecipe
from training.recipes.network_recipe import Recipe
from training.recipes.trees_recipe import TreesRecipe

Watch = Callable[[Iterable[Batch], int], Iterable[Batch]]
Running = Trainer | TreeRun
"""What is told after each step of a session; its `line` says what was done."""


@dataclass(frozen=True)
class Session:
    """A prepared run: data read, scaled and split, network built."""

    recipe: Recipe
    """What is run."""
    seed: int
    """Of weights, windows and dropout."""
    split: Split
    """Who teaches, validates, is held out."""
    lesson: Lesson
    """What the family's view and head make of the recordings."""
    scaler: RobustScaler
    """Fitted on training videos."""
    network_config: Any
    """Of the recipe's family."""
    trainer: Trainer
    """The network on its way."""
    judge: Callable[[nn.Module], Verdict] | None
    """None if no recording validates."""
    fitted: FittedDecoding | None = None
    """Decodes the recognizer's scores, in place of the thresholds that validation found."""

    @property
    def behaviors(self) -> tuple[str, ...]:
        """Names along axis C."""
        return self.lesson.behaviors

    @property
    def features(self) -> Any:
        """What the network sees."""
        return self.lesson.features

    @property
    def summary(self) -> str:
        """Say in one line what is trained on what."""
        train = self.trainer.train
        weights = sum(value.numel() for value in self.trainer.network.parameters())
        return (
            f"Recipe {self.recipe.name}: {weights:,} weights, {len(self.features.names)} features, {len(self.behaviors)} behaviors; "
            f"{len(self.split.train)} recordings teach ({len(train.streams)} streams, {len(train.features):,} samples), "
            f"{len(self.split.validation)} validate, {len(self.split.held_out)} are held out; device {self.trainer.device}."
        )

    @property
    def has_result(self) -> bool:
        """Whether there is something to save."""
        return bool(self.trainer.run.best_weights)

    @property
    def standing(self) -> str:
        """Say how far it is."""
        return f"epoch {self.trainer.run.epoch}"

    def fit(self, on_epoch: Callable[[Trainer], None], watch: Watch | None = None) -> None:
        """Train to the end."""
        if watch is None:
            self.trainer.fit(self.judge, on_epoch)
        else:
            self.trainer.fit(self.judge, on_epoch, watch)

    def restore(self, folder: Path) -> bool:
        """Go on from the state in `folder`; return False if there is none."""
        return restore_state(folder, self.trainer, self._identity())

    def save_state(self, folder: Path) -> None:
        """Save the state of the run."""
        save_state(folder, self.trainer, self._identity())

    def decoded_by(self, fitted: FittedDecoding) -> "Session":
        """Return the session with another decoding. Raises ContractError for one that was not fitted on all its behaviors."""
        fitted.over(self.behaviors, {})
        return replace(self, fitted=fitted)

    def recognizer(self) -> NetworkRecognizer:
        """Return the best network so far, with all that belongs to it."""
        run, sizes = self.trainer.run, (len(self.features.names), len(self.behaviors))
        config, network = recognizers.build_network(self.recipe.family, asdict(self.network_config), *sizes)
        network.load_state_dict(run.best_weights)
        taught = self.lesson.recognizer(network.eval(), config, self.scaler, run.best)
        if self.fitted is None:
            return taught
        return replace(taught, decoding=self.fitted.over(self.behaviors, taught.decoding.occurring))

    def save_recognizer(self, path: Path) -> None:
        """Write the checkpoint."""
        videos = {part: list(videos) for part, videos in asdict(self.split).items()}
        if self.fitted is not None:
            videos["decoding"] = list(self.fitted.videos)
        provenance = {
            "recipe": {**self.recipe.to_json_dict(), "network": asdict(self.network_config)},
            "videos": videos,
            "metrics": self._metrics(),
            "seed": self.seed,
        }
        self.recognizer().save(path, provenance)

    def report(self) -> dict[str, Any]:
        """Return what happened, epoch by epoch."""
        history = [asdict(epoch) for epoch in self.trainer.run.history]
        return {"recipe": self.recipe.name, "seed": self.seed, "metrics": self._metrics(), "epochs": history}

    def closing(self, path: Path) -> str:
        """Say in one line what came out."""
        run = self.trainer.run
        score = "no recording validates" if run.best is None else f"val_score={run.best.score:.4f}"
        return f"Wrote {path}: epoch {run.best_epoch} of {run.epoch}, {score}."

    def _metrics(self) -> dict[str, Any]:
        run = self.trainer.run
        best = {} if run.best is None else {"val_score": run.best.score, "val_loss": run.best.loss, "labs": run.best.labs}
        return {"best_epoch": run.best_epoch, "epochs": run.epoch, **best}

    def _identity(self) -> dict[str, Any]:
        """Describe what must be the same for a run to go on."""
        recipe = {f"recipe {name}": str(value) for name, value in self.recipe.to_json_dict().items()}
        videos = {f"{part} videos": str(list(ids)) for part, ids in asdict(self.split).items()}
        samples = len(self.trainer.train.features)
        return {
            **recipe,
            **videos,
            "seed": self.seed,
            "behaviors": ", ".join(self.behaviors),
            "bodyparts": ", ".join(self.features.bodyparts),
            "samples": samples,
        }


def prepare(
    curated: Path,
    recipe: AnyRecipe,
    seed: int,
    device: str,
    threads: int | None = None,
    split: Split | None = None,
    compiled: bool = False,
) -> Session | TreeSession:
    """Read the curated zone and build what the recipe asks for. Files of held-out recordings are never opened.

    `split` says who teaches, validates and is held out, and leaves all other recordings aside; without it folds decide, which keep
    the same content together as far as the zone says what is the same. `compiled` is for long runs on a GPU.

    Raises ContractError with all faults of the data.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    zone = CuratedZone(curated)
    recordings = {recording.video_id: recording for recording in zone.annotated_recordings()}
    split = split or split_videos({video: recording.lab_id for video, recording in recordings.items()}, zone.content_groups())
    if isinstance(recipe, TreesRecipe):
        return prepare_trees(zone, recipe, seed, threads, split)
    view = recognizers.FAMILIES[recipe.family].view
    if view not in LESSONS:
        raise ContractError([f"Expected a recipe of the view {' or '.join(LESSONS)}, but got {recipe.name}. Choose another recipe."])
    trunk = Trunk.load(Path(recipe.trunk), recipe.family, recipe.network) if recipe.trunk else None  # refused before anything is read
    teach, check = ([recordings[video] for video in part] for part in (split.train, split.validation))
    refuse(zone.missing([*teach, *check]))
    bouts = zone.bouts([*teach, *check])
    tracks = {recording.video_id: zone.tracking(recording) for recording in teach}
    lesson = LESSONS[view](recipe, teach, check, bouts, [one.bodyparts for one in tracks.values()])
    if trunk is not None:
        assert isinstance(lesson, PairLesson)  # a trunk is of a family of the pair view
        lesson = replace(lesson, features=trunk.features)
    taught = [one for recording in teach for one in lesson.samples(recording, tracks.pop(recording.video_id), bouts)]
    checked = [one for recording in check for one in lesson.samples(recording, zone.tracking(recording), bouts)]
    scaler = lesson.fit_scaler(taught) if taught else None
    train, validation = (_dataset(samples, lesson, scaler, recipe) if scaler else None for samples in (taught, checked))
    if scaler is None or train is None:
        raise ContractError(["Expected annotated mice in the tracking of the training recordings, but got none. Compare the mouse ids."])

    torch.manual_seed(seed)
    config, network = recognizers.build_network(recipe.family, asdict(recipe.network), len(lesson.features.names), len(lesson.behaviors))
    if trunk is not None:
        start_from(network, trunk.weights)
    trainer = Trainer(network, train, recipe, seed, torch.device(device), lesson.features, compiled)
    judge = None
    if validation is not None:
        judge = lesson.judge(validation.to(trainer.device), bouts, trainer.device, trainer.class_weights)
    return Session(recipe, seed, split, lesson, scaler, config, trainer, judge)


def _dataset(samples: list[Samples], lesson: Lesson, scaler: RobustScaler, recipe: Recipe) -> StreamDataset | None:
    if not samples:
        return None
    dtype = torch.float16 if recipe.half_features else torch.float32
    return assemble(_consumed(samples), lesson.behaviors, scaler.transform, dtype, lesson.labs)


def _consumed(samples: list[Samples]) -> Iterator[Samples]:
    """Yield from the front and forget, so that scaled and unscaled features never both lie in memory as a whole."""
    samples.reverse()
    while samples:
        yield samples.pop()
