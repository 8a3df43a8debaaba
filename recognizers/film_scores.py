"""Scores of films: clips of rows are scored by a network, which answers for the middle of a clip or for every sample of it.

Axes: B batch, W samples of a clip, S samples at the recognizer's rate, T frames, O answers of a clip (1 or W), C behaviors.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from behavior.views.sampling import sample_frames
from recognizers.torch_windows import autocast
from recognizers.windowed import Array, Windowing, flow_scores


@dataclass(frozen=True)
class SampledRows:
    """The rows of a film [T, ...] at the recognizer's rate; they are read when they are needed."""

    rows: np.ndarray
    """One per frame, in memory or mapped from disk."""
    sampled: np.ndarray
    """[S]: the frame of each sample."""

    @classmethod
    def of(cls, rows: np.ndarray, fps: float, rate: float) -> "SampledRows":
        """Return the rows of a film of `fps` frames per second at `rate` samples per second."""
        return cls(rows, sample_frames(len(rows), fps, rate))

    def __len__(self) -> int:
        return len(self.sampled)

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.rows[self.sampled[part]]

    def clips(self, starts: np.ndarray, window: int) -> np.ndarray:
        """Return clips [B, W, ...] from samples `starts` [B] on; beyond the ends the first and the last sample are repeated."""
        samples = np.clip(starts[:, None] + np.arange(window), 0, len(self) - 1)
        first = int(samples.min())
        near = self[first : int(samples.max()) + 1] if samples.max() - first < 4 * samples.size else None
        return self.rows[self.sampled[samples]] if near is None else near[samples - first]


@dataclass(frozen=True)
class FilmScorer:
    """A network that scores clips; it is set to evaluation mode. It is a `recognizers.windowed.Scorer`."""

    network: nn.Module
    """Maps clips [B, W, ...] to logits [B, O, C]."""
    window: int
    """W."""
    device: torch.device | str
    """Device of the network."""
    answer: Callable[[Tensor], Tensor]
    """The function from its logits to scores."""
    mirror: bool = False
    """Whether scores are the mean over pictures and their mirror images."""

    def __post_init__(self) -> None:
        self.network.eval()

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores [B, O, C] of clips [<= W, ...]; the last sample of a short one is repeated."""
        whole = [np.asarray(piece) for piece in pieces]
        return self._in_parts(np.stack([np.pad(one, _behind(one, self.window), mode="edge") for one in whole]))

    def _in_parts(self, clips: np.ndarray) -> np.ndarray:
        """Score all clips at once; if the device has too little memory, half of them at a time."""
        try:
            return self._scores(torch.as_tensor(np.ascontiguousarray(clips)).to(self.device))
        except torch.OutOfMemoryError:
            if len(clips) == 1:
                raise
            half = len(clips) // 2
            print(f"The device has too little memory for {len(clips)} clips at once: half of them are scored at a time.", file=sys.stderr)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return np.concatenate([self._in_parts(clips[:half]), self._in_parts(clips[half:])])

    def _scores(self, clips: Tensor) -> np.ndarray:
        with torch.inference_mode(), autocast(torch.device(self.device)):
            scores = self.answer(self.network(clips).float())
            if self.mirror:
                scores = (scores + self.answer(self.network(clips.flip(-1)).float())) / 2
        return scores.cpu().numpy()


def film_scores(scorer: FilmScorer, rows: SampledRows, windowing: Windowing, stride: int, batch: int) -> Iterator[np.ndarray]:
    """Yield scores in blocks [<= S, C], in order, of a network that answers for the middle of a clip or for every sample."""
    if is_centered(scorer.network):
        return _centered(scorer, rows, windowing.window, stride, batch)
    return _stitched(scorer, rows, windowing, batch)


def is_centered(network: nn.Module) -> bool:
    """Return whether a network answers once per clip, for its middle."""
    return bool(getattr(network, "CENTERED", False))


def centers_of(samples: int, stride: int) -> np.ndarray:
    """Return the middles of the clips that are scored, so that each is in the middle of `stride` samples: int64."""
    return np.minimum(np.arange(stride // 2, samples + stride // 2, stride), samples - 1)


def _centered(scorer: FilmScorer, rows: SampledRows, window: int, stride: int, batch: int) -> Iterator[np.ndarray]:
    samples, centers = len(rows), centers_of(len(rows), stride)
    for first in range(0, len(centers), batch):
        chosen = centers[first : first + batch]
        scores = scorer([*rows.clips(chosen - window // 2, window)], ())[:, 0]
        last = min((first + len(chosen)) * stride, samples)
        yield np.repeat(scores, stride, axis=0)[: last - first * stride]


def _stitched(scorer: FilmScorer, rows: SampledRows, windowing: Windowing, batch: int) -> Iterator[np.ndarray]:
    for blocks in flow_scores(scorer, [(rows, np.empty(0))], windowing, batch):
        yield from blocks


def _behind(piece: np.ndarray, window: int) -> list[tuple[int, int]]:
    return [(0, window - len(piece)), *[(0, 0)] * (piece.ndim - 1)]
