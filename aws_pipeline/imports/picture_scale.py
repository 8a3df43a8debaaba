"""The scale of a picture that nobody has measured yet: from the arena, whose size in cm is known, or from the length of the mice."""

import re
from dataclasses import dataclass

import numpy as np

from behavior.body_length import BODY_LENGTH, MEASURED, TAIL, body_length_px
from behavior.contract import ContractError, Fault, UsageError

_MOST_DIFFERENCE = 0.1
"""Width and height of an arena may give scales that differ by this share; more is a camera that looks from the side, or a mistake."""


@dataclass(frozen=True)
class PictureScale:
    """A measured scale."""

    pix_per_cm: float
    """Pixels per cm."""
    source: str
    """`MEASURED` or `BODY_LENGTH`."""
    how: str
    """How it was measured, in words."""
    center_px: tuple[float, float] | None = None
    """The middle of the arena in the picture, if it is known."""


@dataclass(frozen=True)
class Arena:
    """An arena of known size and its place in the picture."""

    size_cm: tuple[float, float]
    """Width and height, cm."""
    box_px: tuple[float, ...]
    """Width and height, or left, top, right and bottom, pixels."""

    @classmethod
    def parse(cls, size_cm: str, box_px: str) -> "Arena":
        """Read 40x40, and 640x640 or 100,50,740,690. Raises UsageError for any other text."""
        size, box = _numbers(size_cm), _numbers(box_px)
        if len(size) != 2 or min(size) <= 0:
            raise UsageError(f"Expected --arena-cm like 40x40 (width x height), but got {size_cm!r}. Correct it.")
        if len(box) not in (2, 4) or any(length <= 0 for length in _lengths(box)):
            raise UsageError(f"Expected --arena-px like 640x640, or left,top,right,bottom, but got {box_px!r}. Correct it.")
        return cls((size[0], size[1]), box)

    def scale(self) -> PictureScale:
        """Return the mean of the scales along width and height. Raises UsageError if they differ too much."""
        width, height = _lengths(self.box_px)
        along = (width / self.size_cm[0], height / self.size_cm[1])
        if max(along) > min(along) * (1 + _MOST_DIFFERENCE):
            got = f"{along[0]:.2f} pixels per cm along its width and {along[1]:.2f} along its height"
            raise UsageError(f"Expected one scale of the arena, but got {got}. Measure both again.")
        center = None
        if len(self.box_px) == 4:
            left, top, right, bottom = self.box_px
            center = ((left + right) / 2, (top + bottom) / 2)
        return PictureScale(round(sum(along) / 2, 4), MEASURED, "from the arena", center)


def scale_of_body(xy: np.ndarray, bodyparts: tuple[str, ...], length_cm: float, where: str) -> PictureScale:
    """Return the scale at which the median body is `length_cm` long. Raises ContractError if the bodies cannot be measured."""
    found = body_length_px(xy, bodyparts)
    if found is None:
        message = f"Expected nose (or head) and {TAIL} to measure the body length, but got neither."
        raise ContractError(Fault("scale", where, message, "Give --pix-per-cm."))
    length, front = found
    how = f"from {front} to {TAIL}: {length:.1f} pixels are {length_cm:g} cm"
    return PictureScale(round(length / length_cm, 4), BODY_LENGTH, how)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in re.split(r"[x,;\s]+", text.strip()))
    except ValueError:
        return ()


def _lengths(box: tuple[float, ...]) -> tuple[float, float]:
    return (box[0], box[1]) if len(box) == 2 else (box[2] - box[0], box[3] - box[1])
