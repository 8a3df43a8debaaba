"""A simulated mouse: from its paths to its pose, and from its pose to its bodyparts.

Axes: n frames of one bout or stroll, K bodyparts, T frames. A path is slow [n, 5] = x, y (cm, the arena's middle is 0), heading,
bend of the head (rad), stretch of the body (1 is normal), and fast [n, 4] = the trembling of x, y, heading, bend.
Slow paths are smoothed where two bouts meet, fast ones are not.
"""

from dataclasses import dataclass

import numpy as np

NOSE_CM, NECK_CM, TAIL_BASE_CM = 4.3, 2.0, -3.9
"""Where these lie on a straight mouse, cm before its middle."""
FloatPair = tuple[float, float]


@dataclass(frozen=True)
class Path:
    """The path of one mouse during one bout or stroll."""

    slow: np.ndarray
    fast: np.ndarray


def join(paths: list[Path], fps: float) -> np.ndarray:
    """Chain the paths of one mouse and return its pose [T, 6] = x, y, heading, bend, stretch, bend of the tail."""
    slow = np.concatenate([path.slow for path in paths])
    slow[:, 2] = np.unwrap(slow[:, 2])
    slow = blur(slow, 0.07 * fps)
    turning = np.gradient(slow[:, 2]) * fps if len(slow) > 1 else np.zeros(len(slow))
    behind = np.concatenate([np.repeat(slow[:1, 2], round(0.12 * fps)), slow[:, 2]])[: len(slow)]
    tail = np.clip(behind - slow[:, 2], -1.2, 1.2) - 0.6 * slow[:, 3]
    slow[:, 3] += np.clip(0.06 * turning, -0.5, 0.5)
    slow[:, :4] += np.concatenate([path.fast for path in paths])
    return np.column_stack([slow, tail])


def body(pose: np.ndarray, bodyparts: tuple[str, ...]) -> np.ndarray:
    """Place the bodyparts on a mouse's pose [T, 6]: points [T, K, 2] in cm. The head turns about the neck, the tail about its base."""
    forward, lateral = np.array([_OFFSETS[part] for part in bodyparts]).T
    stretch = pose[:, 4:5]
    along, across = forward * stretch, lateral / np.sqrt(stretch)
    for hinge_cm, members, angle in (
        (NECK_CM, forward > NECK_CM, pose[:, 3:4]),
        (TAIL_BASE_CM, forward < TAIL_BASE_CM, pose[:, 5:6]),
    ):
        hinge = hinge_cm * stretch
        turned = hinge + (along - hinge) * np.cos(angle) - across * np.sin(angle), (along - hinge) * np.sin(angle) + across * np.cos(angle)
        along, across = np.where(members, turned[0], along), np.where(members, turned[1], across)
    cos, sin = np.cos(pose[:, 2:3]), np.sin(pose[:, 2:3])
    return pose[:, None, :2] + np.stack([along * cos - across * sin, along * sin + across * cos], axis=-1)


def blur(columns: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Blur each column of [T, C] along time with a Gaussian; the ends are held."""
    reach = int(np.ceil(3 * sigma_frames))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma_frames, 1e-6)) ** 2)
    padded = np.pad(columns, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, kernel / kernel.sum(), mode="valid") for column in padded.T], axis=1)


_OFFSETS: dict[str, FloatPair] = {
    "nose": (NOSE_CM, 0),
    "head": (3.0, 0),
    "ear_left": (2.8, -1.0),
    "ear_right": (2.8, 1.0),
    "neck": (NECK_CM, 0),
    "forepaw_left": (1.7, -0.9),
    "forepaw_right": (1.7, 0.9),
    "spine_1": (0.9, 0),
    "body_center": (0, 0),
    "lateral_left": (-0.5, -1.4),
    "lateral_right": (-0.5, 1.4),
    "spine_2": (-1.7, 0),
    "hip_left": (-2.0, -1.3),
    "hip_right": (-2.0, 1.3),
    "hindpaw_left": (-2.6, -1.4),
    "hindpaw_right": (-2.6, 1.4),
    "tail_base": (TAIL_BASE_CM, 0),
    "tail_middle_1": (-5.6, 0),
    "tail_midpoint": (-6.8, 0),
    "tail_middle_2": (-8.2, 0),
    "tail_tip": (-10.5, 0),
    **{
        f"headpiece_{level}{end}{side}": (2.9 + 0.4 * (end == "front") + 0.1 * (level == "top"), 0.4 * (1 if side == "right" else -1))
        for level in ("bottom", "top")
        for end in ("back", "front")
        for side in ("left", "right")
    },
}
"""Where a bodypart lies on a straight mouse: cm before its middle, cm to its right (y points down in pictures)."""
