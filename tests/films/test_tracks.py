"""Tracks beside a film say where the mouse is."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from film_zone import curate
from painted_film import write_film

from behavior.film import PictureSettings
from behavior.tables import RAW_TRACKING
from films.film_file import FilmFile
from films.tracks import centers_of, tracks_beside
from training.material.film_zone import FilmZone, recording_of


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A bright mouse of 8 x 8 pixels that walks to the right, 4 pixels per frame; it is tracked in frames 1, 2 and 5."""
    frames = np.zeros((8, 48, 64), np.uint8)
    for number in range(8):
        frames[number, 20:28, 4 * number : 4 * number + 8] = 255
    path = write_film(tmp_path / "raw" / "Videos" / "lab" / "7.mp4", frames)
    rows = [(number, 1, part, 4 * number + 4 + off, 24 - off) for number in (1, 2, 5) for part, off in (("nose", 3), ("tail_base", -3))]
    table = pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=RAW_TRACKING.schema.names)
    tracks = tmp_path / "raw" / "train_tracking" / "lab" / "7.parquet"
    tracks.parent.mkdir(parents=True)
    pq.write_table(table, tracks)
    return path


def test_lost_frames_have_the_place_of_the_frame_before(film: Path):
    tracks = tracks_beside(film)
    assert tracks is not None
    assert centers_of(tracks, 8, "tracks")[:, 0].tolist() == [8, 8, 12, 12, 12, 24, 24, 24]
    assert (centers_of(tracks, 8, "tracks")[:, 1] == 24).all()


def test_a_film_elsewhere_has_no_tracks(tmp_path: Path):
    assert tracks_beside(tmp_path / "Videos" / "a.mp4") is None
    assert tracks_beside(tmp_path / "a.mp4", "lab") is None


def test_a_film_in_no_folder_of_its_lab_has_the_tracks_of_the_lab_that_is_said(film: Path):
    moved = film.rename(film.parents[1] / film.name)
    assert tracks_beside(moved) is None
    assert tracks_beside(moved, "other") is None
    assert tracks_beside(moved, "lab") == film.parents[2] / "train_tracking" / "lab" / "7.parquet"


def test_the_square_follows_the_tracks_beside_the_film_and_in_the_zone(film: Path, tmp_path: Path):
    settings = PictureSettings(16, 16, around_mouse_px=16)
    own = FilmFile(film, tmp_path / "cache").small(settings)
    assert own[2, 5:11, 5:11].min() > 180
    assert own[5, 5:11, 5:11].min() > 180
    assert not curate(tmp_path / "raw", tmp_path / "zone").put_aside
    zone = FilmZone(tmp_path / "zone", tmp_path / "other")
    (row,) = zone.manifest.values()
    assert row["behaviors"] is None
    np.testing.assert_array_equal(zone.film(recording_of(row)).small(settings), own)
