"""The arena of simulated mice: its walls, and closed paths to run along. Its middle is (0, 0), lengths are in cm, headings in rad.

Axes: n points along a path, N headings.
"""

from dataclasses import dataclass

import numpy as np

WALL_CM = 3.0
"""How close to a wall a strolling mouse's middle comes."""


@dataclass(frozen=True)
class Arena:
    """A rectangular or circular arena with its middle at (0, 0)."""

    half_cm: tuple[float, float]
    """Half width and half height."""
    circular: bool = False

    def clip(self, xy: np.ndarray, margin_cm: float) -> np.ndarray:
        """Return points [..., 2] moved inward, so that they are at least `margin_cm` from the wall."""
        half = np.maximum(np.array(self.half_cm) - margin_cm, 0.3)
        if not self.circular:
            return np.clip(xy, -half, half)
        radius = np.linalg.norm(xy, axis=-1, keepdims=True)
        return xy * np.minimum(1.0, half.min() / np.maximum(radius, 1e-9))

    def room_cm(self, xy: np.ndarray, heading: np.ndarray, margin_cm: float) -> np.ndarray:
        """Return the distance from `xy` [2] to the margin along each heading [N], in steps of half a cm."""
        steps = np.arange(0.5, 2 * max(self.half_cm) * 1.5, 0.5)
        points = xy + steps[:, None, None] * unit(heading)
        inside = np.all(np.isclose(points, self.clip(points, margin_cm)), axis=-1)
        return np.cumprod(inside, axis=0).sum(axis=0) * 0.5

    def lap(self, rng: np.random.Generator, near: np.ndarray) -> "Lap":
        """Return a random closed path: a rounded rectangle with a point close to `near`, at most 50 cm wide."""
        half = np.minimum((np.array(self.half_cm) - WALL_CM) * rng.uniform(0.75, 1.0, 2), 25.0)
        if self.circular:
            half[:] = half.min()
        radius = half.min() * (1.0 if self.circular else rng.uniform(0.7, 1.0))
        turn = np.linspace(0, 2 * np.pi, 181)
        corner = np.sign(np.round(unit(turn), 9)) * (half - radius)
        points = corner + radius * unit(turn)
        middle = self.clip(near, WALL_CM + half.max()) if max(self.half_cm) > WALL_CM + 26 else np.zeros(2)
        points = points[:: rng.choice([-1, 1])] + middle
        first = int(np.argmin(np.linalg.norm(points - near, axis=1)))
        points = np.concatenate([points[first:], points[1 : first + 1]])
        return Lap(points, np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]))


@dataclass(frozen=True)
class Lap:
    """A closed path, parametrized by its length."""

    points: np.ndarray
    along_cm: np.ndarray

    def at(self, along_cm: np.ndarray) -> np.ndarray:
        """Return the points [n, 2] at the given lengths; lengths below 0 or beyond one lap are allowed."""
        return np.stack([np.interp(along_cm, self.along_cm, axis, period=self.along_cm[-1]) for axis in self.points.T], axis=-1)

    def pose(self, along_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return points [n, 2] and the heading [n] there."""
        ahead = self.at(along_cm + 0.8) - self.at(along_cm - 0.8)
        return self.at(along_cm), np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0]))


def unit(angle: np.ndarray | float) -> np.ndarray:
    """Return the vectors [..., 2] of length 1 that point along the headings."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
