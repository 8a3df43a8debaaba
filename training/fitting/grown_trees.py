"""Grow the trees of a session: one model per behavior, or one for all behaviors if they exclude each other.

Axes: N rows, F features, C behaviors.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from recognizers.boosted_trees import BoostedTrees, GrownColumn, TreesConfig
from recognizers.joint_trees import JointTrees
from training.material.tree_rows import TreeRows

if TYPE_CHECKING:
    from lightgbm import Booster
    from torch import Tensor

Trees = BoostedTrees | JointTrees
"""Trees of either kind."""


def grow_trees(
    rows: TreeRows,
    config: TreesConfig,
    joint: bool,
    seed: int,
    threads: int,
    on_column: Callable[[GrownColumn], None] = lambda column: None,
    begun: "list[Booster | None] | None" = None,
) -> Trees:
    """Return trees grown on the rows; `config` says how many rows each of them stands for. `on_column` is called behavior by behavior.

    `begun` are the models of the first behaviors, to which those of the others are added; a joint model has no such beginning.
    """
    if not joint:
        return BoostedTrees.fit(rows.features, rows.labels, rows.mask, config, seed, threads, on_column, begun)
    started = time.perf_counter()
    every = np.where(rows.labels.any(axis=1), config.every_nth_positive, config.every_nth)
    trees = JointTrees.fit(rows.features, rows.labels, every, config, seed, threads)
    seconds = (time.perf_counter() - started) / rows.labels.shape[1]
    for column, positives in enumerate(rows.labels.sum(axis=0).tolist()):
        on_column(GrownColumn(column, len(rows), positives, seconds))
    return trees


def read_trees(tensors: "Mapping[str, Tensor]", joint: bool, behaviors: int, n_features: int, where: str) -> Trees:
    """Return the trees from their tensors. Raises ContractError, which names `where`, for anything else."""
    if joint:
        return JointTrees.from_tensors(tensors, n_features, where)
    return BoostedTrees.from_tensors(tensors, behaviors, n_features, where)
