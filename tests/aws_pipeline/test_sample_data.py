"""The sample: a data directory of simulated mice, made whole, once, and never over anybody's data."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aws_pipeline import sample_data
from aws_pipeline.upload_plan import plan_uploads
from behavior.contract import EXIT_OK, EXIT_USAGE
from behavior.recording import recordings_from_rows
from behavior.tables import parse_metadata

SCRIPT = Path(sample_data.__file__)
SMALL = ("--labs", "JovialSwallow", "CalMS21_task2", "--videos", "2", "--seconds", "8")


def run(*arguments: str, environment: dict[str, str] | None = None, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, cwd=folder, env={**os.environ, **(environment or {})}
    )


def make(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    return sample_data.main()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample, made by the script run as a file from another folder, told where by MABE_DATA_DIR."""
    folder = tmp_path_factory.mktemp("sample")
    done = run(*SMALL, environment={"MABE_DATA_DIR": str(folder / "data")}, folder=folder)
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    assert f"made a sample in {folder / 'data'}: 2 labs, 4 training recordings with" in done.stdout
    return folder / "data"


def test_the_folder_has_the_published_shape(sample: Path):
    assert sorted(contents(sample)) == sorted(
        [
            "sample.json",
            "test.csv",
            "train.csv",
            *(f"test_tracking/{lab}/{video}.parquet" for lab, video in (("JovialSwallow", 8500000), ("CalMS21_task2", 19500000))),
            *(
                f"train_{kind}/{lab}/{video + number}.parquet"
                for kind in ("tracking", "annotation")
                for lab, video in (("JovialSwallow", 8000000), ("CalMS21_task2", 19000000))
                for number in range(2)
            ),
        ]
    )
    assert list(sample.parent.iterdir()) == [sample]


def test_step_one_takes_the_folder_as_it_is(sample: Path):
    assert len(plan_uploads(sample).uploads) == 2 + 2 + 4 + 4
    recordings = recordings_from_rows(parse_metadata((sample / "train.csv").read_bytes(), "train.csv").to_pylist())
    assert [(recording.lab_id, recording.fps) for recording in recordings] == [("JovialSwallow", 10)] * 2 + [("CalMS21_task2", 30)] * 2
    tracking = pq.read_table(sample / "train_tracking/CalMS21_task2/19000001.parquet")
    assert tracking["video_frame"].to_numpy().max() == 8 * 30 - 1


def test_parquet_is_compressed_as_the_published_files_are(sample: Path):
    metadata = pq.ParquetFile(sample / "train_tracking/JovialSwallow/8000000.parquet").metadata
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_empty_metadata_is_empty_text(sample: Path):
    with (sample / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["mouse3_strain"] for row in rows} == {""}
    assert len(rows[0]) == 38


def test_a_second_call_finds_all_up_to_date_and_touches_nothing(sample: Path):
    before = {name: (sample / name).stat().st_mtime_ns for name in contents(sample)}
    done = run(*SMALL, "--data-dir", str(sample))
    assert (done.returncode, done.stdout) == (EXIT_OK, f"up to date: the sample in {sample}\n")
    assert {name: (sample / name).stat().st_mtime_ns for name in contents(sample)} == before


def test_the_same_arguments_give_the_same_bytes_elsewhere(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert make(monkeypatch, *SMALL, "--data-dir", str(tmp_path / "again")) == EXIT_OK
    assert contents(tmp_path / "again") == contents(sample)


def test_other_arguments_replace_an_older_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    few = ("--labs", "JovialSwallow", "--seconds", "5", "--data-dir", str(tmp_path / "data"), "--json")
    assert make(monkeypatch, *few, "--videos", "2") == EXIT_OK
    assert json.loads(capsys.readouterr().out)["train_videos"] == 2
    assert make(monkeypatch, *few, "--videos", "1", "--test-videos", "0") == EXIT_OK
    assert json.loads(capsys.readouterr().out)["up_to_date"] is False
    assert sorted(contents(tmp_path / "data")) == [
        "sample.json",
        "train.csv",
        "train_annotation/JovialSwallow/8000000.parquet",
        "train_tracking/JovialSwallow/8000000.parquet",
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_a_sample_with_a_lost_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    arguments = ("--labs", "JovialSwallow", "--seconds", "5", "--videos", "1", "--data-dir", str(tmp_path / "data"))
    assert make(monkeypatch, *arguments) == EXIT_OK
    whole = contents(tmp_path / "data")
    (tmp_path / "data/test.csv").unlink()
    assert make(monkeypatch, *arguments) == EXIT_OK
    assert contents(tmp_path / "data") == whole


@pytest.mark.parametrize("receipt", [None, "{}", "not json", '{"files": {"train.csv": "0000"}}'])
def test_other_data_is_left_alone(receipt: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "train.csv").write_text("years of work")
    if receipt is not None:
        (tmp_path / "sample.json").write_text(receipt)
    before = contents(tmp_path)
    assert make(monkeypatch, *SMALL, "--data-dir", str(tmp_path)) == EXIT_USAGE
    assert capsys.readouterr().err == (
        f"error: Expected {tmp_path} to be empty or hold nothing but a sample, but got other or changed files: train.csv. "
        "Give another --data-dir, or move them away.\n"
    )
    assert contents(tmp_path) == before


def test_an_interrupted_call_leaves_the_older_sample_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    arguments = ("--labs", "JovialSwallow", "--seconds", "5", "--videos", "1", "--data-dir", str(tmp_path / "data"))
    assert make(monkeypatch, *arguments) == EXIT_OK
    before = contents(tmp_path / "data")

    def pull_the_plug(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", pull_the_plug)
        assert make(monkeypatch, *arguments, "--seed", "9") == 130
    assert contents(tmp_path / "data") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_arguments_that_mean_nothing_are_told_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert make(monkeypatch, "--labs", "NoLab", "--videos", "0", "--seconds", "nan", "--data-dir", str(tmp_path / "data")) == EXIT_USAGE
    told = capsys.readouterr().err
    assert "Expected --seconds to be 1 or more, but got nan. Change --seconds." in told
    assert "Expected --videos to be 1 or more, but got 0. Change --videos." in told
    assert "but got NoLab. Change --labs." in told
    assert not (tmp_path / "data").exists()


def test_the_usual_sample_spans_clocks_scales_mice_and_bodyparts():
    from behavior.simulated.recordings import profiles_of

    ways = [way for lab in sample_data.DEFAULT_LABS for way in profiles_of(lab)]
    assert {way.fps for way in ways} >= {10, 25, 30, 120}
    assert {way.mice for way in ways} == {2, 3, 4}
    assert {len(way.bodyparts) for way in ways} == {5, 7, 10, 18}
    assert max(way.pix_per_cm for way in ways) > 2 * min(way.pix_per_cm for way in ways)
