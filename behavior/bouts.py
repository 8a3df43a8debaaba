"""Bouts and frames: bouts to frame labels, frame labels to runs, scores to bouts. All durations are seconds.

A bout is [start, stop): stop is the frame after its last. T frames, C behaviors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

BOUT_COLUMNS = ("video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame")
SCORED_COLUMNS = (*BOUT_COLUMNS, "confidence", "threshold")
"""Columns of predicted bouts: mean score of the bout, and the least score at which the behavior is predicted."""
NOTHING = -1
"""The label of a frame on which no behavior passes its threshold."""
DURATIONS = ("smooth_s", "max_gap_s", "min_length_s")
"""Fields of `DecodeSettings` that may differ from behavior to behavior."""
Seconds = float | tuple[float, ...]
"""One duration for all behaviors, or one for each of them [C]."""
_BLOCK_FRAMES = 4096
_LEAST_ODDS = 1e-4
"""Scores closer to 0 or 1 are clipped to this distance: beyond it networks differ by rounding only."""


class ScoreRows(Protocol):
    """Scores [T, C] that are read once, from the first row to the last: an array, or rows that are computed while they are read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """T and C."""
        ...

    def __len__(self) -> int: ...
    def __getitem__(self, key: tuple[slice, np.ndarray], /) -> np.ndarray: ...


@dataclass(frozen=True)
class DecodeSettings:
    """How scores become bouts."""

    smooth_s: Seconds = 5 / 30
    """Width of the centered moving average over scores, seconds; 0 for none."""
    threshold: float = 0.5
    """Least smoothed score, 0 to 1, of behaviors that have no threshold of their own."""
    max_gap_s: Seconds = 2 / 30
    """Longest gap, seconds, that is closed between two bouts of one behavior."""
    min_length_s: Seconds = 3 / 30
    """Shortest bout, seconds, measured after gaps are closed; shorter ones are dropped."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in DURATIONS:
            seconds = np.asarray(getattr(self, name), float)
            if seconds.ndim > 1 or not ((seconds >= 0) & (seconds < np.inf)).all():
                raise ValueError(f"Expected {name} to be zero or more seconds, but got {getattr(self, name)}. Give a duration.")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"Expected threshold to be within 0 and 1, but got {self.threshold}. Give a probability.")


def frame_labels(starts: np.ndarray, stops: np.ndarray, classes: np.ndarray, frames: int, n_classes: int) -> np.ndarray:
    """Return which behaviors the bouts cover on each frame: [T, C] bool. Frames outside the recording are dropped."""
    if len(classes) and not 0 <= np.min(classes) <= np.max(classes) < n_classes:
        got = f"{np.min(classes)} to {np.max(classes)}"
        raise ValueError(f"Expected classes from 0 to {n_classes - 1}, but got {got}. Number them as the ethogram does.")
    labels = np.zeros((frames, n_classes), bool)
    for start, stop, behavior in zip(np.maximum(starts, 0), np.maximum(stops, 0), classes, strict=True):
        labels[start:stop, behavior] = True
    return labels


def labels_of_bouts(bouts: pd.DataFrame, behaviors: Sequence[str], frames: int) -> np.ndarray:
    """Return which behaviors the bouts (action, start_frame, stop_frame) cover on each frame: [T, C] bool; other behaviors are left out."""
    known = bouts[bouts["action"].isin(behaviors)]
    classes = known["action"].map({behavior: number for number, behavior in enumerate(behaviors)}).to_numpy(np.int64)
    starts, stops = known[["start_frame", "stop_frame"]].to_numpy(np.int64).T
    return frame_labels(starts, stops, classes, frames, len(behaviors))


def bout_table(bouts: Sequence[tuple[int, int | None, int | None, str, int, int]]) -> pd.DataFrame:
    """Return bouts as a table with `BOUT_COLUMNS`; agent and target are <NA> where a bout names no mouse."""
    table = pd.DataFrame(bouts, columns=list(BOUT_COLUMNS))
    whole = dict.fromkeys(("video_id", "start_frame", "stop_frame"), "int64")
    return table.astype({**whole, "agent_id": "Int64", "target_id": "Int64"})


def scored_bout_table(bouts: Sequence[tuple[int, int | None, int | None, str, int, int, float, float]]) -> pd.DataFrame:
    """Return predicted bouts as a table with `SCORED_COLUMNS`."""
    scores = pd.DataFrame([bout[6:] for bout in bouts], columns=list(SCORED_COLUMNS[6:]), dtype="float32")
    return pd.concat([bout_table([bout[:6] for bout in bouts]), scores], axis=1)


def runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first frame, and the frame after the last, of each run of true frames [T]."""
    edges = np.flatnonzero(np.diff(active.astype(bool), prepend=False, append=False))
    return edges[0::2], edges[1::2]


