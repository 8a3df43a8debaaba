"""Bouts and frames: bouts to frame labels, frame labels to runs, scores to bouts. All durations are seconds.

A bout is [start, stop): stop is the frame after its last. T frames, C behaviors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BOUT_COLUMNS = ("video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame")
NOTHING = -1
"""The label of a frame on which no behavior passes its threshold."""
_BLOCK_FRAMES = 16_384


@dataclass(frozen=True)
class DecodeSettings:
    """How scores become bouts."""

    smooth_s: float = 5 / 30
    """Width of the centered moving average over scores, seconds; 0 for none."""
    threshold: float = 0.5
    """Least smoothed score, 0 to 1, of behaviors that have no threshold of their own."""
    max_gap_s: float = 2 / 30
    """Longest gap, seconds, that is closed between two bouts of one behavior."""
    min_length_s: float = 3 / 30
    """Shortest bout that is kept, seconds, counted after gaps are closed."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("smooth_s", "max_gap_s", "min_length_s"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"Expected {name} to be zero or more seconds, but got {getattr(self, name)}. Give a duration.")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"Expected threshold to be within 0 and 1, but got {self.threshold}. Give a probability.")


def frame_labels(starts: np.ndarray, stops: np.ndarray, classes: np.ndarray, frames: int, n_classes: int) -> np.ndarray:
    """Return which behaviors the bouts put on each frame: [T, C] bool. What lies outside the recording is dropped."""
    if len(classes) and not 0 <= np.min(classes) <= np.max(classes) < n_classes:
        got = f"{np.min(classes)} to {np.max(classes)}"
        raise ValueError(f"Expected classes from 0 to {n_classes - 1}, but got {got}. Number them as the ethogram does.")
    labels = np.zeros((frames, n_classes), bool)
    for start, stop, behavior in zip(np.maximum(starts, 0), np.maximum(stops, 0), classes, strict=True):
        labels[start:stop, behavior] = True
    return labels


def runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return first frames and frames after the last of each unbroken run of true frames [T]."""
    edges = np.flatnonzero(np.diff(active.astype(bool), prepend=False, append=False))
    return edges[0::2], edges[1::2]


def decode(
    scores: np.ndarray,
    fps: float,
    watched: np.ndarray,
    settings: DecodeSettings = DecodeSettings(),
    thresholds: np.ndarray | None = None,
) -> list[tuple[int, int, int]]:
    """Turn the scores [T, C] of one pair of mice into bouts (class, start, stop) that never overlap, sorted by start.

    Per frame: smooth, keep behaviors that are watched [C] and reach their threshold [C], choose the best (ties: the lowest class).
    Per bout: close short gaps between bouts of one behavior where nothing else stands between, then drop short bouts.
    Raises ValueError for watched scores that are not finite.
    """
    if not 0 < fps < np.inf:
        raise ValueError(f"Expected fps above zero, but got {fps}. Pass the frame rate of this recording.")
    columns = np.flatnonzero(watched)
    least = np.full(scores.shape[1], settings.threshold) if thresholds is None else thresholds
    least = least[columns].astype(np.float32)
    blocks = _smoothed(scores, columns, _odd_frames(settings.smooth_s * fps))
    best = np.concatenate([np.empty(0, int), *(_best(block, least) for block in blocks)])
    label = np.append(columns, NOTHING)[best]

    classes, starts, stops = _bouts_of(label)
    classes, starts, stops = _close_gaps(classes, starts, stops, _frames(settings.max_gap_s * fps))
    kept = stops - starts >= _frames(settings.min_length_s * fps)
    return list(zip(classes[kept].tolist(), starts[kept].tolist(), stops[kept].tolist(), strict=True))


def _smoothed(scores: np.ndarray, columns: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Yield the moving average of some columns of scores [T, C] block by block: [<= _BLOCK_FRAMES, columns] float32.

    At the ends of the recording the mean is over the frames that exist. Sums run in float64 and restart with each block; rounding the
    mean to float32 removes what little they lose, so that constant scores stay what they are and equal scores stay equal.
    """
    half = width // 2
    for first in range(0, len(scores), _BLOCK_FRAMES):
        frame = np.arange(first, min(first + _BLOCK_FRAMES, len(scores)))
        begin, end = np.maximum(frame - half, 0), np.minimum(frame + half + 1, len(scores))
        total = np.zeros((end[-1] - begin[0] + 1, len(columns)))
        np.cumsum(scores[begin[0] : end[-1], columns], axis=0, out=total[1:])
        if not np.isfinite(total[-1]).all():
            wanted = f"finite scores for frames {begin[0]} to {end[-1]}"
            raise ValueError(f"Expected {wanted}, but got NaN or infinite ones. Look for them in the features and the checkpoint.")
        mean = total[end - begin[0]] - total[begin - begin[0]]
        mean /= (end - begin)[:, None]
        yield mean.astype(np.float32)


def _best(scores: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Return the class with the highest score among those at or above `least` [C], or NOTHING: [T]."""
    if not len(least):
        return np.full(len(scores), NOTHING)
    passing = np.where(scores >= least, scores, -np.inf)
    best = passing.argmax(axis=1)
    return np.where(np.isneginf(passing[np.arange(len(best)), best]), NOTHING, best)


def _bouts_of(label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class, start and stop of each run of one label [T], in order, without the runs of NOTHING."""
    starts = np.flatnonzero(np.diff(label, prepend=NOTHING - 1))
    stops = np.append(starts[1:], len(label))
    something = label[starts] != NOTHING
    return label[starts][something], starts[something], stops[something]


def _close_gaps(classes: np.ndarray, starts: np.ndarray, stops: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join neighboring bouts of one class that lie at most `frames` apart."""
    if not len(classes):
        return classes, starts, stops
    apart = (classes[1:] != classes[:-1]) | (starts[1:] - stops[:-1] > frames)
    opens, closes = np.append(True, apart), np.append(apart, True)
    return classes[opens], starts[opens], stops[closes]


def _frames(count: float) -> int:
    """Round to the nearest whole number of frames, halves up."""
    return int(np.floor(count + 0.5))


def _odd_frames(count: float) -> int:
    """Round to the nearest odd number of frames, at least 1, ties up."""
    return 2 * int(np.floor(count / 2)) + 1
