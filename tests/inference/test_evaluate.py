"""The scoring command: truth from annotation files, one JSON object, a table that fits, and a clear word for every refusal."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from behavior.metric import SOLUTION_COLUMNS, SUBMISSION_COLUMNS, LabScore, Score
from inference.evaluate import main, table

SCRIPT = Path(__file__).parents[2] / "inference" / "evaluate.py"
ANNOTATED = ["mouse1,mouse2,attack", "mouse1,self,rear"]


def write_csv(path: Path, columns: list[str], rows: list[tuple]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_annotation(folder: Path, lab: str, video: int, bouts: list[tuple], frame: pa.DataType) -> Path:
    """Write bouts (agent, target, action, start, stop); the published files store frames as int16 or int32."""
    types = {"agent_id": pa.int8(), "target_id": pa.int8(), "action": pa.string(), "start_frame": frame, "stop_frame": frame}
    columns = zip(*bouts, strict=True) if bouts else [()] * len(types)
    path = folder / "train_annotation" / lab / f"{video}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: pa.array(list(column), types[name]) for name, column in zip(types, columns, strict=True)}), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two labs. Video 1: one attack and one rear; 2: an attack; 3: annotated, but without a file; 4: unannotated; 5: nothing occurred."""
    folder = tmp_path / "data"
    write_annotation(folder, "CalmFox", 1, [(1, 2, "attack", 0, 100), (1, 1, "rear", 200, 220)], pa.int16())
    write_annotation(folder, "BriskOwl", 2, [(1, 2, "attack", 0, 50_000)], pa.int32())
    write_annotation(folder, "BriskOwl", 5, [], pa.int16())
    videos = [("CalmFox", 1), ("BriskOwl", 2), ("CalmFox", 3), ("CalmFox", 4), ("BriskOwl", 5)]
    rows = [(lab, video, "" if video == 4 else json.dumps(ANNOTATED)) for lab, video in videos]
    write_csv(folder / "train.csv", ["lab_id", "video_id", "behaviors_labeled"], rows)
    return folder


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """All of video 1's attack and half of its rear, all of video 2, and bouts in videos without truth."""
    rows = [
        (0, 1, "mouse1", "mouse2", "attack", 0, 100),
        (1, 1, "mouse1", "self", "rear", 200, 210),
        (2, 2, "mouse1", "mouse2", "attack", 0, 50_000),
        (3, 3, "mouse1", "mouse2", "attack", 0, 100),
        (4, 5, "mouse1", "mouse2", "attack", 0, 100),
    ]
    return write_csv(tmp_path / "submission.csv", ["row_id", *SUBMISSION_COLUMNS], rows)


def evaluate(folder: Path, *flags: object) -> subprocess.CompletedProcess:
    """Run the script as a file from another folder, without help from an installed package."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MABE_DATA_DIR")}
    command = [sys.executable, str(SCRIPT), *map(str, flags)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_json_is_one_object_and_nothing_else(data: Path, submission: Path, tmp_path: Path) -> None:
    done = evaluate(tmp_path, "--solution", "data/train.csv", "--submission", submission, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    half = 20 / 30  # of 20 frames of rear 10 are found
    assert json.loads(done.stdout) == {
        "score": pytest.approx(((1 + half) / 2 + 1) / 2),
        "labs": {
            "BriskOwl": {"score": 1.0, "actions": {"attack": 1.0}},
            "CalmFox": {"score": pytest.approx((1 + half) / 2), "actions": {"attack": 1.0, "rear": pytest.approx(half)}},
        },
    }


def test_the_submission_in_the_current_folder_is_scored_and_printed_as_a_table(data: Path, submission: Path, tmp_path: Path) -> None:
    done = evaluate(tmp_path, "--solution", "data/train.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "lab             behavior       F1",
        "BriskOwl        mean of 1  1.0000",
        "                attack     1.0000",
        "CalmFox         mean of 2  0.8333",
        "                attack     1.0000",
        "                rear       0.6667",
        "mean of 2 labs             0.9167",
    ]


def test_a_submission_the_competition_would_refuse_ends_with_4_and_all_reasons(data: Path, tmp_path: Path) -> None:
    bad = write_csv(
        tmp_path / "bad.csv", SUBMISSION_COLUMNS, [(1, "mouse1", "mouse2", "attack", 0.5, 9), (1, "mouse1", "self", "rear", 7, 3)]
    )
    done = evaluate(tmp_path, "--solution", "data/train.csv", "--submission", bad, "--json")
    assert (done.returncode, done.stdout) == (4, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("error: Expected start_frame <= stop_frame in the submission, but got the opposite in row 2.")
    assert second.startswith("error: Expected start_frame of the submission to hold whole numbers of at most 32 bits")


def test_a_missing_file_ends_with_2_and_one_sentence(data: Path, tmp_path: Path) -> None:
    done = evaluate(tmp_path, "--solution", "data/train.csv", "--submission", "nowhere.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: Expected --submission to be a file, but got nowhere.csv. Correct the path.\n"


# The same command, called here.


def run(data: Path, submission: Path, *flags: object, solution: str = "train.csv") -> int:
    return main(["--solution", str(data / solution), "--submission", str(submission), *map(str, flags)])


def test_a_table_of_true_bouts_is_a_solution_too(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bouts = [("CalmFox", 1, "mouse1", "mouse2", "attack", 0, 200, json.dumps(ANNOTATED[:1]))]
    write_csv(data / "solution.csv", SOLUTION_COLUMNS, bouts)
    assert run(data, submission, "--json", solution="solution.csv") == 0
    assert json.loads(capsys.readouterr().out)["labs"] == {
        "CalmFox": {"score": pytest.approx(2 / 3), "actions": {"attack": pytest.approx(2 / 3)}}
    }


def test_only_the_named_videos_are_scored(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, submission, "--json", "--videos", 2, 3) == 0
    assert list(json.loads(capsys.readouterr().out)["labs"]) == ["BriskOwl"]


def write_checkpoint(path: Path, train: list[int], validation: list[int]) -> Path:
    """Write a file that holds a checkpoint's header and no tensor."""
    from recognizers.checkpoint import CHECKPOINT_FORMAT, CHECKPOINT_VERSION

    videos = {"train": train, "validation": validation, "held_out": []}
    text = json.dumps(
        {"__metadata__": {"json": json.dumps({"format": CHECKPOINT_FORMAT, "version": CHECKPOINT_VERSION, "videos": videos})}}
    ).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    return path


