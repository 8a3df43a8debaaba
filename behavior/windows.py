"""Cut a recording into overlapping windows, and stitch the windows' scores back into one series.

T frames, W frames per window, N windows, C behaviors.
"""

import numpy as np


def window_starts(frames: int, window: int, step: int) -> np.ndarray:
    """Return the first frame of each window, sorted: [N] int64.

    The last window ends with the recording, so it may overlap the one before by more than the others do. A recording shorter than
    `window` gets one window, whose tail lies past the end.
    """
    if frames < 1 or not 1 <= step <= window:
        got = f"{frames} frames, step {step}, window {window}"
        raise ValueError(f"Expected at least one frame and 1 <= step <= window, but got {got}. Choose a step that leaves no frame out.")
    last = max(frames - window, 0)
    return np.append(np.arange(0, last, step), last)


def stitch(scores: np.ndarray, starts: np.ndarray, frames: int) -> np.ndarray:
    """Average the scores [N, W, C] of windows that start at `starts` into one series [T, C]; what lies past the end is dropped.

    Half precision is summed, and returned, as float32. Memory beyond the result does not grow with the number of windows.
    """
    windows, length, behaviors = scores.shape
    stops = np.minimum(starts + length, frames)
    if windows != len(starts) or np.any(starts < 0) or np.any(starts >= frames):
        raise ValueError(f"Expected one start within {frames} frames for each of {windows} windows, but got {starts}. Use window_starts.")
    opened, closed = (np.bincount(at, minlength=frames + 1)[:frames] for at in (starts, stops))
    overlap = np.cumsum(opened - closed)
    if not overlap.all():
        raise ValueError(f"Expected windows that cover all {frames} frames, but got {np.sum(overlap == 0)} bare ones. Use window_starts.")

    series = np.zeros((frames, behaviors), np.result_type(scores.dtype, np.float32))
    for window, start, stop in zip(scores, starts.tolist(), stops.tolist(), strict=True):
        series[start:stop] += window[: stop - start]
    series /= overlap[:, None].astype(series.dtype)
    return series
