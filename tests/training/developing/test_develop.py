"""A development from labelled recordings to one file: chosen without what is reported, resumed, in its time."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from simulated_lake import Lake
from small_recognizer import scores_of
from small_trees import small

from behavior.contract import EXIT_OK, EXIT_USAGE
from recognizers.checkpoint import read_header, videos_seen
from recognizers.families import load_recognizer
from training import develop
from training.developing import development
from training.developing.candidates import candidates
from training.developing.choosing import choose_run
from training.developing.facts import Facts, facts_of, shortest_s
from training.judging.out_of_fold import OutOfFold
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import plan_folds
from training.recipes.named import trees_near
from training.recipes.network_recipe import Recipe
from training.recipes.trees_recipe import TreesRecipe

LAB = "CalMS21_task2"


@pytest.fixture(scope="module")
def developed(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two recipes of trees; the second does not fit into the time of the first start."""
    folder = tmp_path_factory.mktemp("developed")
    tried = (small("quick"), small("slow", 10_000.0, place=True))
    with pytest.MonkeyPatch.context() as patch:
        for module in (development, sys.modules["training.developing.candidates"]):
            patch.setattr(module, "candidates", lambda facts, device: tried)
        assert run(lake, folder) == EXIT_OK
        lines = [(folder / name).read_text() for name in ("report.html", "card.md")]
        tried = (small("quick"), small("slow", 1.0, place=True))
        assert run(lake, folder) == EXIT_OK
    return folder, lines


def run(lake: Lake, folder: Path, *flags: str) -> int:
    own = ["--lab", LAB, "--curated", str(lake.curated), "--output-dir", str(folder), "--folds", "2", "--device", "cpu", "--threads", "1"]
    return develop.main([*own, *flags])


def test_what_does_not_fit_into_the_time_is_left_out_and_said(developed: tuple[Path, list[str]]) -> None:
    _, (page, card) = developed
    assert "slow was left out: it needs about" in page
    assert "In use: quick" in card


def test_a_second_start_goes_on_with_what_was_left_out(developed: tuple[Path, list[str]]) -> None:
    folder, _ = developed
    report = json.loads((folder / "report.json").read_text())
    assert [one["left_out"] for one in report["tried"]] == ["", ""]
    assert [*report["runs"]] == ["quick", "slow", "mean with fitted weights of 2"]
    assert report["in_use"] in report["runs"]
    assert len(report["chosen_without_each_fold"]) == 2


def test_scores_of_a_fold_are_those_of_the_run_that_the_other_folds_chose(developed: tuple[Path, list[str]], lake: Lake) -> None:
    folder, _ = developed
    report = json.loads((folder / "report.json").read_text())
    plan = plan_folds(CuratedZone(lake.curated), [LAB], 2)
    stores = {"quick": folder / "runs" / "quick", "slow": folder / "runs" / "slow"}
    stores["mean with fitted weights of 2"] = folder / "runs" / "fitted-quick+slow"
    for recording in plan.recordings:
        name = report["chosen_without_each_fold"][plan.fold_of[recording.video_id] - 1]
        for file in (folder / "chosen" / "scores").glob(f"{recording.video_id}-*.npz"):
            with np.load(file) as own, np.load(stores[name] / "scores" / file.name) as source:
                np.testing.assert_array_equal(own["scores"], source["scores"])


def test_the_file_is_a_recognizer_that_has_seen_all_recordings(developed: tuple[Path, list[str]], lake: Lake) -> None:
    folder, _ = developed
    recognizer = load_recognizer([folder / "recognizer.safetensors"])
    zone = CuratedZone(lake.curated)
    recording = next(one for one in zone.annotated_recordings() if one.video_id == 101)
    scores = scores_of(recognizer, zone.tracking(recording), recording)
    assert scores
    assert all(np.isfinite(own).all() for own in scores.values())
    assert videos_seen([read_header(folder / "recognizer.safetensors")]) == {101, 102, 103, 104}


def test_the_page_says_in_words_what_is_found(developed: tuple[Path, list[str]]) -> None:
    folder, _ = developed
    page = (folder / "report.html").read_text()
    for words in ("What it finds", "More labels", "A second human", "The labels", "What was tried", "The recordings"):
        assert words in page
    assert (folder / "chosen" / "report.html").is_file()


def test_a_plan_trains_nothing(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lake, tmp_path / "out", "--plan") == EXIT_OK
    told = capsys.readouterr().out
    assert "trees_near" in told
    assert "cnn_transformer_plus_near" in told
    assert not (tmp_path / "out").exists()
    assert run(lake, tmp_path / "out", "--minutes", "0") == EXIT_USAGE


