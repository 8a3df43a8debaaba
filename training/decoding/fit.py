"""Fit a decoding on out-of-fold scores: smoothing, calibration, thresholds, weights, gaps and shortest lengths.

The order is that of decoding. First smoothing and threshold by the F1 of frames, behavior by behavior; then weights; then gap and
shortest length by the F1 of the frames that are chosen for a behavior. F1 is that of the competition: frames are pooled over a lab.
With little evidence, every curve is shrunk toward a more general one: a lab's toward its behavior's, a behavior's toward the mean.

Axes: C behaviors, W smoothing widths, G thresholds, K gaps, M shortest lengths.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from behavior.bouts import NOTHING, DecodeSettings, choose
from behavior.frame_scores import f1_score
from recognizers.recognizer import Decoding
from training.decoding.calibration import IDENTITY, fit_calibration
from training.decoding.counts import MAX_GAP_S, MIN_LENGTH_S, SMOOTH_S, Evidence, Subjects, count_scores, duration_frames, without
from training.decoding.thresholds import DEFAULT_THRESHOLD, GRID, f1_curve, frames_above, mean_of, shrink_toward

SUPPORT_BOUTS, SUPPORT_S = 20.0, 10.0
"""With so many bouts, or so many seconds of them, a behavior's own curve has weight 1/2."""
CALIBRATION_BOUTS = 20
"""With fewer true bouts the scores of a behavior are not calibrated."""
_PRESENT = 1
_SHAPE = (len(SMOOTH_S), len(GRID))


LeftOut = frozenset[int]
"""Folds that a fit does not see."""


@dataclass(frozen=True)
class FitResult:
    """Decodings that were fitted on the same scores; `training.decoding.choice` chooses among them."""

    decoding: Decoding
    """All values are fitted."""
    plain: Decoding
    """One threshold for all behaviors and labs, and default durations: the baseline for the others."""
    thresholds: Decoding
    """The same with a threshold for each behavior."""


def cross_fit_decodings(subjects: Subjects, behaviors: Sequence[str], fold_of: Mapping[int, int]) -> dict[int | None, FitResult]:
    """Return for each fold the decodings fitted without it, and for None those fitted on all. `fold_of` maps video ids.

    The scores of a recording must come from a recognizer that never saw it.
    """
    fitted = fit_without(subjects, behaviors, fold_of, [frozenset(), *(frozenset([fold]) for fold in sorted(set(fold_of.values())))])
    return {next(iter(left_out), None): result for left_out, result in fitted.items()}


def trust(evidence: Evidence) -> float:
    """Return the weight of a behavior's own curve, 0 to below 1: the lower of two values, from the number and the seconds of bouts."""
    bouts, seconds = len(evidence.lengths_s), float(evidence.lengths_s.sum())
    return min(bouts / (bouts + SUPPORT_BOUTS), seconds / (seconds + SUPPORT_S))


def fit_without(
    subjects: Subjects, behaviors: Sequence[str], fold_of: Mapping[int, int], left_out: Sequence[LeftOut]
) -> dict[LeftOut, FitResult]:
    """Return the decodings fitted without each of these sets of folds. `fold_of` maps video ids."""
    names, counts = tuple(behaviors), count_scores(subjects, behaviors, fold_of)
    evidence = {folds: without(counts, folds) for folds in left_out}
    fitted = {folds: _fit_scores(evidence[folds], names) for folds in left_out}
    frames: dict[LeftOut, dict[str, np.ndarray]] = {folds: {} for folds in left_out}
    for one in subjects():
        truth, scores, lab = one.truth.labels, one.scores.astype(np.float32), one.recording.lab_id
        for folds in left_out:
            if fold_of[one.recording.video_id] in folds:
                continue
            decoding = fitted[folds].decoding
            allowed = decoding.allowed(names, lab, one.subject)
            label = choose(scores, one.recording.fps, allowed, decoding.settings, decoding.criteria(names, lab))
            known = np.where(one.truth.known, label, NOTHING)
            frames[folds][lab] = frames[folds].get(lab, 0) + duration_frames(known, truth, one.recording.fps)
    return {folds: _with_durations(fitted[folds], evidence[folds], frames[folds]) for folds in left_out}


