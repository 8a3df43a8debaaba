"""The pair view as statistics: distances, angles and speeds of two mice, and their means and deviations around each sample.

They do not depend on the direction of the mice, or on left and right, nor on their place in the arena, unless `place` asks for it.
Angles are radians.

Axes: K bodyparts, T frames of the recording, S samples at the recognizer's rate, N chosen samples, B signals, F features.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from behavior.curation import CuratedTracking
from behavior.labelling import Subject
from behavior.views.anchors import ANCHORS
from behavior.views.centered_windows import RunningSums, moved
from behavior.views.features import refuse_bad_settings
from behavior.views.placed_points import arena_of, place_signals, placed_points
from behavior.views.sampling import BLOCK_SAMPLES, sample_count, sample_frames
from behavior.views.vectors import angle, cross, dot, unit


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
    beside_s: tuple[float, ...] = ()
    """The mean in the shortest window is also taken so long before and after each sample, s: experts label late."""
    place: bool = False
    """Also use where in the arena each mouse is: near an edge, near a corner, in the middle."""
    alone: bool = False
    """Only the signals of the agent: for recordings of one mouse."""
    fastest_cm_per_s: float | None = None
    """Motion across a jump that is faster than this from sample to sample is unknown, cm/s; None uses all motion."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        for name in ("bodyparts", "lags_s", "windows_s", "beside_s"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON brings lists
        refuse_bad_settings(self.bodyparts, self.fps)
        if min((*self.lags_s, *self.windows_s, *self.beside_s, 1)) <= 0 or self.max_gap_s < 0 or not self.lags_s:
            raise ValueError(f"Expected lags and windows above 0 and a gap of 0 or more, but got {self}. Change them.")
        if self.fastest_cm_per_s is not None and not self.fastest_cm_per_s > 0:
            raise ValueError(f"Expected a fastest speed above 0, but got {self.fastest_cm_per_s}. Change it.")
        if (self.beside_s and not self.windows_s) or (self.alone and self.symmetric):
            raise ValueError(f"Expected windows for means beside, and no symmetry of one mouse, but got {self}. Change them.")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: the signals, then their mean and deviation window by window, then means beside; t_ is the target's."""
        nobody = np.full((len(ANCHORS) + len(self.bodyparts), 3, 1), np.nan, np.float32)
        signals = tuple(self._signals(nobody, nobody, np.full((2, 2), np.nan)))
        around = [f"{signal} {what} {width:g}s" for width in self.windows_s for what in ("mean", "dev") for signal in signals]
        shortest = min(self.windows_s, default=0)
        beside = [f"{signal} mean {shortest:g}s, {when:+g}s" for when in self._beside() for signal in signals]
        return (*signals, *around, *beside)

    @property
    def mirror(self) -> None:
        """None: mirrored mice have the same statistics."""
        return

    def of(self, curated: CuratedTracking, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return the statistics [S, F] float32 of two mice, or a part of their samples; target == agent for a mouse by itself.

        cm, cm/s, radians and radians/s by the recording's own `fps`; NaN where too little was seen. Statistics that need
        a second mouse, or a mouse that is not tracked, are unknown.
        """
        return self.at(curated, fps, subject, np.arange(*part.indices(sample_count(curated.frames, fps, self.fps))))

    def at(self, curated: CuratedTracking, fps: float, subject: Subject, samples: np.ndarray) -> np.ndarray:
        """Return the statistics [N, F] float32 of some samples [N], ascending, as `of` says: a few samples take far less time than all."""
        features, at = np.empty((len(samples), len(self.names)), np.float32), 0
        while at < len(samples):
            end = int(np.searchsorted(samples, samples[at] + BLOCK_SAMPLES))
            features[at:end] = self._block(curated, fps, subject, samples[at:end]).T
            at = end
        return features

    def _block(self, curated: CuratedTracking, fps: float, subject: Subject, samples: np.ndarray) -> np.ndarray:
        """Return [F, N] for some ascending samples [N]; samples around them are used too."""
        first, last = int(samples[0]), int(samples[-1]) + 1
        halves = [round(width * self.fps / 2) for width in self.windows_s]
        beside = [round(when * self.fps) for when in self._beside()]
        margin = max([0, *halves]) + max(map(self._samples, self.lags_s)) + max([0, *beside])
        begin = max(first - margin, 0)
        sampled = sample_frames(curated.frames, fps, self.fps, slice(begin, last + margin))
        mice = [
            placed_points(curated, mouse, self.bodyparts, sampled, round(self.max_gap_s * fps)) for mouse in (subject.agent, subject.target)
        ]
        if subject.agent == subject.target:
            mice[1] = np.full_like(mice[1], np.nan)
        arena = arena_of(curated) if self.place else np.full((2, 2), np.nan)
        signals = np.stack([*self._signals(mice[0], mice[1], arena).values()])
        chosen, sums = samples - begin, RunningSums(signals)
        around = [statistic for half in halves for statistic in sums.around(half, chosen)]
        return np.concatenate([signals[:, chosen], *around, *(sums.around(min(halves), chosen + ahead)[0] for ahead in beside)])

    def _beside(self) -> tuple[float, ...]:
        """Return the times beside a sample, earlier ones first, s."""
        return tuple(sorted(sign * when for when in self.beside_s for sign in (-1, 1)))

    def _signals(self, agent: np.ndarray, target: np.ndarray, arena: np.ndarray) -> dict[str, np.ndarray]:
        """Return the B signals [S] of two mice [P, 3, S] by name: of each mouse, of each toward the other, and of both."""
        if self.alone:
            return self._alone(agent, arena)
        pairs = ((agent, target), (target, agent))
        agent_does, target_does = ({**self._alone(one, arena), **self._toward(one, other)} for one, other in pairs)
        if self.symmetric:
            low = {f"low {name}": np.fmin(agent_does[name], target_does[name]) for name in agent_does}
            high = {f"high {name}": np.fmax(agent_does[name], target_does[name]) for name in agent_does}
            return {**low, **high, **self._between(agent, target)}
        return {**agent_does, **{f"t_{name}": signal for name, signal in target_does.items()}, **self._between(agent, target)}

    def _named(self, mouse: np.ndarray) -> dict[str, np.ndarray]:
        """Return the points [2, S] of a mouse [P, 3, S] by name."""
        return dict(zip((*ANCHORS, *self.bodyparts), mouse[:, :2], strict=True))

    def _alone(self, mouse: np.ndarray, arena: np.ndarray) -> dict[str, np.ndarray]:
        """Return the signals of one mouse by itself."""
        points = self._named(mouse)
        heading = unit(points["front"] - points["back"])
        signals = {"lost": mouse[len(ANCHORS) :, 2].mean(axis=0)}
        signals |= place_signals(points["center"], arena) if self.place else {}
        for one, other in combinations(self.bodyparts, 2):
            signals[f"{one} {other} cm"] = np.hypot(*(points[one] - points[other]))
        for lag in self.lags_s:
            velocity = {anchor: self._change(points[anchor], lag) for anchor in ANCHORS}
            signals |= {f"{anchor} speed {lag:.2g}s": np.hypot(*moved) for anchor, moved in velocity.items()}
            signals[f"forward {lag:.2g}s"] = dot(velocity["center"], heading)
            signals[f"sideways {lag:.2g}s"] = np.abs(cross(velocity["center"], heading))
            signals[f"turn {lag:.2g}s"] = angle(self._shifted(heading, lag, 1), self._shifted(heading, lag, -1)) / lag
        signals["bend"] = angle(points["front"] - points["center"], points["center"] - points["back"])
        return signals

    def _toward(self, mouse: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        """Return the signals of a mouse toward another: its position, whether the mouse faces it, the speed of approach."""
        own, others = self._named(mouse), self._named(other)
        heading = unit(own["front"] - own["back"])
        signals: dict[str, np.ndarray] = {}
        for anchor in ANCHORS:
            offset = others[anchor] - own["center"]
            signals |= {f"{anchor} ahead cm": dot(offset, heading), f"{anchor} aside cm": np.abs(cross(offset, heading))}
        signals["facing"] = angle(heading, others["center"] - own["front"])
        direction = unit(others["center"] - own["center"])
        signals |= {f"approach {lag:.2g}s": dot(self._change(own["center"], lag), direction) for lag in self.lags_s}
        for one, two in combinations(self.bodyparts, 2):
            signals[f"{one} to {two} cm"] = np.hypot(*(own[one] - others[two]))
        return signals

    def _between(self, mouse: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
        """Return the signals that are the same for both mice."""
        own, others = self._named(mouse), self._named(other)
        headings = [unit(one["front"] - one["back"]) for one in (own, others)]
        apart = np.hypot(*(own["center"] - others["center"]))
        signals = {f"{part} {part} cm": np.hypot(*(own[part] - others[part])) for part in self.bodyparts}
        signals |= {"center center cm": apart, "headings": angle(*headings)}
        for lag in self.lags_s:
            signals[f"opening {lag:.2g}s"] = self._change(apart, lag)
            signals[f"passing {lag:.2g}s"] = np.hypot(*(self._change(own["center"], lag) - self._change(others["center"], lag)))
        return signals

    def _samples(self, lag_s: float) -> int:
        return max(1, round(lag_s * self.fps))

    def _change(self, values: np.ndarray, lag_s: float) -> np.ndarray:
        """Return the change per second of places [2, S], or of a distance [S], over a lag around each sample."""
        change = (self._shifted(values, lag_s, 1) - self._shifted(values, lag_s, -1)) * (self.fps / self._samples(lag_s))
        if self.fastest_cm_per_s is None:
            return change
        steps = np.diff(values, axis=-1) * self.fps
        speed = np.hypot(*steps) if values.ndim == 2 else np.abs(steps) / 2  # both mice change a distance
        jumps = np.cumsum(np.append(0, np.nan_to_num(speed) > self.fastest_cm_per_s)).astype(np.float32)  # whole below 2**24
        same = self._shifted(jumps, lag_s, 1) == self._shifted(jumps, lag_s, -1)
        return np.where(same, change, np.float32(np.nan))

    def _shifted(self, values: np.ndarray, lag_s: float, sign: int) -> np.ndarray:
        """Return the values [.., S] of the end (sign 1) or the beginning (-1) of a lag around each sample; NaN beyond the recording."""
        lag = self._samples(lag_s)
        ahead = lag // 2 if sign > 0 else lag // 2 - lag
        return moved(values, ahead)