@dataclass(frozen=True)
class Criteria:
    """The thresholds that smoothed scores must reach, and how one behavior is chosen if several reach theirs."""

    thresholds: np.ndarray
    """[C] float: lowest calibrated score that counts."""
    weights: np.ndarray | None = None
    """[C] float above 0: weight of a behavior's margin over its threshold; None for equal weights."""
    calibration: np.ndarray | None = None
    """[C, 2] float: slope and offset on the logit of the smoothed score; None leaves scores as they are."""


def decode(
    scores: ScoreRows,
    fps: float,
    annotated: np.ndarray,
    settings: DecodeSettings = DecodeSettings(),
    criteria: Criteria | None = None,
) -> list[tuple[int, int, int]]:
    """Turn the scores [T, C] of one pair of mice into bouts (class, start, stop) that never overlap, sorted by start.

    Frames are labelled as by `choose`. Then short gaps between bouts of one behavior are closed, if no other bout lies between, and
    short bouts are dropped. Without criteria every behavior has the threshold of the settings. Raises ValueError for annotated scores
    that are not finite, and if the number of durations is neither one nor the number of behaviors.
    """
    return [bout[:3] for bout in decode_scored(scores, fps, annotated, settings, criteria)]


def decode_scored(
    scores: ScoreRows,
    fps: float,
    annotated: np.ndarray,
    settings: DecodeSettings = DecodeSettings(),
    criteria: Criteria | None = None,
) -> list[tuple[int, int, int, float]]:
    """Return the bouts of `decode` with their confidence: the mean of `choose_scored` over the frames with the behavior's label.

    The frames of a closed gap have no label and do not count.
    """
    label, level = choose_scored(scores, fps, annotated, settings, criteria)
    classes, starts, stops = close_gaps(*label_runs(label), _frames(settings.max_gap_s, fps, scores.shape[1]))
    long_enough = stops - starts >= _frames(settings.min_length_s, fps, scores.shape[1])[classes]
    classes, starts, stops = classes[long_enough], starts[long_enough], stops[long_enough]
    edges = np.column_stack([starts, stops]).reshape(-1)
    total, frames = (np.add.reduceat(np.append(values, 0), edges, dtype=float)[::2] for values in (level, label != NOTHING))
    return list(zip(classes.tolist(), starts.tolist(), stops.tolist(), (total / frames).tolist(), strict=True))


def choose(
    scores: ScoreRows,
    fps: float,
    annotated: np.ndarray,
    settings: DecodeSettings = DecodeSettings(),
    criteria: Criteria | None = None,
) -> np.ndarray:
    """Return the behavior of each frame, or NOTHING: [T] int16. Scores are smoothed, calibrated and compared with their thresholds.

    Only annotated behaviors [C] are chosen. If several reach their threshold, the one with the largest weighted margin over it is chosen
    (ties: the lowest class), because it raises F1 most: one more frame of probability p changes the F1, 2 hits / (predicted + true), by
    2 (p - F1 / 2) / (predicted + true) in the mean, and F1 / 2 is the threshold at which F1 is best. So a rare behavior can be chosen
    over a common one that is more probable; by the plain score it would never be predicted beside it.
    """
    return choose_scored(scores, fps, annotated, settings, criteria)[0]


