"""Fit on out-of-fold scores what turns scores into bouts: smoothing, calibration, thresholds, weights, gaps and shortest lengths.

The order is that of decoding. First smoothing and threshold by the F1 of frames, behavior by behavior; then weights; then gap and
shortest length by the F1 of the frames that a behavior keeps when all compete. F1 is the competition's: frames are pooled over a lab.
Where little was seen, every curve is drawn toward the more general one: a lab's toward its behavior's, a behavior's toward the mean.

Axes: C behaviors, W smoothing widths, G thresholds, K gaps, M shortest lengths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from behavior.bouts import DecodeSettings, choose
from behavior.frame_scores import f1_score
from recognizers.recognizer import Decoding
from training.decoding.calibration import IDENTITY, fit_calibration
from training.decoding.counts import MAX_GAP_S, MIN_LENGTH_S, SMOOTH_S, Seen, Subjects, count_scores, duration_frames, without
from training.decoding.thresholds import DEFAULT_THRESHOLD, GRID, drawn, f1_curve, frames_above, mean_of

SUPPORT_BOUTS, SUPPORT_S = 20.0, 10.0
"""A behavior with so many bouts, or so many seconds of them, is believed by half."""
CALIBRATION_BOUTS = 20
"""With fewer true bouts the scores of a behavior stay as they are."""
_PRESENT = 1
_SHAPE = (len(SMOOTH_S), len(GRID))


@dataclass(frozen=True)
class Fitted:
    """What was fitted on the same scores."""

    decoding: Decoding
    """Everything."""
    plain: Decoding
    """One threshold for all behaviors and labs, default durations: beside it the worth of the rest is told."""


def fit_decoding(subjects: Subjects, behaviors: Sequence[str]) -> Decoding:
    """Return the decoding fitted on all subjects, whose scores must be of recognizers that never saw the recording."""
    fold_of = {one.recording.video_id: 0 for one in subjects()}
    return _fit(subjects, tuple(behaviors), fold_of, (None,))[None].decoding


def cross_fit(subjects: Subjects, behaviors: Sequence[str], fold_of: Mapping[int, int]) -> dict[int | None, Fitted]:
    """Return for each fold what is fitted without it, and for None what is fitted on all. `fold_of` maps video ids."""
    return _fit(subjects, tuple(behaviors), fold_of, (None, *sorted(set(fold_of.values()))))


def trust(seen: Seen) -> float:
    """Return how far what was seen is believed, 0 to below 1: by the number of bouts and by their seconds, the lesser of the two."""
    bouts, seconds = len(seen.lengths_s), float(seen.lengths_s.sum())
    return min(bouts / (bouts + SUPPORT_BOUTS), seconds / (seconds + SUPPORT_S))


def _fit(
    subjects: Subjects, behaviors: tuple[str, ...], fold_of: Mapping[int, int], left_out: Sequence[int | None]
) -> dict[int | None, Fitted]:
    counts = count_scores(subjects, behaviors, fold_of)
    seen = {fold: without(counts, fold) for fold in left_out}
    fitted = {fold: _fit_scores(seen[fold], behaviors) for fold in left_out}
    frames: dict[int | None, dict[str, np.ndarray]] = {fold: {} for fold in left_out}
    for one in subjects():
        truth, scores, lab = one.truth.labels, one.scores.astype(np.float32), one.recording.lab_id
        for fold in left_out:
            if fold == fold_of[one.recording.video_id]:
                continue
            decoding = fitted[fold].decoding
            allowed = decoding.allowed(behaviors, lab, one.subject)
            label = choose(scores, one.recording.fps, allowed, decoding.settings, decoding.criteria(behaviors, lab))
            frames[fold][lab] = frames[fold].get(lab, 0) + duration_frames(label, truth, one.recording.fps)
    return {fold: _with_durations(fitted[fold], seen[fold], frames[fold]) for fold in left_out}


def _fit_scores(seen: Mapping[tuple[str, int], Seen], behaviors: tuple[str, ...]) -> Fitted:
    """Fit all but gaps and shortest lengths."""
    occurring = {lab: frozenset(behaviors[c] for (other, c), one in seen.items() if other == lab and len(one.lengths_s)) for lab, _ in seen}
    parts = _by_behavior(seen, len(behaviors))
    pooled = [sum(own.values(), Seen()) for own in parts]
    believed = np.array([trust(one) for one in pooled])
    if not believed.any():
        default = Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring)
        return Fitted(default, default)
    lines = [[_calibration(one, width) for width in range(len(SMOOTH_S))] for one in pooled]
    curves = [{lab: _curves(one, line) for lab, one in own.items()} for own, line in zip(parts, lines, strict=True)]
    own_curves = np.stack([_mean_over_labs(of_labs, own, _SHAPE) for of_labs, own in zip(curves, parts, strict=True)])
    general = drawn(own_curves, believed, mean_of(own_curves, believed))  # [C, W, G]
    general[~np.stack([_allowed(SMOOTH_S, own, 0.5) for own in parts])] = -1
    width, place = np.divmod(general.reshape(len(behaviors), -1).argmax(axis=1), len(GRID))
    chosen = range(len(behaviors)), width.tolist(), place.tolist()
    found = [int(frames_above(pooled[c].levels[w], *lines[c][w])[g, 1]) for c, w, g in zip(*chosen, strict=True)]
    decoding = Decoding(
        thresholds=tuple(GRID[place].tolist()),
        occurring=occurring,
        settings=DecodeSettings(smooth_s=tuple(SMOOTH_S[w] for w in width)),
        lab_thresholds=_lab_thresholds(behaviors, parts, curves, general, width),
        weights=_weights(found, pooled, believed),
        calibration=tuple(line[w] for line, w in zip(lines, width, strict=True)),
    )
    return Fitted(decoding, _plain(parts, believed, occurring))


def _lab_thresholds(
    behaviors: tuple[str, ...],
    parts: Sequence[Mapping[str, Seen]],
    curves: Sequence[Mapping[str, np.ndarray]],
    general: np.ndarray,
    width: np.ndarray,
) -> dict[str, dict[str, float]]:
    """Return thresholds of behaviors that occur in several labs; of one lab only, the behavior's own is the lab's."""
    thresholds: dict[str, dict[str, float]] = {}
    for c, behavior in enumerate(behaviors):
        for lab, one in parts[c].items() if len(parts[c]) > 1 else ():
            own, w = trust(one), width[c]
            place = (own * curves[c][lab][w] + (1 - own) * general[c, w]).argmax()
            thresholds.setdefault(lab, {})[behavior] = float(GRID[place])
    return thresholds


def _with_durations(fitted: Fitted, seen: Mapping[tuple[str, int], Seen], frames: Mapping[str, np.ndarray]) -> Fitted:
    """Choose gap and shortest length of each behavior by the frames hit and found, by lab [C, K, M, 2], with each choice."""
    decoding = fitted.decoding
    parts = _by_behavior(seen, len(decoding.thresholds))
    believed = np.array([trust(sum(own.values(), Seen())) for own in parts])
    if not believed.any():
        return fitted
    curves = []
    for c, own in enumerate(parts):
        of_labs = {lab: _f1(frames[lab][c], one) for lab, one in own.items()}
        curves.append(_mean_over_labs(of_labs, own, (len(MAX_GAP_S), len(MIN_LENGTH_S))))
    general = drawn(np.stack(curves), believed, mean_of(np.stack(curves), believed))
    short_enough = np.stack([_allowed(MIN_LENGTH_S, own, 0.25) for own in parts])
    general = np.where(short_enough[:, None], general, -1)
    gap, shortest = np.divmod(general.reshape(len(parts), -1).argmax(axis=1), len(MIN_LENGTH_S))  # of equals the least change
    settings = replace(decoding.settings, max_gap_s=tuple(MAX_GAP_S[k] for k in gap), min_length_s=tuple(MIN_LENGTH_S[m] for m in shortest))
    return replace(fitted, decoding=replace(decoding, settings=settings))


def _by_behavior(seen: Mapping[tuple[str, int], Seen], n_behaviors: int) -> list[dict[str, Seen]]:
    """Return for each behavior what was seen of it, by the labs in which it occurs."""
    parts: list[dict[str, Seen]] = [{} for _ in range(n_behaviors)]
    for (lab, column), one in sorted(seen.items(), key=lambda item: item[0]):
        if len(one.lengths_s):
            parts[column][lab] = one
    return parts


def _calibration(pooled: Seen, width: int) -> tuple[float, float]:
    return fit_calibration(pooled.levels[width]) if len(pooled.lengths_s) >= CALIBRATION_BOUTS else IDENTITY


def _curves(seen: Seen, lines: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return F1 at every smoothing and threshold: [W, G]."""
    return np.stack([f1_curve(levels, *line) for levels, line in zip(seen.levels, lines, strict=True)])