def _fit_scores(evidence: Mapping[tuple[str, int], Evidence], behaviors: tuple[str, ...]) -> FitResult:
    """Fit all but gaps and shortest lengths."""
    occurring = {
        lab: frozenset(behaviors[c] for (other, c), one in evidence.items() if other == lab and len(one.lengths_s)) for lab, _ in evidence
    }
    parts = _by_behavior(evidence, len(behaviors))
    pooled = [sum(own.values(), Evidence()) for own in parts]
    trusts = np.array([trust(one) for one in pooled])
    if not trusts.any():
        default = Decoding((DEFAULT_THRESHOLD,) * len(behaviors), occurring)
        return FitResult(default, default, default)
    lines = [[_calibration(one, width) for width in range(len(SMOOTH_S))] for one in pooled]
    curves = [{lab: _curves(one, line) for lab, one in own.items()} for own, line in zip(parts, lines, strict=True)]
    own_curves = np.stack([_mean_over_labs(of_labs, own, _SHAPE) for of_labs, own in zip(curves, parts, strict=True)])
    general = shrink_toward(own_curves, trusts, mean_of(own_curves, trusts))  # [C, W, G]
    general[~np.stack([_allowed(SMOOTH_S, own, 0.5) for own in parts])] = -1
    width, place = np.divmod(general.reshape(len(behaviors), -1).argmax(axis=1), len(GRID))
    chosen = range(len(behaviors)), width.tolist(), place.tolist()
    n_predicted = [int(frames_above(pooled[c].levels[w], *lines[c][w])[g, 1]) for c, w, g in zip(*chosen, strict=True)]
    decoding = Decoding(
        thresholds=tuple(GRID[place].tolist()),
        occurring=occurring,
        settings=DecodeSettings(smooth_s=tuple(SMOOTH_S[w] for w in width)),
        lab_thresholds=_lab_thresholds(behaviors, parts, curves, general, width),
        weights=_weights(n_predicted, pooled, trusts),
        calibration=tuple(line[w] for line, w in zip(lines, width, strict=True)),
    )
    return FitResult(decoding, *_plain(parts, trusts, occurring))


def _lab_thresholds(
    behaviors: tuple[str, ...],
    parts: Sequence[Mapping[str, Evidence]],
    curves: Sequence[Mapping[str, np.ndarray]],
    general: np.ndarray,
    width: np.ndarray,
) -> dict[str, dict[str, float]]:
    """Return thresholds per lab of behaviors that occur in several labs; for the others the behavior's own is used."""
    thresholds: dict[str, dict[str, float]] = {}
    for c, behavior in enumerate(behaviors):
        for lab, one in parts[c].items() if len(parts[c]) > 1 else ():
            own, w = trust(one), width[c]
            place = (own * curves[c][lab][w] + (1 - own) * general[c, w]).argmax()
            thresholds.setdefault(lab, {})[behavior] = float(GRID[place])
    return thresholds


def _with_durations(fitted: FitResult, evidence: Mapping[tuple[str, int], Evidence], frames: Mapping[str, np.ndarray]) -> FitResult:
    """Return the fit with gap and shortest length of each behavior; `frames` are those hit and predicted, by lab [C, K, M, 2]."""
    decoding = fitted.decoding
    parts = _by_behavior(evidence, len(decoding.thresholds))
    trusts = np.array([trust(sum(own.values(), Evidence())) for own in parts])
    if not trusts.any():
        return fitted
    curves = []
    for c, own in enumerate(parts):
        of_labs = {lab: _f1(frames[lab][c], one) for lab, one in own.items()}
        curves.append(_mean_over_labs(of_labs, own, (len(MAX_GAP_S), len(MIN_LENGTH_S))))
    general = shrink_toward(np.stack(curves), trusts, mean_of(np.stack(curves), trusts))
    short_enough = np.stack([_allowed(MIN_LENGTH_S, own, 0.25) for own in parts])
    general = np.where(short_enough[:, None], general, -1)
    gap, shortest = np.divmod(general.reshape(len(parts), -1).argmax(axis=1), len(MIN_LENGTH_S))  # of equal values the smallest change
    settings = replace(decoding.settings, max_gap_s=tuple(MAX_GAP_S[k] for k in gap), min_length_s=tuple(MIN_LENGTH_S[m] for m in shortest))
    return replace(fitted, decoding=replace(decoding, settings=settings))