def choose_scored(
    scores: ScoreRows,
    fps: float,
    annotated: np.ndarray,
    settings: DecodeSettings = DecodeSettings(),
    criteria: Criteria | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of `choose`, and the smoothed and calibrated score of each frame's label, 0 where it is NOTHING: [T] float32."""
    if not 0 < fps < np.inf:
        raise ValueError(f"Expected fps above zero, but got {fps}. Pass the frame rate of this recording.")
    n_behaviors, columns = scores.shape[1], np.flatnonzero(annotated)
    if not len(columns):
        return np.full(len(scores), NOTHING, np.int16), np.zeros(len(scores), np.float32)
    criteria = criteria or Criteria(np.full(n_behaviors, settings.threshold))
    least = criteria.thresholds[columns].astype(np.float32)
    weights = None if criteria.weights is None else criteria.weights[columns].astype(np.float32)
    calibration = None if criteria.calibration is None else criteria.calibration[columns]
    widths = _odd_frames(settings.smooth_s, fps, n_behaviors)[columns]
    names = np.append(columns, NOTHING).astype(np.int16)  # one label and its score per frame is all that is in memory of a long recording
    labels, levels = [np.empty(0, np.int16)], [np.empty(0, np.float32)]
    for block in _smoothed(scores, columns, widths):
        level = calibrated(block, calibration) if calibration is not None else block
        margin = level - least
        if weights is not None:
            margin *= weights
        first, rows = margin.argmax(axis=1), np.arange(len(margin))
        reached = margin[rows, first] >= 0
        labels.append(names[np.where(reached, first, NOTHING)])
        levels.append(np.where(reached, level[rows, first], np.float32(0)))
    return np.concatenate(labels), np.concatenate(levels)


def calibrated(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """Return new scores [T, C] with slope and offset [C, 2] applied on the logit; slope 1 and offset 0 change nothing."""
    result = np.array(scores, np.float32)
    changed = np.flatnonzero((calibration != (1, 0)).any(axis=1))
    if len(changed):
        slope, offset = calibration[changed].astype(np.float32).T
        inner = np.clip(result[:, changed], _LEAST_ODDS, 1 - _LEAST_ODDS)
        result[:, changed] = (1 + np.tanh((slope * np.log(inner / (1 - inner)) + offset) / 2)) / 2  # a sigmoid that cannot overflow
    return result


def smooth(scores: np.ndarray, fps: float, smooth_s: Seconds) -> np.ndarray:
    """Return the centered moving average that `choose` makes of scores [T, C]: [T, C] float32."""
    columns = np.arange(scores.shape[1])
    blocks = _smoothed(scores, columns, _odd_frames(smooth_s, fps, len(columns)))
    return np.concatenate([np.empty((0, len(columns)), np.float32), *blocks])


def _smoothed(scores: ScoreRows, columns: np.ndarray, widths: np.ndarray) -> Iterator[np.ndarray]:
    """Yield moving averages of some columns of scores [T, C], each over its odd width in frames, block by block: float32, not shared.

    Scores are read from the first row to the last, each block with its surroundings. At the ends of the recording the mean is over the
    frames that exist. Sums are float64 and restart with each block; rounding the mean to float32 removes their small error, so that
    constant scores stay constant and equal scores stay equal.
    """
    frames, halves = len(scores), widths // 2
    widest = int(halves.max(initial=0))
    for first in range(0, frames, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, frames)
        begin, end = max(first - widest, 0), min(last + widest, frames)
        before, after = begin - (first - widest), last + widest - end  # frames that the recording does not have
        total = np.zeros((last - first + 2 * widest + 1, len(columns)))
        inner = total[before + 1 : len(total) - after]
        np.cumsum(scores[begin:end, columns], axis=0, out=inner)
        if not np.isfinite(inner[-1]).all():
            expected = f"finite scores for frames {begin} to {end}"
            raise ValueError(f"Expected {expected}, but got NaN or infinite ones. Look for them in the features and the checkpoint.")
        total[len(total) - after :] = inner[-1]
        yield _means(total, widest, halves, first, last, frames)


def _means(total: np.ndarray, widest: int, halves: np.ndarray, first: int, last: int, frames: int) -> np.ndarray:
    """Return the means [frames from `first` to `last`, columns] from running sums that begin `widest` frames earlier."""
    means = np.empty((last - first, len(halves)), np.float32)
    frame = np.arange(first, last)
    for half in np.unique(halves).tolist():
        own: np.ndarray | slice = halves == half if (halves != half).any() else slice(None)
        upper, lower = widest + half + 1, widest - half
        mean = total[upper : upper + len(frame), own] - total[lower : lower + len(frame), own]
        mean /= (np.minimum(frame + half + 1, frames) - np.maximum(frame - half, 0))[:, None]
        means[:, own] = mean
    return means


def label_runs(label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return class, start and stop of each run of one label [T], in order, without the runs of NOTHING."""
    starts = np.flatnonzero(np.diff(label, prepend=NOTHING - 1))
    stops = np.append(starts[1:], len(label))
    something = label[starts] != NOTHING
    return label[starts][something], starts[something], stops[something]


def close_gaps(classes: np.ndarray, starts: np.ndarray, stops: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join neighboring bouts of one class that lie at most so many frames [C] apart."""
    if not len(classes):
        return classes, starts, stops
    apart = (classes[1:] != classes[:-1]) | (starts[1:] - stops[:-1] > frames[classes[1:]])
    opens, closes = np.append(True, apart), np.append(apart, True)
    return classes[opens], starts[opens], stops[closes]


def _frames(seconds: Seconds, fps: float, n_behaviors: int) -> np.ndarray:
    """Round durations to the nearest whole numbers of frames, halves up: [C] int."""
    return np.floor(_per_behavior(seconds, n_behaviors) * fps + 0.5).astype(int)


def _odd_frames(seconds: Seconds, fps: float, n_behaviors: int) -> np.ndarray:
    """Round durations to the nearest odd numbers of frames, at least 1, ties up: [C] int."""
    return 2 * np.floor(_per_behavior(seconds, n_behaviors) * fps / 2).astype(int) + 1


def _per_behavior(seconds: Seconds, n_behaviors: int) -> np.ndarray:
    """Return one duration for each behavior: [C] float. Raises ValueError unless there is one, or one per behavior."""
    values = np.asarray(seconds, float)
    if values.ndim and len(values) != n_behaviors:
        raise ValueError(f"Expected one duration or {n_behaviors}, one per behavior, but got {len(values)}. Fit the decoding anew.")
    return np.broadcast_to(values, n_behaviors)
