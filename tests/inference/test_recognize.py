"""Groups of behaviors on the command line, and why they are no submission."""

import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_PUT_ASIDE, EXIT_USAGE
from behavior.parquet_file import read_rows
from behavior.tables import PREDICTABLE_TRIPLES, PREDICTED_BOUTS
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
    assert list(rows.columns) == [
        "video_id",
        "agent_id",
        "target_id",
        "action",
        "start_frame",
        "stop_frame",
        "confidence",
        "threshold",
    ]
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


def test_parquet_holds_the_tables_of_the_lake_and_every_behavior_that_was_looked_for(lake: Lake, tmp_path: Path) -> None:
    path, output = tmp_path / "pairs.safetensors", tmp_path / "bouts.parquet"
    occurring = {"CalMS21_task2": frozenset({"attack", "sniff"})}
    save(path, random_recognizer(("attack", "climb", "mount", "sniff"), threshold=0.3, occurring=occurring), PROVENANCE)
    assert run("--data-dir", lake.raw, "--checkpoint", path, "--held-out", "--output", output) == 0
    assert run("--data-dir", lake.raw, "--checkpoint", path, "--held-out", "--output", tmp_path / "b.csv") == 0
    bouts = read_rows(PREDICTED_BOUTS.with_partition(), output, "bouts").to_pandas()
    as_csv = pd.read_csv(tmp_path / "b.csv")
    assert len(bouts) == len(as_csv) > 4
    assert bouts[["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]].to_numpy().tolist() == (
        as_csv[["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"]].to_numpy().tolist()
    )
    assert set(bouts["lab_id"]) == {"CalMS21_task2"}
    assert set(bouts["split"]) == {"train"}
    assert set(bouts["recognizer"]) == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert set(bouts["recipe"]) == {"test"}
    assert bouts["duration_s"].to_list() == ((bouts["stop_frame"] - bouts["start_frame"]) / 30).to_list()
    assert (bouts["confidence"] >= bouts["threshold"]).all()
    assert bouts["threshold"].round(6).eq(0.3).all()

    triples = read_rows(PREDICTABLE_TRIPLES.with_partition(), tmp_path / "bouts.predictable.parquet", "triples").to_pandas()
    assert set(triples["action"]) == {"attack", "sniff"}, "mounting never occurs in this lab, and nobody annotated climbing"
    annotated = {(one.video_id, *triple) for one in lake.recordings for triple in one.annotated if triple.behavior in ("attack", "sniff")}
    assert {tuple(row) for row in triples[["video_id", "agent_id", "target_id", "action"]].to_numpy()} == {
        row for row in annotated if row[0] in (103, 104)
    }
    assert set(triples["frame_count"]) == {300}
    assert set(triples["first_frame"]) == {0}


def test_bouts_of_an_arena_have_no_mouse_in_the_tables(lake: Lake, checkpoint: Path, tmp_path: Path) -> None:
    output = tmp_path / "groups.parquet"
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--output", output, "--tta") == 0
    rows = pq.read_table(output)
    assert rows.column("agent_id").null_count == rows.column("target_id").null_count == len(rows) > 0
    assert set(rows.column("kind").to_pylist()) == {"arena"}
    assert rows.column("recognizer").to_pylist()[0].endswith("+tta")
    triples = pq.read_table(tmp_path / "groups.predictable.parquet").to_pandas()
    assert "background" not in set(triples["action"])


def test_an_output_that_is_a_folder_is_refused_before_recognizing(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--output", tmp_path) == EXIT_USAGE
    said = capsys.readouterr()
    assert said.err == f"error: Expected {tmp_path} to be a file, but got a folder. Name a file in it.\n"
    assert said.out == ""


def test_a_missing_checkpoint_is_a_usage_error(lake: Lake, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "none.safetensors") == EXIT_USAGE
    assert "Expected --checkpoint to be a file" in capsys.readouterr().err


def test_with_keep_going_a_broken_recording_is_named_and_left_out(lake: Lake, tmp_path: Path, capsys) -> None:
    data = tmp_path / "data"
    shutil.copytree(lake.raw, data)
    next((data / "train_tracking").rglob("103.parquet")).write_bytes(b"PAR1")
    save(tmp_path / "pairs.safetensors", random_recognizer(("attack", "mount", "sniff"), threshold=0.3), PROVENANCE)
    flags = ["--data-dir", data, "--checkpoint", tmp_path / "pairs.safetensors", "--held-out", "--output", tmp_path / "b.csv"]
    assert run(*flags) == EXIT_CONTRACT
    assert not (tmp_path / "b.csv").exists()
    capsys.readouterr()
    assert run(*flags, "--keep-going") == EXIT_PUT_ASIDE
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out: ")]
    assert "103.parquet" in line
    assert set(pd.read_csv(tmp_path / "b.csv")["video_id"]) == {104}
    next((data / "train_tracking").rglob("104.parquet")).write_bytes(b"PAR1")
    assert run(*flags, "--keep-going") == EXIT_CONTRACT, "without any sound recording there is nothing to write"
