"""Cut a recording into overlapping windows, and stitch the windows' scores back into one series.

T frames, W frames per window, N windows, C behaviors.
"""

import numpy as np


def window_starts(frames: int, window: int, step: int) -> np.ndarray:
    """Return the first frame of each window, sorted: [N] int64.

    The last window ends with the recording, so it may overlap the window before it more than the others do. A recording shorter than
    `window` gets one window, which ends after the recording.
    """
    if frames < 1 or not 1 <= step <= window:
        got = f"{frames} frames, step {step}, window {window}"
        raise ValueError(f"Expected at least one frame and 1 <= step <= window, but got {got}. Choose a step that leaves no frame out.")
    last = max(frames - window, 0)
    return np.append(np.arange(0, last, step), last)


class Stitching:
    """Average overlapping windows of scores into one series [T, C], window by window.

    A frame is returned as soon as no later window covers it, so that memory does not grow with the series. Half-precision scores are
    summed and returned as float32.
    """

    def __init__(self, starts: np.ndarray, window: int, frames: int) -> None:
        """Take the sorted first frames [N] of all windows. Raises ValueError unless they lie within the frames and cover all of them."""
        if not len(starts) or starts[0] < 0 or np.any(np.diff(starts) < 0) or starts[-1] >= frames:
            raise ValueError(f"Expected sorted starts within {frames} frames, but got {starts}. Use window_starts.")
        self._starts, self._frames = starts, frames
        self._stops = np.minimum(starts + window, frames)
        bare = starts[0] + np.maximum(starts[1:] - self._stops[:-1], 0).sum() + frames - self._stops[-1]
        if bare:
            raise ValueError(f"Expected windows that cover all {frames} frames, but got {bare} frames without one. Use window_starts.")
        self._added = 0
        self._open_from = 0  # the first frame that was not returned yet
        self._open: np.ndarray | None = None  # sums over the windows so far, from that frame on

    @property
    def is_complete(self) -> bool:
        """Whether all windows were added."""
        return self._added == len(self._starts)

    def add(self, scores: np.ndarray) -> np.ndarray:
        """Add the next windows [.., W, C] in order; return the next frames of the series [.., C] that are complete."""
        chosen = slice(self._added, self._added + len(scores))
        first, end = self._open_from, int(self._stops[chosen][-1])
        sums = np.zeros((end - first, scores.shape[2]), np.result_type(scores.dtype, np.float32))
        if self._open is not None:
            sums[: len(self._open)] = self._open
        for window, start, stop in zip(scores, self._starts[chosen].tolist(), self._stops[chosen].tolist(), strict=True):
            sums[start - first : stop - first] += window[: stop - start]
        self._added = chosen.stop
        self._open_from = self._frames if self.is_complete else int(self._starts[self._added])
        leaving = sums[: self._open_from - first]
        leaving /= self._overlap(first, self._open_from)[:, None].astype(sums.dtype)
        self._open = sums[self._open_from - first :].copy()  # a view would keep all sums in memory
        return leaving

    def _overlap(self, first: int, end: int) -> np.ndarray:
        """Return for the frames from first to before end how many windows cover each."""
        frame = np.arange(first, end)
        return np.searchsorted(self._starts, frame, "right") - np.searchsorted(self._stops, frame, "right")
