"""Windows in torch: cut from tensors and scored by a network, on any device.

Axes: B batch, W window samples, S samples at the recognizer's rate, M samples of many streams, F features, X context, C behaviors.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recognizers.recognizer import Head
from recognizers.windowed import Array, Streams, Windowing, flow_scores

softmax = partial(torch.softmax, dim=-1)
"""From the logits of an exclusive head to scores."""
ANSWERS: dict[Head, Callable[[Tensor], Tensor]] = {Head.MULTILABEL: torch.sigmoid, Head.EXCLUSIVE: softmax}
"""By head: the function from logits [..., C] to scores [..., C]."""


@dataclass(frozen=True)
class TorchScorer:
    """A network that scores windows; it is set to evaluation mode."""

    network: nn.Module
    """Maps [B, W, F], valid [B, W] and context [B, X] to logits [B, W, C]."""
    window: int
    """W."""
    device: torch.device | str
    """Device of the network."""
    answer: Callable[[Tensor], Tensor]
    """The function from its logits to scores."""

    def __post_init__(self) -> None:
        self.network.eval()

    def __call__(self, pieces: Sequence[Array], contexts: Sequence[Array]) -> np.ndarray:
        """Return scores as `recognizers.windowed.Scorer` says; pieces and contexts are arrays or tensors."""
        rows = torch.cat([torch.as_tensor(piece) for piece in pieces]).to(self.device)  # one copy to the device, not one per window
        lengths = torch.tensor([len(piece) for piece in pieces], device=self.device)
        starts = torch.cumsum(lengths, 0) - lengths
        features, valid = gather_windows(rows, starts, lengths, self.window)
        context = torch.stack([torch.as_tensor(context) for context in contexts]).to(self.device)
        with torch.inference_mode(), autocast(torch.device(self.device)):
            return self.answer(self.network(features, valid, context).float()).cpu().numpy()


def score_streams(
    network: nn.Module,
    streams: Streams,
    windowing: Windowing,
    device: torch.device,
    batch: int,
    answer: Callable[[Tensor], Tensor] = torch.sigmoid,
) -> Iterator[np.ndarray]:
    """Yield scores [S, C] float32 for each stream of scaled features [S, F] and context [X], in order, overlaps averaged."""
    for blocks in flow_scores(TorchScorer(network, windowing.window, device, answer), streams, windowing, batch):
        yield np.concatenate(list(blocks))


def half_type(device: torch.device) -> torch.dtype | None:
    """Return the 16-bit type the device computes in: bfloat16, else float16 on CUDA; None elsewhere."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the context of mixed precision for a device, or one that does nothing."""
    kind = half_type(device)
    return contextlib.nullcontext() if kind is None else torch.autocast(device.type, kind)


def gather_windows(features: Tensor, starts: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor | None]:
    """Cut windows [B, W, F] float32, 0 on padding, from features [M, F]; also return valid [B, W], or None without padding."""
    rows, valid = window_rows(starts, lengths, window)
    cut = rows_of(features, rows).float()
    return (cut, None) if valid is None else (cut * valid[..., None], valid)


def rows_of(values: Tensor, rows: Tensor) -> Tensor:
    """Return values[rows]: [B, W, N] for values [M, N] and rows [B, W]. Copying whole rows is five times faster than that indexing."""
    return values.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def window_rows(starts: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor | None]:
    """Return the rows [B, W] of windows, and which of them are valid [B, W]; None if all are.

    The streams are concatenated: `starts` [B] are rows, `lengths` [B] the numbers of rows of the same stream from there on. The rest of
    a window is padding; its rows repeat the start, so that they belong to the same stream.
    """
    ahead = torch.arange(window, device=starts.device)
    rows = starts[:, None] + ahead
    if bool((lengths >= window).all()):
        return rows, None
    valid = ahead < lengths[:, None]
    return rows.where(valid, starts[:, None]), valid
