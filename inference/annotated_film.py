"""A film with its predicted behaviors drawn into it: behavior and confidence above, an ethogram of the whole film below.

Frames are read, drawn and written one by one: memory does not depend on the length of the film.

Axes: T frames, C behaviors, H and W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from films.decoding import pictures
from films.film_encoding import write_film
from inference.video import VideoPrediction

_COLORS = ("#9aa5ae", "#d55e00", "#0072b2", "#cc79a7", "#009e73", "#e69f00", "#56b4e9", "#f0e442")
"""Colors of behaviors, for readers with any color vision; behaviors beyond them begin again."""
_PAPER, _INK, _NOTHING = (255, 255, 255), (34, 48, 60), (236, 239, 241)
LEAST_WIDTH = 480
"""Films that are narrower are enlarged, so that the text can be read."""
_ROW = 22
"""Height of the ethogram, and of a line of text, pixels."""


@dataclass(frozen=True)
class _Layout:
    """Where things are in the annotated picture, pixels."""

    width: int
    height: int
    names: tuple[str, ...]

    @cached_property
    def font(self) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return ImageFont.load_default(14)

    @cached_property
    def legend(self) -> list[tuple[int, int, str]]:
        """x, y within the legend and name of each behavior, in as many lines as needed."""
        places, x, y = [], 8, 4
        for name in self.names:
            wide = int(self.font.getlength(name)) + 30
            if x + wide > self.width and x > 8:
                x, y = 8, y + _ROW
            places.append((x, y, name))
            x += wide
        return places

    @property
    def legend_height(self) -> int:
        return self.legend[-1][1] + _ROW + 2


def write_annotated(path: Path, prediction: VideoPrediction, truth: np.ndarray | None = None) -> int:
    """Write the film of a prediction as an mp4 with the prediction drawn into it; return the number of frames.

    `truth` [T] are the numbers of the true behaviors, -1 where unknown, for a second ethogram below the first.
    """
    return write_film(path, _annotated(prediction, truth), prediction.recording.fps, quality=23)


def color_of(number: int) -> tuple[int, int, int]:
    """Return the color of a behavior by its number; of no behavior (-1), a pale gray."""
    if number < 0:
        return _NOTHING
    text = _COLORS[number % len(_COLORS)]
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def strip(chosen: np.ndarray, width: int) -> np.ndarray:
    """Return the ethogram of behaviors [T] as one row of colors [W, 3] uint8: each pixel has the behavior at its middle."""
    at = np.minimum(((np.arange(width) + 0.5) * len(chosen) / width).astype(int), len(chosen) - 1)
    return np.array([color_of(int(number)) for number in chosen[at]], np.uint8)


def _annotated(prediction: VideoPrediction, truth: np.ndarray | None) -> Iterator[np.ndarray]:
    layout: _Layout | None = None
    below = np.empty(0)
    chosen = prediction.chosen
    for number, picture in enumerate(pictures(prediction.path, colored=True)):
        if number >= len(chosen):
            return
        times = max(1, -(-LEAST_WIDTH // picture.gray.shape[1]))
        image = picture.gray.repeat(times, 0).repeat(times, 1)
        if layout is None:
            layout = _Layout(image.shape[1], image.shape[0], prediction.behaviors)
            below = _below(layout, [chosen, *([] if truth is None else [truth])])
        canvas = Image.fromarray(np.concatenate([image, below]))
        draw = ImageDraw.Draw(canvas)
        _draw_label(draw, layout, prediction, int(chosen[number]), number)
        cursor = round((number + 0.5) / len(chosen) * layout.width)
        rows = 1 if truth is None else 2
        draw.line([(cursor, layout.height), (cursor, layout.height + rows * _ROW)], fill=_INK, width=2)
        yield np.asarray(canvas)


def _below(layout: _Layout, ethograms: list[np.ndarray]) -> np.ndarray:
    """Return what lies below the picture: an ethogram for each series, and the names of the colors: [h, W, 3] uint8."""
    rows = [np.broadcast_to(strip(one, layout.width), (_ROW - 2, layout.width, 3)) for one in ethograms]
    gap = np.full((2, layout.width, 3), 255, np.uint8)
    legend = Image.new("RGB", (layout.width, layout.legend_height), _PAPER)
    draw = ImageDraw.Draw(legend)
    for number, (x, y, name) in enumerate(layout.legend):
        draw.rectangle([x, y + 3, x + 11, y + 14], fill=color_of(number))
        draw.text((x + 16, y), name, fill=_INK, font=layout.font)
    parts = [part for row in rows for part in (row, gap)]
    return np.concatenate([*parts, np.asarray(legend)])


def _draw_label(draw: ImageDraw.ImageDraw, layout: _Layout, prediction: VideoPrediction, chosen: int, number: int) -> None:
    name = prediction.behaviors[chosen] if chosen >= 0 else "none"
    confidence = float(prediction.scores[number, chosen]) if chosen >= 0 else 0.0
    text = f"{name}  {confidence:.2f}   {number / prediction.recording.fps:.2f} s"
    wide = int(layout.font.getlength(text)) + 28
    draw.rectangle([0, 0, wide, _ROW + 2], fill=_PAPER)
    draw.rectangle([6, 6, 17, 17], fill=color_of(chosen))
    draw.text((22, 4), text, fill=_INK, font=layout.font)
