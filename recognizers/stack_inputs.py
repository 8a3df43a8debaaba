"""The inputs of the trees of a stack for one frame: the scores of its members there and around it, as log odds.

Axes: M members, T frames, N chosen frames, C behaviors, F inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

_LEAST_ODDS = 1e-5
"""Scores closer to 0 or 1 are clipped to this distance."""
_ALL = "all"
"""Name of the mean over the members in the names of inputs."""


@dataclass(frozen=True)
class StackInputs:
    """Lengths of the means over scores, all in seconds, so that they mean the same in every lab."""

    around_s: tuple[float, ...] = (0.3, 1.0, 3.0)
    """Widths of centered means, s. On the real recordings 10 s and the mean of the recording made the trees worse."""
    beside_s: tuple[float, ...] = (1.0, 4.0)
    """Lengths of means before and of means after the frame, s."""
    peak_s: tuple[float, ...] = (1.0,)
    """Widths of windows for the highest score, s."""
    others_s: float = 1.0
    """Width of the centered mean of every other behavior, s."""

    @classmethod
    def from_json_dict(cls, value: Mapping[str, Any]) -> Self:
        """Return the inverse of `dataclasses.asdict`, from JSON, which has no tuples."""
        settings: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in value.items()}
        return cls(**settings)

    def names(self, members: int, behaviors: Sequence[str], column: int) -> tuple[str, ...]:
        """Return the names of the F inputs of one behavior."""
        kinds = ["here", *(f"around {seconds} s" for seconds in self.around_s)]
        kinds += [f"{side} {seconds} s" for seconds in self.beside_s for side in ("before", "after")]
        kinds += [f"peak {seconds} s" for seconds in self.peak_s]
        sources = [*(f"member {number}" for number in range(1, members + 1)), _ALL]
        own = [f"{behaviors[column]}, {member}: {kind}" for kind in kinds for member in sources]
        return (*own, *(f"{other}, {_ALL}" for number, other in enumerate(behaviors) if number != column))

    def rising(self, members: int, behaviors: Sequence[str], column: int) -> tuple[int, ...]:
        """Return per input 1 if higher values must not lower the score (the inputs from the behavior's own scores), else 0."""
        return tuple(int(name.startswith(f"{behaviors[column]}, ")) for name in self.names(members, behaviors, column))


class ScoresAround:
    """The scores of all members for one pair, from which inputs at any frames are computed."""

    def __init__(self, scores: np.ndarray, fps: float, settings: StackInputs) -> None:
        """Take scores [M, T, C], NaN where a member has none. They are rounded to 16 bits, as in the training of the stack."""
        self.fps = fps
        self.settings = settings
        odds = log_odds(scores)
        self._odds = np.concatenate([odds, _known_mean(odds)[None]])  # [M + 1, T, C]
        self._others = np.stack([_Sums(column).around(self._frames(settings.others_s)) for column in self._odds[-1].T], axis=1)

    def of(self, column: int, frames: np.ndarray) -> np.ndarray:
        """Return the inputs of one behavior at some frames: [N, F] float32, in the order of `StackInputs.names`."""
        sums = [_Sums(odds) for odds in self._odds[..., column]]
        kinds = [[one.values for one in sums]]
        kinds += [[one.around(self._frames(seconds)) for one in sums] for seconds in self.settings.around_s]
        for seconds in self.settings.beside_s:
            kinds += [[one.beside(sign * self._frames(seconds)) for one in sums] for sign in (-1, 1)]
        kinds += [[one.peak(self._frames(seconds)) for one in sums] for seconds in self.settings.peak_s]
        own = np.stack([values[frames] for kind in kinds for values in kind], axis=1)
        return np.concatenate([own, np.delete(self._others[frames], column, axis=1)], axis=1).astype(np.float32)

    def _frames(self, seconds: float) -> int:
        return max(1, round(seconds * self.fps))


def log_odds(scores: np.ndarray) -> np.ndarray:
    """Return the log odds [...] float32 of scores rounded to 16 bits; NaN stays NaN."""
    inner = np.clip(scores.astype(np.float16).astype(np.float32), _LEAST_ODDS, 1 - _LEAST_ODDS)
    return np.log(inner / (1 - inner))


def _known_mean(odds: np.ndarray) -> np.ndarray:
    """Return the mean over members [T, C] without NaN; NaN where all are."""
    known = np.isfinite(odds)
    count = known.sum(axis=0)
    return np.divide(np.where(known, odds, 0).sum(axis=0), count, out=np.full(count.shape, np.nan, np.float32), where=count > 0)


class _Sums:
    """One column of values [T] with its running sums."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self._sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        self._at = np.arange(len(values))

    def around(self, width: int) -> np.ndarray:
        """Return centered means over about so many frames, over fewer at the ends."""
        return self._mean(self._at - width // 2, self._at + width // 2 + 1)

    def beside(self, length: int) -> np.ndarray:
        """Return means over so many frames from each frame on, or before it (length below 0; for the first frame, its own value)."""
        return self._mean(self._at + min(length, 0), self._at + max(length, 0))

    def peak(self, width: int) -> np.ndarray:
        """Return the highest value in centered windows of about so many frames."""
        padded = np.pad(self.values, width // 2, mode="edge")
        return np.lib.stride_tricks.sliding_window_view(padded, 2 * (width // 2) + 1).max(axis=1)

    def _mean(self, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        begin = np.maximum(begin, 0)
        end = np.maximum(np.minimum(end, len(self.values)), begin + 1)
        return (self._sums[end] - self._sums[begin]) / (end - begin)
