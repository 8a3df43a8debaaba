"""Statistics on the command line, of annotations and of predictions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_recognizer

from behavior.contract import EXIT_OK, EXIT_USAGE
from inference import bout_statistics, recognize
from recognizers.checkpoint import save


def run(*flags: object) -> int:
    return bout_statistics.main([str(flag) for flag in flags])


@pytest.fixture
def conditions(lake: Lake) -> Path:
    """The same data directory with two conditions of mouse 1."""
    path = lake.raw / "train.csv"
    before = path.read_text()
    metadata = pd.read_csv(path)
    metadata["mouse1_condition"] = ["saline", "drug"] * (len(metadata) // 2)
    metadata.to_csv(path, index=False)
    yield lake.raw
    path.write_text(before)


def test_annotations_give_one_tidy_table(lake: Lake, tmp_path: Path, capsys) -> None:
    output = tmp_path / "table.csv"
    assert run("--data-dir", lake.raw, "--by", "pair", "--bin-s", 5, "--output", output) == EXIT_OK
    table = pd.read_csv(output)
    assert {"video_id", "agent_id", "target_id", "action", "bin", "count", "share", "latency_s"} <= set(table)
    assert set(table["bin"]) == {0, 1}
    bouts = sum(len(pd.read_parquet(path)) for path in (lake.raw / "train_annotation").rglob("*.parquet"))
    assert table["count"].sum() == bouts
    assert "of experts" in capsys.readouterr().out


def test_predictions_leave_empty_what_could_not_be_predicted(lake: Lake, tmp_path: Path) -> None:
    path, bouts = tmp_path / "pairs.safetensors", tmp_path / "bouts.parquet"
    save(path, random_recognizer(("attack", "climb", "sniff"), threshold=0.3), PROVENANCE)
    flags = ["--data-dir", lake.raw, "--checkpoint", path, "--held-out", "--output", bouts, "--device", "cpu"]
    assert recognize.main([str(flag) for flag in flags]) == EXIT_OK
    assert run("--data-dir", lake.raw, "--bouts", bouts, "--output", tmp_path / "t.csv", "--transitions", tmp_path / "f.csv") == EXIT_OK
    table = pd.read_csv(tmp_path / "t.csv")
    assert set(table["action"]) == {"attack", "sniff"}, "mounting and climbing are unknown, not absent"
    assert table["count"].sum() == len(pd.read_parquet(bouts))
    following = pd.read_csv(tmp_path / "f.csv")
    assert following.groupby(["video_id", "action"])["share"].sum(min_count=1).dropna().round(9).isin([1.0]).all()


def test_two_conditions_are_compared_and_drawn(conditions: Path, tmp_path: Path, capsys) -> None:
    picture = tmp_path / "plot.png"
    assert run("--data-dir", conditions, "--by", "condition", "--output", tmp_path / "t.csv", "--plot", picture) == EXIT_OK
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = capsys.readouterr().out
    assert "sniff: saline minus drug" in told
    assert "n = 2 and 2 animals" in told
    assert "The p in the picture is corrected for 3 behaviors (Holm)" in told
    assert set(pd.read_csv(tmp_path / "t.csv")["condition"].dropna()) == {"drug", "saline"}


def test_names_of_recordings_are_shown(lake: Lake, tmp_path: Path) -> None:
    from inference.bout_sources import BoutSource, read_source

    source = read_source(None, lake.raw)
    named = [{**row, "recording_name": f"cage{row['video_id']}"} for row in source.metadata]
    table = bout_statistics._with_names(
        pd.DataFrame({"video_id": [101]}), BoutSource(source.observed, tuple(named), source.recordings, source.name, "train")
    )
    assert table.to_dict("records") == [{"recording": "cage101", "video_id": 101}]


def test_a_trait_that_the_metadata_lack_is_told(conditions: Path, tmp_path: Path, capsys) -> None:
    metadata = pd.read_csv(conditions / "train.csv")
    metadata.drop(columns=[name for name in metadata if name.endswith("_age")]).to_csv(conditions / "train.csv", index=False)
    assert run("--data-dir", conditions, "--by", "age", "--output", tmp_path / "t.csv") == EXIT_USAGE
    assert "Expected --by age to be in the metadata" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--bin-s", "0"], "Expected --bin-s above 0"),
        (["--from-marker", "dance"], "Expected --from-marker to be a second or a behavior with bouts, but got dance"),
        (["--from-marker", "-3"], "Expected --from-marker of 0 s or more"),
        (["--bouts", "nowhere.parquet"], "Expected --bouts to be a file"),
        (["--bouts", __file__], "Expected --bouts to be Parquet of inference/recognize.py"),
    ],
)
def test_mistakes_are_told_in_one_line(lake: Lake, tmp_path: Path, capsys, flags: list[str], told: str) -> None:
    output = tmp_path / "t.csv"
    assert run("--data-dir", lake.raw, "--output", output, *flags) == EXIT_USAGE
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert not output.exists()


def test_a_marker_moves_the_beginning_of_time(lake: Lake, tmp_path: Path, capsys) -> None:
    assert run("--data-dir", lake.raw, "--from-marker", "4", "--output", tmp_path / "t.csv") == EXIT_OK
    table = pd.read_csv(tmp_path / "t.csv")
    assert np.allclose(table["observed_s"].dropna() / table["pairs"][table["observed_s"].notna()], 6.0)
