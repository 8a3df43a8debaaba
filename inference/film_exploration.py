"""Tables and pictures for exploring films and their labels in a notebook, from a data directory. One row is what the name says.

Axes: n frames of a bout, H and W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from behavior.contract import UsageError
from behavior.film import PictureSettings
from behavior.film_labels import ReadLabels, read_labels
from films.decoding import Index, index_of
from films.film_file import FilmFile
from films.film_sources import FilmSource, find_films

_SEEN = PictureSettings(64, 64)


@dataclass(frozen=True)
class _Film:
    source: FilmSource
    individual: str | None
    index: Index
    labels: ReadLabels | None

    @property
    def fps(self) -> float:
        return float(self.index.stated_rate or 30)


def films(data_dir: Path) -> pd.DataFrame:
    """Return every film: film, lab, individual, duration_s, fps, labelled_share (0 to 1) and faults (codes of its labels)."""
    rows = [
        {
            "film": one.source.path.stem,
            "lab": one.source.lab,
            "individual": one.individual or "unknown",
            "duration_s": one.index.packets / one.fps,
            "fps": one.fps,
            "labelled_share": _labelled(one.labels) / max(one.index.packets, 1),
            "faults": ", ".join(sorted({fault.code for fault in one.labels.faults})) if one.labels else "film-unlabelled",
        }
        for one in _films(data_dir)
    ]
    return pd.DataFrame(rows)


def bouts(data_dir: Path) -> pd.DataFrame:
    """Return every labelled bout: film, individual, action, written (as the expert wrote it), start_frame, stop_frame, duration_s."""
    columns = ["film", "individual", "action", "written", "start_frame", "stop_frame", "duration_s"]
    parts = [pd.DataFrame(columns=columns)]
    for one in _films(data_dir):
        if one.labels is not None and len(one.labels.bouts):
            own = one.labels.bouts.assign(film=one.source.path.stem, individual=one.individual or "unknown")
            parts.append(own.assign(duration_s=(own["stop_frame"] - own["start_frame"]) / one.fps)[columns])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def moments(data_dir: Path, count: int = 8, settings: PictureSettings = _SEEN) -> dict[str, np.ndarray]:
    """Return frames of one bout of each behavior, the longest one of its first film, as a recognizer sees them: [count, H, W] uint8.

    They are spread over the bout.
    """
    found: dict[str, np.ndarray] = {}
    for one in _films(data_dir):
        own = one.labels.bouts if one.labels is not None else pd.DataFrame(columns=["action"])
        for action in sorted(set(own["action"]) - found.keys()):
            rows = own[own["action"] == action]
            longest = rows.loc[(rows["stop_frame"] - rows["start_frame"]).idxmax()]
            numbers = np.linspace(longest["start_frame"], longest["stop_frame"] - 1, count).round().astype(int)
            found[action] = FilmFile(one.source.path).clip(settings, numbers)
    return found


def _films(data_dir: Path) -> Iterator[_Film]:
    found = find_films(data_dir)
    if not found.films:
        raise UsageError(f"Expected films in {data_dir / 'Videos'}, but got none. Make some: python aws_pipeline/sample_films.py.")
    for source in found.films:
        index = index_of(source.path)
        labels = None
        if source.labels:
            fps = float(index.stated_rate or 30)
            rules = found.rules
            labels = read_labels(source.labels.read_bytes(), str(source.labels), index.packets, fps, rules.labels, rules.labels_fps)
        yield _Film(source, found.rules.individuals.get(source.path.stem), index, labels)


def _labelled(labels: ReadLabels | None) -> int:
    return 0 if labels is None else int((labels.bouts["stop_frame"] - labels.bouts["start_frame"]).sum())
