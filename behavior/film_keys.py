"""Keys of films in the lake, and the names of their files in a data directory; behavior/keys.py knows all other keys.

Data directory: Videos/<film>.<ending> or Videos/<lab>/<film>.<ending>, Annotations/<film>*.csv, Videos/<film>.npy; individuals.csv and
films.toml beside them.
Raw zone: film/lab_id=<lab>/<film>.<ending>, film_annotation/lab_id=<lab>/<film>.csv, film_embedding/lab_id=<lab>/<film>.npy,
metadata/individuals.csv, metadata/films.toml.
Curated zone: films/lab_id=<lab>/<video>-<version>.<ending>, film_centers/ and film_embeddings/ likewise with .npy. Labels are rows of the
table film_labels.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from behavior.contract import refuse
from behavior.ids import lab_fault, video_fault, video_of_name

FILM = "film"
"""The split of films: a film of a data directory is neither a training nor a test recording; training divides films itself."""
VIDEOS = "Videos"
"""Folder of films in a data directory."""
ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg")
"""Endings of film files."""
INDIVIDUALS_FILE, RULES_FILE = "individuals.csv", "films.toml"
"""Files beside the folders of films: who is filmed, and what labels may say."""
INDIVIDUALS_KEY, RULES_KEY = f"metadata/{INDIVIDUALS_FILE}", f"metadata/{RULES_FILE}"
_VERSION = r"(?:-[0-9a-f]{16})?"
_NAME = re.compile(r"[^./\x00-\x1f\x7f][^/\x00-\x1f\x7f]{0,199}")


class FilmPart(StrEnum):
    """A raw file about a film; its value is its folder in the raw zone."""

    PICTURES = "film"
    LABELS = "film_annotation"
    EMBEDDINGS = "film_embedding"


RAW_FILM_FOLDERS = tuple(str(part) for part in FilmPart)
"""Folders of the raw zone with films and their labels."""
CURATED_FILM_FOLDERS = ("films", "film_centers", "film_embeddings")
"""Folders of the curated zone with files that are no tables."""
_RAW_KEY = re.compile(rf"({'|'.join(RAW_FILM_FOLDERS)})/lab_id=([^/]+)/([^/]+)(\.[a-z0-9]+)")
_CURATED_KEY = re.compile(rf"(?:{'|'.join(CURATED_FILM_FOLDERS)})/lab_id=([^/]+)/[0-9]+{_VERSION}\.[a-z0-9]+")


@dataclass(frozen=True)
class RawFilmObject:
    """One object of the raw zone about a film."""

    part: FilmPart
    """What it holds."""
    lab: str
    """Name of the lab."""
    name: str
    """File name of the film, without its ending."""
    ending: str
    """Ending of this object, such as .mp4, in small letters."""

    @property
    def key(self) -> str:
        """Its key."""
        return f"{self.part}/lab_id={self.lab}/{self.name}{self.ending}"

    @property
    def video(self) -> int:
        """Number of the film."""
        return film_number(self.lab, self.name)

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """Return what the object at a key holds; None for a key that is none of these."""
        match = _RAW_KEY.fullmatch(key)
        if not match:
            return None
        part, (lab, name, ending) = FilmPart(match[1]), match.groups()[1:]
        endings = {FilmPart.PICTURES: ENDINGS, FilmPart.LABELS: (".csv",), FilmPart.EMBEDDINGS: (".npy",)}[part]
        sound = ending in endings and is_film_name(name) and lab_fault(lab) is None
        return cls(part, lab, name, ending) if sound else None


def is_film_name(name: str) -> bool:
    """Return whether a film may have this name: any text of a line without a slash, of up to 200 characters, that begins with no dot."""
    return _NAME.fullmatch(name) is not None


def film_number(lab: str, name: str) -> int:
    """Return the number of a film, made from lab and name as that of an imported recording: two labs may each have a film called 7."""
    return video_of_name(lab, name)


def recording_beside(lab: str, name: str) -> int:
    """Return the number of the recording of the same lab that shows what a film shows, whose tracking says where the mouse is.

    It is the film's name if that is a number, else the number that an import gives to a recording of this name.
    """
    if name.isdecimal() and name.isascii() and name == str(int(name)) and video_fault(int(name)) is None:
        return int(name)
    return video_of_name(lab, name)


def lab_of_film_key(key: str) -> str | None:
    """Return the lab of a raw or curated object about a film; None for any other key."""
    raw = RawFilmObject.of_key(key)
    if raw:
        return raw.lab
    match = _CURATED_KEY.fullmatch(key)
    return match[1] if match else None


def film_key(lab: str, video: int, version: str, ending: str) -> str:
    """Return the key of a film in the curated zone; `ending` is that of its file. Raises ContractError for a lab that leads out of it."""
    return _curated(CURATED_FILM_FOLDERS[0], lab, video, version, ending)


def film_centers_key(lab: str, video: int, version: str) -> str:
    """Return the key of the places of the mouse in a film. Raises ContractError as `film_key` does."""
    return _curated(CURATED_FILM_FOLDERS[1], lab, video, version, ".npy")


def film_embeddings_key(lab: str, video: int, version: str) -> str:
    """Return the key of the embeddings of a film. Raises ContractError as `film_key` does."""
    return _curated(CURATED_FILM_FOLDERS[2], lab, video, version, ".npy")


def _curated(folder: str, lab: str, video: int, version: str, ending: str) -> str:
    refuse(fault for fault in (lab_fault(lab), video_fault(video)) if fault)
    return f"{folder}/lab_id={lab}/{video}-{version}{ending}"
