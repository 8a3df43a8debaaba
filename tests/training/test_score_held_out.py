"""The scoring job of the cloud's graph: the same score as from raw files, and an archive that serves what was scored."""

import json
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from film_zone import make_zone
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_film_recognizer, random_recognizer

from behavior.film_keys import film_number
from films import film_file
from inference import evaluate, recognize
from inference.evaluate import read_solution, videos_seen_by
from inference.handler import load
from inference.make_submission import main as make_submission
from recognizers.checkpoint import save
from training import score_held_out


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Four recordings of two labs; the recognizer has seen 101 and 102."""
    return build_lake(tmp_path_factory.mktemp("lake"), {"CalMS21_task2": 2, "JovialSwallow": 2}, seconds=10)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder as SageMaker has a channel: the archive of a training job, with other files beside the recognizer."""
    recognizer = random_recognizer(("attack", "mount", "sniff", "chase"), threshold=0.3)
    save(tmp_path / "pairs.safetensors", recognizer, PROVENANCE)
    (tmp_path / "notes.txt").write_text("not a recognizer")
    (tmp_path / "models").mkdir()
    with tarfile.open(tmp_path / "models" / "model.tar.gz", "w:gz") as tar:
        for name in ("pairs.safetensors", "notes.txt"):
            tar.add(tmp_path / name, arcname=name)
    return tmp_path / "models"


def score(lake: Lake, models: Path, served: Path, *flags: str) -> int:
    places = ["--curated", str(lake.curated), "--model", str(models), "--model-dir", str(served), "--device", "cpu"]
    return score_held_out.main([*places, *flags])


def test_the_score_is_that_of_the_raw_files_and_the_archive_can_be_served(lake: Lake, models: Path, tmp_path: Path, capsys) -> None:
    from pandas import read_csv

    from behavior.metric import mabe_score

    assert score(lake, models, tmp_path / "served") == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "served" / "score.json").read_text())

    checkpoint = tmp_path / "pairs.safetensors"
    flags = ["--data-dir", str(lake.raw), "--checkpoint", str(checkpoint), "--output", str(tmp_path / "held_out.csv")]
    assert make_submission([*flags, "--held-out", "--device", "cpu", "--quiet"]) == 0
    solution = read_solution(lake.raw / "train.csv", videos_seen_by([checkpoint]))
    expected = mabe_score(solution, read_csv(tmp_path / "held_out.csv"))
    assert 0 < expected.score < 1
    assert found == json.loads(json.dumps(expected.to_json_dict()))
    assert f"score={expected.score:.6f} labs=" in printed

    served = tmp_path / "served"
    assert sorted(path.name for path in served.iterdir()) == ["card.md", "code", "decoding.csv", "pairs.safetensors", "score.json"]
    assert f"- score on recordings that it never saw: {expected.score:.4f}" in (served / "card.md").read_text()
    assert "any other lab,chase,0.3," in (served / "decoding.csv").read_text()
    assert (served / "pairs.safetensors").read_bytes() == checkpoint.read_bytes()
    assert (served / "code" / "inference" / "handler.py").is_file()
    assert not list((served / "code").rglob("__pycache__"))
    assert load(served, "cpu").behaviors == ("attack", "mount", "sniff", "chase")


def test_a_recognizer_of_films_is_scored_as_evaluate_scores_its_bouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    torch.set_num_threads(1)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(film_file.tempfile, "tempdir", str(tmp_path / "temporary"))
    make_zone(tmp_path, individuals=5, seconds=6)
    seen = {**PROVENANCE, "videos": {"train": [film_number("lab", "mouse0_0")], "validation": [], "held_out": []}}
    (tmp_path / "model").mkdir()
    checkpoint = tmp_path / "model" / "films.safetensors"
    save(checkpoint, random_film_recognizer("film_tcn", 32), seen)
    places = ["--curated", tmp_path / "zone", "--model", tmp_path / "model", "--model-dir", tmp_path / "served", "--device", "cpu"]
    assert score_held_out.main([str(one) for one in places]) == 0
    assert "score=" in capsys.readouterr().out

    flags = ["--data-dir", tmp_path / "raw", "--checkpoint", checkpoint, "--output", tmp_path / "bouts.csv", "--device", "cpu"]
    assert recognize.main([str(one) for one in (*flags, "--held-out", "--quiet")]) == 0
    capsys.readouterr()
    flags = ["--films", tmp_path / "raw", "--submission", tmp_path / "bouts.csv", "--unseen-by", checkpoint, "--json"]
    assert evaluate.main([str(one) for one in flags]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "served" / "score.json").read_text())
    assert 0 < told["score"] < 1
    assert evaluate.main([str(one) for one in (*flags[:2], "--submission", tmp_path / "raw" / "individuals.csv")]) == 2
    assert "Expected bouts in" in capsys.readouterr().err
    assert evaluate.main([str(one) for one in (*flags, "--videos", 7)]) == 2
    assert "Expected --videos to be labelled films" in capsys.readouterr().err


def test_a_recognizer_that_has_seen_everything_is_told_so_and_sagemaker_reads_why(
    lake: Lake, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    seen = {**PROVENANCE, "videos": {"train": [101, 102, 103, 104], "validation": [], "held_out": []}}
    shutil.rmtree(models)
    models.mkdir()
    save(models / "all.safetensors", random_recognizer(("attack",)), seen)
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    assert score(lake, models, tmp_path / "served") == 2
    assert "but got no such recording" in capsys.readouterr().err
    assert "Expected held-out recordings with annotated bouts" in (tmp_path / "failure").read_text()
    assert not (tmp_path / "served").exists()


def test_a_folder_without_exactly_one_recognizer_and_one_that_names_no_mice_are_refused(
    lake: Lake, models: Path, tmp_path: Path, capsys
) -> None:
    shutil.copy(tmp_path / "pairs.safetensors", models / "second.safetensors")
    assert score(lake, models, tmp_path / "served") == 2
    assert "but got second.safetensors, pairs.safetensors" in capsys.readouterr().err
    (tmp_path / "arena").mkdir()
    save(tmp_path / "arena" / "arena.safetensors", random_arena_recognizer(), PROVENANCE)
    assert score(lake, tmp_path / "arena", tmp_path / "served") == 4
    assert "whose bouts name agent and target" in capsys.readouterr().err
