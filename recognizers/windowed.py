"""Scores over windows, whatever runs the network: streams of samples are cut into overlapping windows, scored in batches and stitched.

All of it flows: a stream's samples are made when a window needs them, and its scores leave as soon as no window to come covers them,
so memory does not grow with the length of a recording. This file imports no torch: an exported network is served without it.

Axes: B batch, W window samples, S samples at the recognizer's rate, F features, X context, T frames of the recording, C behaviors.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from behavior.views.sampling import frame_samples
from behavior.views.windows import Stitching, window_starts

if TYPE_CHECKING:
    from torch import Tensor

Array: TypeAlias = "np.ndarray | Tensor"
"""Rows of features or a context: serving has arrays, training has tensors."""
BLOCK_SAMPLES = 16_384
"""Samples whose features are made at once."""


@dataclass(frozen=True)
class Windowing:
    """How a recording is cut, in samples at the recognizer's rate."""

    window: int = 128
    """Length of one window."""
    step: int = 64
    """From one window's start to the next; a shorter one averages more overlap."""

    def __post_init__(self) -> None:
        if not 1 <= self.step <= self.window:
            raise ValueError(f"Expected a step from 1 to the window's {self.window} samples, but got {self.step}. Shorten the step.")


class Rows(Protocol):
    """Rows [S, F] that are cut from front to back: an array, a tensor, or `MadeRows`."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Array: ...


Streams: TypeAlias = Iterable[tuple[Rows, Array]]
"""The rows of each stream, and its context [X]."""


class Scorer(Protocol):
    """A network and what runs it."""

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores [B, W, C] of windows [<= W, F], shorter ones padded behind, and of the context [X] of each."""
        ...


@dataclass(frozen=True)
class MirroredScorer:
    """The mean over windows and what a mirror shows of them; both lie side by side in rows [S, 2F]."""

    scorer: Scorer
    """What scores one of them."""

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores as `Scorer` says."""
        seen, mirrored = zip(*(np.split(piece, 2, axis=1) for piece in pieces), strict=True)
        return (self.scorer(seen, contexts) + self.scorer(mirrored, contexts)) / 2


class MadeRows:
    """Rows [S, F] that are made in blocks when they are asked for, from front to back."""

    def __init__(self, samples: int, make: Callable[[int, int], np.ndarray]) -> None:
        self._samples, self._make = samples, make  # make(start, stop) gives these rows
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
    """Yield for each stream of rows and context, in order, its scores in blocks [<= S, C] that follow each other, overlaps averaged.

    The blocks of a stream can be read until the next stream is asked for. Windows of neighboring streams share a batch: one pass per
    pair would leave most of a batch empty. Streams are taken one by one as they are needed.
    """
    finished = _finished(scorer, streams, windowing, batch)
    for block, is_last in finished:
        behind = iter(()) if is_last else _until_last(finished)
        yield chain([block], behind)
        deque(behind, maxlen=0)  # what its reader left


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
    """`recognizers.recognizer.Scores` [T, C] that are made when they are asked for, and dropped behind the reader."""

    def __init__(self, blocks: Iterable[np.ndarray], frames: int, behaviors: int) -> None:
        self.shape = (frames, behaviors)
        self._blocks = iter(blocks)
        self._first = 0  # the frame of the first row that is kept
        self._kept = np.empty((0, behaviors), np.float32)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[slice, np.ndarray]) -> np.ndarray:
        """Return [start:stop, columns]; no later part may begin before this one. Raises ValueError for rows that are gone."""
        start, stop, _ = key[0].indices(len(self))
        if start < self._first:
            raise ValueError(f"Expected to be read from front to back, but got asked for frame {start} again. Ask for `whole` instead.")
        pieces, end = [self._kept[start - self._first :]], self._first + len(self._kept)
        while end < stop:
            block = next(self._blocks)
            pieces.append(block[max(start - end, 0) :])
            end += len(block)
        self._kept, self._first = np.concatenate(pieces), start
        return self._kept[: stop - start, key[1]]

    @classmethod
    def of(cls, scores: np.ndarray) -> "FlowingScores":
        """Return scores [T, C] that are made already."""
        return cls([scores], *scores.shape)

    def whole(self) -> np.ndarray:
        """Return all of them: [T, C] float32."""
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
    """Yield what is finished, of the first stream and of those behind it once it is complete; complete ones are taken out."""
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


@dataclass(eq=False)  # streams are told apart by who they are
class _OpenStream:
    """One stream on its way through the network, window by window."""

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
