"""The pair view of a curated recording: features of agent, target, their relation, and masks.

Axes: K bodyparts, T frames of the recording, S samples at the recognizer's rate, F features.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from behavior.curation import Curated
from behavior.labelling import Subject
from behavior.skeleton import IGNORED, canonical, canonical_columns
from behavior.views.features import refuse_bad_settings
from behavior.views.mirror import Mirror, mirror_of
from behavior.views.sampling import sample_frames
from behavior.views.scaler import RobustScaler


@dataclass(frozen=True)
class PairFeatures:
    """Settings of the pair view."""

    bodyparts: tuple[str, ...]
    """Canonical bodyparts, in the order of the columns; a recording that lacks one gets unknown values and mask 0."""
    fps: float = 30.0
    """Samples per second, 1/s: a window means the same time in every lab."""

    def __post_init__(self) -> None:
        """Refuse settings that contradict themselves."""
        object.__setattr__(self, "bodyparts", tuple(self.bodyparts))  # JSON brings a list
        refuse_bad_settings(self.bodyparts, self.fps)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the F columns: agent, target (t_), relative (rel_), masks (m_, t_m_)."""
        kinematics = [f"{kind}_{part}" for kind in ("x", "y", "vx", "vy") for part in self.bodyparts]
        masks = [f"m_{part}" for part in self.bodyparts]
        return (
            *kinematics,
            *(f"t_{name}" for name in kinematics),
            "rel_dx",
            "rel_dy",
            "rel_dist",
            *masks,
            *(f"t_{name}" for name in masks),
        )

    @property
    def is_mask(self) -> np.ndarray:
        """[F] bool: columns that are masks and stay 0 or 1."""
        return np.array([name.startswith(("m_", "t_m_")) for name in self.names])

    @cached_property
    def mirror(self) -> Mirror:
        """The mirror of the features."""
        return mirror_of(self.names)

    def of(self, curated: Curated, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return the pair view [S, F] float32 of two mice; target == agent for a mouse by itself.

        Positions in cm, velocities in cm/s, NaN where a keypoint is never seen or not tracked (the scaler makes it 0, and its mask is 0).
        `fps` is the recording's own. All features of a mouse that is not tracked are unknown.
        """
        sampled = sample_frames(curated.frames, fps, self.fps, part)
        streams = [_mouse_stream(curated, mouse, self.bodyparts, sampled) for mouse in (subject.agent, subject.target)]
        offset = streams[1].middle - streams[0].middle
        relative = np.concatenate([offset, np.hypot(*offset)[None]])
        parts = [streams[0].kinematics, streams[1].kinematics, relative, streams[0].mask, streams[1].mask]
        return np.ascontiguousarray(np.concatenate(parts).T)

    def fit_scaler(self, features: np.ndarray) -> RobustScaler:
        """Fit on features [N, F] of training recordings, each column by itself; masks are not scaled."""
        return RobustScaler.fit(features, self.is_mask)


def common_bodyparts(tracked: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the canonical bodyparts that occur in any of the recordings, without the ignored ones, sorted."""
    return tuple(sorted({canonical(part) for parts in tracked for part in parts if part not in IGNORED}))


@dataclass(frozen=True)
class _MouseStream:
    kinematics: np.ndarray  # [4K, S]
    middle: np.ndarray  # [2, S]
    mask: np.ndarray  # [K, S]


def _mouse_stream(curated: Curated, mouse: int | None, bodyparts: tuple[str, ...], sampled: np.ndarray) -> _MouseStream:
    n_parts, samples = len(bodyparts), len(sampled)
    state = np.full((4, n_parts, samples), np.nan, np.float32)
    mask = np.zeros((n_parts, samples), np.float32)
    if mouse in curated.mice:
        row = curated.mice.index(mouse)
        have = canonical_columns(curated.bodyparts)
        for position, part in enumerate(bodyparts):
            if part in have:
                state[:2, position] = curated.xy[:, row, have[part], sampled]
                state[2:, position] = curated.velocity[:, row, have[part], sampled]
                mask[position] = curated.seen[row, have[part], sampled]
    return _MouseStream(state.reshape(4 * n_parts, samples), _middle(state[:2], bodyparts), mask)


def _middle(xy: np.ndarray, bodyparts: tuple[str, ...]) -> np.ndarray:
    """Return the body's middle [2, S]: body_center if it is known, else the mean of the known keypoints."""
    if "body_center" in bodyparts:
        center = xy[:, bodyparts.index("body_center")]
        if np.isfinite(center).all():
            return center
    known = np.isfinite(xy[0, :, 0])  # a filled keypoint is known in all frames or in none
    return xy[:, known].mean(axis=1) if known.any() else np.full(xy[:, 0].shape, np.nan, np.float32)
