"""From the frames of a recording to the samples at a recognizer's rate, and back.

Axes: T frames of the recording, S samples at the recognizer's rate.
"""

import numpy as np

BLOCK_SAMPLES = 16_384
"""Samples whose features are made at once: memory does not grow with the recording."""


def sample_count(frames: int, fps: float, rate: float) -> int:
    """Return S, the number of samples at `rate` of a recording of T frames."""
    return max(1, round(frames * rate / fps))


def sample_frames(frames: int, fps: float, rate: float, part: slice = slice(None)) -> np.ndarray:
    """Return for each of S samples at `rate`, or a part of them, the frame of the recording at its middle: int64."""
    sample = np.arange(*part.indices(sample_count(frames, fps, rate)))
    return np.minimum(((sample + 0.5) * fps / rate).astype(np.int64), frames - 1)


def frame_samples(frames: int, fps: float, rate: float, part: slice = slice(None)) -> np.ndarray:
    """Return for each of T frames, or a part of them, the sample at `rate` that stands for it: int64."""
    frame = np.arange(*part.indices(frames))
    return np.minimum(((frame + 0.5) * rate / fps).astype(np.int64), sample_count(frames, fps, rate) - 1)
