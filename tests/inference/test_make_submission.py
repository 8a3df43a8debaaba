"""make_submission: which videos, one whole file, all faults, all or nothing."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_USAGE
from inference.make_submission import main
from recognizers.checkpoint import save

BEHAVIORS = ("attack", "mount", "sniff")


@pytest.fixture
def data(lake: Lake, tmp_path: Path) -> Path:
    """A data directory to spoil."""
    return Path(shutil.copytree(lake.raw, tmp_path / "data"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Trained on 101, chosen by 102; nearly everything passes its thresholds."""
    path = tmp_path / "small.safetensors"
    save(path, random_recognizer(BEHAVIORS, threshold=0.3), PROVENANCE)
    return path


def run(*flags: object) -> int:
    return main([*(str(flag) for flag in flags), "--device", "cpu"])


def test_held_out_predicts_what_the_checkpoint_never_saw(data: Path, checkpoint: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "deep" / "submission.csv"
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", output, "--held-out") == 0
    rows = pd.read_csv(output)
    assert list(rows.columns) == ["row_id", "video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    assert set(rows["video_id"]) == {103, 104}
    assert rows["row_id"].tolist() == list(range(len(rows)))
    assert set(rows["agent_id"]) == {"mouse1"}
    assert set(rows["target_id"]) == {"mouse2"}
    assert set(rows["action"]) <= set(BEHAVIORS)
    assert (rows["start_frame"] < rows["stop_frame"]).all()
    told = capsys.readouterr().out
    assert "video=103 lab=CalMS21_task2 1/2" in told
    assert f"{len(rows)} bouts in 2 videos of 0.3 minutes" in told
    assert "times real time" in told
    assert [path.name for path in output.parent.iterdir()] == ["submission.csv"]


def test_held_out_of_several_checkpoints_is_what_none_of_them_saw(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    videos = {"train": [103], "validation": [], "held_out": []}
    save(other, random_recognizer(BEHAVIORS, seed=1, threshold=0.3), {**PROVENANCE, "videos": videos})
    output = tmp_path / "submission.csv"
    assert run("--data-dir", data, "--checkpoint", checkpoint, other, "--output", output, "--held-out") == 0
    assert set(pd.read_csv(output)["video_id"]) == {104}


def test_a_self_behavior_has_the_target_self(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    metadata = pd.read_csv(data / "train.csv")
    metadata["behaviors_labeled"] = '["mouse2,self,attack"]'
    metadata.to_csv(data / "train.csv", index=False)
    output = tmp_path / "submission.csv"
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", output, "--held-out") == 0
    rows = pd.read_csv(output)
    assert set(zip(rows["agent_id"], rows["target_id"], rows["action"], strict=True)) == {("mouse2", "self", "attack")}


def test_test_csv_is_predicted_by_default(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    metadata = pd.read_csv(data / "train.csv")
    metadata[metadata["video_id"] == 101].to_csv(data / "test.csv", index=False)
    (data / "train_tracking").rename(data / "test_tracking")
    output = tmp_path / "submission.csv"
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", output) == 0
    assert set(pd.read_csv(output)["video_id"]) == {101}


def test_without_test_csv_the_other_way_is_told(data: Path, checkpoint: Path, capsys) -> None:
    assert run("--data-dir", data, "--checkpoint", checkpoint) == EXIT_USAGE
    told = capsys.readouterr().err
    assert "test.csv, but got no such file" in told
    assert "use --held-out to predict the videos of train.csv that the checkpoints never saw" in told


def test_nothing_held_out_is_told(data: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "all.safetensors"
    save(path, random_recognizer(BEHAVIORS), {**PROVENANCE, "videos": {"train": [101, 102, 103, 104], "validation": [], "held_out": []}})
    assert run("--data-dir", data, "--checkpoint", path, "--held-out") == EXIT_USAGE
    assert "that the checkpoints never saw, but got none" in capsys.readouterr().err


def test_a_missing_checkpoint_is_a_usage_error(data: Path, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", data, "--checkpoint", tmp_path / "none", "--held-out") == EXIT_USAGE
    assert "Expected --checkpoint to be a file" in capsys.readouterr().err


def test_all_missing_and_broken_files_are_told_and_nothing_is_written(data: Path, checkpoint: Path, tmp_path: Path, capsys) -> None:
    (data / "train_tracking" / "CalMS21_task2" / "103.parquet").unlink()
    (data / "train_tracking" / "CalMS21_task2" / "104.parquet").write_bytes(b"PAR1 but not really PAR1")
    output = tmp_path / "submission.csv"
    output.write_text("an older one")
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", output, "--held-out") == EXIT_CONTRACT
    told = capsys.readouterr().err
    assert "103.parquet: Expected a Parquet file, but got no such file" in told
    assert "104.parquet: Expected a Parquet file, but got" in told
    assert output.read_text() == "an older one"


def test_the_faults_of_all_recordings_are_told(data: Path, checkpoint: Path, tmp_path: Path, capsys) -> None:
    for video in (103, 104):
        path = data / "train_tracking" / "CalMS21_task2" / f"{video}.parquet"
        pd.read_parquet(path).rename(columns={"video_frame": "frame"}).to_parquet(path)
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", tmp_path / "s.csv", "--held-out") == EXIT_CONTRACT
    told = capsys.readouterr().err
    assert told.count("Expected a column video_frame") == 2
    assert not (tmp_path / "s.csv").exists()


def test_metadata_without_scale_is_refused(data: Path, checkpoint: Path, capsys) -> None:
    metadata = pd.read_csv(data / "train.csv")
    metadata["pix_per_cm_approx"] = 0.0
    metadata.to_csv(data / "train.csv", index=False)
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--held-out") == EXIT_CONTRACT
    assert capsys.readouterr().err.count("Expected pix_per_cm_approx to be a number from 0.1 to 10,000") == 4


def test_a_mirror_may_be_looked_into(data: Path, checkpoint: Path, tmp_path: Path) -> None:
    plain, both = tmp_path / "plain.csv", tmp_path / "both.csv"
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", plain, "--held-out") == 0
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", both, "--held-out", "--tta") == 0
    assert set(pd.read_csv(both)["video_id"]) == {103, 104}
    assert both.read_text() != plain.read_text()


def test_a_batch_of_nothing_is_a_usage_error(data: Path, checkpoint: Path, capsys) -> None:
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--held-out", "--batch", 0) == EXIT_USAGE
    assert "Expected --batch of 1 or more, but got 0" in capsys.readouterr().err


def test_no_bout_at_all_is_written_and_told(data: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "shy.safetensors"
    save(path, random_recognizer(BEHAVIORS, threshold=1.0), PROVENANCE)
    output = tmp_path / "submission.csv"
    assert run("--data-dir", data, "--checkpoint", path, "--output", output, "--held-out") == 0
    assert len(pd.read_csv(output)) == 0
    assert "The competition refuses an empty submission" in capsys.readouterr().err
