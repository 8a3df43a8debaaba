"""The pair view as statistics: distances, angles and speeds of two mice, and their means and deviations around each sample.

They do not depend on the place of the mice in the arena, their direction, or left and right. Angles are radians.

Axes: K bodyparts, T frames of the recording, S samples at the recognizer's rate, B signals, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from behavior.curation import CuratedTracking
from behavior.labelling import Subject
from behavior.views.anchors import ANCHORS, anchor_parts, seen_columns
from behavior.views.features import refuse_bad_settings
from behavior.views.sampling import BLOCK_SAMPLES, sample_count, sample_frames


@dataclass(frozen=True)
class PairStatistics:
    """Settings of the statistics."""

    bodyparts: tuple[str, ...]
    """Canonical bodyparts between which distances are measured; those that a recording lacks are unknown."""
    fps: float = 30.0
    """Samples per second, 1/s: a window means the same time in every lab."""
    lags_s: tuple[float, ...] = (1 / 30, 1 / 6, 0.5, 1.0)
    """Times over which motion is measured, s."""
    windows_s: tuple[float, ...] = (0.5, 2.0, 5.0)
    """Widths of centered windows in which mean and deviation of every signal are taken, s."""
    max_gap_s: float = 0.5
    """A lost point is interpolated if the gap between the seen points is at most this long, s; else it is unknown."""
    symmetric: bool = False
    """Use the lower and the higher value of both mice, not agent's and target's: for labs that do not say which mouse acts."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        for name in ("bodyparts", "lags_s", "windows_s"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON brings lists
        refuse_bad_settings(self.bodyparts, self.fps)
        if min((*self.lags_s, *self.windows_s, 1)) <= 0 or self.max_gap_s < 0 or not self.lags_s:
            raise ValueError(f"Expected lags and windows above 0 and a gap of 0 or more, but got {self}. Change them.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: the signals, then their mean and deviation window by window; t_ is the target's."""
        nobody = np.full((len(ANCHORS) + len(self.bodyparts), 3, 1), np.nan, np.float32)
        signals = tuple(self._signals(nobody, nobody))
        return (*signals, *(f"{signal} {what} {width:g}s" for width in self.windows_s for what in ("mean", "dev") for signal in signals))

    @property
    def mirror(self) -> None:
        """None: mirrored mice have the same statistics."""
        return

    def of(self, curated: CuratedTracking, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return the statistics [S, F] float32 of two mice, or a part of their samples; target == agent for a mouse by itself.

        cm, cm/s, radians and radians/s by the recording's own `fps`; NaN where too little was seen. Statistics that need
        a second mouse, or a mouse that is not tracked, are unknown.
        """
        start, stop, _ = part.indices(sample_count(curated.frames, fps, self.fps))
        features = np.empty((max(stop - start, 0), len(self.names)), np.float32)
        for first in range(start, stop, BLOCK_SAMPLES):
            last = min(first + BLOCK_SAMPLES, stop)
            features[first - start : last - start] = self._block(curated, fps, subject, first, last).T
        return features

    def _block(self, curated: CuratedTracking, fps: float, subject: Subject, first: int, last: int) -> np.ndarray:
        """Return [F, S] for the samples from `first` to before `last`; samples around them are used too."""
        halves = [round(width * self.fps / 2) for width in self.windows_s]
        margin = max([0, *halves]) + max(map(self._samples, self.lags_s))
        begin = max(first - margin, 0)
        sampled = sample_frames(curated.frames, fps, self.fps, slice(begin, last + margin))
        mice = [_points(curated, mouse, self.bodyparts, sampled, round(self.max_gap_s * fps)) for mouse in (subject.agent, subject.target)]
        if subject.agent == subject.target:
            mice[1] = np.full_like(mice[1], np.nan)
        signals = np.stack([*self._signals(*mice).values()])
        inner = slice(first - begin, last - begin)
        return np.concatenate([signals[:, inner], *(part[:, inner] for half in halves for part in _mean_and_deviation(signals, half))])

    def _signals(self, agent: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """Return the B signals [S] of two mice [P, 3, S] by name: of each mouse, of each toward the other, and of both."""
        agent_does, target_does = ({**self._alone(one), **self._toward(one, other)} for one, other in ((agent, target), (target, agent)))
        if self.symmetric:
            low = {f"low {name}": np.fmin(agent_does[name], target_does[name]) for name in agent_does}
            high = {f"high {name}": np.fmax(agent_does[name], target_does[name]) for name in agent_does}
            return {**low, **high, **self._between(agent, target)}
        return {**agent_does, **{f"t_{name}": signal for name, signal in target_does.items()}, **self._between(agent, target)}

    def _named(self, mouse: np.ndarray) -> dict[str, np.ndarray]:
        """Return the points [2, S] of a mouse [P, 3, S] by name."""
        return dict(zip((*ANCHORS, *self.bodyparts), mouse[:, :2], strict=True))

    def _alone(self, mouse: np.ndarray) -> dict[str, np.ndarray]:
        points = self._named(mouse)
        heading = _unit(points["front"] - points["back"])
        signals = {"lost": mouse[len(ANCHORS) :, 2].mean(axis=0)}
        for one, other in combinations(self.bodyparts, 2):
            signals[f"{one} {other} cm"] = np.hypot(*(points[one] - points[other]))
        for lag in self.lags_s:
            velocity = {anchor: self._change(points[anchor], lag) for anchor in ANCHORS}
            signals |= {f"{anchor} speed {lag:.2g}s": np.hypot(*moved) for anchor, moved in velocity.items()}
            signals[f"forward {lag:.2g}s"] = _dot(velocity["center"], heading)
            signals[f"sideways {lag:.2g}s"] = np.abs(_cross(velocity["center"], heading))
            signals[f"turn {lag:.2g}s"] = _angle(self._shifted(heading, lag, 1), self._shifted(heading, lag, -1)) / lag
        signals["bend"] = _angle(points["front"] - points["center"], points["center"] - points["back"])
        return signals

    def _toward(self, mouse: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        """Return the signals of a mouse toward another: its position, whether the mouse faces it, the speed of approach."""
        own, others = self._named(mouse), self._named(other)
        heading = _unit(own["front"] - own["back"])
        signals: dict[str, np.ndarray] = {}
        for anchor in ANCHORS:
            offset = others[anchor] - own["center"]
            signals |= {f"{anchor} ahead cm": _dot(offset, heading), f"{anchor} aside cm": np.abs(_cross(offset, heading))}
        signals["facing"] = _angle(heading, others["center"] - own["front"])
        direction = _unit(others["center"] - own["center"])
        signals |= {f"approach {lag:.2g}s": _dot(self._change(own["center"], lag), direction) for lag in self.lags_s}
        for one, two in combinations(self.bodyparts, 2):
            signals[f"{one} to {two} cm"] = np.hypot(*(own[one] - others[two]))
        return signals

    def _between(self, mouse: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        """Return the signals that are the same for both mice."""
        own, others = self._named(mouse), self._named(other)
        headings = [_unit(one["front"] - one["back"]) for one in (own, others)]
        apart = np.hypot(*(own["center"] - others["center"]))
        signals = {f"{part} {part} cm": np.hypot(*(own[part] - others[part])) for part in self.bodyparts}
        signals |= {"center center cm": apart, "headings": _angle(*headings)}
        for lag in self.lags_s:
            signals[f"opening {lag:.2g}s"] = self._change(apart, lag)
            signals[f"passing {lag:.2g}s"] = np.hypot(*(self._change(own["center"], lag) - self._change(others["center"], lag)))
        return signals

    def _samples(self, lag_s: float) -> int:
        return max(1, round(lag_s * self.fps))

    def _change(self, values: np.ndarray, lag_s: float) -> np.ndarray:
        """Return the change per second of values [.., S] over a lag around each sample."""
        return (self._shifted(values, lag_s, 1) - self._shifted(values, lag_s, -1)) * (self.fps / self._samples(lag_s))

    def _shifted(self, values: np.ndarray, lag_s: float, sign: int) -> np.ndarray:
        """Return the values [.., S] of the end (sign 1) or the beginning (-1) of a lag around each sample; NaN beyond the recording."""
        lag = self._samples(lag_s)
        ahead = lag // 2 if sign > 0 else lag // 2 - lag
        return _moved(values, ahead)


def _points(curated: CuratedTracking, mouse: int | None, bodyparts: Sequence[str], sampled: np.ndarray, max_gap: int) -> np.ndarray:
    """Return [P, 3, S]: x, y and whether it was lost, of the anchors and the bodyparts; NaN for points that are not tracked."""
    points = np.full((len(ANCHORS) + len(bodyparts), 3, len(sampled)), np.nan, np.float32)
    if mouse not in curated.mice:
        return points
    row = curated.mice.index(mouse)
    placed = {part: _placed(curated, row, column, sampled, max_gap) for part, column in seen_columns(curated, row).items()}
    for number, anchor in enumerate(ANCHORS):
        chosen = anchor_parts(anchor, placed)
        if chosen:
            points[number] = np.mean([placed[part] for part in chosen], axis=0)
    for number, part in enumerate(bodyparts, start=len(ANCHORS)):
        if part in placed:
            points[number] = placed[part]
    return points


def _placed(curated: CuratedTracking, row: int, column: int, sampled: np.ndarray, max_gap: int) -> np.ndarray:
    """Return x, y and lost [3, S] of one keypoint at ascending frames; x and y are NaN in a gap of more than so many frames."""
    begin, end = max(int(sampled[0]) - max_gap, 0), int(sampled[-1]) + max_gap + 1
    seen = curated.seen[row, column, begin:end]
    frames = np.flatnonzero(seen) + begin
    lost = ~seen[sampled - begin]
    places = np.full((3, len(sampled)), np.nan, np.float32)
    places[2] = lost
    if len(frames):
        after = np.searchsorted(frames, sampled)
        inside = (after > 0) & (after < len(frames))
        gap = frames[np.minimum(after, len(frames) - 1)] - frames[np.maximum(after - 1, 0)]
        near = ~lost | (inside & (gap <= max_gap))
        for axis in (0, 1):
            places[axis, near] = np.interp(sampled[near], frames, curated.xy[axis, row, column, frames])
    return places


def _mean_and_deviation(signals: np.ndarray, half: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation [B, S] over the known among the samples up to `half` away; NaN where none is known."""
    known = np.isfinite(signals)
    filled = np.where(known, signals, 0).astype(np.float64)
    count, total, squares = (_window_sum(values, half) for values in (known, filled, filled**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean.astype(np.float32), deviation.astype(np.float32)


def _window_sum(values: np.ndarray, half: int) -> np.ndarray:
    samples = values.shape[1]
    sums = np.zeros((len(values), samples + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    at = np.arange(samples)
    return sums[:, np.minimum(at + half + 1, samples)] - sums[:, np.maximum(at - half, 0)]


def _moved(values: np.ndarray, ahead: int) -> np.ndarray:
    """Return for each sample the values [.., S] so many samples later; NaN beyond the ends."""
    moved = np.full(values.shape, np.nan, values.dtype)
    samples = values.shape[-1]
    if abs(ahead) < samples:
        moved[..., max(-ahead, 0) : samples - max(ahead, 0)] = values[..., max(ahead, 0) : samples + min(ahead, 0)]
    return moved


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [2, S] of length 1; NaN for those of length 0."""
    with np.errstate(invalid="ignore"):
        return vectors / np.hypot(*vectors)


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[0] * other[0] + one[1] * other[1]


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[0] * other[1] - one[1] * other[0]


def _angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angle between vectors [2, S], 0 to pi: left and right are the same."""
    return np.abs(np.arctan2(_cross(one, other), _dot(one, other)))
