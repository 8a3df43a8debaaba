"""Agreement on the command line: of annotations, predictions, second opinions and labs."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from inference import agreement, recognize
from recognizers.checkpoint import save


@pytest.fixture(scope="module")
def own_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Videos 101 and 102 of 10 s."""
    return build_lake(tmp_path_factory.mktemp("opinions"), {"CalMS21_task2": 2}, seconds=10)


def run(*flags: object) -> int:
    return agreement.main([str(flag) for flag in flags])


def second_opinion(raw: Path, name: str, shift: int) -> None:
    """Annotate video 101 as train_annotation/ does, each bout so many frames later."""
    bouts = pd.read_parquet(raw / "train_annotation" / "CalMS21_task2" / "101.parquet")
    moved = bouts.assign(start_frame=bouts["start_frame"] + shift, stop_frame=bouts["stop_frame"] + shift)
    folder = raw / "annotators" / name / "CalMS21_task2"
    folder.mkdir(parents=True, exist_ok=True)
    moved.to_parquet(folder / "101.parquet", index=False)


def test_a_recognizer_is_compared_with_the_annotations(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "pairs.safetensors", random_recognizer(("attack", "mount", "sniff"), threshold=0.3), PROVENANCE)
    flags = ["--data-dir", lake.raw, "--checkpoint", tmp_path / "pairs.safetensors", "--held-out", "--device", "cpu"]
    assert recognize.main([str(flag) for flag in [*flags, "--output", tmp_path / "bouts.parquet"]]) == EXIT_OK
    capsys.readouterr()
    assert run(lake.raw, tmp_path / "bouts.parquet", "--output", tmp_path / "a.csv") == EXIT_OK
    told = capsys.readouterr().out
    assert "2 recordings" in told
    assert max(map(len, told.splitlines()[1:])) <= 110
    table = pd.read_csv(tmp_path / "a.csv")
    assert set(table["action"]) == {"attack", "mount", "sniff", "mean of behaviors"}
    assert (table["kappa"].dropna().abs() < 0.6).all(), "random weights agree with nobody"


def test_a_second_opinion_lies_beside_the_annotations(own_lake: Lake, capsys) -> None:
    second_opinion(own_lake.raw, "Ada", 0)
    second_opinion(own_lake.raw, "Zoë", 9)
    assert run(own_lake.raw, f"{own_lake.raw}@Ada") == EXIT_OK
    same = capsys.readouterr().out
    assert "1 recordings" in same
    assert same.splitlines()[-1].split()[-4:] == ["1.00"] * 4
    assert run(f"{own_lake.raw}@Ada", f"{own_lake.raw}@Zoë") == EXIT_OK
    moved = capsys.readouterr().out
    assert 0 < float(moved.splitlines()[-1].split()[-4]) < 1


def test_an_annotator_may_have_looked_for_less(own_lake: Lake, capsys) -> None:
    second_opinion(own_lake.raw, "Few", 0)
    (own_lake.raw / "annotators" / "Few" / "looked_for.csv").write_text('video_id,behaviors_labeled\n101,"[""mouse1,mouse2,sniff""]"\n')
    assert run(own_lake.raw, f"{own_lake.raw}@Few") == EXIT_OK
    told = capsys.readouterr().out
    assert "1 triples that both looked for" in told
    assert "Only one of them looked for: attack, mount" in told


def test_labs_that_annotated_the_same_film_are_matched_by_its_tracks(own_lake: Lake, tmp_path: Path, capsys) -> None:
    raw = tmp_path / "labs"
    shutil.copytree(own_lake.raw, raw)
    metadata = pd.read_csv(raw / "train.csv")
    again = metadata[metadata["video_id"] == 101].assign(lab_id="Elsewhere", video_id=900)
    pd.concat([metadata, again]).to_csv(raw / "train.csv", index=False)
    for folder in ("train_tracking", "train_annotation"):
        rows = pq.read_table(raw / folder / "CalMS21_task2" / "101.parquet", partitioning=None)
        (raw / folder / "Elsewhere").mkdir()
        pq.write_table(rows.take(list(range(len(rows)))[::-1]), raw / folder / "Elsewhere" / "900.parquet")
    assert run(f"{raw}@CalMS21_task2", f"{raw}@Elsewhere") == EXIT_OK
    assert "1 recordings" in capsys.readouterr().out


def test_real_raters_agree_as_published(real_data: Path, capsys) -> None:
    """Rater against rater, frame F1: supported rears 0.87 to 0.91, unsupported 0.70 to 0.79 (SOURCES.md)."""
    assert run(f"{real_data}@OftRaterA", f"{real_data}@OftRaterB") == EXIT_OK
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()[1:]}
    assert float(rows["rearsupported"][-4]) == pytest.approx(0.91, abs=0.006)
    assert float(rows["rearunsupported"][-4]) == pytest.approx(0.79, abs=0.006)


@pytest.mark.parametrize(
    ("other", "code", "told"),
    [
        ("nowhere", EXIT_USAGE, "Expected a data directory or bouts.parquet, but got nowhere"),
        ("{raw}@Nobody", EXIT_USAGE, "Annotators are "),
        (__file__, EXIT_USAGE, "Expected --bouts to be Parquet of inference/recognize.py"),
    ],
)
def test_mistakes_are_told_in_one_line(lake: Lake, capsys, other: str, code: int, told: str) -> None:
    assert run(lake.raw, other.format(raw=lake.raw)) == code
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_recordings_of_test_csv_are_others_even_under_the_same_number(lake: Lake, tmp_path: Path, capsys) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(lake.raw, raw)
    shutil.copy(raw / "train.csv", raw / "test.csv")
    shutil.copytree(raw / "train_tracking", raw / "test_tracking")
    save(tmp_path / "pairs.safetensors", random_recognizer(("attack", "sniff"), threshold=0.3), PROVENANCE)
    flags = ["--data-dir", raw, "--checkpoint", tmp_path / "pairs.safetensors", "--device", "cpu", "--output", tmp_path / "b.parquet"]
    assert recognize.main([str(flag) for flag in flags]) == EXIT_OK
    assert run(raw, tmp_path / "b.parquet") == EXIT_CONTRACT
    assert "some of train.csv and some of test.csv" in capsys.readouterr().err


def test_strangers_cannot_be_compared(lake: Lake, tmp_path: Path, capsys) -> None:
    other = build_lake(tmp_path, {"JovialSwallow": 1}, seconds=5)
    metadata = pd.read_csv(other.raw / "train.csv").assign(video_id=900)
    metadata.to_csv(other.raw / "train.csv", index=False)
    for folder in ("train_tracking", "train_annotation"):
        (other.raw / folder / "JovialSwallow" / "101.parquet").rename(other.raw / folder / "JovialSwallow" / "900.parquet")
    assert run(lake.raw, other.raw) == EXIT_CONTRACT
    assert "neither equal numbers nor equal tracks" in capsys.readouterr().err
