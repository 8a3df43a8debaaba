"""Does an annotation run on the clock of its film? Its lag, and its rate, from how well bouts agree with motion and posture.

For each annotated triple, features of its mice are compared within bouts and outside of them: the share of variance that the bouts explain.
The annotation is moved, or stretched, and the share is highest where it fits. This measures; nothing here corrects.

Axes: F features, B bouts, T frames, L lags, R resamples; I mice, K bodyparts; 2 coordinates (x, y).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from behavior.curation import CuratedTracking
from behavior.recording import Triple

LONGEST_LAG_S = 2.0
"""Lags are sought from -2 to 2 s: people and programs err by less."""
CLOCKS = (10.0, 12.0, 12.5, 15.0, 20.0, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0, 100.0, 120.0)
"""Rates at which cameras film, and programs count, per second."""
_SAME_CLOCK = 0.01
"""Rates that differ by a smaller share are one clock: 29.97 and 30."""
_LEAST_BOUTS = 20
"""With fewer bouts nothing is measured."""
_CHANCE = 3.0
"""The best agreement must lie so many standard deviations above that of annotations moved far away."""
_SURE_S, _CLEAR_GAIN = 0.5, 1.1
"""A lag is clear if its interval is narrower than so many seconds, and if the agreement gains so much."""
_CLOCK_CHANCE, _CLOCK_GAIN = 6.0, 1.5
"""The same for another rate; it is stricter, because many rates are tried."""
_RESAMPLES = 200
_EASED = 0.5
"""cm/s, added to speeds before their logarithm is taken."""

Bouts = Mapping[Triple, np.ndarray]
"""By triple: start and stop, excluded, in frames of the recording, [B, 2]."""


@dataclass(frozen=True)
class ClockFit:
    """How an annotation fits its film."""

    bouts: int
    """Number of bouts that were used."""
    clear: bool
    """Whether it agrees with the motion clearly more than by chance; if not, the rest says nothing."""
    lag_frames: int
    """Frames by which the annotation comes too late; negative if it is early. --shift-frames with the other sign corrects it."""
    interval: tuple[int, int]
    """2.5 and 97.5 % of the lags of resampled bouts, frames."""
    gain: float
    """Agreement at this lag, divided by that without a shift."""
    clock_fps: float
    """Rate at which the frames of the annotation fit best; the film's own rate if none fits clearly better."""
    clock_gain: float
    """Agreement at this rate, divided by that at the film's own."""
    end_share: float
    """End of the last bout, divided by the number of frames; above 1 the annotation goes on after the film."""
    fps: float
    """The film's own rate."""

    @property
    def lags(self) -> bool:
        """Whether the annotation is clearly late or early: 0 is not among the likely lags, they differ little, and it fits much better."""
        low, high = self.interval
        return self.clear and not low <= 0 <= high and high - low <= _SURE_S * self.fps and self.gain >= _CLEAR_GAIN

    @property
    def other_clock(self) -> bool:
        """Whether the annotation clearly runs at another rate."""
        return self.clear and self.clock_fps != self.fps


def fit_clock(curated: CuratedTracking, bouts: Bouts, fps: float, seed: int = 0) -> ClockFit:
    """Measure lag and rate of the annotation of one recording."""
    used = {
        triple: edges for triple, edges in bouts.items() if triple.agent in curated.mice and triple.target in curated.mice and len(edges)
    }
    n_bouts, frames = sum(map(len, used.values())), curated.frames
    last = max((int(edges[:, 1].max()) for edges in used.values()), default=0)
    nothing = ClockFit(n_bouts, False, 0, (0, 0), 1.0, fps, 1.0, last / frames, fps)
    if n_bouts < _LEAST_BOUTS:
        return nothing
    sums = [np.concatenate([np.zeros((len(one), 1)), one.cumsum(axis=1)], axis=1) for one in _features(curated, used)]
    reach = round(LONGEST_LAG_S * fps)
    lags = np.arange(-reach, reach + 1)
    far = np.unique(np.linspace(5 * reach, max(frames - 5 * reach, 5 * reach + 1), 60).astype(int))
    chance = _agreement(sums, list(used.values()), far, frames, around=True)
    curve = _agreement(sums, list(used.values()), lags, frames)
    clock_fps, clock_gain = _best_clock(sums, list(used.values()), fps, frames, float(chance.mean() + _CLOCK_CHANCE * chance.std()))
    best = max(curve.max(), clock_gain * curve[reach])
    if best < chance.mean() + _CHANCE * chance.std():
        return nothing
    draws = _resampled(sums, list(used.values()), lags, frames, np.random.default_rng(seed))
    low, high = (int(value) for value in np.percentile(draws, [2.5, 97.5]).round())
    lag = int(lags[curve.argmax()])
    return ClockFit(n_bouts, True, lag, (low, high), float(curve.max() / curve[reach]), clock_fps, clock_gain, last / frames, fps)


