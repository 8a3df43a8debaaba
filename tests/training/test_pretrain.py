"""Pretraining from end to end: recordings without labels in, a trunk out, a training run that starts from it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from simulated_lake import Lake

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE, ContractError
from behavior.keys import key_of
from behavior.tables import METADATA_TRAIN
from behavior.views.pair_tracks import PairTracks
from recognizers import checkpoint, tensor_file
from recognizers.cnn_transformer_plus import CnnTransformerPlusConfig
from recognizers.windowed import Windowing
from training import pretrain
from training.fitting.prepare import prepare
from training.fitting.trunk import Trunk
from training.recipes import named as recipes
from training.recipes.named import cnn_transformer_plus_small
from training.recipes.network_recipe import Recipe


@pytest.fixture
def tiny_plus(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    network = CnnTransformerPlusConfig(width=16, layers=1, heads=2, kernel=3, feedforward=2, token=8, dilations=(1, 2))
    made = replace(cnn_transformer_plus_small(), name="tiny_plus", network=network, windowing=Windowing(32, 16), epochs=1, batch=8)
    monkeypatch.setitem(recipes.RECIPES, "tiny_plus", lambda: made)
    return made


def unlabelled(lake: Lake, root: Path, videos: tuple[int, ...]) -> Path:
    """Copy the curated zone; in some videos nobody annotated anything."""
    zone = root / "zone"
    shutil.copytree(lake.curated, zone)
    path = zone / key_of(METADATA_TRAIN)
    rows = pq.read_table(path)
    lists = [
        None if row["video_id"] in videos else row["behaviors_labeled"]
        for row in rows.select(["video_id", "behaviors_labeled"]).to_pylist()
    ]
    place = rows.schema.get_field_index("behaviors_labeled")
    pq.write_table(rows.set_column(place, rows.schema.field(place), pa.array(lists, rows.schema.field(place).type)), path)
    return zone


def test_a_trunk_of_older_code_and_a_softmax_over_behaviors_fit(tmp_path: Path) -> None:
    """A trunk has no outputs of its own, and a setting that it lacks had its default value."""
    path, layout, config = tmp_path / "trunk.safetensors", PairTracks(("nose",)), CnnTransformerPlusConfig(labs=0)
    Trunk("cnn_transformer_plus", config, layout, (1,), 0.5, {"weight": torch.ones(2)}).save(path)
    header, tensors = tensor_file.read_description(path), tensor_file.read_tensors(path)
    older = {name: value for name, value in header["network"].items() if name not in ("place", "joint")}
    tensor_file.write_tensors(path, {**header, "network": older}, tensors)
    assert Trunk.load(path, "cnn_transformer_plus", replace(config, joint=True)).skill == 0.5
    with pytest.raises(ContractError, match="place"):
        Trunk.load(path, "cnn_transformer_plus", replace(config, place=True))


def test_training_starts_from_what_was_learned_without_labels(lake: Lake, tmp_path: Path, tiny_plus: Recipe, capsys) -> None:
    zone, trunk = unlabelled(lake, tmp_path, (101, 105)), tmp_path / "trunk.safetensors"
    asked = ["--curated", str(zone), "--recipe", "tiny_plus", "--output", str(trunk), "--forecast-epochs", "2", "--device", "cpu"]
    assert pretrain.main(asked) == EXIT_OK
    told = capsys.readouterr().out
    assert "2 recordings without labels" in told
    assert told.count("skill=") == 2
    kept = tensor_file.read_description(trunk)
    assert kept["videos"] == [101, 105]

    begun = prepare(zone, replace(tiny_plus, trunk=str(trunk)), 0)
    assert list(begun.lesson.features.bodyparts) == kept["features"]["bodyparts"]
    weights = load_file(trunk)
    assert torch.equal(begun.trainer.network.state_dict()["together.weight"], weights["together.weight"])
    begun.fit(lambda line: None)
    begun.save_recognizer(tmp_path / "taught.safetensors")
    header = checkpoint.read_header(tmp_path / "taught.safetensors")
    assert header["recipe"]["trunk"] == str(trunk)
    assert not {101, 105} & {video for part in ("train", "validation", "held_out") for video in header["videos"][part]}


def test_a_zone_in_which_everything_is_labelled_teaches_no_trunk(lake: Lake, tmp_path: Path, tiny_plus: Recipe, capsys) -> None:
    asked = ["--curated", str(lake.curated), "--recipe", "tiny_plus", "--output", str(tmp_path / "trunk.safetensors"), "--device", "cpu"]
    assert pretrain.main(asked) == EXIT_CONTRACT
    assert "Expected recordings without labels" in capsys.readouterr().err


def test_a_recipe_that_does_not_see_tracks_is_refused(lake: Lake, capsys) -> None:
    assert pretrain.main(["--curated", str(lake.curated), "--recipe", "cnn_transformer_small", "--device", "cpu"]) == EXIT_USAGE
    assert "Expected a recipe over tracks" in capsys.readouterr().err


def test_less_than_one_epoch_is_refused(lake: Lake, tiny_plus: Recipe, capsys) -> None:
    asked = ["--curated", str(lake.curated), "--recipe", "tiny_plus", "--forecast-epochs", "0", "--device", "cpu"]
    assert pretrain.main(asked) == EXIT_USAGE
    assert capsys.readouterr().err == "error: Expected --forecast-epochs of 1 or more, but got 0. Leave it out.\n"


def test_a_recognizer_is_no_trunk(lake: Lake, tmp_path: Path, tiny_plus: Recipe) -> None:
    path = tmp_path / "other.safetensors"
    tensor_file.write_tensors(path, {"format": "something else"}, {})
    with pytest.raises(Exception, match="to be a trunk, but got something else"):
        prepare(lake.curated, replace(tiny_plus, trunk=str(path)), 0)
    assert json.loads(json.dumps(tiny_plus.to_json_dict()))["trunk"] == ""
