"""Films whose frames carry their number as bright and dark bars, so that a test can read which frame it was given."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS, BAR = 10, 11
CODECS: dict[str, tuple[str, dict[str, str]]] = {
    "h264.mp4": ("libx264", {"bf": "3", "g": "24"}),
    "hevc.mkv": ("libx265", {"x265-params": "bframes=4:keyint=30:open-gop=1:log-level=none"}),
    "mpeg4.avi": ("mpeg4", {"bf": "2", "g": "12"}),
    "h264.avi": ("libx264", {"bf": "3", "g": "24"}),
}
"""By file name: an encoder and its options, with B-frames and few key frames."""


def painted(number: int, height: int = 96, width: int = 128) -> np.ndarray:
    picture = np.full((height, width), 60, np.uint8)
    for bit in range(BITS):
        picture[20:60, 8 + bit * BAR : 8 + bit * BAR + 9] = 220 if (number >> bit) & 1 else 20
    return picture


def number_in(gray: np.ndarray) -> int:
    return sum(1 << bit for bit in range(BITS) if gray[30:50, 10 + bit * BAR : 14 + bit * BAR].mean() > 128)


def write_film(
    path: Path,
    frames: np.ndarray | list[np.ndarray],
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    rate: Fraction | int = 30,
    stamps: list[int] | None = None,
) -> Path:
    """Write gray frames as a film; `stamps` are times in units of 1/1000 s, for a variable frame rate."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt, stream.options = "yuv420p", dict(options or {})
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, gray in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(gray), "gray").reformat(format="yuv420p")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
