"""The training rows of trees: only samples that are a training row of some behavior.

Axes: N rows of all subjects, S samples of one of them, F features, C behaviors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from behavior.labelling import Labelling, tracked_subjects
from behavior.material import Material
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import sample_frames
from recognizers.boosted_trees import TreesConfig, thin_mask


@dataclass(frozen=True)
class TreeRows:
    """Rows of features with their labels."""

    features: np.ndarray
    """[N, F] float32, NaN where unknown."""
    labels: np.ndarray
    """[N, C] bool."""
    mask: np.ndarray
    """[N, C] bool: the row is a training row of the behavior."""
    labs: np.ndarray
    """[N] names."""

    def __len__(self) -> int:
        return len(self.features)

    def of_lab(self, lab: str, behaviors: np.ndarray) -> "TreeRows":
        """Return the rows of one lab, as training rows of some behaviors [C] bool only."""
        own = self.labs == lab
        return TreeRows(self.features[own], self.labels[own], self.mask[own] & behaviors, self.labs[own])

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of all parts."""
        names = ("features", "labels", "mask", "labs")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def tree_rows(
    materials: Iterable[Material], bouts: pd.DataFrame, labelling: Labelling, settings: PairStatistics, config: TreesConfig
) -> TreeRows:
    """Return the rows of all tracked subjects; recordings are read one by one, and only rows get features."""
    behaviors = labelling.behaviors
    empty = np.zeros((0, len(behaviors)), bool)
    parts = [TreeRows(np.zeros((0, len(settings.names)), np.float32), empty, empty, np.zeros(0, object))]
    for material in materials:
        curated, recording = material.tracking, material.recording
        sampled = sample_frames(curated.frames, recording.fps, settings.fps)
        for subject in tracked_subjects(labelling, recording, curated.mice):
            labels = labelling.truth(recording, subject, curated.mice, curated.frames, bouts).labels[sampled]
            mask = thin_mask(labels, np.tile(subject.mask(behaviors), (len(labels), 1)), config)
            rows = np.flatnonzero(mask.any(axis=1))
            features = settings.at(curated, recording.fps, subject, rows)
            parts.append(TreeRows(features, labels[rows], mask[rows], np.full(len(rows), recording.lab_id, object)))
    return TreeRows.concatenate(parts)
