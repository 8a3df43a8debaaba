"""Training from the curated zone to a checkpoint: what it reads, what it never reads, what it writes, how it fails."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from simulated_lake import Lake, build_lake

from behavior.bouts import DecodeSettings
from behavior.contract import EXIT_CONTRACT, EXIT_INTERRUPTED, EXIT_UNEXPECTED, EXIT_USAGE, ContractError
from behavior.keys import key_of
from behavior.metric import mabe_score
from behavior.snapshot import snapshot_of_keys
from behavior.tables import METADATA_TRAIN
from inference.recognition import recognize
from recognizers.checkpoint import read_header, videos_seen
from recognizers.competition import solution_rows, submission_rows
from recognizers.families import load_recognizer
from recognizers.recognizer import Decoding
from training import train
from training.decoding.decoding_file import FittedDecoding
from training.fitting.network_session import NetworkSession
from training.fitting.prepare import prepare
from training.material.curated_zone import CuratedZone
from training.recipes import named as recipes
from training.recipes.network_recipe import Recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(lake: Lake, tmp_path: Path) -> Path:
    """A curated zone to spoil."""
    shutil.copytree(lake.curated, tmp_path / "curated")
    return tmp_path / "curated"


@pytest.fixture
def with_tiny(tiny: Recipe, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The recipe tiny, known by name."""
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: replace(tiny, epochs=2))
    return tiny


def run(*flags: object) -> int:
    return train.main([str(flag) for flag in flags])


def tracking_of(zone: Path, videos: tuple[int, ...]) -> list[Path]:
    return [path for path in zone.glob("tracking_curated/*/*.parquet") if int(path.stem.removeprefix("train-")) in videos]


def test_a_fitted_decoding_is_put_into_the_checkpoint_and_its_recordings_count_as_seen(
    lake: Lake, with_tiny: Recipe, tmp_path: Path
) -> None:
    behaviors = ("attack", "chase", "mount", "sniff", "tussle")
    decoding = Decoding(
        (0.1, 0.2, 0.3, 0.4, 0.5),
        {"JovialSwallow": frozenset({"chase", "tussle"})},
        DecodeSettings(smooth_s=(0.0, 0.1, 0.2, 0.3, 0.4)),
        {"JovialSwallow": {"chase": 0.9}},
        weights=(1.0, 0.9, 0.8, 0.7, 0.6),
    )
    FittedDecoding(behaviors, decoding, (104, 900)).write(tmp_path / "run" / "decoding.json")
    flags = ("--curated", lake.curated, "--recipe", "tiny", "--model-dir", tmp_path, "--device", "cpu", "--epochs", "1")
    assert run(*flags, "--decoding", tmp_path / "run") == 0
    recognizer = load_recognizer([tmp_path / "tiny.safetensors"])
    place = [behaviors.index(behavior) for behavior in recognizer.behaviors]
    assert recognizer.decoding.thresholds == tuple(decoding.thresholds[one] for one in place)
    assert recognizer.decoding.settings.smooth_s == tuple(decoding.settings.smooth_s[one] for one in place)
    assert recognizer.decoding.lab_thresholds == {"JovialSwallow": {"chase": 0.9}}
    assert recognizer.decoding.occurring["JovialSwallow"] >= {"chase"}
    assert "CalMS21_task2" in recognizer.decoding.occurring, "what training saw itself is known too"
    assert {104, 900} <= videos_seen([read_header(tmp_path / "tiny.safetensors")])


