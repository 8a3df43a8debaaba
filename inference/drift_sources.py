"""What drift is measured on: the recordings of a data directory with their tracks, or its films."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from behavior.contract import UsageError

if TYPE_CHECKING:
    from behavior.drift_rule import Measured
    from films.folder import FilmPath
    from inference.viewed_recording import ViewedRecording
    from recognizers.recognizer import Recognizer


@dataclass(frozen=True)
class DriftSource:
    """One recording, or one film."""

    lab: str
    """Its lab."""
    name: str
    """Its name on pages."""
    video_id: int
    """Its number, as checkpoints know it."""
    split: str
    """train or test."""
    measure: "Callable[[Recognizer | None], Measured]"
    """Returns its measures. Raises ContractError or UsageError for broken or missing files."""


def sources_of(data_dir: Path, *, films: bool) -> list[DriftSource]:
    """Return all recordings of a data directory, or all films. Raises UsageError if there are none."""
    if films:
        return _films(data_dir)
    from inference.viewed_recording import viewed_recordings

    return [_tracked(one) for one in viewed_recordings(data_dir)]


def _tracked(one: "ViewedRecording") -> DriftSource:
    def measure(recognizer: "Recognizer | None") -> "Measured":
        from inference.drift_measures import measures_of

        try:
            return measures_of(one, recognizer)
        finally:
            one.forget()

    return DriftSource(one.recording.lab_id, one.recording.shown, one.recording.video_id, one.split, measure)


def _films(data_dir: Path) -> list[DriftSource]:
    from behavior.film_keys import VIDEOS
    from films.film_sources import read_film_rules
    from films.folder import TEST_VIDEO, TRAIN_VIDEO, films_below

    lab = read_film_rules(data_dir).lab
    splits = {VIDEOS: "train", TRAIN_VIDEO: "train", TEST_VIDEO: "test"}
    found = [(split, film) for folder, split in splits.items() for film in films_below(data_dir / folder, lab)]
    if not found:
        raise UsageError(f"Expected films in {', '.join(str(data_dir / folder) for folder in splits)}, but got none. Name their directory.")
    return [_filmed(split, film) for split, film in found]


def _filmed(split: str, one: "FilmPath") -> DriftSource:
    def measure(recognizer: "Recognizer | None") -> "Measured":
        from behavior.material import Material
        from films.film_file import FilmFile, default_cache
        from inference.drift_measures import film_measures
        from inference.film_files import recording_of

        material = Material.with_film(recording_of(one), FilmFile(one.path, default_cache()))
        return film_measures(material, one.path.stem, recognizer)

    return DriftSource(one.lab, one.path.stem, one.video_id, split, measure)
