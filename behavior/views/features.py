"""The interface of all features over tracks: what a recognizer sees of one subject, sample by sample.

Axes: S samples at the recognizer's rate, F features.
"""

from typing import Any, ClassVar, Protocol

import numpy as np

from behavior.curation import Curated
from behavior.labelling import Subject
from behavior.views.mirror import Mirror
from behavior.views.scaler import RobustScaler


class Features(Protocol):
    """Settings from which features are computed; a frozen dataclass, so that a checkpoint can store it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def bodyparts(self) -> tuple[str, ...]:
        """Canonical bodyparts that are used."""
        ...

    @property
    def fps(self) -> float:
        """Samples per second."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names along axis F."""
        ...

    @property
    def mirror(self) -> Mirror | None:
        """The mirror of the features; None if mirrored mice have the same features."""
        ...

    def of(self, curated: Curated, fps: float, subject: Subject, part: slice = slice(None)) -> np.ndarray:
        """Return features [S, F] float32 of a subject, or of a part of its samples; NaN where unknown. `fps` is the recording's own."""
        ...


class ScaledFeatures(Features, Protocol):
    """Features that are scaled before a network sees them."""

    def fit_scaler(self, features: np.ndarray) -> RobustScaler:
        """Return the scaler fitted on features [N, F] of training recordings."""
        ...


def refuse_bad_settings(bodyparts: tuple[str, ...], fps: float) -> None:
    """Raise ValueError for missing or repeated bodyparts, and for a rate that is not above zero."""
    if not bodyparts or len(set(bodyparts)) < len(bodyparts):
        raise ValueError(f"Expected each bodypart once, but got {bodyparts}. List each bodypart once.")
    if not fps > 0:
        raise ValueError(f"Expected fps above zero, but got {fps}. Give the samples per second.")
