"""Clips of films for training: windows of small frames that stay on disk, and their labels.

A batch is read by index from frames that are mapped into memory; no film is decoded again. Axes: M samples of all films, S samples of
one film, C behaviors, N windows, B batch, W samples of a window, O answers of a window (1 or W).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from behavior.labelling import Labelling
from behavior.material import Material
from behavior.views.film_views import FilmView
from behavior.views.windows import window_starts
from recognizers.context import context_of
from recognizers.film_scores import SampledRows
from recognizers.windowed import Windowing
from training.material.datasets import WHOLE, Batch, Portion, Stream


@dataclass(frozen=True)
class ClipDataset:
    """Rows and labels of many films."""

    streams: tuple[Stream, ...]
    """The films, in the order of their labels."""
    rows: tuple[SampledRows, ...]
    """What is seen of each film."""
    labels: Tensor
    """[M, C] bool; none on an unknown sample."""
    annotated: Tensor
    """[streams, C] bool: annotated behaviors."""
    context: Tensor
    """[streams, 1 + C] float32; films have no lab number."""
    windowing: Windowing
    """Length of windows, and from one to the next."""
    centered: bool
    """Whether the network answers for the middle of a window, O = 1, or for every sample, O = W."""
    device: torch.device | str = "cpu"
    """Where batches go."""

    def to(self, device: torch.device) -> "ClipDataset":
        """Return the same data, with batches on a device; frames stay on disk."""
        return replace(self, device=device)

    def class_frames(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of samples with each behavior [C], and of labelled samples in which it was annotated [C]."""
        present, known = np.zeros((2, self.labels.shape[1]))
        for number in range(len(self.streams)):
            labels, mask = self.labels_of(number), self.annotated[number].numpy()
            present += labels.sum(0) * mask
            known += labels.any(1).sum() * mask
        return present, known

    def labels_of(self, number: int) -> np.ndarray:
        """Return the labels [S, C] of one film."""
        stream = self.streams[number]
        return self.labels[stream.start : stream.start + stream.samples].numpy()

    @property
    def n_windows(self) -> int:
        """Number of windows of one epoch."""
        return sum(len(places) for places in self._regular())

    def batches(self, batch: int, generator: np.random.Generator, portion: Portion = WHOLE) -> Iterator[Batch]:
        """Yield all windows once, shuffled, each shifted so that epochs have different windows. Windows without a label are left out."""
        places = [self._shifted(number, regular, generator) for number, regular in enumerate(self._regular())]
        starts = np.concatenate(places)
        owners = np.repeat(np.arange(len(places)), [len(one) for one in places])
        for chosen in portion.of(generator.permutation(len(starts)), batch):
            yield self.batch(starts[chosen], owners[chosen])

    def batch(self, starts: np.ndarray, owners: np.ndarray) -> Batch:
        """Return the windows that begin at samples `starts` [B] of films `owners` [B]; the ends of films are repeated."""
        window = self.windowing.window
        clips = [self.rows[owner].clips(np.array([start]), window)[0] for start, owner in zip(starts, owners, strict=True)]
        answers = np.array([window // 2]) if self.centered else np.arange(window)
        samples = starts[:, None] + answers  # [B, O]
        lengths = np.array([self.streams[owner].samples for owner in owners])[:, None]
        first = np.array([self.streams[owner].start for owner in owners])[:, None]
        inside = torch.from_numpy((samples >= 0) & (samples < lengths))
        labels = self.labels[torch.from_numpy(np.clip(samples, 0, lengths - 1) + first)]
        mask = self.annotated[torch.from_numpy(owners)][:, None, :].expand_as(labels) & inside[..., None]
        videos = tuple(sorted({self.streams[owner].recording.video_id for owner in owners.tolist()}))
        parts = (torch.from_numpy(np.stack(clips)), labels, mask, self.context[torch.from_numpy(owners)])
        features, labels, mask, context = (part.to(self.device) for part in parts)
        return Batch(features, None, labels, mask, context, videos)

    def _regular(self) -> Iterator[np.ndarray]:
        """Yield for each film what its windows begin from: labelled samples in their middle, or starts of windows with a label."""
        for number, stream in enumerate(self.streams):
            known = self.labels_of(number).any(1)
            if self.centered:
                yield np.flatnonzero(known)[:: self.windowing.step]
                continue
            starts = window_starts(stream.samples, self.windowing.window, self.windowing.step)
            before = np.concatenate([[0], np.cumsum(known)])
            stops = np.minimum(starts + self.windowing.window, stream.samples)
            yield starts[before[stops] > before[starts]]

    def _shifted(self, number: int, regular: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        window, step, samples = self.windowing.window, self.windowing.step, self.streams[number].samples
        if self.centered:
            known = np.flatnonzero(self.labels_of(number).any(1))
            at = np.arange(len(regular)) * step + generator.integers(step, size=len(regular))
            return known[np.minimum(at, len(known) - 1)] - window // 2 if len(known) else regular
        moved = regular + generator.integers(-(step // 2), step // 2 + 1, len(regular))
        return np.clip(moved, 0, max(samples - window, 0))


def open_clips(
    materials: Sequence[Material], bouts: pd.DataFrame, labelling: Labelling, view: FilmView, windowing: Windowing, centered: bool
) -> ClipDataset:
    """Return the clips of some films; each is decoded once, if its small frames are not on disk. `bouts` may hold other films too."""
    streams, rows, labels, annotated, context, start = [], [], [], [], [], 0
    for material in materials:
        recording = material.recording
        for subject in labelling.subjects(recording, ()):
            seen = view.rows(material.film)
            sampled = SampledRows.of(seen, recording.fps, view.fps)
            truth = labelling.truth(recording, subject, (), len(seen), bouts)
            mask = subject.mask(labelling.behaviors)
            streams.append(Stream(recording, subject, len(seen), start, len(sampled)))
            rows.append(sampled)
            labels.append(torch.from_numpy(truth.labels[sampled.sampled]))
            annotated.append(torch.from_numpy(mask))
            context.append(torch.from_numpy(context_of(0, mask.tolist())))
            start += len(sampled)
    return ClipDataset(tuple(streams), tuple(rows), torch.cat(labels), torch.stack(annotated), torch.stack(context), windowing, centered)
