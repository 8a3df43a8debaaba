"""Networks over windows: streams of samples are cut into overlapping windows, scored in batches and stitched together again.

Axes: B batch, N windows, W window samples, S samples at the recognizer's rate, M samples of many streams, F features, X context,
C behaviors.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from behavior.windows import stitch, window_starts


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


def score_streams(
    network: nn.Module,
    streams: Iterable[tuple[Tensor, Tensor | None]],
    windowing: Windowing,
    device: torch.device,
    batch: int,
    answer: Callable[[Tensor], Tensor] = torch.sigmoid,
) -> Iterator[np.ndarray]:
    """Yield scores [S, C] float32 for each stream of scaled features [S, F] and context [X], in order, overlaps averaged.

    Windows of neighboring streams share a batch: one pass per pair would leave most of a batch empty. Streams are taken one by
    one as they are needed. The network is put in evaluation mode; `answer` turns its logits [B, W, C] into scores.
    """
    network.eval()
    open_streams: deque[_OpenStream] = deque()
    waiting: list[tuple[_OpenStream, int]] = []
    for features, context in streams:
        starts = window_starts(len(features), windowing.window, windowing.step)
        opened = _OpenStream(features.to(device), None if context is None else context.to(device), starts)
        open_streams.append(opened)
        waiting += [(opened, number) for number in range(len(opened.starts))]
        while len(waiting) >= batch:
            _score_windows(network, waiting[:batch], windowing.window, device, answer)
            del waiting[:batch]
        while open_streams and open_streams[0].is_complete:
            yield open_streams.popleft().stitched()
    if waiting:
        _score_windows(network, waiting, windowing.window, device, answer)
    for opened in open_streams:
        yield opened.stitched()


def half_type(device: torch.device) -> torch.dtype | None:
    """Return the 16-bit type the device computes in: bfloat16, else float16 on CUDA; None elsewhere."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the mixed precision the device has, or nothing."""
    kind = half_type(device)
    return contextlib.nullcontext() if kind is None else torch.autocast(device.type, kind)


def gather_windows(features: Tensor, starts: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor | None]:
    """Cut windows [B, W, F] float32, 0 on padding, out of features [M, F]; also return valid [B, W], or None without padding."""
    rows, valid = window_rows(starts, lengths, window)
    cut = features[rows].float()
    return (cut, None) if valid is None else (cut * valid[..., None], valid)


def window_rows(starts: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor | None]:
    """Return the rows [B, W] that windows hold, and which are valid [B, W]; None if all are.

    Many streams lie end to end: `starts` [B] are rows, `lengths` [B] the rows of the same stream from there on. What a window
    holds beyond them is padding; its rows repeat the start, so that they are rows of the same stream too.
    """
    ahead = torch.arange(window, device=starts.device)
    rows = starts[:, None] + ahead
    if bool((lengths >= window).all()):
        return rows, None
    valid = ahead < lengths[:, None]
    return rows.where(valid, starts[:, None]), valid


class _OpenStream:
    """One stream on its way through the network, window by window."""

    def __init__(self, features: Tensor, context: Tensor | None, starts: np.ndarray) -> None:
        self.features = features
        self.context = context
        self.starts = starts
        self.windows: list[np.ndarray] = []  # [W, C] each, in the order of starts

    @property
    def is_complete(self) -> bool:
        return len(self.windows) == len(self.starts)

    def stitched(self) -> np.ndarray:
        return stitch(np.stack(self.windows), self.starts, len(self.features)).astype(np.float32, copy=False)


def _score_windows(
    network: nn.Module, windows: list[tuple[_OpenStream, int]], window: int, device: torch.device, answer: Callable[[Tensor], Tensor]
) -> None:
    cut = []
    for opened, number in windows:
        piece = opened.features[opened.starts[number] : opened.starts[number] + window]
        cut.append(piece)
    lengths = torch.tensor([len(piece) for piece in cut], device=device)
    starts = torch.cumsum(lengths, 0) - lengths
    features, valid = gather_windows(torch.cat(cut), starts, lengths, window)
    told = [opened.context for opened, _ in windows if opened.context is not None]
    context = torch.stack(told) if told else None
    with torch.inference_mode(), autocast(device):
        scores = answer(network(features, valid, context).float()).cpu().numpy()
    for (opened, _), result in zip(windows, scores, strict=True):
        opened.windows.append(result)
