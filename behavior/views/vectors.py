"""Vectors in the plane: [2, S] arrays of x and y.

Axes: S samples.
"""

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors [2, S] of length 1; NaN for those of length 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(vectors / np.hypot(*vectors))


def dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the dot product [S]."""
    return np.asarray(one[0] * other[0] + one[1] * other[1])


def cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the cross product [S]; above 0 if the other vector is counterclockwise from the first, with y upward."""
    return np.asarray(one[0] * other[1] - one[1] * other[0])


def angle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angle between vectors [S], 0 to pi: left and right are the same."""
    return np.abs(np.arctan2(cross(one, other), dot(one, other)))
