"""The score of every lab and behavior, and how much each would change with other recordings.

Axes: B resamples, U units (recordings that are resampled together), A actions of a lab.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from behavior.competition_frames import known_as
from behavior.frame_scores import f1_score


@dataclass(frozen=True)
class LabSeries:
    """The F1 of the actions of one lab."""

    lab: str
    """The lab."""
    actions: tuple[str, ...]
    """Names along axis A, as the competition compares them."""
    f1: np.ndarray
    """[1 + B, A]: the point estimate, then every resample; NaN for an action without a recording in a resample."""

    @property
    def score(self) -> np.ndarray:
        """Mean over the actions [1 + B]."""
        return mean_of_known(self.f1)


def lab_series(counts: pd.DataFrame, unit_of: Mapping[int, int], weights: np.ndarray) -> list[LabSeries]:
    """Return the F1 of each lab, sorted, from `behavior.competition_frames.competition_frames`.

    `unit_of` maps video ids to axis U; `weights` [1 + B, U] says how often each unit counts, in the first row once.
    """
    counts = counts.assign(action=known_as(counts["action"]))
    parts = counts.groupby(["lab_id", "action"], sort=True).ngroup().to_numpy()
    names = counts.assign(part=parts).drop_duplicates("part").sort_values("part")
    frames = np.zeros((weights.shape[1], len(names), 4))  # hits, predicted, true, and whether it occurs at all
    owner = np.array([unit_of[video] for video in counts["video_id"]], np.int64)
    np.add.at(frames, (owner, parts), counts.assign(here=1)[["hits", "predicted", "true", "here"]].to_numpy(np.float64))
    pooled = np.einsum("bu,upk->bpk", weights, frames)
    f1 = np.nan_to_num(f1_score(pooled[..., 0], pooled[..., 1], pooled[..., 2]))
    f1[pooled[..., 3] == 0] = np.nan  # an action without a recording in the resample does not count in the mean
    labs, actions = (names[column].to_numpy() for column in ("lab_id", "action"))
    return [LabSeries(lab, tuple(actions[labs == lab]), f1[:, labs == lab]) for lab in sorted(set(labs))]


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis without NaN; NaN where all values are."""
    known = np.isfinite(values)
    total, count = np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
