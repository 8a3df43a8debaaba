"""Drift by command: the same camera is no drift, another scale is."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from browser import assert_reads_well
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE
from inference import drift
from recognizers.checkpoint import save


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Lake:
    """101 to 106, and 107 as test recording."""
    lake = build_lake(tmp_path_factory.mktemp("many"), {"CalMS21_task2": 7}, seconds=6)
    rows = pd.read_csv(lake.raw / "train.csv")
    shutil.copytree(lake.raw / "train_tracking", lake.raw / "test_tracking")
    rows.iloc[6:].to_csv(lake.raw / "test.csv", index=False)
    rows.iloc[:6].to_csv(lake.raw / "train.csv", index=False)
    return lake


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    recognizer = random_recognizer(("attack", "mount", "sniff"), bodyparts=("neck", "nose", "tail_base"))
    save(path, recognizer, {**PROVENANCE, "videos": {"train": list(range(101, 107)), "validation": [], "held_out": []}})
    return path


@pytest.fixture
def new(many: Lake, tmp_path: Path) -> Path:
    """107 alone, with a scale that is half of the true one."""
    folder = tmp_path / "new"
    shutil.copytree(many.raw / "test_tracking", folder / "test_tracking")
    rows = pd.read_csv(many.raw / "test.csv")
    rows.assign(pix_per_cm_approx=rows["pix_per_cm_approx"] / 2).to_csv(folder / "test.csv", index=False)
    return folder


def run(*flags: object) -> int:
    return drift.main([*(str(flag) for flag in flags), "--device", "cpu"])


def test_new_recordings_of_the_same_camera_have_the_body_length_of_the_reference(many: Lake, tmp_path: Path, capsys):
    table = tmp_path / "drift.csv"
    run("--reference", many.raw, "--data-dir", many.raw, "--output", tmp_path / "d.html", "--table", table)
    rows = pd.read_csv(table).set_index("measure")
    assert rows.loc["body length, cm", "reference_recordings"] == 6
    assert rows.loc["body length, cm", "new_recordings"] == 1
    assert not rows.loc["body length, cm", "drifted"]
    assert not any("score" in name for name in rows.index)


def test_a_wrong_scale_is_drift_and_the_page_shows_it(many: Lake, checkpoint: Path, new: Path, tmp_path: Path, capsys):
    page = tmp_path / "drift.html"
    assert run("--reference", many.raw, "--data-dir", new, "--checkpoint", checkpoint, "--output", page) == EXIT_PUT_ASIDE
    told = capsys.readouterr().out
    assert any(line.startswith("drifted") and "body length, cm" in line and "107" in line for line in told.splitlines())
    html = page.read_text()
    assert "Drift in CalMS21_task2" in html
    assert "mean score of sniff" in html
    assert_reads_well(html, tmp_path)


def test_a_saved_reference_gives_the_same_comparison(many: Lake, checkpoint: Path, new: Path, tmp_path: Path, capsys):
    saved, tables = tmp_path / "reference.json", [tmp_path / "one.csv", tmp_path / "two.csv"]
    assert run("--reference", many.raw, "--checkpoint", checkpoint, "--save-reference", saved) == EXIT_OK
    for reference, table in zip((many.raw, saved), tables, strict=True):
        run("--reference", reference, "--data-dir", new, "--checkpoint", checkpoint, "--output", tmp_path / "d.html", "--table", table)
    assert tables[0].read_text() == tables[1].read_text()


def test_a_reference_of_another_checkpoint_or_kind_is_refused(many: Lake, checkpoint: Path, new: Path, tmp_path: Path, capsys):
    saved = tmp_path / "reference.json"
    assert run("--reference", many.raw, "--save-reference", saved) == EXIT_OK
    places = ["--data-dir", new, "--output", tmp_path / "d.html"]
    assert run("--reference", saved, *places, "--checkpoint", checkpoint) == EXIT_USAGE
    assert "Expected the reference of this checkpoint" in capsys.readouterr().err
    saved.write_text("[]")
    assert run("--reference", saved, *places) == EXIT_CONTRACT


def test_without_new_recordings_there_is_nothing_to_compare(many: Lake, lake: Lake, tmp_path: Path, capsys):
    assert run("--reference", lake.raw, "--data-dir", lake.raw, "--output", tmp_path / "d.html") == EXIT_USAGE
    assert "but got only those of the reference" in capsys.readouterr().err