def _by_behavior(evidence: Mapping[tuple[str, int], Evidence], n_behaviors: int) -> list[dict[str, Evidence]]:
    """Return for each behavior its evidence by the labs in which it occurs."""
    parts: list[dict[str, Evidence]] = [{} for _ in range(n_behaviors)]
    for (lab, column), one in sorted(evidence.items(), key=lambda item: item[0]):
        if len(one.lengths_s):
            parts[column][lab] = one
    return parts


def _calibration(pooled: Evidence, width: int) -> tuple[float, float]:
    return fit_calibration(pooled.levels[width]) if len(pooled.lengths_s) >= CALIBRATION_BOUTS else IDENTITY


def _curves(evidence: Evidence, lines: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return F1 at every smoothing and threshold: [W, G]."""
    return np.stack([f1_curve(levels, *line) for levels, line in zip(evidence.levels, lines, strict=True)])


def _f1(frames: np.ndarray, evidence: Evidence) -> np.ndarray:
    """Return the F1 [...] of frames hit and predicted [..., 2]."""
    return np.nan_to_num(f1_score(frames[..., 0], frames[..., 1], evidence.levels[0, _PRESENT].sum()))


def _mean_over_labs(curves: Mapping[str, np.ndarray], parts: Mapping[str, Evidence], shape: tuple[int, ...]) -> np.ndarray:
    """Return the mean curve of a behavior over labs; labs with few bouts have less weight."""
    if not parts:
        return np.zeros(shape)
    return mean_of(np.stack([curves[lab] for lab in parts]), np.array([trust(one) for one in parts.values()]))


def _allowed(seconds: Sequence[float], parts: Mapping[str, Evidence], quantile: float) -> np.ndarray:
    """Return which durations are at most that quantile of the behavior's bouts, in the lab where they are shortest."""
    limit = min((float(np.quantile(one.lengths_s, quantile)) for one in parts.values()), default=np.inf)
    return (np.array(seconds) <= limit + 1e-6) | (np.array(seconds) == 0)


def _weights(n_predicted: Sequence[int], pooled: Sequence[Evidence], trusts: np.ndarray) -> tuple[float, ...]:
    """Return 1 / share of frames on which a behavior is predicted or true, with the largest scaled to 1 (why: `behavior.bouts.choose`)."""
    shares = np.zeros(len(pooled))
    for c in np.flatnonzero(trusts).tolist():
        levels = pooled[c].levels[0]
        shares[c] = np.log((n_predicted[c] + levels[_PRESENT].sum() + 1) / (levels.sum() + 1))
    shares = shrink_toward(shares, trusts, mean_of(shares, trusts))
    return tuple(np.exp(shares.min() - shares).tolist())


def _plain(
    parts: Sequence[Mapping[str, Evidence]], trusts: np.ndarray, occurring: Mapping[str, frozenset[str]]
) -> tuple[Decoding, Decoding]:
    """Return decodings with one common threshold, and with one per behavior, without calibration, with default smoothing and durations."""
    width = SMOOTH_S.index(DecodeSettings().smooth_s)
    curves = np.stack([_mean_over_labs({lab: f1_curve(one.levels[width]) for lab, one in own.items()}, own, GRID.shape) for own in parts])
    common = mean_of(curves, trusts)
    each = GRID[shrink_toward(curves, trusts, common).argmax(axis=1)]
    return Decoding((float(GRID[common.argmax()]),) * len(parts), occurring), Decoding(tuple(each.tolist()), occurring)
