"""The rows that trees are grown on: of every annotated pair those samples that teach something, and nothing else is kept.

Axes: N rows of all pairs, S samples of one pair, F features, C behaviors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from behavior.curation import Curated
from behavior.recording import Recording
from behavior.views.pair_statistics import BLOCK_SAMPLES, PairStatistics
from behavior.views.sampling import sample_frames
from recognizers.boosted_trees import TreesConfig, teaching
from recognizers.recognizer import annotated_pairs
from training.material.datasets import pair_labels


@dataclass(frozen=True)
class TreeRows:
    """Rows with what is true in them."""

    features: np.ndarray
    """[N, F] float32, NaN where unknown."""
    labels: np.ndarray
    """[N, C] bool."""
    mask: np.ndarray
    """[N, C] bool: the row teaches the behavior."""
    labs: np.ndarray
    """[N] names."""

    def __len__(self) -> int:
        return len(self.features)

    def of_lab(self, lab: str, behaviors: np.ndarray) -> "TreeRows":
        """Return the rows of one lab; they teach some behaviors [C] bool only."""
        own = self.labs == lab
        return TreeRows(self.features[own], self.labels[own], self.mask[own] & behaviors, self.labs[own])

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return all rows of all parts."""
        names = ("features", "labels", "mask", "labs")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def tree_rows(
    recordings: Iterable[tuple[Recording, Curated]],
    bouts: pd.DataFrame,
    behaviors: Sequence[str],
    settings: PairStatistics,
    config: TreesConfig,
) -> TreeRows:
    """Return the rows of all annotated pairs; recordings are taken one by one, and features are made in blocks."""
    empty = np.zeros((0, len(behaviors)), bool)
    parts = [TreeRows(np.zeros((0, len(settings.names)), np.float32), empty, empty, np.zeros(0, object))]
    for recording, curated in recordings:
        sampled = sample_frames(curated.frames, recording.fps, settings.fps)
        for pair in annotated_pairs(curated, recording):
            annotated = set(recording.behaviors_of(*pair))
            labels = pair_labels(recording, pair, curated.frames, bouts, behaviors)[sampled]
            mask = teaching(labels, np.tile([name in annotated for name in behaviors], (len(labels), 1)), config)
            for first in range(0, len(labels), BLOCK_SAMPLES):
                part = slice(first, first + BLOCK_SAMPLES)
                rows = mask[part].any(axis=1)
                features = settings.of(curated, recording.fps, *pair, part)[rows]
                labs = np.full(len(features), recording.lab_id, object)
                parts.append(TreeRows(features, labels[part][rows], mask[part][rows], labs))
    return TreeRows.joined(parts)
