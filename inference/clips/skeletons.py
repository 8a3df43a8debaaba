"""Draw mice as skeletons into the frames of a clip: white frames, or those of the footage.

Axes: I mice, K bodyparts, T frames; 2 coordinates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from behavior.curation import CuratedTracking
from behavior.skeleton import IGNORED, edges
from inference.clips.footage import Footage
from inference.clips.viewport import Viewport
from reports.figures import ACCENT, GRAY, INK, LINE, PAPER, mouse_color

_FINER = 2
"""Frames are drawn so many times larger and then shrunk: that makes lines smooth."""
_BAR_CM = 5.0


@dataclass(frozen=True)
class Scene:
    """What a clip shows."""

    curated: CuratedTracking
    """The mice."""
    fps: float
    """Frames per second of the recording."""
    frames: range
    """Frames of T that are drawn, in order; every n-th for a shorter clip."""
    viewport: Viewport
    """The part of the arena."""
    title: str
    """The first line of text."""
    mice: tuple[int, ...]
    """Mice in their colors; the others are gray."""
    marked: range | None = None
    """Frames of T of the bout; the bar at the bottom shows them."""
    unit: str = "cm"
    """Unit of the scale bar."""
    footage: Footage | None = None
    """The film, if there is one."""


def pictures(scene: Scene) -> Iterator[Image.Image]:
    """Yield the frames of the clip."""
    bodyparts = scene.curated.bodyparts
    drawn = [column for column, part in enumerate(bodyparts) if part not in IGNORED]
    joined = [pair for pair in edges(bodyparts) if set(pair) <= set(drawn)]
    places = scene.viewport.pixels(scene.curated.xy[:, :, :, scene.frames.start : scene.frames.stop]) * _FINER
    beneath = iter(scene.footage.frames(scene.frames, scene.viewport)) if scene.footage else None
    for frame in scene.frames:
        picture = next(beneath, None) if beneath else None
        canvas = _background(picture, scene.viewport)
        pen = ImageDraw.Draw(canvas)
        at = places[:, :, :, frame - scene.frames.start]
        for row, mouse in enumerate(scene.curated.mice):
            color = mouse_color(mouse) if mouse in scene.mice else GRAY
            _mouse(pen, at[:, row], scene.curated.seen[row, :, frame], drawn, joined, color, picture is not None)
        _captions(pen, scene, frame)
        yield canvas.resize((scene.viewport.width, scene.viewport.height), Image.Resampling.BOX)


def _background(picture: Image.Image | None, viewport: Viewport) -> Image.Image:
    size = viewport.width * _FINER, viewport.height * _FINER
    return Image.new("RGB", size, PAPER) if picture is None else picture.resize(size)


def _mouse(
    pen: ImageDraw.ImageDraw,
    at: np.ndarray,
    seen: np.ndarray,
    drawn: list[int],
    joined: list[tuple[int, int]],
    color: str,
    over_footage: bool,
) -> None:
    """Draw one mouse at places [2, K]: lines between its bodyparts, full dots where it was seen, empty ones where it was not."""
    known = np.isfinite(at[0])
    for one, other in joined:
        if known[one] and known[other]:
            pen.line([tuple(at[:, one]), tuple(at[:, other])], fill=color, width=(2 if over_footage else 3) * _FINER)
    radius = 3.0 * _FINER
    for column in drawn:
        if known[column]:
            x, y = at[:, column]
            box = (x - radius, y - radius, x + radius, y + radius)
            pen.ellipse(box, fill=color if seen[column] else PAPER, outline=color, width=_FINER)


def _captions(pen: ImageDraw.ImageDraw, scene: Scene, frame: int) -> None:
    """Write title, time and mice, draw the scale bar and the bar of time."""
    view, edge = scene.viewport, 8 * _FINER
    film_frame = frame + scene.curated.first_frame
    _text(pen, (edge, edge), scene.title, INK, view)
    _text(pen, (edge, edge + 17 * _FINER), f"{film_frame / scene.fps:.2f} s, frame {film_frame}, {scene.fps:.4g} frames/s", INK, view)
    x, y = float(edge), float(view.height * _FINER - 26 * _FINER)
    for mouse in scene.mice:
        _text(pen, (x, y), f"mouse {mouse}", mouse_color(mouse), view)
        x += _font(view).getlength(f"mouse {mouse}") + 10 * _FINER
    length = _BAR_CM * view.pixels_per_cm * _FINER
    right = view.width * _FINER - edge
    pen.line([(right - length, y + 12 * _FINER), (right, y + 12 * _FINER)], fill=INK, width=2 * _FINER)
    _text(pen, (right - _font(view).getlength(f"{_BAR_CM:g} {scene.unit}"), y - 6 * _FINER), f"{_BAR_CM:g} {scene.unit}", INK, view)
    _time_bar(pen, scene, frame)


def _time_bar(pen: ImageDraw.ImageDraw, scene: Scene, frame: int) -> None:
    """Draw the whole clip as a bar along the bottom, the bout in color, and where this frame is."""
    width, height = scene.viewport.width * _FINER, scene.viewport.height * _FINER
    first, count = scene.frames.start, max(scene.frames.stop - scene.frames.start, 1)

    def x(at: int) -> float:
        return width * min(max(at - first, 0), count) / count

    top = height - 5 * _FINER
    pen.rectangle((0, top, width, height), fill=LINE)
    if scene.marked is not None:
        pen.rectangle((x(scene.marked.start), top, x(scene.marked.stop), height), fill=ACCENT)
    pen.rectangle((x(frame) - 2 * _FINER, top - 3 * _FINER, x(frame) + 2 * _FINER, height), fill=INK)


def _text(pen: ImageDraw.ImageDraw, at: tuple[float, float], text: str, color: str, viewport: Viewport) -> None:
    pen.text(at, text, fill=color, font=_font(viewport), stroke_width=_FINER, stroke_fill=PAPER)


@cache
def _font_of(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _font(viewport: Viewport) -> ImageFont.FreeTypeFont:
    """Return a font that is readable at the size of the clip."""
    return _font_of(_FINER * (12 if viewport.width >= 300 else 10))
