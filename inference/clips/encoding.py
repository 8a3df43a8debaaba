"""Encode the pictures of a clip: MP4 for browsers and players, or GIF and WebP for slides and messages."""

import io
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from PIL import Image

from behavior.contract import UsageError

FORMATS = (".mp4", ".gif", ".webp")
_QUALITY = "24"
"""Constant rate factor of H.264: lower is better and larger; 18 cannot be told from the original."""


def encode(pictures: Iterable[Image.Image], fps: float, ending: str) -> bytes:
    """Return the pictures as one file that plays so many of them per second. Raises UsageError for an unknown ending."""
    if ending == ".mp4":
        return _mp4(pictures, fps)
    if ending in (".gif", ".webp"):
        return _animated(pictures, fps, ending)
    raise UsageError(f"Expected a clip that ends with {', '.join(FORMATS)}, but got {ending or 'no ending'}. Use one of them.")


def _mp4(pictures: Iterable[Image.Image], fps: float) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.pix_fmt = "yuv420p"  # the only one that all browsers play
        # one thread: small pictures need no more, and several clips may be drawn side by side
        stream.options = {"crf": _QUALITY, "preset": "veryfast", "tune": "animation", "threads": "1"}
        for number, picture in enumerate(pictures):
            if not number:
                stream.width, stream.height = picture.size
            frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _animated(pictures: Iterable[Image.Image], fps: float, ending: str) -> bytes:
    first, *others = (picture.quantize(64, dither=Image.Dither.NONE) if ending == ".gif" else picture for picture in pictures)
    buffer = io.BytesIO()
    delay_ms = max(round(100 / fps), 2) * 10 if ending == ".gif" else round(1000 / fps)  # GIF counts hundredths of a second
    first.save(buffer, format=ending[1:].upper(), save_all=True, append_images=others, duration=delay_ms, loop=0)
    return buffer.getvalue()
