"""Films on the command line and in Python: bouts, probabilities as JSON, annotated films, one frame of a film."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from film_zone import write_films
from painted_film import number_in, painted, write_film
from small_recognizer import PROVENANCE, random_arena_recognizer, random_film_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_USAGE, ContractError
from behavior.pain import PAIN_BEHAVIORS
from behavior.simulated.films import simulate_film
from films import film_file
from films.decoding import pictures
from films.probe import probe
from inference import make_submission, recognize
from inference.annotated_film import strip, write_annotated
from inference.video import VideoPredictor
from recognizers.checkpoint import save


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_films(tmp_path_factory.mktemp("films"), individuals=2, seconds=2)


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(film_file.tempfile, "tempdir", str(tmp_path / "cache"))
    path = tmp_path / "films.safetensors"
    save(path, random_film_recognizer(), PROVENANCE)
    return path


def run(*flags: object) -> int:
    return recognize.main([*(str(flag) for flag in flags), "--device", "cpu"])


def test_films_become_bouts_probabilities_and_annotated_films(films: Path, checkpoint: Path, tmp_path: Path, capsys):
    outputs = ["--output", tmp_path / "bouts.csv", "--json", tmp_path / "json", "--annotate", tmp_path / "films"]
    assert run("--data-dir", films, "--checkpoint", checkpoint, *outputs) == 0
    rows = pd.read_csv(tmp_path / "bouts.csv")
    assert list(rows.columns) == [
        *("video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"),
        *("confidence", "threshold"),
    ]
    assert rows[["agent_id", "target_id"]].isna().all().all()
    assert set(rows["action"]) <= set(PAIN_BEHAVIORS)
    told = json.loads((tmp_path / "json" / "mouse0_0_predictions.json").read_text())
    assert (told["video"], told["frames"], told["fps"], told["stride"]) == ("mouse0_0.mp4", 60, 30.0, 2)
    assert [one["frame"] for one in told["predictions"]] == list(range(0, 60, 2))
    first = told["predictions"][0]
    assert first["action"] == max(first["probabilities"], key=first["probabilities"].get)
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    named = pd.read_csv(tmp_path / "bouts_films.csv").set_index("video_id")["film"]
    assert named[told["video_id"]].endswith("mouse0_0.mp4")
    own = rows[rows["video_id"] == told["video_id"]]
    assert [(one["action"], one["start_frame"]) for one in told["bouts"]] == list(zip(own["action"], own["start_frame"], strict=True))
    facts = probe(tmp_path / "films" / "mouse1_0_annotated.mp4").facts
    assert (facts.frames, facts.fps) == (60, 30.0)
    assert facts.width >= 480
    assert "2/2" in capsys.readouterr().out


def test_films_are_named_one_by_one(films: Path, checkpoint: Path, tmp_path: Path):
    film = films / "Videos" / "mouse1_0.mp4"
    assert run("--videos", film, "--checkpoint", checkpoint, "--output", tmp_path / "b.csv", "--stride", 5) == 0
    assert pd.read_csv(tmp_path / "b.csv")["video_id"].nunique() == 1


def test_a_frame_has_the_same_prediction_alone_and_in_its_film(films: Path, checkpoint: Path, tmp_path: Path):
    predictor = VideoPredictor(checkpoint, "cpu", cache=tmp_path / "own")
    film = films / "Videos" / "mouse0_0.mp4"
    whole = predictor.predict_video(film, stride=1)
    for number in (0, 7, 31, 59):
        one = predictor.predict_frame(film, number)
        assert (one.frame, one.action) == (number, whole.frame(number).action)
        np.testing.assert_allclose(list(one.probabilities.values()), whole.scores[number], atol=1e-5)
        assert one.confidence == max(one.probabilities.values())


def test_a_frame_that_is_not_there_is_refused(films: Path, checkpoint: Path):
    with pytest.raises(IndexError, match="from 0 to 59"):
        VideoPredictor(checkpoint, "cpu").predict_frame(films / "Videos" / "mouse0_0.mp4", 60)


def test_many_films_are_predicted_one_after_the_other(films: Path, checkpoint: Path):
    videos = sorted((films / "Videos").iterdir())
    assert [len(one.scores) for one in VideoPredictor(checkpoint, "cpu").predict_videos(videos, stride=4)] == [60, 60]


def test_a_network_that_answers_for_every_frame_predicts_one_frame_too(films: Path, tmp_path: Path):
    save(tmp_path / "tcn.safetensors", random_film_recognizer("film_tcn", 32), PROVENANCE)
    predictor = VideoPredictor(tmp_path / "tcn.safetensors", "cpu", cache=tmp_path / "own")
    one = predictor.predict_frame(films / "Videos" / "mouse0_0.mp4", 20)
    assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_checkpoint_that_sees_tracks_is_no_predictor_of_films(tmp_path: Path, films: Path, capsys):
    path = tmp_path / "groups.safetensors"
    save(path, random_arena_recognizer(), PROVENANCE)
    with pytest.raises(ContractError, match="over films"):
        VideoPredictor(path, "cpu")
    assert run("--videos", films, "--checkpoint", path) == EXIT_USAGE
    assert "Leave out --videos" in capsys.readouterr().err


def test_films_are_no_submission(films: Path, checkpoint: Path, tmp_path: Path, capsys):
    flags = ["--data-dir", films, "--checkpoint", checkpoint, "--output", tmp_path / "s.csv", "--device", "cpu"]
    assert make_submission.main([str(flag) for flag in flags]) == EXIT_CONTRACT
    assert "of the clip view" in capsys.readouterr().err


def test_all_files_that_are_no_films_are_named_before_the_work(checkpoint: Path, tmp_path: Path, capsys):
    for name in ("a.mp4", "b.mkv"):
        (tmp_path / name).write_bytes(b"nothing")
    assert (
        run("--videos", tmp_path / "a.mp4", tmp_path / "b.mkv", "--checkpoint", checkpoint, "--output", tmp_path / "b.csv") == EXIT_CONTRACT
    )
    told = capsys.readouterr().err
    assert "a.mp4" in told
    assert "b.mkv" in told
    assert not (tmp_path / "b.csv").exists()


def test_a_film_that_breaks_off_leaves_no_output(checkpoint: Path, tmp_path: Path, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (90, 48, 64), np.uint8)
    whole = write_film(tmp_path / "film.mkv", noise)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert run("--videos", cut, "--checkpoint", checkpoint, "--output", tmp_path / "b.csv", "--json", tmp_path / "json") == EXIT_CONTRACT
    assert "but decoded" in capsys.readouterr().err
    assert not (tmp_path / "b.csv").exists()
    assert not (tmp_path / "json").exists()


def test_a_folder_without_films_is_a_usage_error(checkpoint: Path, tmp_path: Path):
    assert run("--data-dir", tmp_path, "--checkpoint", checkpoint) == EXIT_USAGE
    assert run("--videos", tmp_path / "none.mp4", "--checkpoint", checkpoint) == EXIT_USAGE


def test_the_annotated_film_shows_every_frame_of_the_film_above_its_ethogram(checkpoint: Path, tmp_path: Path):
    path = write_film(tmp_path / "film.mp4", [painted(number) for number in range(12)])
    prediction = VideoPredictor(checkpoint, "cpu").predict_video(path)
    truth = np.repeat([0, 4], 6)
    assert write_annotated(tmp_path / "out.mp4", prediction, truth) == 12
    shown = [picture.gray for picture in pictures(tmp_path / "out.mp4", colored=True)]
    assert [number_in(one[: 96 * 4 : 4, : 128 * 4 : 4, 0]) for one in shown] == list(range(12))
    below = shown[0][96 * 4 + 24 + 10]  # in the second ethogram
    assert abs(int(below[20].astype(int).sum()) - (154 + 165 + 174)) < 40  # rest is gray
    assert below[-20, 1] > below[-20, 0] + 60  # walk is green


def test_an_ethogram_has_the_behavior_at_the_middle_of_each_pixel():
    colors = strip(np.array([0, 0, 1, 1, -1, -1]), 3)
    assert [tuple(color) for color in colors.tolist()] == [(154, 165, 174), (213, 94, 0), (236, 239, 241)]


def test_simulated_films_and_their_decoded_frames_are_nearly_equal(films: Path):
    original = simulate_film(0, 0, 2, height=32, width=32).frames
    decoded = np.stack([picture.gray for picture in pictures(films / "Videos" / "mouse0_0.mp4")])
    assert np.abs(original.astype(int) - decoded).mean() < 4
