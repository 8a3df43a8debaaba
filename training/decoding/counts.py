"""Counts on which a decoding is fitted, fold by fold, so that any fold can be left out without counting again.

Axes: T frames, C behaviors, W smoothing widths, L score levels, K gaps, M shortest lengths.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from behavior.bouts import close_gaps, label_runs, smooth
from behavior.score_levels import LOGIT_LEVELS, count_by_label, logit_levels
from training.decoding.scored_subject import ScoredSubject

SMOOTH_S = (0.0, 5 / 30, 0.4, 0.8, 1.6, 3.2)
"""Widths [W] of the moving average that are tried, s."""
MAX_GAP_S = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Gaps [K] that are tried, s."""
MIN_LENGTH_S = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Shortest lengths [M] that are tried, s."""

Subjects = Callable[[], Iterable[ScoredSubject]]
"""Every call returns all scored subjects from the start, because they may not all fit into memory."""


@dataclass
class Evidence:
    """Score histograms and bout lengths of one behavior in one lab."""

    levels: np.ndarray = field(default_factory=lambda: np.zeros((len(SMOOTH_S), 2, LOGIT_LEVELS), np.int64))
    """[W, 2, L]: frames at each level of the smoothed score, without the behavior and with it."""
    lengths_s: np.ndarray = field(default_factory=lambda: np.empty(0))
    """Length of each true bout, s."""

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.levels + other.levels, np.concatenate([self.lengths_s, other.lengths_s]))


def count_scores(subjects: Subjects, behaviors: Sequence[str], fold_of: Mapping[int, int]) -> dict[int, dict[tuple[str, int], Evidence]]:
    """Return by fold the evidence for each annotated (lab, behavior number); `fold_of` maps video ids."""
    counts: dict[int, dict[tuple[str, int], Evidence]] = {fold: {} for fold in sorted(set(fold_of.values()))}
    for one in subjects():
        of_fold, fps = counts[fold_of[one.recording.video_id]], one.recording.fps
        columns = np.flatnonzero(one.subject.mask(behaviors)).tolist()
        answered = [column for column in columns if one.answered[column]]
        scores, bouts = one.scores[:, answered].astype(np.float32), one.truth.bouts
        levels = [logit_levels(smooth(scores, fps, smooth_s)) for smooth_s in SMOOTH_S] if answered else []
        for column in columns:
            lengths = bouts.loc[bouts["action"] == behaviors[column], ["start_frame", "stop_frame"]].to_numpy(np.float64)
            evidence = Evidence(lengths_s=np.diff(lengths, axis=1)[:, 0] / fps)
            if column in answered:
                place = answered.index(column)
                labels = one.truth.labels[one.truth.known, column]
                evidence.levels[:] = [count_by_label(of_width[one.truth.known, place], labels, LOGIT_LEVELS) for of_width in levels]
            part = one.recording.lab_id, column
            of_fold[part] = of_fold[part] + evidence if part in of_fold else evidence
    return counts


def without(counts: Mapping[int, Mapping[tuple[str, int], Evidence]], folds: Collection[int]) -> dict[tuple[str, int], Evidence]:
    """Return the sums over all folds but these."""
    total: dict[tuple[str, int], Evidence] = {}
    for other, of_fold in counts.items():
        for part, evidence in of_fold.items() if other not in folds else ():
            total[part] = total[part] + evidence if part in total else evidence
    return total


def duration_frames(label: np.ndarray, truth: np.ndarray, fps: float) -> np.ndarray:
    """Return [C, K, M, 2]: frames hit and predicted if the runs of labels [T] become bouts with each gap and shortest length.

    `truth` is [T, C] bool. Gaps are closed and short bouts dropped as in decoding.
    """
    n_behaviors = truth.shape[1]
    frames = np.zeros((n_behaviors, len(MAX_GAP_S), len(MIN_LENGTH_S), 2), np.int64)
    first = label_runs(label)
    hits_before = np.concatenate([np.zeros((1, n_behaviors), np.int64), truth.cumsum(axis=0)])
    shortest = np.floor(np.array(MIN_LENGTH_S) * fps + 0.5)
    for place, gap_s in enumerate(MAX_GAP_S):
        classes, starts, stops = close_gaps(*first, np.full(n_behaviors, int(np.floor(gap_s * fps + 0.5))))
        n_limits = np.searchsorted(shortest, stops - starts, side="right")  # so many of the shortest lengths do not drop the bout
        sums = np.zeros((n_behaviors, len(shortest) + 1, 2), np.int64)
        hits = hits_before[stops, classes] - hits_before[starts, classes]
        np.add.at(sums, (classes, n_limits), np.stack([hits, stops - starts], axis=1))
        frames[:, place] = sums[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:]
    return frames
