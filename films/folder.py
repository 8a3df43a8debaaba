"""The films of a folder, by lab and name.

Films lie in Videos/ or Videos/<lab>/, in train_video/<lab>/ or in test_video/<lab>/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from behavior.film_keys import ENDINGS, film_number
from behavior.film_rules import LAB

TRAIN_VIDEO, TEST_VIDEO = "train_video", "test_video"
"""Other folders with films."""


@dataclass(frozen=True)
class FilmPath:
    """A film and its lab."""

    lab: str
    """Name of the lab."""
    path: Path
    """The file."""

    @property
    def video_id(self) -> int:
        """Number of the film, from its lab and name."""
        return film_number(self.lab, self.path.stem)


def films_below(folder: Path, lab: str = LAB) -> list[FilmPath]:
    """Return the films in a folder, and in the folders of labs below it, by path."""
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS and path.is_file()]
    return [FilmPath(below[0] if len(below := path.relative_to(folder).parts) > 1 else lab, path) for path in paths]


def films_at(places: Sequence[Path], lab: str = LAB) -> list[FilmPath]:
    """Return the films at some places, which are films or folders of films."""
    return [one for place in places for one in (films_below(place, lab) if place.is_dir() else [FilmPath(lab, place)])]
