"""Drift by command: the same camera is no drift, another scale is."""

import shutil
from pathlib import Path

import av
import pandas as pd
import pytest
from browser import assert_reads_well
from film_zone import write_films
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_film_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE
from films import film_file
from films.folder import films_below
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


def test_darker_films_are_drift_and_films_of_the_same_camera_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Six films of the training, one new film of the same camera, and one at which the light was turned down."""
    monkeypatch.setattr(film_file.tempfile, "tempdir", str(tmp_path))
    reference = write_films(tmp_path / "reference", individuals=6, seconds=1)
    paths = {one.video_id: one.path for one in films_below(reference / "Videos")}
    save(tmp_path / "film.safetensors", random_film_recognizer(), {**PROVENANCE, "videos": {"train": sorted(paths), "validation": []}})
    new = write_films(tmp_path / "new", individuals=1, seconds=1)
    flags = ["--reference", reference, "--checkpoint", tmp_path / "film.safetensors", "--table", tmp_path / "t.csv"]
    assert run(*flags, "--data-dir", new, "--output", tmp_path / "d.html") in (EXIT_OK, EXIT_PUT_ASIDE)
    table = pd.read_csv(tmp_path / "t.csv").set_index("measure")
    assert table.loc["brightness, 0 to 255", ["reference_recordings", "new_recordings"]].tolist() == [6, 1]
    assert not table.loc["brightness, 0 to 255", "drifted"]
    assert "mean score of rest" in table.index
    for film in (new / "Videos").iterdir():
        darken(film)
    assert run(*flags, "--data-dir", new, "--output", tmp_path / "d.html") == EXIT_PUT_ASIDE
    table = pd.read_csv(tmp_path / "t.csv").set_index("measure")
    assert table.loc["brightness, 0 to 255", "drifted"]
    assert "drifted  " in capsys.readouterr().out
    assert_reads_well((tmp_path / "d.html").read_text(), tmp_path)
    assert run("--reference", reference, "--films", "--data-dir", tmp_path, "--output", tmp_path / "d.html") == EXIT_USAGE


def darken(film: Path) -> None:
    """Write the film again with a third of its light."""
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
    with av.open(str(film), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray((frame // 3).astype("uint8"), format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode(None))
