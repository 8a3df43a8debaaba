"""Features of mirrored mice: x changes its sign, and left and right bodyparts change places.

Axes: F columns of features.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ALONG_X = re.compile(r"(t_)?v?x_.*|rel_dx")
"""Columns that change their sign: places, velocities and distances along x, of agent and target."""


@dataclass(frozen=True)
class Mirror:
    """A mirror at x = 0, the middle of the arena."""

    columns: np.ndarray
    """[F] int64: for each column, the column that takes its place."""
    signs: np.ndarray
    """[F] float32: -1 for columns that change their sign, else 1."""

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return the features [..., F] of the mirrored mice. Features are not scaled yet."""
        return features[..., self.columns] * self.signs


def mirror_of(names: Sequence[str]) -> Mirror:
    """Return the mirror for named columns [F]; a left column without a right one stays in its place."""
    places = {name: number for number, name in enumerate(names)}
    columns = [places.get(_other_side(name), number) for number, name in enumerate(names)]
    signs = [-1.0 if _ALONG_X.fullmatch(name) else 1.0 for name in names]
    return Mirror(np.array(columns), np.array(signs, np.float32))


def _other_side(name: str) -> str:
    for side, other in (("_left", "_right"), ("_right", "_left")):
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name
