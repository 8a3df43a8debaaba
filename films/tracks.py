"""Where the mouse is in each frame of a film, from tracks of the same film, for pictures around the mouse.

Tracks lie in <split>_tracking/<lab>/<video>.parquet beside <split>_video/<lab>/. Axes: T frames.
"""

from pathlib import Path

import numpy as np

from behavior.parquet_file import read_rows
from behavior.tables import RAW_TRACKING


def tracks_beside(film: Path) -> Path | None:
    """Return the file with the tracks of a film in a data directory; None if there is none."""
    folder = film.parent.parent
    if not folder.name.endswith("_video"):
        return None
    path = folder.with_name(folder.name.replace("_video", "_tracking")) / film.parent.name / f"{film.stem}.parquet"
    return path if path.is_file() else None


def centers_of(tracks: Path, frames: int) -> np.ndarray:
    """Return the middle of all bodyparts in each frame: [T, 2] float32, x and y in pixels.

    Lost frames have the middle of the last frame before, or of the first one after. NaN if the mouse is never seen. Raises ContractError
    for a file that breaks its contract.
    """
    rows = read_rows(RAW_TRACKING.only("video_frame", "x", "y"), tracks, str(tracks)).to_pandas().dropna()
    middles = rows[rows["video_frame"].between(0, frames - 1)].groupby("video_frame")[["x", "y"]].mean()
    return middles.reindex(range(frames)).ffill().bfill().to_numpy(np.float32)
