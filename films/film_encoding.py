"""Write films as H.264 in an MP4 file, whole or not at all.

Axes: H and W pixels.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from behavior.whole_file import whole_file


def write_film(path: Path, frames: Iterable[np.ndarray], fps: float | Fraction, quality: int = 18) -> int:
    """Write frames, gray [H, W] or colored [H, W, 3], all uint8; return their number. They are encoded while they are read.

    `quality` is x264's rate factor: lower is better. Players want even sizes: an odd row or column is repeated.
    """
    waiting = iter(frames)
    first = next(waiting, None)
    if first is None:
        raise ValueError(f"Expected frames for {path}, but got none. Give at least one.")
    count = 0
    with whole_file(path) as beside, av.open(str(beside), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = (side + side % 2 for side in first.shape[:2])
        stream.pix_fmt, stream.options = "yuv420p", {"crf": str(quality), "preset": "veryfast"}
        for frame in chain([first], waiting):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(_even(frame), "gray" if frame.ndim == 2 else "rgb24")))
            count += 1
        container.mux(stream.encode())
    return count


def _even(frame: np.ndarray) -> np.ndarray:
    more = [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), *[(0, 0)] * (frame.ndim - 2)]
    return np.ascontiguousarray(np.pad(frame, more, mode="edge"))
