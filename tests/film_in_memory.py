"""A film for tests that need no file.

Axes: T frames, H and W pixels, D numbers of an embedding.
"""

from dataclasses import dataclass

import numpy as np

from behavior.film import PictureSettings


@dataclass(frozen=True)
class FilmInMemory:
    """A film that is already small and gray."""

    pictures: np.ndarray
    """[T, H, W] uint8."""
    numbers: np.ndarray | None = None
    """[T, D]."""
    name: str = "film"
    """Its name."""

    @property
    def frames(self) -> int:
        """Number of frames, T."""
        return len(self.pictures)

    def small(self, settings: PictureSettings) -> np.ndarray:
        """Return the pictures. Raises ValueError if they have another size."""
        if self.pictures.shape[1:] != (settings.height, settings.width):
            raise ValueError(f"Expected pictures of {settings.height} x {settings.width}, but got {self.pictures.shape[1:]}. Resize them.")
        return self.pictures

    def embeddings(self) -> np.ndarray:
        """Return the numbers. Raises ValueError if there are none."""
        if self.numbers is None:
            raise ValueError("Expected embeddings, but got none. Compute them.")
        return self.numbers