def test_videos_that_any_checkpoint_saw_are_not_scored(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = write_checkpoint(data / "one.safetensors", train=[2], validation=[])
    other = write_checkpoint(data / "other.safetensors", train=[], validation=[1])
    assert run(data, submission, "--json", "--unseen-by", one) == 0
    assert list(json.loads(capsys.readouterr().out)["labs"]) == ["CalmFox"]
    assert run(data, submission, "--unseen-by", one, other) == 2
    assert "Expected true bouts in the chosen videos" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--unseen-by", "nowhere.safetensors"], "Expected --unseen-by to name checkpoints, but got no such file: nowhere.safetensors."),
        (["--videos", 77, 2], "to be in "),
        (["--videos", 3], "Expected true bouts in the chosen videos"),
    ],
)
def test_a_wrong_flag_ends_with_2(
    data: Path, submission: Path, capsys: pytest.CaptureFixture[str], flags: list[object], reason: str
) -> None:
    assert run(data, submission, *flags) == 2
    told = capsys.readouterr()
    assert (told.out, reason in told.err) == ("", True)


def test_a_checkpoint_of_another_kind_ends_with_4(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, submission, "--unseen-by", submission) == 4
    assert "safetensors checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "to be a CSV table"),
        ("name,age\nMinnie,3\n", "a table without lab_id, video_id, behaviors_labeled"),
        ('lab_id,video_id,behaviors_labeled\nCalmFox,one,"[]"\n', "Expected whole numbers as video_id"),
    ],
)
def test_a_file_that_is_no_solution_ends_with_2(
    data: Path, submission: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    (data / "train.csv").write_text(text)
    assert run(data, submission) == 2
    assert reason in capsys.readouterr().err


def test_metadata_without_annotations_beside_it_ends_with_2(
    data: Path, submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (data / "train.csv").rename(alone / "train.csv")
    assert run(alone, submission) == 2
    assert "Expected annotations in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "to be a CSV table"), (",".join(SUBMISSION_COLUMNS), "at least one row"), ("row_id\n1\n", "to have the columns")],
)
def test_a_submission_without_rows_or_columns_ends_with_4(
    data: Path, submission: Path, capsys: pytest.CaptureFixture[str], text: str, reason: str
) -> None:
    submission.write_text(text)
    assert run(data, submission) == 4
    assert reason in capsys.readouterr().err


def test_all_broken_annotations_are_told(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "train_annotation" / "CalmFox" / "1.parquet").write_bytes(b"PAR1 but not really")
    lacking = data / "train_annotation" / "BriskOwl" / "2.parquet"
    pq.write_table(pq.read_table(lacking, partitioning=None).drop_columns("action"), lacking)
    assert run(data, submission) == 4
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert any("1.parquet: Expected a Parquet file, but got" in line for line in told)
    assert any("2.parquet: Expected a column action" in line for line in told)


def test_a_lab_name_never_leads_out_of_the_folder(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(data / "train.csv", ["lab_id", "video_id", "behaviors_labeled"], [("../train_annotation/CalmFox", 1, json.dumps(ANNOTATED))])
    assert run(data, submission) == 4
    assert "Expected lab_id to start with a letter or digit" in capsys.readouterr().err


def test_bouts_of_a_video_without_a_list_are_refused(data: Path, submission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(data / "train.csv", ["lab_id", "video_id", "behaviors_labeled"], [("CalmFox", 1, "")])
    assert run(data, submission) == 4
    assert "Expected behaviors_labeled of each video's first solution row to be a JSON list" in capsys.readouterr().err


def test_the_table_fits_80_columns_whatever_the_names() -> None:
    lines = table(Score(0.5, {"Laboratory" * 9: LabScore(0.5, {"behavior" * 12: 1.0, "rear": 0.0})})).splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line.split()[-1] in ("F1", "0.5000", "1.0000", "0.0000") for line in lines)


@pytest.mark.realdata
def test_a_copy_of_real_labels_scores_one(real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from inference.evaluate import read_solution

    # Only these two labs never have two labels at once on one pair.
    truth = read_solution(real_data / "train.csv", without=set())
    truth = truth[truth["lab_id"].isin(["AdultJuvenile", "FreezeBox"])]
    truth[SUBMISSION_COLUMNS].to_csv(tmp_path / "copy.csv", index_label="row_id")
    assert run(real_data, tmp_path / "copy.csv", "--json", "--videos", *truth["video_id"].unique()) == 0
    assert json.loads(capsys.readouterr().out)["score"] == 1.0
