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
from itertools import islice
from pathlib import Path
from typing import Any

if not __package__:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `rest_waiting_threads` of the training scripts: before torch is loaded

import numpy as np
import pandas as pd
import torch
from behavior.given import Material
from torch.utils.data import DataLoader, Dataset
from training.given.datasets import Batch, StreamDataset, assemble, thinned

from behavior.curation import Curated, curate
from behavior.recording import recordings_from_rows
from behavior.simulated.recordings import PROFILES, simulate
from behavior.tracking import Pose
from behavior.views.anchors import ANCHORS
from behavior.views.pair_features import PairFeatures, common_bodyparts
from behavior.views.pair_tracks import CM_PER_M, PairTracks
from behavior.views.scaler import RobustScaler
from training.fitting.loop import Trainer
from training.recipes.named import RECIPES
from training.recipes.network_recipe import Recipe
from training.recipes.track_augmentation import TrackAugmentation

PROFILE = PROFILES["CalMS21_task1"]
"""30 frames a second, as the recipes: neither side has to resample."""
RECIPES_MEASURED = ("cnn_transformer_small", "cnn_transformer_plus_small")


@dataclass(frozen=True)
class Material:
    """Recordings, and what both sides know about them."""

    recordings: list[tuple[Recording, Curated]]
    bouts: pd.DataFrame
    behaviors: tuple[str, ...]
    settings: PairFeatures | PairTracks
    scaler: RobustScaler
    recipe: Recipe


class WindowByWindow(Dataset):
    """The peer: everything is done for one window at a time."""

    def __init__(self, given: Given, dataset: StreamDataset, starts: np.ndarray, owners: np.ndarray) -> None:
        self.given, self.starts, self.owners = given, starts, owners
        self.streams, self.annotated, self.context = dataset.streams, dataset.annotated.numpy(), dataset.context.numpy()
        of_video = {recording.video_id: curated for recording, curated in given.recordings}
        self.curated = [of_video[stream.recording.video_id] for stream in self.streams]
        self.labels = [
            pair_labels(stream.recording, _pair(stream.pair), stream.frames, given.bouts, given.behaviors) for stream in self.streams
        ]
        self.tracks: dict[tuple[int, int], np.ndarray] = {}
        if isinstance(given.settings, PairTracks):  # a point lost at a window's edge lies between sights outside of it
            half = len(given.settings.names) // 2
            for recording, curated in given.recordings:
                for mouse in curated.mice:
                    both = given.settings.of(curated, recording.fps, mouse, mouse)
                    self.tracks[recording.video_id, mouse] = np.nan_to_num(both[:, :half])

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, place: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
        owner, start = self.owners[place], self.starts[place]
        stream, window = self.streams[owner], slice(start, start + self.given.recipe.windowing.window)
        labels = self.labels[owner][window]
        mask = np.broadcast_to(self.annotated[owner], labels.shape).copy()
        features, context = self.seen(owner, window), self.context[owner]
        augmentation = self.given.recipe.augmentation
        if isinstance(augmentation, TrackAugmentation):
            features, context = augmented(features, context, augmentation, self.given.settings)
        return features, labels, mask, context, stream.recording.video_id

    def seen(self, owner: int, window: slice) -> np.ndarray:
        """Return the features [W, F] of one window, not augmented."""
        stream, settings = self.streams[owner], self.given.settings
        agent, target = _pair(stream.pair)
        if isinstance(settings, PairTracks):
            video = stream.recording.video_id
            return np.concatenate([self.tracks[video, agent][window], self.tracks[video, target][window]], axis=1)
        whole = self.curated[owner]
        mice = whole.mice if agent == target else (agent, target)
        cut = Pose(mice, whole.bodyparts, whole.xy[..., window], whole.seen[..., window])
        return self.given.scaler.transform(settings.of(Curated(cut, whole.velocity[..., window]), 30.0, agent, target))


def augmented(tracks: np.ndarray, context: np.ndarray, settings: TrackAugmentation, layout: PairTracks) -> tuple[np.ndarray, np.ndarray]:
    """Return one window [W, F] as `TrackAugmentation` changes it, in numpy: torch is slower on so little."""
    rng = np.random.default_rng(torch.randint(2**31, ()).item())
    points = len(layout.points)
    parts = tracks.reshape(len(tracks), 2, points, 3).copy()
    if rng.random() < settings.mirror:
        parts = parts[:, :, list(layout.mirrored)]
        parts[..., 0] *= -1
    if rng.random() < settings.swap:
        parts = parts[:, ::-1]
    parts[..., :2] *= 1 + settings.scale * (2 * rng.random() - 1)
    parts[..., :2] += settings.noise_cm / CM_PER_M * rng.standard_normal(parts[..., :2].shape, dtype=np.float32)
    parts *= ((rng.random(points) >= settings.drop_bodypart) | (np.arange(points) < len(ANCHORS)))[:, None]
    if rng.random() < settings.forget_lab:
        context = np.concatenate([[np.float32(0)], context[1:]])
    return parts.reshape(tracks.shape), context


