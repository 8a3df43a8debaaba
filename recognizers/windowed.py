"""Scores over windows: streams of samples are cut into overlapping windows, scored in batches by any network, and stitched.

Samples are computed when a window needs them, and scores are returned as soon as no later window covers them, so that memory does not
grow with the length of a recording. This file imports no torch, so that exported networks run without it.

Axes: B batch, W window samples, S samples at the recognizer's rate, F features, X context, T frames of the recording, C behaviors.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from behavior.views.sampling import BLOCK_SAMPLES, frame_samples
from behavior.views.windows import Stitching, window_starts

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "np.ndarray | Tensor"
"""Rows of features or a context: arrays in serving, tensors in training."""


@dataclass(frozen=True)
class Windowing:
    """How a recording is cut into windows, in samples at the recognizer's rate."""

    window: int = 128
    """Length of one window."""
    step: int = 64
    """From the start of one window to the next; with a shorter step more windows overlap."""

    def __post_init__(self) -> None:
        if not 1 <= self.step <= self.window:
            raise ValueError(f"Expected a step from 1 to the window's {self.window} samples, but got {self.step}. Shorten the step.")


class Rows(Protocol):
    """Rows [S, F] that are read in order: an array, a tensor, or `MadeRows`."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Array: ...


Streams: TypeAlias = Iterable[tuple[Rows, Array]]
"""The rows of each stream, and its context [X]."""


class Scorer(Protocol):
    """A network as a function from windows to scores."""

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores [B, W, C] of windows [<= W, F], shorter ones padded at the end, with the context [X] of each."""
        ...


@dataclass(frozen=True)
class MirroredScorer:
    """The mean of the scores of windows and of their mirror images; rows [S, 2F] contain both."""

    scorer: Scorer
    """It scores one of the two."""

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores as `Scorer` says."""
        seen, mirrored = zip(*(np.split(piece, 2, axis=1) for piece in pieces), strict=True)
        return (self.scorer(seen, contexts) + self.scorer(mirrored, contexts)) / 2


class MadeRows:
    """Rows [S, F] that are computed in blocks while they are read in order."""

    def __init__(self, samples: int, make: Callable[[int, int], np.ndarray]) -> None:
        self._samples, self._make = samples, make  # make(start, stop) returns these rows
        self._start = self._stop = 0
        self._block = np.empty((0, 0), np.float32)

    def __len__(self) -> int:
        return self._samples

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(self._samples)
        if not self._start <= start <= stop <= self._stop:
            self._start, self._stop = start, min(max(start + BLOCK_SAMPLES, stop), self._samples)
            self._block = self._make(self._start, self._stop)
        return self._block[start - self._start : stop - self._start]


def flow_scores(scorer: Scorer, streams: Streams, windowing: Windowing, batch: int) -> Iterator[Iterator[np.ndarray]]:
    """Yield for each stream of rows and context, in order, its scores in blocks [<= S, C] in order; overlaps are averaged.

    Read the blocks of a stream before the next stream. A batch may have windows of several streams, because short streams would not
    fill it. Streams are read one by one when they are needed.
    """
    finished = _finished(scorer, streams, windowing, batch)
    for block, is_last in finished:
        behind = iter(()) if is_last else _until_last(finished)
        yield chain([block], behind)
        deque(behind, maxlen=0)  # blocks that were not read


def on_frames(blocks: Iterable[np.ndarray], frames: int, fps: float, rate: float) -> Iterator[np.ndarray]:
    """Yield scores on the recording's own T frames, in blocks, from blocks of scores on its samples at `rate`."""
    first_frame = first_sample = 0
    for block in blocks:
        end_sample = first_sample + len(block)
        last_possible = min(int((end_sample + 1) * fps / rate) + 1, frames)
        sample = frame_samples(frames, fps, rate, slice(first_frame, last_possible))
        sample = sample[: np.searchsorted(sample, end_sample)]
        yield block[sample - first_sample]
        first_frame, first_sample = first_frame + len(sample), end_sample


class FlowingScores:
    """`recognizers.recognizer.Scores` [T, C] that are computed when they are read, and dropped afterwards."""

    def __init__(self, blocks: Iterable[np.ndarray], frames: int, behaviors: int) -> None:
        self.shape = (frames, behaviors)
        self._blocks = iter(blocks)
        self._first = 0  # the frame of the first row in memory
        self._rows = np.empty((0, behaviors), np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[slice, np.ndarray]) -> np.ndarray:
        """Return [start:stop, columns]; later calls must not start before it. Raises ValueError for rows that were dropped."""
        start, stop, _ = key[0].indices(len(self))
        if start < self._first:
            raise ValueError(f"Expected scores to be read in order, but got frame {start} again. Use `whole` instead.")
        pieces, end = [self._rows[start - self._first :]], self._first + len(self._rows)
        while end < stop:
            block = next(self._blocks)
            pieces.append(block[max(start - end, 0) :])
            end += len(block)
        self._rows, self._first = np.concatenate(pieces), start
        return self._rows[: stop - start, key[1]]

    @classmethod
    def of(cls, scores: np.ndarray) -> "FlowingScores":
        """Return scores [T, C] that are in memory."""
        return cls([scores], *scores.shape)

    def whole(self) -> np.ndarray:
        """Return all scores: [T, C] float32."""
        scores = np.empty(self.shape, np.float32)
        end = 0
        for block in self._blocks:
            scores[end : end + len(block)] = block
            end += len(block)
        return scores


def _finished(scorer: Scorer, streams: Streams, windowing: Windowing, batch: int) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield (the next scores [.., C] of a stream, whether they are its last), stream by stream."""
    opened: deque[_OpenStream] = deque()
    waiting: list[tuple[_OpenStream, Array]] = []
    for rows, context in streams:
        starts = window_starts(len(rows), windowing.window, windowing.step)
        stream = _OpenStream(context, Stitching(starts, windowing.window, len(rows)))
        opened.append(stream)
        for start in starts.tolist():
            waiting.append((stream, rows[start : start + windowing.window]))
            if len(waiting) == batch:
                _score(scorer, waiting)
                waiting = []
                yield from _leaving(opened)
    if waiting:
        _score(scorer, waiting)
    yield from _leaving(opened)


def _leaving(opened: "deque[_OpenStream]") -> Iterator[tuple[np.ndarray, bool]]:
    """Yield finished scores in the order of streams, and remove complete streams; later streams wait for earlier ones."""
    while opened and opened[0].finished:
        first = opened[0]
        *blocks, last = first.finished
        first.finished = []
        yield from ((block, False) for block in blocks)
        yield last, first.stitching.is_complete
        if not first.stitching.is_complete:
            return
        opened.popleft()


def _until_last(finished: Iterator[tuple[np.ndarray, bool]]) -> Iterator[np.ndarray]:
    for block, is_last in finished:
        yield block
        if is_last:
            return


@dataclass(eq=False)  # streams are compared by identity
class _OpenStream:
    """One stream whose windows are being scored."""

    context: Array
    stitching: Stitching
    finished: list[np.ndarray] = field(default_factory=list)


def _score(scorer: Scorer, windows: list[tuple[_OpenStream, Array]]) -> None:
    scores = scorer([piece for _, piece in windows], [stream.context for stream, _ in windows])
    first = 0
    for stream, own in groupby(stream for stream, _ in windows):
        last = first + len(list(own))
        stream.finished.append(stream.stitching.add(scores[first:last]))
        first = last
