"""Where the mouse is in each frame of a film, from tracks of the same film, for pictures around the mouse.

Tracks lie in train_tracking/<lab>/<video>.parquet beside Videos/<lab>/ or train_video/<lab>/; the same for test. Axes: T frames.
"""

from pathlib import Path

import numpy as np

from behavior.film_keys import VIDEOS
from behavior.parquet_file import Source, read_rows
from behavior.tables import RAW_TRACKING
from films.folder import TEST_VIDEO, TRAIN_VIDEO

_SPLITS = {VIDEOS: ("train", "test"), TRAIN_VIDEO: ("train",), TEST_VIDEO: ("test",)}
"""By folder of films: the splits whose tracking may hold a film's tracks."""


def tracks_beside(film: Path, lab: str = "") -> Path | None:
    """Return the file with the tracks of a film in a data directory; None if there is none.

    `lab` is the lab of a film that lies in no folder of its lab.
    """
    in_folder_of_lab = film.parent.name not in _SPLITS
    folder, own = (film.parent.parent, film.parent.name) if in_folder_of_lab else (film.parent, lab)
    splits = _SPLITS.get(folder.name, ()) if own else ()
    places = (folder.with_name(f"{split}_tracking") / own / f"{film.stem}.parquet" for split in splits)
    return next((path for path in places if path.is_file()), None)


def centers_of(tracks: Source, frames: int, where: str) -> np.ndarray:
    """Return the middle of all bodyparts in each frame: [T, 2] float32, x and y in pixels; `where` names the tracks in messages.

    Lost frames have the middle of the last frame before, or of the first one after. NaN if the mouse is never seen. Raises ContractError
    for a file that breaks its contract.
    """
    rows = read_rows(RAW_TRACKING.only("video_frame", "x", "y"), tracks, where).to_pandas().dropna()
    middles = rows[rows["video_frame"].between(0, frames - 1)].groupby("video_frame")[["x", "y"]].mean()
    return middles.reindex(range(frames)).ffill().bfill().to_numpy(np.float32)