def collate(items: list[tuple[Any, ...]]) -> Batch:
    """Stack windows to a batch."""
    features, labels, mask, context = (torch.from_numpy(np.stack(column)) for column in list(zip(*items, strict=True))[:4])
    return Batch(features, None, labels, mask, context, tuple(sorted({item[4] for item in items})))


def make_material(recipe: Recipe, recordings: int, minutes: float) -> Material:
    """Simulate recordings and fit the scaler, which both sides use."""
    simulated = [simulate(PROFILE, seed=number, video_id=101 + number, seconds=60 * minutes) for number in range(recordings)]
    pairs = []
    for one in simulated:
        (recording,) = recordings_from_rows([one.metadata])
        pairs.append((recording, curate(one.tracking, recording)))
    bouts = pd.concat([one.annotation.to_pandas().assign(video_id=one.metadata["video_id"]) for one in simulated])
    settings = features_class(recipe.family)(common_bodyparts([PROFILE.bodyparts]), recipe.fps)
    behaviors = tuple(sorted(bouts["action"].unique()))
    samples = [one for recording, curated in pairs for one in pair_samples(recording, curated, bouts, behaviors, settings)]
    return Material(pairs, bouts, behaviors, settings, settings.fit_scaler(thinned(samples)), recipe)


def make_dataset(given: Given) -> StreamDataset:
    """Lay features of all recordings end to end: what our side does once."""
    samples = (
        one
        for recording, curated in given.recordings
        for one in pair_samples(recording, curated, given.bouts, given.behaviors, given.settings)
    )
    return assemble(samples, given.behaviors, given.scaler.transform, torch.float16, (PROFILE.name,))


def make_peer(given: Given, dataset: StreamDataset) -> WindowByWindow:
    """Return the peer over the windows of one of our epochs."""
    starts, owners = dataset.window_places(given.recipe.windowing, np.random.default_rng(0))
    return WindowByWindow(given, dataset, starts, owners)


def check_equal(given: Given, dataset: StreamDataset, peer: WindowByWindow) -> None:
    """Stop unless both sides see the same in the same windows (16 bits on our side)."""
    for place in range(0, len(peer), max(1, len(peer) // 50)):
        owner, start = int(peer.owners[place]), int(peer.starts[place])
        window = slice(start, start + given.recipe.windowing.window)
        row = dataset.streams[owner].start + start
        ours = dataset.features[row : row + given.recipe.windowing.window].float().numpy()
        np.testing.assert_allclose(peer.seen(owner, window), ours, atol=4e-3)
        np.testing.assert_array_equal(peer.labels[owner][window], dataset.labels[row : row + len(ours)].numpy())


def ours(given: Given, dataset: StreamDataset, seed: int) -> Iterator[Batch]:
    """Yield the batches of one epoch as the training loop takes them."""
    recipe = given.recipe
    for batch in dataset.batches(recipe.windowing, recipe.batch, np.random.default_rng(seed)):
        yield recipe.augmentation(batch, given.settings)


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
    given = make_material(recipe, arguments.recordings, arguments.minutes)
    started = time.perf_counter()
    dataset = make_dataset(given)
    once_s = time.perf_counter() - started
    started = time.perf_counter()
    peer = make_peer(given, dataset)
    peer_once_s = time.perf_counter() - started
    check_equal(given, dataset, peer)
    loaders = {
        workers: DataLoader(peer, recipe.batch, shuffle=True, num_workers=workers, collate_fn=collate, persistent_workers=workers > 0)
        for workers in (0, 2)
    }
    found: dict[str, list[float]] = {"ours": [], **{f"peer, {workers} workers": [] for workers in loaders}}
    for number in range(arguments.rounds):  # in turns, so that other work on the machine meets all alike
        found["ours"].append(statistics.median(rate(ours(given, dataset, 10 * number + again)) for again in range(5)))
        for workers, loader in loaders.items():
            found[f"peer, {workers} workers"].append(rate(loader))
    medians = {key: statistics.median(values) for key, values in found.items()}
    print(f"{name}: {len(peer):,} windows of {recipe.windowing.window} samples, {len(given.settings.names)} columns, an epoch")
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
        stepped(given, dataset, loaders[best], arguments)


def stepped(given: Given, dataset: StreamDataset, loader: DataLoader, arguments: argparse.Namespace) -> None:
    """Measure and print the same with the training step."""
    recipe = given.recipe
    _, network = build_network(recipe.family, recipe.to_json_dict()["network"], len(given.settings.names), len(given.behaviors))
    trainer = Trainer(network, dataset, recipe, 0, torch.device("cpu"), given.settings)
    pairs = []
    for number in range(arguments.rounds):
        fast = rate(islice(ours(given, dataset, number), arguments.steps + 1), trainer._step)
        pairs.append((fast, rate(islice(iter(loader), arguments.steps + 1), trainer._step)))
    fast, slow = (statistics.median(values) for values in zip(*pairs, strict=True))
    print(f"  with the training step: {fast:,.0f} against {slow:,.0f} windows/s: {fast / slow:.2f} times; the step is most of it")


def _pair(pair: Pair | None) -> Pair:
    assert pair is not None
    return pair


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
