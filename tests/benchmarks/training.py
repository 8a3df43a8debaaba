"""Training windows per second: one tensor gathered in batch, against a Dataset of single windows behind a DataLoader.

    python tests/benchmarks/training.py [--recordings 6] [--minutes 5] [--rounds 3] [--steps 16]

The peer does what most notebooks do: for each window it slices the pair's columns, makes and scales features, augments, and collates,
in this process or in two workers, whichever is faster. It slices arrays, not tables, which is its fastest form. Windows and features are
the same, which is checked first. What is made once (features of whole recordings here, places interpolated and labels for
the peer) is counted into the epochs of the recipe. Weights are random: they do not change the time.

Axes: S samples of a recording, W window samples, F features, C behaviors.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `rest_waiting_threads` of the training scripts: before torch is loaded

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from behavior.curation import CuratedTracking, curate
from behavior.labelling import PairLabelling, Subject
from behavior.material import Material
from behavior.recording import recordings_from_rows
from behavior.simulated.recordings import PROFILES, simulate
from behavior.tracking import Pose
from behavior.views.anchors import ANCHORS
from behavior.views.mirror import Mirror
from behavior.views.pair_features import PairFeatures, common_bodyparts
from behavior.views.pair_tracks import CM_PER_M, PairTracks
from behavior.views.scaler import RobustScaler
from recognizers.families import network_family
from training.fitting.loop import Trainer
from training.material.datasets import Batch, StreamDataset, assemble, samples_of, thinned
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe
from training.recipes.track_augmentation import TrackAugmentation

PROFILE = PROFILES["CalMS21_task1"]
"""30 frames a second, as the recipes: neither side has to resample."""
RECIPES_MEASURED = ("cnn_transformer_small", "cnn_transformer_plus_small")


@dataclass(frozen=True)
class SharedMaterial:
    """Recordings, and what both sides know about them."""

    recordings: tuple[Material, ...]
    bouts: pd.DataFrame
    labelling: PairLabelling
    settings: PairFeatures | PairTracks
    scaler: RobustScaler
    recipe: Recipe


class WindowByWindow(Dataset):
    """The peer: everything is done for one window at a time."""

    def __init__(self, material: SharedMaterial, dataset: StreamDataset, starts: np.ndarray, owners: np.ndarray) -> None:
        self.material, self.starts, self.owners = material, starts, owners
        self.streams, self.annotated, self.context = dataset.streams, dataset.annotated.numpy(), dataset.context.numpy()
        of_video = {one.recording.video_id: one.tracking for one in material.recordings}
        self.curated = [of_video[stream.recording.video_id] for stream in self.streams]
        self.labels = [
            material.labelling.truth(stream.recording, stream.subject, curated.mice, stream.frames, material.bouts).labels
            for stream, curated in zip(self.streams, self.curated, strict=True)
        ]
        self.tracks: dict[tuple[int, int | None], np.ndarray] = {}
        if isinstance(material.settings, PairTracks):  # a point lost at a window's edge lies between sights outside of it
            half = len(material.settings.names) // 2
            for one in material.recordings:
                for mouse in one.tracking.mice:
                    both = material.settings.of(one.tracking, one.recording.fps, Subject(mouse, mouse))
                    self.tracks[one.recording.video_id, mouse] = np.nan_to_num(both[:, :half])

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        owner, start = self.owners[place], self.starts[place]
        stream, window = self.streams[owner], slice(start, start + self.material.recipe.windowing.window)
        labels = self.labels[owner][window]
        mask = np.broadcast_to(self.annotated[owner], labels.shape).copy()
        features, context = self.seen(owner, window), self.context[owner]
        augmentation = self.material.recipe.augmentation
        if isinstance(augmentation, TrackAugmentation) and isinstance(self.material.settings, PairTracks):
            features, context = augmented(features, context, augmentation, self.material.settings)
        return features, labels, mask, context, stream.recording.video_id

    def seen(self, owner: int, window: slice) -> np.ndarray:
        """Return the features [W, F] of one window, not augmented."""
        stream, settings = self.streams[owner], self.material.settings
        agent, target = stream.subject.agent, stream.subject.target
        if isinstance(settings, PairTracks):
            video = stream.recording.video_id
            return np.concatenate([self.tracks[video, agent][window], self.tracks[video, target][window]], axis=1)
        whole = self.curated[owner]
        mice = whole.mice if agent is None or target is None or agent == target else (agent, target)
        cut = Pose(mice, whole.bodyparts, whole.xy[..., window], whole.seen[..., window])
        return self.material.scaler.transform(settings.of(CuratedTracking(cut, whole.velocity[..., window]), 30.0, stream.subject))


def augmented(tracks: np.ndarray, context: np.ndarray, settings: TrackAugmentation, layout: PairTracks) -> tuple[np.ndarray, np.ndarray]:
    """Return one window [W, F] as `TrackAugmentation` changes it, in numpy: torch is slower on so little."""
    rng = np.random.default_rng(int(torch.randint(2**31, ()).item()))
    points = len(layout.points)
    parts = tracks.reshape(len(tracks), 2, points, 3).copy()
    if rng.random() < settings.mirror:
        parts = _mirror(layout)(parts.reshape(tracks.shape)).reshape(parts.shape)
    if rng.random() < settings.swap:
        parts = parts[:, ::-1]
    parts[..., :2] *= 1 + settings.scale * (2 * rng.random() - 1)
    parts[..., :2] += settings.noise_cm / CM_PER_M * rng.standard_normal(parts[..., :2].shape, dtype=np.float32)
    parts *= ((rng.random(points) >= settings.drop_bodypart) | (np.arange(points) < len(ANCHORS)))[:, None]
    if rng.random() < settings.forget_lab:
        context = np.concatenate([[np.float32(0)], context[1:]])
    return parts.reshape(tracks.shape), context


@cache
def _mirror(layout: PairTracks) -> Mirror:
    return layout.mirror


def collate(items: list[tuple[Any, ...]]) -> Batch:
    """Stack windows to a batch."""
    features, labels, mask, context = (torch.from_numpy(np.stack(column)) for column in list(zip(*items, strict=True))[:4])
    return Batch(features, None, labels, mask, context, tuple(sorted({item[4] for item in items})))


def make_material(recipe: Recipe, recordings: int, minutes: float) -> SharedMaterial:
    """Simulate recordings and fit the scaler, which both sides use."""
    simulated = [simulate(PROFILE, seed=number, video_id=101 + number, seconds=60 * minutes) for number in range(recordings)]
    opened = []
    for one in simulated:
        (recording,) = recordings_from_rows([one.metadata])
        opened.append(Material.with_tracking(recording, curate(one.tracking, recording)))
    bouts = pd.concat([one.annotation.to_pandas().assign(video_id=one.metadata["video_id"]) for one in simulated])
    settings = network_family(recipe.family).features(common_bodyparts([PROFILE.bodyparts]), recipe.fps)
    assert isinstance(settings, PairFeatures | PairTracks)
    labelling = PairLabelling(tuple(sorted(bouts["action"].unique())))
    samples = [one for material in opened for one in samples_of(material, bouts, labelling, settings)]
    return SharedMaterial(tuple(opened), bouts, labelling, settings, settings.fit_scaler(thinned(samples)), recipe)


def make_dataset(material: SharedMaterial) -> StreamDataset:
    """Lay features of all recordings end to end: what our side does once."""
    parts = (samples_of(one, material.bouts, material.labelling, material.settings) for one in material.recordings)
    samples, windowing = (one for part in parts for one in part), material.recipe.windowing
    return assemble(samples, material.labelling.behaviors, material.scaler.transform, torch.float16, windowing, (PROFILE.name,))


def make_peer(material: SharedMaterial, dataset: StreamDataset) -> WindowByWindow:
    """Return the peer over the windows of one of our epochs."""
    starts, owners = dataset.window_places(np.random.default_rng(0))
    return WindowByWindow(material, dataset, starts, owners)


def check_equal(material: SharedMaterial, dataset: StreamDataset, peer: WindowByWindow) -> None:
    """Stop unless both sides see the same in the same windows (16 bits on our side)."""
    for place in range(0, len(peer), max(1, len(peer) // 50)):
        owner, start = int(peer.owners[place]), int(peer.starts[place])
        window = slice(start, start + material.recipe.windowing.window)
        row = dataset.streams[owner].start + start
        ours = dataset.features[row : row + material.recipe.windowing.window].float().numpy()
        np.testing.assert_allclose(peer.seen(owner, window), ours, atol=4e-3)
        np.testing.assert_array_equal(peer.labels[owner][window], dataset.labels[row : row + len(ours)].numpy())


def ours(material: SharedMaterial, dataset: StreamDataset, seed: int) -> Iterator[Batch]:
    """Yield the batches of one epoch as the training loop takes them."""
    augment = material.recipe.augmentation.of(material.settings)
    for batch in dataset.batches(material.recipe.batch, np.random.default_rng(seed)):
        yield augment(batch)


def rate(batches: Iterable[Batch], use: Callable[[Batch], Any] = lambda batch: None) -> float:
    """Return windows per second, the first batch left out: it starts what later ones find running."""
    numbers = iter(batches)
    next(numbers)
    windows, started = 0, time.perf_counter()
    for batch in numbers:
        use(batch)
        windows += len(batch.features)
    return windows / (time.perf_counter() - started)


def measure(name: str, arguments: argparse.Namespace) -> None:
    """Measure one recipe and print."""
    recipe = RECIPES[name]()
    assert isinstance(recipe, Recipe)
    material = make_material(recipe, arguments.recordings, arguments.minutes)
    started = time.perf_counter()
    dataset = make_dataset(material)
    once_s = time.perf_counter() - started
    started = time.perf_counter()
    peer = make_peer(material, dataset)
    peer_once_s = time.perf_counter() - started
    check_equal(material, dataset, peer)
    loaders = {
        workers: DataLoader(peer, recipe.batch, shuffle=True, num_workers=workers, collate_fn=collate, persistent_workers=workers > 0)
        for workers in (0, 2)
    }
    found: dict[str, list[float]] = {"ours": [], **{f"peer, {workers} workers": [] for workers in loaders}}
    for number in range(arguments.rounds):  # in turns, so that other work on the machine meets all alike
        found["ours"].append(statistics.median(rate(ours(material, dataset, 10 * number + again)) for again in range(5)))
        for workers, loader in loaders.items():
            found[f"peer, {workers} workers"].append(rate(loader))
    medians = {key: statistics.median(values) for key, values in found.items()}
    print(f"{name}: {len(peer):,} windows of {recipe.windowing.window} samples, {len(material.settings.names)} columns, an epoch")
    for key, value in medians.items():
        print(f"  data alone, {key}: {value:,.0f} windows/s ({min(found[key]):,.0f} to {max(found[key]):,.0f})")
    best = max(list(loaders), key=lambda workers: medians[f"peer, {workers} workers"])
    fast, slow = medians["ours"], medians[f"peer, {best} workers"]
    print(f"  data alone: {fast / slow:.1f} times the peer's windows per second")
    whole, theirs = (once_s + recipe.epochs * len(peer) / fast, peer_once_s + recipe.epochs * len(peer) / slow)
    print(
        f"  {recipe.epochs} epochs, what is made once ({once_s:.2f} s, the peer's {peer_once_s:.2f} s) counted in: "
        f"{recipe.epochs * len(peer) / whole:,.0f} against {recipe.epochs * len(peer) / theirs:,.0f} windows/s: {theirs / whole:.1f} times"
    )
    if arguments.steps:
        stepped(material, dataset, loaders[best], arguments)


def stepped(material: SharedMaterial, dataset: StreamDataset, loader: DataLoader, arguments: argparse.Namespace) -> None:
    """Measure and print the same with the training step."""
    recipe = material.recipe
    config, behaviors = recipe.to_json_dict()["network"], material.labelling.behaviors
    _, network = network_family(recipe.family).build(config, len(material.settings.names), len(behaviors))
    trainer = Trainer(network, dataset, recipe, 0, torch.device("cpu"), recipe.augmentation.of(material.settings))
    pairs = []
    for number in range(arguments.rounds):
        fast = rate(islice(ours(material, dataset, number), arguments.steps + 1), trainer._step)
        pairs.append((fast, rate(islice(iter(loader), arguments.steps + 1), trainer._step)))
    fast, slow = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"  with the training step: {fast:,.0f} against {slow:,.0f} windows/s: {fast / slow:.2f} times; the step is most of it")


def main() -> int:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=6, help="of two mice each (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5.0, help="length of each (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=16, help="training steps a round; 0 for none (default: %(default)s)")
    arguments = parser.parse_args()
    for name in RECIPES_MEASURED:
        measure(name, arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
