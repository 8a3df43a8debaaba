"""From a time in a recording to the scene of a clip: which frames, from how near, over which film."""

from dataclasses import dataclass

import pandas as pd

from inference.clips.footage import Footage
from inference.clips.skeletons import Scene
from inference.clips.viewport import around_mice, whole_picture
from inference.ethogram_rows import label_of, who_of
from inference.viewed_recording import ViewedRecording

_MOST_FPS = {".mp4": 30.0, ".gif": 15.0, ".webp": 15.0}
"""Clips have at most so many pictures per second: more cannot be seen, and make files large."""


@dataclass(frozen=True)
class Look:
    """How a clip looks."""

    width: int = 320
    """Width, pixels."""
    height: int = 240
    """Height, pixels; with `whole`, that of the picture."""
    speed: float = 1.0
    """Speed: 0.5 is slow motion."""
    whole: bool = False
    """The whole picture, not the mice from near."""
    film: bool = True
    """Over the film, if there is one and the recording has a scale."""


def scene_of(
    viewed: ViewedRecording, start_s: float, stop_s: float, bout: "pd.Series | None", look: Look, ending: str
) -> tuple[Scene, float]:
    """Return the scene between two times, s, and how many of its pictures a second has. Mice of the bout are in color."""
    recording, curated = viewed.recording, viewed.curated
    first, last = (min(max(round(time * recording.fps) - curated.first_frame, 0), curated.frames) for time in (start_s, stop_s))
    last = max(last, first + 1)
    shown_fps = recording.fps * look.speed
    step = max(-(-shown_fps // _MOST_FPS[ending]), 1)
    mice, title, marked = curated.mice, f"{recording.lab_id} {recording.shown}", None
    if bout is not None:
        who = who_of(bout)
        mice = tuple(mouse for mouse in curated.mice if mouse in who) or mice
        title = label_of(who)
        marked = range(int(bout["start_frame"]) - curated.first_frame, int(bout["stop_frame"]) - curated.first_frame)
    scale = recording.pix_per_cm
    if look.whole and scale:
        viewport = whole_picture(recording, scale, look.width)
    else:
        viewport = around_mice(curated, mice, slice(first, last), look.width, look.height)
    film = viewed.film if look.film and scale else None
    footage = Footage(film, recording, curated.first_frame) if film else None
    scene = Scene(curated, recording.fps, range(first, last, int(step)), viewport, title, mice, marked, viewed.unit, footage)
    return scene, shown_fps / step
