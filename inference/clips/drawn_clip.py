"""A clip of a bout for a page: the film, and the picture that stands for it until it plays."""

import io
from typing import NamedTuple

import pandas as pd

from inference.clips.encoding import encode
from inference.clips.scenes import Look, scene_of
from inference.clips.skeletons import pictures
from inference.viewed_recording import ViewedRecording

_POSTER_COLORS = 32


class DrawnClip(NamedTuple):
    """A clip."""

    film: bytes
    """MP4."""
    poster: bytes
    """PNG: the frame in the middle of the bout, or the one nearest to it."""


def draw_clip(viewed: ViewedRecording, bout: pd.Series, start_s: float, stop_s: float, look: Look | None = None) -> DrawnClip:
    """Return the clip between two times, s, in which the mice of the bout have colors. Raises ContractError for broken tracks."""
    scene, shown_fps = scene_of(viewed, start_s, stop_s, bout, look or Look(), ".mp4")
    drawn = list(pictures(scene))
    middle = (int(bout["start_frame"]) + int(bout["stop_frame"])) // 2 - viewed.curated.first_frame
    nearest = min(range(len(drawn)), key=lambda place: abs(scene.frames[place] - middle))
    poster = io.BytesIO()
    drawn[nearest].quantize(_POSTER_COLORS).save(poster, format="PNG", optimize=True)
    return DrawnClip(encode(drawn, shown_fps, ".mp4"), poster.getvalue())
