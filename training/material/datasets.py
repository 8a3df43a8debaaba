"""Datasets for networks over windows: features and labels of all recordings in one tensor, from which windows are gathered by index.

There is no worker process and no copy per window: a batch is one gather. A window lies within one stream: one subject of one
recording.

Axes: M samples of all streams, F features, C behaviors, N windows, B batch, W window samples.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from behavior.labelling import Labelling, Subject, tracked_subjects
from behavior.material import Material
from behavior.recording import Recording
from behavior.views.features import Features
from behavior.views.sampling import sample_frames
from behavior.views.scaler import FIT_ROWS
from behavior.views.windows import window_starts
from recognizers.context import context_of, lab_number
from recognizers.torch_windows import gather_windows, rows_of, window_rows
from recognizers.windowed import Windowing


@dataclass(frozen=True)
class Stream:
    """One subject of one recording."""

    recording: Recording
    """The video."""
    subject: Subject
    """The subject."""
    frames: int
    """Length of the recording, in its own frames."""
    start: int
    """Its first row in the dataset."""
    samples: int
    """Its rows."""


@dataclass(frozen=True)
class Batch:
    """Windows of features with their labels."""

    features: Tensor
    """[B, W, F] float32."""
    valid: Tensor | None
    """[B, W] bool, false on padding; None without padding."""
    labels: Tensor
    """[B, W, C] bool."""
    mask: Tensor
    """[B, W, C] bool: annotated, and not padding."""
    context: Tensor
    """[B, 1 + C] float32: lab and annotated behaviors (`recognizers.context`)."""
    videos: tuple[int, ...]
    """Videos of the windows, ascending, each once."""

    def split(self, parts: int) -> "list[Batch]":
        """Return the windows in so many parts of about equal size, or fewer; the batch itself for one part."""
        if parts == 1:
            return [self]
        size = math.ceil(len(self.features) / parts)
        valid = [None] * parts if self.valid is None else self.valid.split(size)
        pieces = (self.features.split(size), valid, self.labels.split(size), self.mask.split(size), self.context.split(size))
        return [Batch(*own, self.videos) for own in zip(*pieces, strict=False)]


@dataclass(frozen=True)
class Portion:
    """Which windows of an epoch are made: from some batch on, and of each batch the part of one process."""

    first: int = 0
    """Batches that are left out, because they were made before."""
    rank: int = 0
    """Number of the process."""
    count: int = 1
    """Processes that share each batch."""

    def of(self, order: np.ndarray, batch: int) -> Iterator[np.ndarray]:
        """Yield of windows in order [N] those of one batch after the other.

        In a batch with fewer windows than processes, some get its first window too: a process must not be without any.
        """
        for start in range(self.first * batch, len(order), batch):
            whole = order[start : start + batch]
            own = np.array_split(whole, self.count)[self.rank]
            yield own if len(own) else whole[:1]


WHOLE = Portion()
"""All windows of an epoch."""


@dataclass(frozen=True)
class StreamDataset:
    """Scaled features and labels of many streams."""

    streams: tuple[Stream, ...]
    """In the order of their rows."""
    features: Tensor
    """[M, F] float16 or float32, scaled."""
    labels: Tensor
    """[M, C] bool."""
    annotated: Tensor
    """[streams, C] bool: annotated behaviors."""
    context: Tensor
    """[streams, 1 + C] float32: lab and annotated behaviors (`recognizers.context`)."""
    windowing: Windowing
    """How streams are cut into windows."""

    def to(self, device: torch.device) -> "StreamDataset":
        """Return the same data on a device."""
        parts = {name: getattr(self, name).to(device) for name in ("features", "labels", "annotated", "context")}
        return replace(self, **parts)

    def class_frames(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of samples with each behavior [C], and of samples in which it was annotated [C]."""
        annotated = self.annotated.cpu().numpy()
        lengths = np.array([stream.samples for stream in self.streams])
        present = np.zeros(annotated.shape[1])
        for stream, mask in zip(self.streams, annotated, strict=True):
            present += self.labels[stream.start : stream.start + stream.samples].sum(0).cpu().numpy() * mask
        return present, lengths @ annotated

    @property
    def n_windows(self) -> int:
        """Number of windows of one epoch."""
        return sum(len(window_starts(stream.samples, self.windowing.window, self.windowing.step)) for stream in self.streams)

    def batches(self, batch: int, generator: np.random.Generator, portion: Portion = WHOLE) -> Iterator[Batch]:
        """Yield all windows once, shuffled, each shifted by up to half a step so that epochs have different windows."""
        start, owner = self.window_places(generator)
        for chosen in portion.of(generator.permutation(len(start)), batch):
            yield self._batch(start[chosen], owner[chosen], self.windowing.window)

    def window_places(self, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the first sample of each window of one epoch within its stream, and the stream's number: [N] int64 each, in order."""
        starts, owners, windowing = [], [], self.windowing
        for number, stream in enumerate(self.streams):
            regular = window_starts(stream.samples, windowing.window, windowing.step)
            moved = regular + generator.integers(-(windowing.step // 2), windowing.step // 2 + 1, len(regular))
            starts.append(np.clip(moved, 0, max(stream.samples - windowing.window, 0)))
            owners.append(np.full(len(regular), number))
        return np.concatenate(starts), np.concatenate(owners)

    def _batch(self, starts: np.ndarray, owners: np.ndarray, window: int) -> Batch:
        streams = [self.streams[owner] for owner in owners]
        device = self.features.device
        rows = torch.from_numpy(starts + np.array([stream.start for stream in streams])).to(device)
        lengths = torch.from_numpy(np.array([stream.samples for stream in streams]) - starts).to(device)
        features, valid = gather_windows(self.features, rows, lengths, window)
        labels = rows_of(self.labels, window_rows(rows, lengths, window)[0])
        owner = torch.from_numpy(owners).to(device)
        mask = self.annotated[owner][:, None, :].expand_as(labels)
        mask = mask if valid is None else mask & valid[..., None]
        return Batch(features, valid, labels, mask, self.context[owner], tuple(sorted({stream.recording.video_id for stream in streams})))


@dataclass(frozen=True)
class Samples:
    """Unscaled features and labels of one stream, before they become part of a dataset."""

    recording: Recording
    """The video."""
    subject: Subject
    """The subject."""
    frames: int
    """Length of the recording, in its own frames."""
    features: np.ndarray
    """[S, F] float32, NaN where unknown."""
    labels: np.ndarray
    """[S, C] bool."""


def samples_of(material: Material, bouts: pd.DataFrame, labelling: Labelling, features: Features) -> list[Samples]:
    """Return features and labels of every tracked subject of one recording. `bouts` may hold other recordings and behaviors too."""
    curated, recording = material.tracking, material.recording
    sampled = sample_frames(curated.frames, recording.fps, features.fps)
    samples = []
    for subject in tracked_subjects(labelling, recording, curated.mice):
        labels = labelling.truth(recording, subject, curated.mice, curated.frames, bouts).labels[sampled]
        samples.append(Samples(recording, subject, curated.frames, features.of(curated, recording.fps, subject), labels))
    return samples


def thinned(samples: Sequence[Samples]) -> np.ndarray:
    """Return every n-th row of the features of all samples [N, F], so that fitting needs no second copy of all rows."""
    every = max(1, sum(len(one.features) for one in samples) // FIT_ROWS)
    return np.concatenate([one.features[::every] for one in samples])


def assemble(
    samples: Iterable[Samples],
    behaviors: Sequence[str],
    scale: Callable[[np.ndarray], np.ndarray],
    dtype: torch.dtype,
    windowing: Windowing,
    labs: Sequence[str] = (),
) -> StreamDataset:
    """Return a dataset of scaled samples; the order of `labs` gives their numbers in the context.

    `samples` are read one by one: an iterator may free each of them.
    """
    streams: list[Stream] = []
    features, labels, annotated, context = [], [], [], []
    start = 0
    for one in samples:
        streams.append(Stream(one.recording, one.subject, one.frames, start, len(one.features)))
        start += len(one.features)
        features.append(torch.from_numpy(scale(one.features)).to(dtype))
        labels.append(torch.from_numpy(one.labels))
        annotated.append(one.subject.mask(behaviors).tolist())
        context.append(torch.from_numpy(context_of(lab_number(one.recording.lab_id, labs), annotated[-1])))
    return StreamDataset(tuple(streams), torch.cat(features), torch.cat(labels), torch.tensor(annotated), torch.stack(context), windowing)