def test_a_decoding_of_other_behaviors_or_none_is_refused_before_training(lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    flags = ("--curated", lake.curated, "--recipe", "tiny", "--model-dir", tmp_path / "model", "--device", "cpu", "--decoding", tmp_path)
    assert run(*flags) == EXIT_CONTRACT
    assert "but got no such file. Write one with training/cross_validate.py" in capsys.readouterr().err
    FittedDecoding(("attack",), Decoding((0.5,), {}), ()).write(tmp_path / "decoding.json")
    assert run(*flags) == EXIT_CONTRACT
    assert ", but got one without " in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_a_run_writes_a_checkpoint_that_scores_as_the_session_says(lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    flags = ("--curated", lake.curated, "--recipe", "tiny", "--model-dir", tmp_path / "model", "--output-dir", tmp_path / "out")
    assert run(*flags, "--device", "cpu") == 0
    told = capsys.readouterr().out
    assert "epoch=1 train_loss=0." in told
    assert "val_score=0." in told

    header = read_header(tmp_path / "model" / "tiny.safetensors")
    assert set(header["behaviors"]) == {"attack", "chase", "mount", "sniff"}
    assert sorted(video for videos in header["videos"].values() for video in videos) == list(range(101, 108))
    assert header["recipe"]["epochs"] == 2
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(report["epochs"]) == 2
    assert max(epoch["val_score"] for epoch in report["epochs"]) == header["metrics"]["val_score"]


def test_validation_says_what_serving_will_do(lake: Lake, tiny: Recipe, tmp_path: Path) -> None:
    """The score of training's shortcut over sampled features equals that of raw tracking recognized by the saved checkpoint."""
    session = prepare(lake.curated, replace(tiny, epochs=1, half_features=False), 0)
    session.fit(lambda line: None)
    session.save_recognizer(tmp_path / "model.safetensors")
    recognizer = load_recognizer([tmp_path / "model.safetensors"])
    judged = [recording for recording in lake.recordings if recording.video_id in session.split.validation]
    found = pd.concat([recognize(lake.tracking(recording), recording, recognizer) for recording in judged])
    truth = solution_rows(judged, CuratedZone(lake.curated).bouts(judged))
    assert len(found)
    assert session.trainer.run.best is not None
    assert mabe_score(truth, submission_rows(found)).score == pytest.approx(session.trainer.run.best.score, abs=1e-9)


def with_groups(zone: Path, groups: dict[int, int]) -> None:
    """Say in the metadata which recordings show the same video."""
    path = zone / key_of(METADATA_TRAIN)
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("content_group")
    column = pa.array([groups[video] for video in rows.column("video_id").to_pylist()], pa.int64())
    pq.write_table(rows.set_column(place, rows.schema.field(place), column), path)


@pytest.mark.parametrize("twins", [(101, 104), (102, 103), (103, 105)])
def test_recordings_of_one_video_are_on_one_side(copy: Path, tiny: Recipe, twins: tuple[int, int]) -> None:
    with_groups(copy, {video: twins[0] if video == twins[1] else video for video in range(101, 108)})
    split = prepare(copy, tiny, 0).split
    sides = {video: side for side, videos in vars(split).items() for video in videos}
    assert sides[twins[0]] == sides[twins[1]]
    assert set(sides) == set(range(101, 108))


def test_recordings_are_split_one_by_one_where_the_zone_does_not_know_what_is_the_same(
    copy: Path, lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys
) -> None:
    path = copy / key_of(METADATA_TRAIN)
    pq.write_table(pq.read_table(path).drop_columns(["content_group"]), path)
    assert run("--curated", copy, "--recipe", "tiny", "--epochs", "1", "--model-dir", tmp_path / "m") == 0
    assert "has no content groups: recordings of the same video may be in different folds" in capsys.readouterr().out
    with_everything = prepare(lake.curated, with_tiny, 0).split
    assert read_header(tmp_path / "m" / "tiny.safetensors")["videos"]["held_out"] == list(with_everything.held_out)


def test_recordings_without_a_scale_are_told(copy: Path, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    path = copy / key_of(METADATA_TRAIN)
    rows = pq.read_table(path)
    unscaled = pa.array([None, *rows["pix_per_cm_approx"].to_pylist()[1:]], pa.float64())
    pq.write_table(rows.set_column(rows.column_names.index("pix_per_cm_approx"), "pix_per_cm_approx", unscaled), path)
    assert run("--curated", copy, "--recipe", "tiny", "--epochs", "1", "--model-dir", tmp_path / "m") == 0
    named = rows["video_id"].to_pylist()[0]
    assert f"1 of {len(rows)} recordings have no scale; their unit is the body length, not cm: {named}." in capsys.readouterr().out


def test_held_out_recordings_are_never_opened(copy: Path, lake: Lake, tiny: Recipe) -> None:
    whole = prepare(lake.curated, tiny, 0)
    held_out = tracking_of(copy, whole.split.held_out)
    assert len(held_out) == 2
    for path in held_out:
        path.write_bytes(b"no parquet at all")
    for path in copy.glob("annotations_enriched/*/*.parquet"):
        if int(path.stem.removeprefix("train-")) in whole.split.held_out:
            rows = pq.read_table(path, partitioning=None).to_pandas()
            rows["action"] = "secret"
            rows.to_parquet(path)
    session = prepare(copy, tiny, 0)
    assert "secret" not in session.behaviors
    assert torch.equal(session.trainer.train.features, whole.trainer.train.features)


def test_the_scaler_knows_training_recordings_only(copy: Path, lake: Lake, tiny: Recipe) -> None:
    whole = prepare(lake.curated, tiny, 0)
    (path, *_) = tracking_of(copy, whole.split.validation)
    rows = pq.read_table(path, partitioning=None)
    place = rows.schema.get_field_index("x_cm")
    pq.write_table(rows.set_column(place, rows.schema.field(place), [np.full(len(rows), 999, np.float32)]), path)
    session = prepare(copy, tiny, 0)
    np.testing.assert_array_equal(session.lesson.scaler.median, whole.lesson.scaler.median)
    np.testing.assert_array_equal(session.lesson.scaler.iqr, whole.lesson.scaler.iqr)


def test_the_same_seed_gives_the_same_network(lake: Lake, tiny: Recipe) -> None:
    losses = []
    for seed in (3, 3, 4):
        session = prepare(lake.curated, replace(tiny, epochs=1), seed)
        session.fit(lambda line: None)
        losses.append(session.trainer.run.history[0].train_loss)
    assert losses[0] == losses[1] != losses[2]


def test_fields_of_the_recipe_are_flags_and_stand_in_the_checkpoint(lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    flags = ("--curated", lake.curated, "--recipe", "tiny", "--epochs", 1, "--model-dir", tmp_path)
    assert run(*flags, "--recipe__network__dropout", 0.3, "--recipe__weight_decay=0.5") == 0
    recipe = read_header(tmp_path / "tiny.safetensors")["recipe"]
    assert (recipe["network"]["dropout"], recipe["weight_decay"], recipe["epochs"]) == (0.3, 0.5, 1)
    assert run(*flags, "--recipe__network__droput", 0.3) == EXIT_USAGE
    assert run(*flags, "--learning-rat", 0.3) == EXIT_USAGE
    assert "Expected flags of --help" in capsys.readouterr().err


def test_jobs_of_a_tuning_job_have_states_of_their_own(lake: Lake, with_tiny: Recipe, tmp_path: Path, monkeypatch) -> None:
    """They may share one place for checkpoints; the state of another job would be refused."""
    monkeypatch.setenv("SM_CHECKPOINT_DIR", str(tmp_path / "c"))
    monkeypatch.setenv("SM_CHECKPOINT_PER_JOB", "true")
    for job, dropout in (("tune-1", 0.1), ("tune-2", 0.2)):
        monkeypatch.setenv("TRAINING_JOB_NAME", job)
        flags = ("--curated", lake.curated, "--recipe", "tiny", "--epochs", 1, "--model-dir", tmp_path)
        assert run(*flags, "--recipe__network__dropout", dropout) == 0
    assert sorted(path.parent.name for path in (tmp_path / "c").rglob("state.safetensors")) == ["tune-1", "tune-2"]


def test_an_unknown_recipe_is_a_usage_error_that_names_the_known_ones(lake: Lake, tmp_path: Path, capsys) -> None:
    assert run("--curated", lake.curated, "--recipe", "soufflé", "--model-dir", tmp_path) == EXIT_USAGE
    assert f"Expected --recipe to be one of {', '.join(sorted(recipes.RECIPES))}, but got soufflé" in capsys.readouterr().err


def test_a_directory_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys) -> None:
    assert run("--curated", tmp_path / "nowhere", "--recipe", "cnn_transformer_small") == EXIT_USAGE
    assert "Expected --curated to be the directory of the curated zone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flag", "number", "sentence"),
    [
        ("--threads", 0, "Expected --threads of 1 or more, but got 0."),
        ("--seed", -1, "Expected --seed from 0 to 2147483647, but got -1."),
        ("--seed", 2**31, "Expected --seed from 0 to 2147483647, but got 2147483648."),
        ("--epochs", 0, "Expected epochs, batch and patience of 1 or more, but got epochs 0, batch"),
    ],
)
def test_a_number_that_cannot_be_is_a_usage_error(lake: Lake, with_tiny: Recipe, capsys, flag: str, number: int, sentence: str) -> None:
    assert run("--curated", lake.curated, "--recipe", "tiny", flag, number) == EXIT_USAGE
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--model-dir", "--checkpoint-dir", "--output-dir"])
def test_a_folder_that_is_a_file_is_refused_before_training(lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys, flag: str) -> None:
    (tmp_path / "taken").write_text("a file")
    folders = {"--model-dir": tmp_path / "model"} | {flag: tmp_path / "taken"}
    assert run("--curated", lake.curated, "--recipe", "tiny", *(part for pair in folders.items() for part in pair)) == EXIT_USAGE
    said = capsys.readouterr()
    assert f"Expected {tmp_path / 'taken'} to be a folder, but got a file." in said.err
    assert "epoch=" not in said.out


def test_an_empty_directory_breaks_the_contract(tmp_path: Path, capsys) -> None:
    assert run("--curated", tmp_path, "--recipe", "cnn_transformer_small", "--model-dir", tmp_path / "model") == EXIT_CONTRACT
    assert "Expected Parquet files in" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_all_missing_tracking_is_told_at_once(copy: Path, tiny: Recipe) -> None:
    session = prepare(copy, tiny, 0)
    for path in tracking_of(copy, session.split.train):
        path.unlink()
    with pytest.raises(ContractError) as told:
        prepare(copy, tiny, 0)
    assert len(told.value.faults) == len(session.split.train)


def test_a_container_finds_the_reason_where_sagemaker_looks(lake: Lake, with_tiny: Recipe, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    monkeypatch.setattr("training.recipes.losses.masked_loss", lambda logits, *rest: logits.sum() * torch.nan)
    assert run("--curated", lake.curated, "--recipe", "tiny", "--model-dir", tmp_path / "model") == EXIT_UNEXPECTED
    assert "Expected a finite loss, but got nan in epoch 1, batch 1" in (tmp_path / "failure").read_text()


def test_the_environment_of_a_container_is_enough(lake: Lake, with_tiny: Recipe, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SM_CHANNEL_CURATED", str(lake.curated))
    for name, folder in (("MODEL_DIR", "m"), ("OUTPUT_DATA_DIR", "o"), ("CHECKPOINT_DIR", "c")):
        monkeypatch.setenv(f"SM_{name}", str(tmp_path / folder))
    assert run("--recipe", "tiny", "--epochs", "1", "--seed", "1") == 0
    assert (tmp_path / "m" / "tiny.safetensors").is_file()
    assert (tmp_path / "o" / "report.json").is_file()
    assert (tmp_path / "c" / "state.safetensors").is_file()


def test_a_finished_run_is_not_repeated(lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    flags = ("--curated", lake.curated, "--recipe", "tiny", "--model-dir", tmp_path / "m", "--checkpoint-dir", tmp_path / "c")
    assert run(*flags) == 0
    first = (tmp_path / "m" / "tiny.safetensors").read_bytes()
    capsys.readouterr()
    assert run(*flags) == 0
    told = capsys.readouterr().out
    assert "Resumed after epoch 2" in told
    assert "epoch=" not in told
    assert (tmp_path / "m" / "tiny.safetensors").read_bytes() == first


def test_a_run_whose_machine_is_taken_away_goes_on_to_the_same_network(
    lake: Lake, with_tiny: Recipe, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--curated", lake.curated, "--recipe", "tiny", "--threads", 1]
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    assert run(*flags, "--model-dir", whole) == 0
    saved = NetworkSession.save_state

    def save_and_lose_the_machine(self: NetworkSession, folder: Path) -> None:
        saved(self, folder)
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(NetworkSession, "save_state", save_and_lose_the_machine)
        assert run(*flags, "--model-dir", halves, "--checkpoint-dir", tmp_path / "state") == EXIT_INTERRUPTED
    assert "Continue with the same command." in capsys.readouterr().err
    assert run(*flags, "--model-dir", halves, "--checkpoint-dir", tmp_path / "state") == 0
    assert "Resumed after epoch 1" in capsys.readouterr().out
    one, other = (load_file(folder / "tiny.safetensors") for folder in (whole, halves))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_training_imports_nothing_of_aws_and_nothing_that_draws() -> None:
    """A training container has neither; of reports/, which comes with the job, only how far it is."""
    drawing = {f"reports.{path.stem}" for path in (ROOT / "reports").glob("*.py")} - {"reports.__init__", "reports.progress"}
    assert {"reports.page", "reports.charts"} <= drawing
    foreign = {"boto3", "aws_pipeline", "pyspark", "jinja2", "matplotlib", *drawing}
    code = f"import sys, training.fitting.network_session, training.train; print({foreign} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert told.stdout == "set()\n"


@pytest.mark.slow
def test_it_learns_what_simulated_mice_do(tmp_path: Path, tiny: Recipe) -> None:
    """Against the score of always naming the lab's commonest behavior for the whole video."""
    lake = build_lake(tmp_path, {"CalMS21_task2": 10}, seconds=60)
    recipe = replace(recipes.cnn_transformer_small(), epochs=6, batch=16)
    session = prepare(lake.curated, recipe, 0)
    session.fit(lambda line: None)
    recognizer = session.recognizer()
    unseen = [recording for recording in lake.recordings if recording.video_id in session.split.held_out]
    truth = CuratedZone(lake.curated).bouts(unseen)
    found = pd.concat([recognize(lake.tracking(recording), recording, recognizer) for recording in unseen])
    score = mabe_score(solution_rows(unseen, truth), submission_rows(found)).score

    lengths = (truth["stop_frame"] - truth["start_frame"]).groupby(truth["action"]).sum()
    always = [(recording.video_id, *recording.annotated[0][:2], lengths.idxmax(), 0, 1800) for recording in unseen]
    chance = mabe_score(solution_rows(unseen, truth), submission_rows(pd.DataFrame(always, columns=truth.columns))).score
    assert chance < 0.3
    assert score > chance + 0.25


def test_the_run_of_the_etl_can_be_named_and_is_in_the_checkpoint(copy: Path, with_tiny: Recipe, tmp_path: Path, capsys) -> None:
    keys = [file.relative_to(copy).as_posix() for file in copy.rglob("*.parquet")]
    (copy / "snapshots").mkdir()
    (copy / "snapshots" / "night-1.json").write_bytes(replace(snapshot_of_keys(keys), run="night-1").to_json())
    flags = ("--curated", copy, "--recipe", with_tiny.name, "--model-dir", tmp_path)
    assert run(*flags, "--snapshot", "night-2") == EXIT_USAGE
    assert "Expected the objects of run night-2" in capsys.readouterr().err
    assert run(*flags, "--snapshot", "night-1") == 0
    assert read_header(tmp_path / f"{with_tiny.name}.safetensors")["snapshot"] == "night-1"
