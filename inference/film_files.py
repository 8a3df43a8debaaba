"""Films to recognize: of a data directory, or named one by one."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from behavior.contract import ContractError, Fault, UsageError, refuse
from behavior.film_keys import VIDEOS
from behavior.material import Material
from behavior.recording import Recording
from films.decoding import index_of, pictures
from films.film_file import FilmFile, default_cache
from films.film_sources import read_film_rules
from films.folder import TEST_VIDEO, TRAIN_VIDEO, FilmPath, films_at, films_below


@dataclass(frozen=True)
class FilmFiles:
    """Films, as recordings."""

    recordings: tuple[Recording, ...]
    """One per film, in their order."""
    paths: dict[int, Path]
    """The film of each video id."""
    split: str = "test"
    """train for films of training that no checkpoint saw, else test."""
    cache: Path = field(default_factory=default_cache)
    """Folder of small frames."""

    def material(self, recording: Recording) -> Material:
        """Return the material of one film."""
        return Material.with_film(recording, FilmFile(self.paths[recording.video_id], self.cache, lab=recording.lab_id))

    def name_of(self, recording: Recording) -> str:
        """Return how files about a film begin: with its name, in a folder of its lab if another lab has a film of this name."""
        stem = self.paths[recording.video_id].stem
        return stem if self._n_films[stem] == 1 else f"{recording.lab_id}/{stem}"

    @cached_property
    def _n_films(self) -> Counter[str]:
        """How many films have each name."""
        return Counter(path.stem for path in self.paths.values())

    def named(self) -> pd.DataFrame:
        """Return the film of each video id: video_id, film."""
        return pd.DataFrame([(video, str(path)) for video, path in self.paths.items()], columns=["video_id", "film"])

    def faults(self) -> list[Fault]:
        """Return none: films that cannot be opened were refused before."""
        return []


def films_of_data_dir(data_dir: Path, seen: set[int] | None) -> FilmFiles:
    """Return the films of a data directory: those of test_video/, or else of Videos/; with `seen`, all others of Videos/ and train_video/.

    Raises UsageError if there are none, ContractError with the faults of all films that cannot be opened.
    """
    folders = (TEST_VIDEO, VIDEOS) if seen is None else (VIDEOS, TRAIN_VIDEO)
    lab = read_film_rules(data_dir).lab
    found = [films_below(data_dir / folder, lab) for folder in folders]
    films = next((own for own in found if own), []) if seen is None else [one for own in found for one in own if one.video_id not in seen]
    if not films:
        places = " or ".join(str(data_dir / folder) for folder in folders)
        unseen = "" if seen is None else " that no checkpoint saw"
        raise UsageError(f"Expected films{unseen} in {places}, but got none. Name films with --videos.")
    return _opened(films, "test" if seen is None else "train")


def films_of_places(places: Sequence[Path]) -> FilmFiles:
    """Return the films at some places, which are films or folders of films. Raises as `films_of_data_dir` does."""
    if missing := [str(place) for place in places if not place.exists()]:
        raise UsageError(f"Expected --videos to be films or folders, but got nothing at {', '.join(missing)}. Correct the path.")
    films = films_at(places)
    if not films:
        raise UsageError(f"Expected films in {', '.join(map(str, places))}, but got none. Name other folders.")
    return _opened(films)


def recording_of(film: FilmPath) -> Recording:
    """Return the recording of a film, which nobody annotated. Raises ContractError for a file that is no film."""
    rate = index_of(film.path).stated_rate
    first = next(pictures(film.path), None)
    if rate is None or first is None or not 1 <= rate <= 2000:
        got = "no frame that can be decoded" if first is None else f"{rate} frames per second"
        raise ContractError(Fault("film-unreadable", str(film.path), f"Expected a film, but got {got}.", "Export the film again."))
    height, width = first.gray.shape
    return Recording(film.lab, film.video_id, float(rate), math.nan, width, height, name=film.path.stem)


def _opened(films: Sequence[FilmPath], split: str = "test") -> FilmFiles:
    recordings: dict[int, Recording] = {}
    paths: dict[int, Path] = {}
    faults: list[Fault] = []
    for film in films:
        try:
            recording = recording_of(film)
        except ContractError as error:
            faults += error.faults
            continue
        if film.video_id in paths:
            message = f"Expected films of different names, but got {paths[film.video_id]} too."
            faults.append(Fault("video-repeated", str(film.path), message, "Name one of them."))
        recordings[film.video_id], paths[film.video_id] = recording, film.path
    refuse(faults)
    return FilmFiles(tuple(recordings.values()), paths, split)
