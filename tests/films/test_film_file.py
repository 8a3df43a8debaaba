"""Small frames: decoded once, the right part of the picture, written whole or not at all."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from painted_film import painted, write_film

from behavior.contract import ContractError
from behavior.film import PictureSettings
from films import film_file
from films.film_file import FilmFile, shrunk


@pytest.fixture
def film(tmp_path: Path) -> FilmFile:
    path = write_film(tmp_path / "film.mp4", [painted(number) for number in range(40)])
    return FilmFile(path, tmp_path / "cache")


def test_a_film_is_decoded_once(film: FilmFile, monkeypatch: pytest.MonkeyPatch):
    settings = PictureSettings(24, 32)
    first = film.small(settings)
    assert (first.shape, first.dtype, film.frames) == ((40, 24, 32), np.uint8, 40)

    def refuse(*_: object) -> None:
        raise AssertionError("it was decoded again")

    monkeypatch.setattr(film_file, "probe", refuse)
    monkeypatch.setattr(film_file, "pictures", refuse)
    np.testing.assert_array_equal(FilmFile(film.path, film.cache).small(settings), first)


def test_small_frames_that_nobody_used_for_a_month_are_removed_and_nothing_else(film: FilmFile):
    ago = time.time() - film_file.UNUSED_S - 60
    used, unused = PictureSettings(24, 32), PictureSettings(12, 16)
    film.small(unused)
    (old,) = film.cache.glob("*.npy")
    draft, foreign = film.cache / f".{old.stem}.12-34.npy", film.cache / "mine.npy"
    for file in (draft, foreign):
        file.write_bytes(b"1")
    film.small(used)
    for file in film.cache.iterdir():
        os.utime(file, (ago, ago))
    film.small(used)
    film.small(PictureSettings(6, 8))
    assert len(list(film.cache.iterdir())) == 3
    assert foreign.exists()
    assert not old.exists()


def test_another_size_and_another_content_are_other_files(film: FilmFile, tmp_path: Path):
    film.small(PictureSettings(24, 32))
    film.small(PictureSettings(12, 16))
    assert len(list(film.cache.glob("*.npy"))) == 2
    write_film(film.path, [painted(number) for number in range(7)])
    assert len(FilmFile(film.path, film.cache).small(PictureSettings(12, 16))) == 7


def test_a_clip_is_the_same_as_that_part_of_all_small_frames(film: FilmFile):
    settings = PictureSettings(24, 32)
    np.testing.assert_array_equal(film.clip(settings, np.arange(12, 28)), film.small(settings)[12:28])


def test_a_clip_beyond_the_ends_repeats_the_first_and_the_last_frame(film: FilmFile):
    settings = PictureSettings(24, 32)
    every = film.small(settings)
    np.testing.assert_array_equal(film.clip(settings, np.arange(-3, 2)), every[[0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(film.clip(settings, np.arange(38, 42)), every[[38, 39, 39, 39]])


def test_nothing_is_left_in_the_cache_if_a_film_breaks_off(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (90, 48, 64), np.uint8)
    whole = write_film(tmp_path / "film.mkv", noise)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(ContractError, match="but decoded"):
        FilmFile(cut, tmp_path / "cache").small(PictureSettings(24, 32))
    assert not list((tmp_path / "cache").iterdir())


def test_proportions_are_kept_and_the_rest_is_black():
    small = shrunk(np.full((50, 100), 200, np.uint8), PictureSettings(40, 40))
    assert (small[10:30] > 190).all()
    assert (small[:10] == 0).all()
    assert (small[30:] == 0).all()


def test_a_crop_is_the_part_of_the_frame_that_was_asked_for():
    gray = np.zeros((60, 80), np.uint8)
    gray[10:30, 50:70] = 255
    assert (shrunk(gray, PictureSettings(10, 10, crop_px=(10, 50, 20, 20))) > 250).all()


def test_a_crop_beyond_the_frame_is_refused():
    with pytest.raises(ValueError, match="Change the crop"):
        shrunk(np.zeros((60, 80), np.uint8), PictureSettings(10, 10, crop_px=(50, 0, 20, 20)))


def test_a_square_follows_the_mouse_and_repeats_the_border():
    gray = np.zeros((60, 80), np.uint8)
    gray[0:8, 70:80] = 255
    small = shrunk(gray, PictureSettings(20, 20, around_mouse_px=20), np.array([79.0, 2.0]))
    assert small[10, 10] > 250  # the mouse is in the middle
    assert small[0, 19] > 250  # the border is repeated
    assert small[19, 0] == 0


def test_a_lost_mouse_leaves_the_middle_of_the_frame():
    gray = np.zeros((60, 80), np.uint8)
    gray[25:35, 35:45] = 255
    assert (shrunk(gray, PictureSettings(10, 10, around_mouse_px=10), np.array([np.nan, np.nan])) > 250).all()


def test_without_tracks_there_is_no_square_around_the_mouse(film: FilmFile):
    with pytest.raises(ContractError, match="Expected tracks"):
        film.small(PictureSettings(10, 10, around_mouse_px=10))


def test_embeddings_lie_beside_the_film(film: FilmFile):
    numbers = np.arange(40 * 3, dtype=np.float32).reshape(40, 3)
    np.save(film.path.with_suffix(".npy"), numbers)
    np.testing.assert_array_equal(film.embeddings(), numbers)


@pytest.mark.parametrize("shape", [(39, 3), (40,)])
def test_embeddings_of_another_film_are_refused(film: FilmFile, shape: tuple[int, ...]):
    np.save(film.path.with_suffix(".npy"), np.zeros(shape, np.float32))
    with pytest.raises(ContractError, match="one row for each of 40 frames"):
        film.embeddings()
