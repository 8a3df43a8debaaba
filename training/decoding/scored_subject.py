"""One subject of one recording with its out-of-fold scores and the truth, for fitting decodings and for evaluation.

Axes: T frames, C behaviors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from behavior.labelling import Subject, Truth
from behavior.recording import Recording
from recognizers.recognizer import BoutRow


@dataclass(frozen=True)
class ScoredSubject:
    """One annotated subject of one recording, with scores from a recognizer that never saw the recording."""

    recording: Recording
    """The video."""
    subject: Subject
    """Subject of the scores."""
    unit: int
    """The smallest video id of its content."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    scores: np.ndarray
    """[T, C] float16; 0 for a behavior that the fold's recognizer does not have."""
    truth: Truth
    """The annotation, for the same behaviors."""
    answered: np.ndarray
    """[C] bool: behaviors that the recognizer has; none if a mouse is not tracked."""
    decoded: tuple[BoutRow, ...] = ()
    """Decoded bouts, as in serving."""
    others: Mapping[str, list[BoutRow]] = field(default_factory=dict)
    """Bouts from other decodings, by the name of the decoding."""
    calibrated: np.ndarray | None = None
    """[T, C] float16: smoothed and calibrated scores; None without a calibration."""
