"""Compare two groups of animals: difference of means, its bootstrap interval, and a permutation test.

A value is one animal's, never one bout's: bouts of one animal are not independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from behavior.bootstrap import percentile_interval, resampling_weights

PERMUTATIONS = 10_000
"""Up to so many ways to split the animals are all tried; of more, so many are drawn."""
LEAST_ANIMALS = 3
"""Groups with fewer animals get no interval."""
_TINY = 1e-12


@dataclass(frozen=True)
class Comparison:
    """Mean of the second group minus mean of the first."""

    animals: tuple[int, int]
    """Number of animals of each group."""
    difference: float
    """Of the means."""
    interval: tuple[float, float] | None
    """95 % of the differences when the animals of each group are resampled; None for very small groups."""
    p: float
    """Share of the ways to split the same animals into two such groups whose difference is at least as large; two-sided."""


def compare(first: np.ndarray, second: np.ndarray, seed: int = 0) -> Comparison:
    """Compare the values of two groups, one value for each animal. Raises ValueError for a group without animals."""
    sizes = len(first), len(second)
    if not all(sizes):
        raise ValueError(f"Expected animals in both groups, but got {sizes[0]} and {sizes[1]}. Compare groups that have animals.")
    values = np.concatenate([first, second]).astype(float)
    difference = float(np.mean(second) - np.mean(first))
    weights = resampling_weights(["first"] * sizes[0] + ["second"] * sizes[1], seed=seed)
    replicates = weights[:, sizes[0] :] @ values[sizes[0] :] / sizes[1] - weights[:, : sizes[0]] @ values[: sizes[0]] / sizes[0]
    interval = percentile_interval(replicates) if min(sizes) >= LEAST_ANIMALS else None
    return Comparison(sizes, difference, interval, _permutation_p(values, sizes, abs(difference), seed))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number by the method of Holm (1979), in the same order."""
    order = np.argsort(p_values, kind="stable")
    steps = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(p_values) else steps
    return corrected.tolist()


def _permutation_p(values: np.ndarray, sizes: tuple[int, int], observed: float, seed: int) -> float:
    total = values.sum()
    every = comb(len(values), sizes[0]) <= PERMUTATIONS
    if every:
        sums = np.array([values[list(chosen)].sum() for chosen in combinations(range(len(values)), sizes[0])])
    else:
        generator = np.random.default_rng(seed)
        sums = generator.permuted(np.tile(values, (PERMUTATIONS, 1)), axis=1)[:, : sizes[0]].sum(axis=1)
    differences = np.abs((total - sums) / sizes[1] - sums / sizes[0])
    reached = int((differences >= observed - _TINY * max(1.0, abs(total))).sum())
    return reached / len(sums) if every else (reached + 1) / (len(sums) + 1)
