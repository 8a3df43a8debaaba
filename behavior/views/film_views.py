"""What recognizers of films see: small gray pictures, or numbers that another program computed from each frame.

Axes: T frames, H and W pixels, D numbers of an embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from behavior.contract import ContractError
from behavior.film import Film, PictureSettings


class FilmView(Protocol):
    """Settings from which rows of a film are made; a frozen dataclass, so that a checkpoint can store it."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def fps(self) -> float:
        """Samples per second."""
        ...

    @property
    def stride(self) -> int:
        """Samples from one scored clip to the next, for networks that answer once per clip."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what one sample holds."""
        ...

    @property
    def has_mirror(self) -> bool:
        """Whether there is a mirror image of a sample."""
        ...

    def fitted(self, film: Film) -> Self:
        """Return the same with what only a training film can say."""
        ...

    def rows(self, film: Film) -> np.ndarray:
        """Return one row per frame of a film: [T, ...]."""
        ...


@dataclass(frozen=True)
class FilmPictures:
    """Small gray pictures."""

    picture: PictureSettings = field(default_factory=PictureSettings)
    """Part and size of the picture."""
    fps: float = 30.0
    """Samples per second, 1/s: a clip means the same time in every film."""
    stride: int = 2
    """Samples from one scored clip to the next; the samples between have the scores of the nearest."""
    has_mirror: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.picture, Mapping):
            object.__setattr__(self, "picture", PictureSettings(**self.picture))  # JSON brings a mapping
        if not self.fps > 0 or self.stride < 1:
            raise ValueError(f"Expected fps above 0 and a stride of 1 or more, but got {self}. Change them.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what one sample holds: one picture."""
        return (f"gray {self.picture.height} x {self.picture.width}",)

    def fitted(self, film: Film) -> Self:
        """Return the same: pictures have the size of the settings."""
        return self

    def rows(self, film: Film) -> np.ndarray:
        """Return one picture per frame: [T, H, W] uint8."""
        return film.small(self.picture)


@dataclass(frozen=True)
class FilmEmbeddings:
    """Numbers that another program, such as a large network, computed from each frame."""

    dimensions: int | None = None
    """Numbers per frame, D; None in a recipe, for as many as the training films have."""
    fps: float = 30.0
    """Samples per second, 1/s."""
    stride: int = 1
    """Not used: the network answers for every sample."""
    has_mirror: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.fps > 0 or (self.dimensions is not None and self.dimensions < 1):
            raise ValueError(f"Expected fps above 0 and 1 dimension or more, but got {self}. Change them.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the D numbers."""
        return tuple(f"embedding_{number}" for number in range(self.dimensions or 0))

    def fitted(self, film: Film) -> Self:
        """Return the same with the number of dimensions of a film, if it is open. Raises ContractError if there are no embeddings."""
        return self if self.dimensions is not None else replace(self, dimensions=film.embeddings().shape[1])

    def rows(self, film: Film) -> np.ndarray:
        """Return the numbers of each frame: [T, D]. Raises ContractError if they are of another length."""
        rows = film.embeddings()
        if self.dimensions is not None and rows.shape[1] != self.dimensions:
            got = f"{rows.shape[1]}"
            raise ContractError(
                [f"Expected embeddings of {self.dimensions} numbers per frame, but got {got}. Compute them as in training."]
            )
        return rows
