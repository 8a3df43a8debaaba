"""A real film goes the whole way: decoding, recognition, and the film with the predictions drawn into it."""

import os
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
from small_recognizer import PROVENANCE, random_film_recognizer

from behavior.film import PictureSettings
from behavior.film_keys import film_number
from behavior.film_rules import LAB
from films import film_file
from films.decoding import pictures
from films.film_encoding import write_film
from films.film_file import FilmFile
from films.probe import probe
from inference import recognize
from recognizers.checkpoint import save

REAL = Path(os.environ.get("MABE_REAL_DATA_DIR") or Path(__file__).resolve().parents[2].parent / "shared" / "realdata")
FILM = REAL / "train_video" / "OpenfieldClip" / "1780476925.mp4"

pytestmark = [pytest.mark.realdata, pytest.mark.skipif(not FILM.is_file(), reason=f"no film at {FILM}")]


def test_the_film_has_the_frames_of_its_tracks(tmp_path: Path):
    found = probe(FILM)
    assert found.facts.frames == 2330
    assert (found.facts.width, found.facts.height) == (640, 480)
    assert found.facts.fps == pytest.approx(30, abs=0.001)
    assert found.faults == ()


def test_the_mouse_is_in_the_middle_of_a_square_around_its_tracks(tmp_path: Path):
    tracks = pd.read_parquet(REAL / "train_tracking" / "OpenfieldClip" / "1780476925.parquet")
    centers = tracks.groupby("video_frame")[["x", "y"]].mean().reindex(range(2330)).to_numpy()
    film = FilmFile(FILM, tmp_path, centers)
    around = film.small(PictureSettings(32, 32, around_mouse_px=128))
    middle, corner = around[:, 12:20, 12:20].mean(), around[:, :4, :4].mean()
    assert middle < corner - 40  # a black mouse on a bright floor


def test_the_film_becomes_bouts_and_an_annotated_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(film_file.tempfile, "tempdir", str(tmp_path))
    save(tmp_path / "one.safetensors", random_film_recognizer(), PROVENANCE)
    cut = tmp_path / FILM.name  # its first four seconds
    write_film(cut, (picture.gray for picture in islice(pictures(FILM, colored=True), 120)), 30)
    flags = ["--videos", cut, "--checkpoint", tmp_path / "one.safetensors", "--output", tmp_path / "b.csv", "--annotate", tmp_path / "out"]
    assert recognize.main([*map(str, flags), "--device", "cpu", "--stride", "8"]) == 0
    assert set(pd.read_csv(tmp_path / "b.csv")["video_id"]) == {film_number(LAB, FILM.stem)}
    assert probe(tmp_path / "out" / "1780476925_annotated.mp4").facts.frames == 120
