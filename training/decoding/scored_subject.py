"""One subject of one recording with its out-of-fold scores and the truth: what decodings are fitted on, and what is judged.

Axes: T frames, C behaviors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from behavior.labelling import Subject, Truth
from behavior.recording import Recording
from recognizers.recognizer import Bout


@dataclass(frozen=True)
class ScoredSubject:
    """One annotated subject of one recording, scored by a recognizer that never saw the recording."""

    recording: Recording
    """The video."""
    subject: Subject
    """Whom the scores are about."""
    unit: int
    """The smallest video id of its content."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    scores: np.ndarray
    """[T, C] float16; 0 for a behavior that the fold's recognizer does not know."""
    truth: Truth
    """What experts saw, over the same behaviors."""
    answered: np.ndarray
    """[C] bool: behaviors that the recognizer knows; none if tracking lacks a mouse."""
    decoded: tuple[Bout, ...] = ()
    """Bouts as serving would decode them."""
    others: Mapping[str, list[Bout]] = field(default_factory=dict)
    """Bouts decoded in other ways, by the name of the way."""
    calibrated: np.ndarray | None = None
    """[T, C] float16: smoothed and calibrated scores; None if nothing calibrates them."""
