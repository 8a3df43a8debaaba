"""Groups of behaviors on the command line, and why they are no submission."""

from pathlib import Path

import pandas as pd
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_USAGE
from inference import make_submission, recognize
from recognizers.checkpoint import save


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Trained on 101, chosen by 102."""
    path = tmp_path / "groups.safetensors"
    save(path, random_arena_recognizer(), PROVENANCE)
    return path


def run(*flags: object) -> int:
    return recognize.main([*(str(flag) for flag in flags), "--device", "cpu"])


def test_group_bouts_of_what_the_checkpoint_never_saw_are_written(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "deep" / "groups.csv"
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--output", output) == 0
    rows = pd.read_csv(output)
    assert list(rows.columns) == ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]
    assert rows[["agent_id", "target_id"]].isna().all().all(), "a group of behaviors is nobody's in particular"
    assert set(rows["video_id"]) == {103, 104}
    assert set(rows["action"]) <= {"social", "mating", "aggressive"}
    for _, of_video in rows.groupby("video_id"):
        assert (of_video["start_frame"].iloc[1:].to_numpy() >= of_video["stop_frame"].iloc[:-1].to_numpy()).all()
        assert of_video["stop_frame"].max() <= 300
    assert "2/2" in capsys.readouterr().out
    assert [path.name for path in output.parent.iterdir()] == ["groups.csv"]


def test_make_submission_refuses_a_checkpoint_of_groups_and_says_who_takes_it(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    flags = ["--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--output", tmp_path / "s.csv", "--device", "cpu"]
    assert make_submission.main([str(flag) for flag in flags]) == EXIT_CONTRACT
    told = capsys.readouterr().err
    assert f"Expected a checkpoint whose bouts name agent and target, but got {checkpoint} of the arena view" in told
    assert "inference/recognize.py" in told
    assert "Traceback" not in told
    assert not (tmp_path / "s.csv").exists()


def test_bouts_of_pairs_name_mice_by_number(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "pairs.safetensors"
    save(path, random_recognizer(("attack", "mount", "sniff"), threshold=0.3), PROVENANCE)
    assert run("--data-dir", lake.raw, "--checkpoint", path, "--held-out", "--output", tmp_path / "b.csv") == 0
    rows = pd.read_csv(tmp_path / "b.csv")
    assert len(rows)
    assert set(rows["agent_id"]) | set(rows["target_id"]) <= {1, 2}
    assert rows["agent_id"].dtype == "int64"


def test_an_output_that_is_a_folder_is_refused_before_recognizing(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--output", tmp_path) == EXIT_USAGE
    said = capsys.readouterr()
    assert said.err == f"error: Expected {tmp_path} to be a file, but got a folder. Name a file in it.\n"
    assert said.out == ""


def test_a_missing_checkpoint_is_a_usage_error(lake: Lake, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "none.safetensors") == EXIT_USAGE
    assert "Expected --checkpoint to be a file" in capsys.readouterr().err
