"""Counts of out-of-fold scores and bouts, unit by unit, from which any choice of recordings can be evaluated.

A unit is the recordings of one content, which a bootstrap resamples together. Behaviors that were not annotated do not count.

Axes: T frames, C behaviors, L score levels, U units, O overlaps.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from behavior.bout_matching import OVERLAPS, bout_counts
from behavior.bouts import BOUT_COLUMNS, labels_of_bouts
from behavior.frame_scores import confusion
from behavior.score_levels import FINE_LEVELS, count_fine
from recognizers.recognizer import BoutRow
from training.decoding.scored_subject import ScoredSubject


@dataclass
class Tally:
    """Sums over scored subjects."""

    behaviors: tuple[str, ...]
    """Names along axis C."""
    units: list[int] = field(default_factory=list)
    """Axis U, in order of appearance."""
    levels: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """By unit and behavior numbers, where it was annotated: frames at each score level, without and with it: [2, L]."""
    bouts: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    """By the same: bouts matched, predicted and true: [O, 3]."""
    recordings: dict[int, set[int]] = field(default_factory=dict)
    """By behavior number: videos in which it was annotated."""
    confusion: np.ndarray = field(init=False)
    """[C + 1, C + 1] frames: true behavior (row), predicted behavior (column)."""
    true: list[pd.DataFrame] = field(default_factory=list)
    """True bouts of all subjects."""
    decoded: list[BoutRow] = field(default_factory=list)
    """Decoded bouts of all subjects."""
    others: dict[str, list[BoutRow]] = field(default_factory=lambda: defaultdict(list))
    """Bouts from other decodings, by the name of the decoding."""
    calibrated: dict[int, np.ndarray] = field(default_factory=dict)
    """By behavior number: frames at each level of the calibrated score, without and with it: [2, L]."""

    def __post_init__(self) -> None:
        self.confusion = np.zeros((len(self.behaviors) + 1,) * 2, np.int64)

    def add(self, one: ScoredSubject) -> None:
        """Count one subject."""
        if one.unit not in self.units:
            self.units.append(one.unit)
        unit, known = self.units.index(one.unit), one.truth.known
        decoded = pd.DataFrame(one.decoded, columns=list(BOUT_COLUMNS))
        true_labels, decoded_labels = (labels_of_bouts(bouts, self.behaviors, len(known)) for bouts in (one.truth.bouts, decoded))
        self.confusion += confusion(true_labels[known], decoded_labels[known])
        for column, behavior in enumerate(self.behaviors):
            if behavior not in one.subject.annotated:
                continue
            place = one.behaviors.index(behavior)
            self.recordings.setdefault(column, set()).add(one.recording.video_id)
            counts = count_fine(one.scores[known, place], true_labels[known, column]).astype(np.int32)  # half the memory
            self.levels[unit, column] = self.levels.get((unit, column), 0) + counts
            if one.calibrated is not None:
                counts = count_fine(one.calibrated[known, place], true_labels[known, column])
                self.calibrated[column] = self.calibrated.get(column, 0) + counts
            mine, theirs = (_intervals(bouts[bouts["action"] == behavior]) for bouts in (one.truth.bouts, decoded))
            self.bouts[unit, column] = self.bouts.get((unit, column), 0) + bout_counts(mine, theirs)
        self.true.append(one.truth.bouts)
        self.decoded += one.decoded
        for name, bouts in one.others.items():
            self.others[name] += bouts

    def level_counts(self, column: int) -> np.ndarray:
        """Return [U, 2, L] of one behavior; zeros where it was not annotated."""
        return self._stacked(self.levels, column, (2, FINE_LEVELS))

    def bout_counts(self, column: int) -> np.ndarray:
        """Return [U, O, 3] of one behavior."""
        return self._stacked(self.bouts, column, (len(OVERLAPS), 3))

    def _stacked(self, parts: dict[tuple[int, int], np.ndarray], column: int, shape: tuple[int, ...]) -> np.ndarray:
        nothing = np.zeros(shape, np.int64)
        return np.stack([parts.get((unit, column), nothing) for unit in range(len(self.units))])


def tally(subjects: Iterable[ScoredSubject], behaviors: Sequence[str]) -> Tally:
    """Count all subjects, one at a time."""
    total = Tally(tuple(behaviors))
    for one in subjects:
        total.add(one)
    return total


def _intervals(bouts: pd.DataFrame) -> np.ndarray:
    return bouts[["start_frame", "stop_frame"]].to_numpy(np.int64).T