def test_a_plan_groups_and_excludes_as_the_flags_say(lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = tmp_path / "names.csv"
    names.write_text("video_id,name\n101,old_7\n102,new_7\n103,new_8\n104,new_9\n")
    grouped = ["--group-by", f"{names}:name", "--group-pattern", r"(\d+)$"]
    assert run(lake, tmp_path / "out", "--plan", *grouped) == EXIT_OK
    assert "4 recordings in 3 groups" in capsys.readouterr().out
    assert run(lake, tmp_path / "out", "--plan", *grouped, "--exclude", "103") == EXIT_OK
    assert "3 recordings in 2 groups" in capsys.readouterr().out
    assert run(lake, tmp_path / "out", "--plan", "--group-pattern", "x") == EXIT_USAGE
    assert "--group-by" in capsys.readouterr().err


def test_sizes_follow_the_amount_of_data(lake: Lake) -> None:
    facts = facts_of(plan_folds(CuratedZone(lake.curated), [LAB], 2))
    assert facts.one_way  # mouse 1 always acts
    assert [one.recipe.name for one in candidates(facts, "cpu")][:2] == ["trees_near_undirected", "trees_near"]
    facts = replace(facts, one_way=False)
    few, many = candidates(facts, "cpu"), candidates(replace(facts, groups=40, subjects_s=3600 * 20), "cpu")
    assert [one.recipe.name for one in few] == ["trees_near", "trees", "cnn_transformer_plus_near"]
    assert [one.recipe.name for one in many] == ["trees_far", "trees", "cnn_transformer_plus_small"]
    assert scored_every(replace(facts, groups=40, shortest_s=0.3, fps=30.0)) == [3, 3]
    assert scored_every(replace(facts, groups=40, shortest_s=0.3, fps=10.0)) == [1, 1]  # ten scores a second, at any rate
    assert scored_every(replace(facts, groups=40, shortest_s=0.2, fps=30.0)) == [1, 1]  # else a bout would have two scores
    one_way = candidates(replace(facts, groups=40, one_way=True), "cpu")
    assert [one.recipe.name for one in one_way][:3] == ["trees_far_undirected", "trees_undirected", "trees_far"]
    networks = [next(one.recipe for one in tried if isinstance(one.recipe, Recipe)) for tried in (few, many)]
    assert networks[0].epochs > networks[1].epochs
    assert all(network.network.labs == 0 for network in networks)  # type: ignore[attr-defined]
    assert candidates(replace(facts, fps=10.0), "cpu")[0].recipe.fps == 10
    assert [network.network.dropout for network in networks] == [0.3, 0.1]  # type: ignore[attr-defined]
    slow = candidates(replace(facts, fps=10.0), "cpu")[-1]
    assert (slow.recipe.fps, slow.recipe.network.fps, slow.validates) == (10, 10, False)  # type: ignore[union-attr]
    assert min(slow.recipe.network.lags_s) == 0.1  # type: ignore[union-attr]
    assert trees_near().fps == 30


def scored_every(facts: Facts) -> list[int]:
    return [one.recipe.score_every for one in candidates(facts, "cpu") if isinstance(one.recipe, TreesRecipe)]


def test_the_shortest_bouts_are_those_of_the_shortest_behavior_in_seconds() -> None:
    recordings = (SimpleNamespace(video_id=1, fps=10.0), SimpleNamespace(video_id=2, fps=20.0))
    bouts = pd.DataFrame(
        [(1, "rest", 0, 20), (1, "rest", 30, 60), (2, "rest", 0, 20), (1, "bite", 0, 6), (2, "bite", 0, 6), (2, "bite", 9, 17)],
        columns=["video_id", "action", "start_frame", "stop_frame"],
    )  # rest: 2, 3 and 1 s; bite: 0.6, 0.3 and 0.4 s
    assert shortest_s(recordings, bouts) == pytest.approx(0.4)  # type: ignore[arg-type]


def test_a_later_run_must_gain_to_be_chosen(developed: tuple[Path, list[str]], lake: Lake) -> None:
    """The same scores twice: the first is used."""
    folder, _ = developed
    plan, store = plan_folds(CuratedZone(lake.curated), [LAB], 2), OutOfFold(folder / "runs" / "quick")
    choice = choose_run([store, store], ["one", "other"], plan)
    assert choice.best == 0
    assert choice.of_fold == (0, 0)
    assert choice.precision[0, 0] == choice.precision[1, 0]


def test_it_runs_as_a_file(tmp_path: Path) -> None:
    root = Path(develop.__file__).parent.parent
    command = [sys.executable, str(root / "training" / "develop.py"), "--curated", "nowhere"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == EXIT_USAGE
    assert "Expected --curated" in told.stderr
