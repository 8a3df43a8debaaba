"""The whole pipeline on films, as a person starts it: a recipe that sees films goes the way of all others."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from film_zone import write_films

from aws_pipeline.pipeline_order import PipelineOrder
from aws_pipeline.steps import FILM_RECIPES, STEPS, steps_for
from behavior.contract import UsageError
from recognizers.checkpoint import read_header

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
def test_one_command_goes_from_films_to_a_score_and_a_registered_version(script: Run, data_dir: Path, tmp_path: Path):
    write_films(tmp_path / "films", individuals=5, seconds=3)
    (tmp_path / "films" / "Videos" / "noise.mp4").write_bytes(b"no film at all")
    flags = ["--data-dir", tmp_path / "films", "--recipe", "film_tcn", "--epochs", 1, "--results-dir", tmp_path / "results"]
    told = script("aws_pipeline/pipeline.py", *flags)
    assert told.returncode == 3, told.stderr + told.stdout
    assert "films: 6 in = 5 accepted + 1 quarantined + 0 excluded" in told.stdout
    steps = json.loads((tmp_path / "results" / "summary.json").read_text())
    assert [step["did"] for step in steps if step["name"] == "3 SQL"] == ["film_behaviors.sql answered"]
    assert [step["did"] for step in steps if step["name"] == "5 infer"] == ["held-out films"]
    assert "7 report" not in {step["name"] for step in steps}
    score = json.loads((tmp_path / "results" / "score.json").read_text())
    assert 0 <= score["score"] <= 1
    assert f"score     {score['score']:.3f} on recordings that training never saw" in told.stdout
    assert "version   1; approve it" in told.stdout
    learned_from = read_header(tmp_path / "results" / "film_tcn.safetensors")["snapshot"]
    assert (tmp_path / "s3_mock" / "curated-zone" / "snapshots" / f"{learned_from}.json").is_file()
    planned = script("aws_pipeline/pipeline.py", *flags, "--plan")
    assert planned.stdout.count("nothing: up to date") == len(steps), planned.stdout


def test_a_recipe_that_does_not_fit_the_data_is_refused_before_anything_is_done(script: Run, tmp_path: Path):
    (tmp_path / "films" / "Videos").mkdir(parents=True)

    def order(folder: str, recipe: str) -> PipelineOrder:
        return PipelineOrder(tmp_path / folder, tmp_path / "results", recipe, {}, False)

    with pytest.raises(UsageError, match=r"Expected films in .*/data/Videos for recipe film_tcn, but got none\. Add films, or"):
        order("data", "film_tcn").refuse_unfit()
    with pytest.raises(UsageError, match=r"for recipe trees, but got films only\. Choose a recipe of films: --recipe film_tcn\."):
        order("films", "trees").refuse_unfit()
    order("films", "film_tcn").refuse_unfit()
    told = script("aws_pipeline/pipeline.py", "--data-dir", tmp_path / "films", "--plan")
    assert (told.returncode, "but got films only" in told.stderr) == (2, True)
    told = script("aws_pipeline/pipeline.py", "--sample", "--recipe", "film_tcn", "--plan")
    assert (told.returncode, "Simulate films with python aws_pipeline/sample_films.py" in told.stderr) == (2, True)
    assert not (tmp_path / "s3_mock").exists()


def test_the_steps_of_films_are_those_of_tracks_but_the_page():
    assert [one.name for one in STEPS if one not in steps_for("film_tcn")] == ["report"]
    assert steps_for("trees") == STEPS
    of_tracks = {one.name for one in STEPS if one.command_for("film_tcn") != one.command_for("trees")}
    assert of_tracks == {"sql", "held_out", "test", "score"}
    assert all(one.command_for(recipe)[0].endswith(".py") for one in STEPS for recipe in FILM_RECIPES)
