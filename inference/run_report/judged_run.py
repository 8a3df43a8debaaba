"""A recognizer on recordings: its bouts, and, where experts annotated, everything that its scores are judged by.

Axes: T frames, C behaviors, U annotated recordings, L score levels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from behavior.bootstrap import percentile_interval, resampling_weights
from behavior.bout_matching import OVERLAPS, bout_counts
from behavior.bouts import SCORED_COLUMNS, calibrated, labels_of_bouts, scored_bout_table, smooth
from behavior.competition_frames import competition_frames
from behavior.frame_scores import confusion
from behavior.lab_scores import LabSeries, lab_series, mean_of_known
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording
from behavior.score_levels import count_fine
from inference.viewed_recording import ViewedRecording
from recognizers.competition import solution_rows, submission_rows
from recognizers.recognizer import Recognizer, labelling_of
from reports.estimates import Estimate

LEAST_RECORDINGS = 3
"""Resamples of fewer recordings are nearly all equal: their interval would be too narrow."""
_SHOWN_OVERLAP = OVERLAPS.index(0.3)


@dataclass
class JudgedRun:
    """Sums over recordings; annotated ones are judged, of all others only the bouts are known."""

    recognizer: Recognizer
    """The recognizer."""
    recordings: list[Recording] = field(default_factory=list)
    """All recordings, in order."""
    annotated: list[Recording] = field(default_factory=list)
    """Those that experts annotated, axis U."""
    predicted: list[pd.DataFrame] = field(default_factory=list)
    """Predicted bouts, columns `SCORED_COLUMNS`, in the frame numbers of the film."""
    true: list[pd.DataFrame] = field(default_factory=list)
    """True bouts of the annotated recordings, columns `BOUT_COLUMNS`."""
    levels: dict[str, np.ndarray] = field(default_factory=dict)
    """By behavior: frames at each level of the decoded score, without and with it [2, L]."""
    bouts: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    """By lab and behavior: bouts matched at an overlap of 0.3, predicted and true [3]."""
    budget: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    """By lab and behavior: seconds of recordings, and of true and predicted bouts, summed over subjects [3]; of annotated recordings."""
    unjudged_budget: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    """The same of recordings without annotation; no true bouts."""
    recorded_s: float = 0.0
    """Duration of all recordings, s."""

    def __post_init__(self) -> None:
        labelling = labelling_of(self.recognizer)
        self.background = labelling.background
        self.behaviors = tuple(name for name in labelling.behaviors if name != self.background)
        self.confusion = np.zeros((len(self.behaviors) + 1,) * 2, np.int64)

    def add(self, viewed: ViewedRecording) -> None:
        """Recognize one recording, and judge it if it is annotated. Raises ContractError for files that break their contract."""
        recording, curated = viewed.recording, viewed.curated
        labelling, decoding = labelling_of(self.recognizer), self.recognizer.decoding
        true = viewed.true_bouts
        bouts = None if true is None else _moved(true, -curated.first_frame)
        of_recording, truths = [], []
        for subject, flowing in self.recognizer.scores(Material.with_tracking(recording, curated)):
            scores = flowing.whole()
            decoded = scored_bout_table(decoding.scored_bouts(labelling, recording, subject, scores))
            of_recording.append(decoded)
            truth = None if bouts is None else labelling.truth(recording, subject, curated.mice, curated.frames, bouts)
            if truth is not None:
                truths.append(truth.bouts[truth.bouts["action"].isin(subject.annotated)])
                self._judge(recording, subject, scores, decoded, truths[-1], truth.known)
            self._count_time(recording, subject, curated.frames, decoded, truths[-1] if truth is not None else None)
        self.recordings.append(recording)
        self.recorded_s += curated.frames / recording.fps
        self.predicted.append(_moved(pd.concat([scored_bout_table([]), *of_recording], ignore_index=True), curated.first_frame))
        if bouts is not None:
            self.annotated.append(recording)
            self.true.append(_moved(pd.concat(truths, ignore_index=True) if truths else bouts[:0], curated.first_frame))

    def judged_of(self, lab: str) -> int:
        """Return how many recordings of a lab are annotated."""
        return sum(one.lab_id == lab for one in self.annotated)

    @property
    def predicted_bouts(self) -> pd.DataFrame:
        """All predicted bouts."""
        return pd.concat([scored_bout_table([]), *self.predicted], ignore_index=True)[list(SCORED_COLUMNS)]

    @property
    def true_bouts(self) -> pd.DataFrame:
        """All true bouts."""
        return pd.concat([scored_bout_table([]).iloc[:, :6], *self.true], ignore_index=True)

    def lab_series(self, resamples: int = 1000) -> list[LabSeries]:
        """Return the F1 of every lab and behavior, with resamples of whole recordings within labs; none without true bouts."""
        true = self.true_bouts
        if true.empty:
            return []
        weights = np.vstack([np.ones(len(self.annotated)), resampling_weights([one.lab_id for one in self.annotated], resamples)])
        judged = {one.video_id: number for number, one in enumerate(self.annotated)}
        predicted = self.predicted_bouts
        counts = competition_frames(
            solution_rows(self.annotated, true), submission_rows(predicted[predicted["video_id"].isin(list(judged))])
        )
        return lab_series(counts, judged, weights)

    def _judge(
        self, recording: Recording, subject: Subject, scores: np.ndarray, decoded: pd.DataFrame, true: pd.DataFrame, known: np.ndarray
    ) -> None:
        labels, found = (labels_of_bouts(bouts, self.behaviors, len(known)) for bouts in (true, decoded))
        self.confusion += confusion(labels[known], found[known])
        level = self._as_decoded(scores, recording.fps)
        for column, behavior in enumerate(self.behaviors):
            if behavior in subject.annotated:
                place = self.recognizer.behaviors.index(behavior)
                counts = count_fine(np.clip(level[known, place], 0, 1), labels[known, column])
                self.levels[behavior] = self.levels.get(behavior, 0) + counts
                mine, theirs = (
                    bouts.loc[bouts["action"] == behavior, ["start_frame", "stop_frame"]].to_numpy(np.int64).T for bouts in (true, decoded)
                )
                matched = bout_counts(mine, theirs)[_SHOWN_OVERLAP]
                key = recording.lab_id, behavior
                self.bouts[key] = self.bouts.get(key, 0) + matched

    def _as_decoded(self, scores: np.ndarray, fps: float) -> np.ndarray:
        """Return scores [T, C] as they are compared with thresholds: smoothed and calibrated."""
        decoding = self.recognizer.decoding
        level = smooth(scores, fps, decoding.settings.smooth_s)
        return calibrated(level, np.array(decoding.calibration)) if decoding.calibration else level

    def _count_time(self, recording: Recording, subject: Subject, frames: int, decoded: pd.DataFrame, true: pd.DataFrame | None) -> None:
        budget = self.unjudged_budget if true is None else self.budget
        for behavior in self.behaviors:
            if behavior in subject.annotated:
                key = recording.lab_id, behavior
                spent = [0.0 if bouts is None else _seconds(bouts, behavior, recording.fps) for bouts in (true, decoded)]
                budget[key] = budget.get(key, np.zeros(3)) + np.array([frames / recording.fps, *spent])


def estimate(series: np.ndarray, recordings: int) -> Estimate:
    """Return the point estimate (the first value), and the interval of the resamples if there are enough recordings for one."""
    value = float(series[0])
    interval = percentile_interval(series[1:]) if recordings >= LEAST_RECORDINGS else None
    return Estimate(value if np.isfinite(value) else None, *(interval or (None, None)))


def overall(run: JudgedRun, series: Sequence[LabSeries]) -> Estimate:
    """Return the mean over labs; it has an interval if each lab has one."""
    return estimate(mean_of_known(np.stack([one.score for one in series], axis=1)), min(run.judged_of(one.lab) for one in series))


def _moved(bouts: pd.DataFrame, frames: int) -> pd.DataFrame:
    return bouts.assign(**{name: bouts[name] + frames for name in ("start_frame", "stop_frame")})


def _seconds(bouts: pd.DataFrame, behavior: str, fps: float) -> float:
    own = bouts[bouts["action"] == behavior]
    return float((own["stop_frame"] - own["start_frame"]).sum() / fps)
