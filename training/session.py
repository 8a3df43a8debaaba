"""One training session: curated zone in, trained recognizer out; the steps between, in order.

Axes: C behaviors.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

import recognizers
from behavior.contract import ContractError, refuse
from behavior.ethogram import ethogram
from behavior.features import PairFeatures, RobustScaler, common_bodyparts
from behavior.recording import Recording
from recognizers.pair_view import PairRecognizer
from recognizers.recognizer import Decoding, View
from training.curated_zone import CuratedZone
from training.datasets import Batch, PairDataset, PairSamples, assemble, fit_scaler, pair_samples
from training.folds import Split, split_videos
from training.loop import Trainer
from training.recipes import Recipe
from training.resume import restore_state, save_state
from training.thresholds import DEFAULT_THRESHOLD
from training.validation import Judge

Watch = Callable[[Iterable[Batch], int], Iterable[Batch]]


@dataclass(frozen=True)
class Session:
    """A prepared run: data read, scaled and split, network built."""

    recipe: Recipe
    """What is run."""
    seed: int
    """Of weights, windows and dropout."""
    split: Split
    """Who teaches, validates, is held out."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: PairFeatures
    """What the network sees."""
    scaler: RobustScaler
    """Fitted on training videos."""
    decoding: Decoding
    """Without fitted thresholds yet."""
    network_config: Any
    """Of the recipe's family."""
    trainer: Trainer
    """The network on its way."""
    judge: Judge | None
    """None if no recording validates."""

    @property
    def summary(self) -> str:
        """Say in one line what is trained on what."""
        train = self.trainer.train
        weights = sum(value.numel() for value in self.trainer.network.parameters())
        return (
            f"Recipe {self.recipe.name}: {weights:,} weights, {len(self.features.names)} features, {len(self.behaviors)} behaviors; "
            f"{len(self.split.train)} recordings teach ({len(train.streams)} pairs, {len(train.features):,} samples), "
            f"{len(self.split.validation)} validate, {len(self.split.held_out)} are held out; device {self.trainer.device}."
        )

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

    def recognizer(self) -> PairRecognizer:
        """Return the best network so far, with all that belongs to it."""
        run = self.trainer.run
        n_behaviors = len(self.behaviors)
        config, network = recognizers.build_network(self.recipe.family, asdict(self.network_config), len(self.features.names), n_behaviors)
        network.load_state_dict(run.best_weights)
        thresholds = (DEFAULT_THRESHOLD,) * n_behaviors if run.best is None else run.best.thresholds
        return PairRecognizer(
            family=self.recipe.family,
            network=network.eval(),
            network_config=config,
            behaviors=self.behaviors,
            features=self.features,
            scaler=self.scaler,
            windowing=self.recipe.windowing,
            decoding=Decoding(thresholds, self.decoding.occurring, self.decoding.settings),
        )

    def save_recognizer(self, path: Path) -> None:
        """Write the checkpoint."""
        provenance = {
            "recipe": {**self.recipe.to_json_dict(), "network": asdict(self.network_config)},
            "videos": {part: list(videos) for part, videos in asdict(self.split).items()},
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
    curated: Path, recipe: Recipe, seed: int, device: str, threads: int | None = None, groups: Mapping[int, int] | None = None
) -> Session:
    """Read the curated zone and build what the recipe asks for. Files of held-out recordings are never opened.

    Raises ContractError with all faults of the data.
    """
    if recognizers.FAMILIES[recipe.family].view is not View.PAIR:
        raise ContractError([f"Expected a recipe of the pair view, but got {recipe.name}. Choose another recipe."])
    if threads is not None:
        torch.set_num_threads(threads)
    zone = CuratedZone(curated)
    recordings = {recording.video_id: recording for recording in zone.annotated_recordings()}
    split = split_videos({video: recording.lab_id for video, recording in recordings.items()}, groups)
    teach, check = ([recordings[video] for video in part] for part in (split.train, split.validation))
    refuse(zone.missing([*teach, *check]))
    bouts = zone.bouts([*teach, *check])
    behaviors = ethogram(bouts.loc[bouts["video_id"].isin(split.train), "action"])
    if not behaviors:
        raise ContractError(["Expected bouts in the training recordings, but got none. Annotate some, or watch for what was annotated."])

    samples, features = _samples(zone, teach, check, bouts, behaviors, recipe)
    scaler = fit_scaler(samples["train"], features)
    train, validation = (_dataset(samples.pop(part), behaviors, scaler, recipe) for part in ("train", "validation"))
    if train is None:
        raise ContractError(["Expected watched mice in the tracking of the training recordings, but got none. Compare the mouse ids."])

    torch.manual_seed(seed)
    config, network = recognizers.build_network(recipe.family, asdict(recipe.network), len(features.names), len(behaviors))
    trainer = Trainer(network, train, recipe, seed, torch.device(device))
    decoding = Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring_behaviors([*teach, *check], bouts, behaviors), recipe.decode)
    judge = None
    if validation is not None:
        judge = Judge(validation.to(trainer.device), bouts, behaviors, decoding, recipe, trainer.device, trainer.class_weights)
    return Session(recipe, seed, split, behaviors, features, scaler, decoding, config, trainer, judge)


def occurring_behaviors(recordings: Iterable[Recording], bouts: pd.DataFrame, behaviors: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return for each lab the behaviors that occur in it at least once."""
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    occurring: dict[str, set[str]] = defaultdict(set)
    for lab in labs.values():
        occurring[lab]  # a lab without any bout has nothing to predict
    for video, behavior in bouts[["video_id", "action"]].drop_duplicates().itertuples(index=False):
        occurring[labs[video]].add(behavior)
    return {lab: frozenset(found.intersection(behaviors)) for lab, found in occurring.items()}


def _samples(
    zone: CuratedZone, teach: Sequence[Recording], check: Sequence[Recording], bouts: pd.DataFrame, behaviors: Sequence[str], recipe: Recipe
) -> tuple[dict[str, list[PairSamples]], PairFeatures]:
    """Read all recordings that may be read. The bodyparts are those of the training recordings."""
    curated = {recording.video_id: zone.tracking(recording) for recording in teach}
    features = PairFeatures(common_bodyparts([one.bodyparts for one in curated.values()]), recipe.fps)
    taught = [one for recording in teach for one in pair_samples(recording, curated.pop(recording.video_id), bouts, behaviors, features)]
    checked = [one for recording in check for one in pair_samples(recording, zone.tracking(recording), bouts, behaviors, features)]
    return {"train": taught, "validation": checked}, features


def _dataset(samples: list[PairSamples], behaviors: Sequence[str], scaler: RobustScaler, recipe: Recipe) -> PairDataset | None:
    if not samples:
        return None
    return assemble(_consumed(samples), behaviors, scaler.transform, torch.float16 if recipe.half_features else torch.float32)


def _consumed(samples: list[PairSamples]) -> Iterator[PairSamples]:
    """Yield from the front and forget, so that scaled and unscaled features never both lie in memory as a whole."""
    samples.reverse()
    while samples:
        yield samples.pop()
