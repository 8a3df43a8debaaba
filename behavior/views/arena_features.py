"""The arena view: all mice of a recording in one vector per sample; places, then speeds and accelerations if the settings say so.

Axes: I mice, K bodyparts, T frames of the recording, S samples at the recognizer's rate, F features.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from behavior.curation import Curated
from behavior.labelling import Subject
from behavior.recording import MAX_MICE
from behavior.skeleton import ARENA_BODYPARTS, canonical_columns
from behavior.views.features import refuse_bad_settings
from behavior.views.mirror import Mirror, mirror_of
from behavior.views.sampling import sample_frames
from behavior.views.scaler import RobustScaler


@dataclass(frozen=True)
class ArenaFeatures:
    """Settings of the arena view."""

    motion: bool = True
    """Whether speed and acceleration of every keypoint follow the places."""
    fps: float = 30.0
    """Samples per second, 1/s: a window means the same time in every lab."""
    mice: int = MAX_MICE
    """Number of mice that have columns, I."""
    bodyparts: tuple[str, ...] = ARENA_BODYPARTS
    """Canonical bodyparts, in the order of the columns, K; those that a recording lacks are unknown."""
    motion_s: float = 0.1
    """Time over which velocities are averaged, s: at 120 frames per second the difference of two frames is mostly noise of the tracker."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        object.__setattr__(self, "bodyparts", tuple(self.bodyparts))  # JSON brings a list
        refuse_bad_settings(self.bodyparts, self.fps)
        if self.mice < 1 or not self.motion_s >= 0:
            raise ValueError(f"Expected mice of 1 or more and motion_s of 0 or more, but got {self}. Change them.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: x and y of each keypoint side by side, mouse by mouse, then all speeds, then all accelerations."""
        keypoints = [f"mouse{mouse}_{part}" for mouse in range(1, self.mice + 1) for part in self.bodyparts]
        places = [f"{axis}_{keypoint}" for keypoint in keypoints for axis in ("x", "y")]
        kinds = ("speed", "acceleration") if self.motion else ()
        return (*places, *(f"{kind}_{keypoint}" for kind in kinds for keypoint in keypoints))

    @cached_property
    def mirror(self) -> Mirror:
        """The mirror of the features: it changes places, but not speeds and accelerations."""
        return mirror_of(self.names)

    def of(self, curated: Curated, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return the arena view [S, F] float32 of one recording, or of some of its samples; the subject has no effect.

        Places in cm from the arena's middle, speed in cm/s, acceleration (of the velocity, not of the speed) in cm/s^2, by the
        recording's own `fps`. NaN for a mouse or a keypoint that is never seen or not tracked; mice beyond `mice` have no column.
        """
        sampled = sample_frames(curated.frames, fps, self.fps, part)
        n_keypoints = self.mice * len(self.bodyparts)
        columns = np.full((len(self.names), len(sampled)), np.nan, np.float32)
        part_rows = canonical_columns(curated.bodyparts)
        average_frames = max(1, round(self.motion_s * fps))
        for mouse_row, mouse in enumerate(curated.mice):
            if mouse > self.mice:
                continue
            for place, bodypart in enumerate(self.bodyparts, start=(mouse - 1) * len(self.bodyparts)):
                if bodypart not in part_rows:
                    continue
                keypoint = mouse_row, part_rows[bodypart]
                columns[2 * place : 2 * place + 2] = curated.xy[:, *keypoint][:, sampled]
                if self.motion:
                    velocity = curated.velocity[:, *keypoint]
                    motion = _speed_and_acceleration(velocity, sampled, average_frames, fps)
                    columns[2 * n_keypoints + place], columns[3 * n_keypoints + place] = motion
        return np.ascontiguousarray(columns.T)

    def fit_scaler(self, features: np.ndarray) -> RobustScaler:
        """Fit on features [N, F], one scale for all columns of a kind: places, speeds, accelerations.

        So distances keep their proportions, and a mouse number that no training recording has is scaled like the others.
        """
        kinds = np.array(["place" if name[1] == "_" else name.split("_")[0] for name in self.names])
        median, iqr = np.zeros(len(kinds), np.float32), np.ones(len(kinds), np.float32)
        for kind in dict.fromkeys(kinds):
            of_kind = features[:, kinds == kind]
            pooled = RobustScaler.fit(of_kind[np.isfinite(of_kind)][:, None], np.zeros(1, bool))
            median[kinds == kind], iqr[kinds == kind] = pooled.median, pooled.iqr
        return RobustScaler(median, iqr)


def _speed_and_acceleration(velocity: np.ndarray, sampled: np.ndarray, width: int, fps: float) -> np.ndarray:
    """Return speed and acceleration [2, S] at the sampled frames, from velocity [2, T] averaged over `width` frames.

    Speed is that of the mean around the frame; acceleration compares the mean from the frame on with the mean before it. At the ends
    the means are over the frames that exist; the first frame has the velocity of the second, because nothing is known before it.
    """
    frames = velocity.shape[1]

    def mean(start: np.ndarray) -> np.ndarray:
        """Return [2, S]: sums are in the order of frames, so that a part of the samples gives exactly the same values as all."""
        total, count = np.zeros((2, len(start))), np.zeros(len(start))
        for ahead in range(width):
            frame = start + ahead
            inside = (frame >= 0) & (frame < frames)
            total += velocity[:, np.clip(frame, min(1, frames - 1), frames - 1)] * inside
            count += inside
        return total / np.maximum(count, 1)

    before = mean(np.maximum(sampled, 1) - width)
    change = np.where(sampled > 0, mean(sampled) - before, 0) * (fps / width)
    return np.stack([np.hypot(*mean(sampled - width // 2)), np.hypot(*change)]).astype(np.float32)
