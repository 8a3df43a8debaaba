"""What is known about a film, and what a recognizer may ask of it; films reads real ones.

Axes: T frames, H and W pixels, D numbers of an embedding.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class PictureSettings:
    """Which part of each frame is seen, and at which size."""

    height: int = 64
    """Height of the small picture, pixels."""
    width: int = 64
    """Width of the small picture, pixels."""
    crop_px: tuple[int, int, int, int] | None = None
    """Top, left, height and width of the part of the frame that is seen, pixels of the upright film; None for the whole frame."""
    around_mouse_px: int | None = None
    """Side of a square around the mouse, pixels of the upright film; needs tracks. None for no such square."""

    def __post_init__(self) -> None:
        if self.crop_px is not None:
            object.__setattr__(self, "crop_px", tuple(self.crop_px))  # JSON brings a list
        if min(self.height, self.width, *(self.crop_px or (0, 0, 1, 1))[2:], self.around_mouse_px or 1) < 1:
            raise ValueError(f"Expected sizes of 1 pixel or more, but got {self}. Raise them.")
        if self.crop_px is not None and (min(self.crop_px[:2]) < 0 or self.around_mouse_px is not None):
            raise ValueError(f"Expected a crop that begins in the frame, or a square around the mouse, but got {self}. Choose one.")


@dataclass(frozen=True)
class FilmFacts:
    """What a whole pass over a film shows. Containers often state other numbers."""

    frames: int
    """Decoded frames."""
    rate: Fraction
    """Frames per second; of a film with a variable frame rate, the mean."""
    width: int
    """Width of the upright picture, pixels."""
    height: int
    """Height of the upright picture, pixels."""
    codec: str
    """Name of the codec, such as h264."""
    rotation: int
    """Degrees by which players turn the stored picture counterclockwise: 0, 90, 180 or 270."""
    variable_rate: bool
    """Whether frames are not equally far apart."""
    sha256: str
    """Digest of the file."""
    pictures: str
    """Digest of the decoded pictures, which does not depend on the container."""

    @property
    def fps(self) -> float:
        """Frames per second as a number."""
        return float(self.rate)


class Film(Protocol):
    """A film that can be read."""

    @property
    def name(self) -> str:
        """Its name, for people."""
        ...

    @property
    def frames(self) -> int:
        """Number of frames, T."""
        ...

    def small(self, settings: PictureSettings) -> np.ndarray:
        """Return all frames, small and gray: [T, H, W] uint8, on disk. Raises ContractError if the film cannot be read to its end."""
        ...

    def embeddings(self) -> np.ndarray:
        """Return numbers that another program computed from each frame: [T, D]. Raises ContractError if there are none."""
        ...