def _f1(frames: np.ndarray, seen: Seen) -> np.ndarray:
    """Return the F1 of frames hit and found [..., 2] of what was seen: [...]."""
    return np.nan_to_num(f1_score(frames[..., 0], frames[..., 1], seen.levels[0, _PRESENT].sum()))


def _mean_over_labs(curves: Mapping[str, np.ndarray], parts: Mapping[str, Seen], shape: tuple[int, ...]) -> np.ndarray:
    """Return the mean curve of a behavior, for the competition counts every lab alike; labs with few bouts count for less."""
    if not parts:
        return np.zeros(shape)
    return mean_of(np.stack([curves[lab] for lab in parts]), np.array([trust(one) for one in parts.values()]))


def _allowed(seconds: Sequence[float], parts: Mapping[str, Seen], quantile: float) -> np.ndarray:
    """Return which durations are no longer than that quantile of a behavior's bouts in the lab where they are shortest."""
    limit = min((float(np.quantile(one.lengths_s, quantile)) for one in parts.values()), default=np.inf)
    return (np.array(seconds) <= limit + 1e-6) | (np.array(seconds) == 0)


def _weights(found: Sequence[int], pooled: Sequence[Seen], believed: np.ndarray) -> tuple[float, ...]:
    """Return one over the share of frames on which a behavior is found or true (`behavior.bouts.choose` says why), the largest 1."""
    shares = np.zeros(len(pooled))
    for c in np.flatnonzero(believed).tolist():
        levels = pooled[c].levels[0]
        shares[c] = np.log((found[c] + levels[_PRESENT].sum() + 1) / (levels.sum() + 1))
    shares = drawn(shares, believed, mean_of(shares, believed))
    return tuple(np.exp(shares.min() - shares).tolist())


def _plain(parts: Sequence[Mapping[str, Seen]], believed: np.ndarray, occurring: Mapping[str, frozenset[str]]) -> Decoding:
    """Return the common threshold of uncalibrated scores under default smoothing, and default durations."""
    width = SMOOTH_S.index(DecodeSettings().smooth_s)
    curves = [_mean_over_labs({lab: f1_curve(one.levels[width]) for lab, one in own.items()}, own, GRID.shape) for own in parts]
    threshold = float(GRID[mean_of(np.stack(curves), believed).argmax()])
    return Decoding((threshold,) * len(parts), occurring)
