"""The pair view at work: any network over windows of pair features becomes a recognizer of recordings.

Axes: B batch, N windows, W window frames, S samples at the recognizer's rate, F features, T frames of the recording, C behaviors.
"""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import recognizers
from behavior.contract import ContractError
from behavior.curation import Curated
from behavior.features import PairFeatures, RobustScaler, frame_samples, pair_features
from behavior.recording import Recording
from behavior.windows import stitch, window_starts
from recognizers import checkpoint
from recognizers.recognizer import Decoding, Head, Pair, View, watched_pairs


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


@dataclass(frozen=True)
class PairRecognizer:
    """A network of the pair view with all that belongs to it."""

    family: str
    """Name in `recognizers.FAMILIES`."""
    network: nn.Module
    """Maps [B, W, F] and valid [B, W] to logits [B, W, C]."""
    network_config: Any
    """The frozen dataclass the network was built from."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: PairFeatures
    """What the network sees."""
    scaler: RobustScaler
    """Fitted on training videos only."""
    windowing: Windowing
    """How recordings are cut."""
    decoding: Decoding
    """How scores become bouts."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where the network lies."""
    batch: int = 64
    """Windows per forward pass."""

    @property
    def view(self) -> View:
        """What it sees."""
        return View.PAIR

    @property
    def head(self) -> Head:
        """How it answers."""
        return recognizers.FAMILIES[self.family].head

    def scores(self, curated: Curated, recording: Recording) -> Iterator[tuple[Pair, np.ndarray]]:
        """Yield (pair, scores [T, C]) as the protocol says."""
        pairs = watched_pairs(curated, recording)
        streams = (torch.from_numpy(self.scaler.transform(self._features(curated, recording, pair))) for pair in pairs)
        back = frame_samples(curated.frames, recording.fps, self.features.fps)
        scored = score_streams(self.network, streams, self.windowing, self.device, self.batch)
        for pair, scores in zip(pairs, scored, strict=True):
            yield pair, scores[back]

    def _features(self, curated: Curated, recording: Recording, pair: Pair) -> np.ndarray:
        return pair_features(curated, recording.fps, *pair, self.features)

    def on(self, device: torch.device, batch: int) -> "PairRecognizer":
        """Return the same recognizer on a device, with another batch size."""
        return replace(self, network=self.network.to(device), device=device, batch=batch)

    def save(self, path: Path, provenance: dict[str, Any]) -> None:
        """Write a checkpoint; `provenance` holds recipe, videos, metrics, seed and the like."""
        header = {
            **provenance,
            "family": self.family,
            "network": asdict(self.network_config),
            "behaviors": list(self.behaviors),
            "features": asdict(self.features),
            "feature_names": list(self.features.names),
            "window": asdict(self.windowing),
            "decoding": self.decoding.to_json_dict(),
        }
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {"scaler.median": torch.from_numpy(self.scaler.median), "scaler.iqr": torch.from_numpy(self.scaler.iqr)}
        checkpoint.save(path, header, tensors)


def load_pair_recognizer(path: Path) -> PairRecognizer:
    """Read a checkpoint of any pair-view family. Raises ContractError, with the difference, for one this code cannot use."""
    header, tensors = checkpoint.load(path)
    given = header["features"]
    features = PairFeatures(**{**given, "bodyparts": tuple(given["bodyparts"])})
    if header["feature_names"] != list(features.names):
        changed = sorted(set(header["feature_names"]) ^ set(features.names)) or ["another order"]
        fault = f"{path}: Expected the features this code makes, but got others: {', '.join(changed[:8])}. Train again."
        raise ContractError([fault])
    config, network = recognizers.build_network(header["family"], header["network"], len(features.names), len(header["behaviors"]))
    prefix = "network."
    network.load_state_dict({name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)})
    return PairRecognizer(
        family=header["family"],
        network=network.eval(),
        network_config=config,
        behaviors=tuple(header["behaviors"]),
        features=features,
        scaler=RobustScaler(tensors["scaler.median"].numpy(), tensors["scaler.iqr"].numpy()),
        windowing=Windowing(**header["window"]),
        decoding=Decoding.from_json_dict(header["decoding"]),
    )


def score_streams(
    network: nn.Module, streams: Iterable[Tensor], windowing: Windowing, device: torch.device, batch: int
) -> Iterator[np.ndarray]:
    """Yield scores [S, C] float32 for each stream of scaled features [S, F], in order, overlaps averaged.

    Windows of neighboring streams share a batch: one pass per pair would leave most of a batch empty. Streams are taken one by
    one as they are needed. The network is put in evaluation mode.
    """
    network.eval()
    open_streams: deque[_OpenStream] = deque()
    waiting: list[tuple[_OpenStream, int]] = []
    for stream in streams:
        opened = _OpenStream(stream.to(device), window_starts(len(stream), windowing.window, windowing.step))
        open_streams.append(opened)
        waiting += [(opened, number) for number in range(len(opened.starts))]
        while len(waiting) >= batch:
            _score_windows(network, waiting[:batch], windowing.window, device)
            del waiting[:batch]
        while open_streams and open_streams[0].is_complete:
            yield open_streams.popleft().stitched()
    if waiting:
        _score_windows(network, waiting, windowing.window, device)
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

    def __init__(self, features: Tensor, starts: np.ndarray) -> None:
        self.features = features
        self.starts = starts
        self.windows: list[np.ndarray] = []  # [W, C] each, in the order of starts

    @property
    def is_complete(self) -> bool:
        return len(self.windows) == len(self.starts)

    def stitched(self) -> np.ndarray:
        return stitch(np.stack(self.windows), self.starts, len(self.features)).astype(np.float32, copy=False)


def _score_windows(network: nn.Module, windows: list[tuple[_OpenStream, int]], window: int, device: torch.device) -> None:
    cut = []
    for opened, number in windows:
        piece = opened.features[opened.starts[number] : opened.starts[number] + window]
        cut.append(piece)
    lengths = torch.tensor([len(piece) for piece in cut], device=device)
    starts = torch.cumsum(lengths, 0) - lengths
    features, valid = gather_windows(torch.cat(cut), starts, lengths, window)
    with torch.inference_mode(), autocast(device):
        scores = network(features, valid).float().sigmoid().cpu().numpy()
    for (opened, _), result in zip(windows, scores, strict=True):
        opened.windows.append(result)