def _best_clock(sums: Sequence[np.ndarray], bouts: Sequence[np.ndarray], fps: float, frames: int, least: float) -> tuple[float, float]:
    """Return the rate at which the annotation fits best, and the agreement there by that at the film's own rate.

    A rate at which the annotation would go on after the film is none.
    """
    still, last = np.zeros(1, int), max(int(edges[:, 1].max()) for edges in bouts)
    own = _agreement(sums, bouts, still, frames)[0]
    rates = [rate for rate in CLOCKS if abs(rate / fps - 1) > _SAME_CLOCK and last * fps / rate <= frames * (1 + _SAME_CLOCK)]
    found = {rate: _agreement(sums, [np.rint(edges * fps / rate).astype(int) for edges in bouts], still, frames)[0] for rate in rates}
    best = max(found, key=lambda rate: found[rate], default=fps)
    clear = best in found and found[best] > max(_CLOCK_GAIN * own, least)
    return (best, float(found[best] / own)) if clear else (fps, 1.0)


def _agreement(sums: Sequence[np.ndarray], bouts: Sequence[np.ndarray], lags: np.ndarray, frames: int, around: bool = False) -> np.ndarray:
    """Return the share of variance that bouts explain at each lag, the mean over triples and features: [L]."""
    total = np.zeros(len(lags))
    for one, edges in zip(sums, bouts, strict=True):
        inside, length = _inside(one, edges, lags, frames, around)
        total += _explained(inside.sum(axis=1), length.sum(axis=0), frames)
    return total / len(sums)


def _inside(sums: np.ndarray, edges: np.ndarray, lags: np.ndarray, frames: int, around: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of features within bouts that are moved back by each lag, [F, B, L], and their lengths, [B, L].

    Moved bouts are cut at the ends of the recording, or with `around` go on at its other end.
    """
    start, stop = (edges[:, side, None] - lags for side in (0, 1))
    if around:
        length = np.minimum(stop - start, frames)
        start = start % frames
        stop = start + length
        wrapped = np.clip(stop - frames, 0, frames)
        stop = np.minimum(stop, frames)
        return sums[:, stop] - sums[:, start] + sums[:, wrapped], length
    start, stop = np.clip(start, 0, frames), np.clip(stop, 0, frames)
    return sums[:, stop] - sums[:, start], stop - start


def _explained(inside: np.ndarray, length: np.ndarray, frames: int) -> np.ndarray:
    """Return the explained share of variance of features with mean 0 and variance 1: [..., L] of sums [F, ..., L]."""
    outside = np.maximum(frames - length, 1)
    return np.asarray((inside**2 / (np.maximum(length, 1) * outside)).mean(axis=0))


def _resampled(
    sums: Sequence[np.ndarray], bouts: Sequence[np.ndarray], lags: np.ndarray, frames: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the best lag of each resample of the bouts: [R]."""
    total = np.zeros((_RESAMPLES, len(lags)))
    for one, edges in zip(sums, bouts, strict=True):
        inside, length = _inside(one, edges, lags, frames, around=False)
        times = rng.multinomial(len(edges), np.full(len(edges), 1 / len(edges)), _RESAMPLES).astype(float)  # [R, B]
        total += _explained(np.einsum("rb,fbl->frl", times, inside, optimize=True), times @ length, frames)
    return lags[total.argmax(axis=1)]


def _features(curated: CuratedTracking, triples: Iterable[Triple]) -> list[np.ndarray]:
    """Return speed and size of the agent, and of a pair its distance and the speed of the target, standardized: [F, T] for each triple."""
    rows = {mouse: row for row, mouse in enumerate(curated.mice)}
    center = _mean(curated.xy, axis=2)  # [2, I, T]
    speed = np.log(_EASED + np.hypot(*_mean(curated.velocity, axis=2)))  # [I, T]
    size = np.sqrt(_mean(((curated.xy - center[:, :, None]) ** 2).sum(axis=0), axis=1))  # [I, T]
    found = []
    for triple in triples:
        agent, target = rows[triple.agent], rows[triple.target]
        own = [speed[agent], size[agent]]
        if agent != target:
            own += [np.hypot(*(center[:, agent] - center[:, target])), speed[target]]
        found.append(np.stack([_standard(one) for one in own]))
    return found


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means over known values; NaN where there is none, without the warning of numpy."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis, dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))


def _standard(values: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and variance 1, within 3 standard deviations; 0 where unknown."""
    known = np.isfinite(values)
    if not known.any() or np.std(values[known]) == 0:
        return np.zeros(len(values))
    scaled = np.where(known, (values - np.mean(values[known])) / np.std(values[known]), 0.0).clip(-3, 3)
    scaled -= scaled.mean()
    return np.asarray(scaled / max(float(scaled.std()), 1e-9))
