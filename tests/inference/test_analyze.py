"""The way of a person who does not write code: one DeepLabCut file becomes statistics, ethograms and a report."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from browser import assert_reads_well
from foreign_files import SCORER
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_film_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from inference import analyze
from recognizers.checkpoint import save

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ROOT.parent / "shared" / "formats"
PARTS = ("ear_left", "ear_right", "neck", "nose", "tail_base")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """It was trained on another lab, and also knows a behavior of a mouse by itself."""
    path = tmp_path_factory.mktemp("checkpoint") / "theirs.safetensors"
    occurring = {"Another": frozenset({"sniff"})}
    save(path, random_recognizer(("rear", "attack", "sniff"), occurring=occurring, threshold=0.45, bodyparts=PARTS), PROVENANCE)
    return path


def deeplabcut_file(lake: Lake, path: Path) -> Path:
    """Write the tracks of video 101 as DeepLabCut does, with pandas: mouse 1 is the resident, mouse 2 the intruder."""
    recording = lake.recordings[0]
    rows = lake.tracking(recording).to_pandas().rename(columns={"video_frame": "frame"})
    rows["individual"] = rows["mouse_id"].map({1: "resident", 2: "intruder"})
    wide = rows.pivot(index="frame", columns=["individual", "bodypart"], values=["x", "y"])
    columns = {
        (SCORER, animal, part, name): wide[name, animal, part] if name != "likelihood" else wide["x", animal, part].notna() * 0.99
        for animal, part in wide["x"].columns
        for name in ("x", "y", "likelihood")
    }
    table = pd.DataFrame(columns, index=wide.index.rename(None))
    table.columns = pd.MultiIndex.from_tuples(list(columns), names=["scorer", "individuals", "bodyparts", "coords"])
    table.to_csv(path)
    return path


def imported(tracks: Path, data_dir: Path, *flags: str) -> None:
    """Run the first command of the README as a person does."""
    command = [sys.executable, str(ROOT / "aws_pipeline" / "import_pose.py"), str(tracks), "--lab", "MyLab", "--data-dir", str(data_dir)]
    subprocess.run([*command, *flags], check=True, capture_output=True, cwd=tracks.parent)


def run(*flags: object) -> int:
    return analyze.main([*(str(flag) for flag in flags), "--device", "cpu"])


def test_a_deeplabcut_file_becomes_statistics_ethograms_and_a_report(lake: Lake, checkpoint: Path, tmp_path: Path, capsys):
    scale = str(lake.recordings[0].pix_per_cm)
    imported(deeplabcut_file(lake, tmp_path / f"cage1_day2{SCORER}.csv"), tmp_path / "mine", "--fps", "30", "--pix-per-cm", scale)
    out = tmp_path / "results"
    assert run("--data-dir", tmp_path / "mine", "--checkpoint", checkpoint, "--output", out, "--clips", 1) == EXIT_OK
    told = capsys.readouterr().out
    assert "labs        look     it never saw recordings of MyLab" in told
    assert told.endswith(f"Open {out / 'report.html'} in a browser.\n")

    statistics = pd.read_csv(out / "statistics.csv")
    assert set(statistics["animal"]) == {"cage1_day2 resident", "cage1_day2 intruder"}
    asked = statistics.groupby("animal")["action"].agg(set)
    assert asked["cage1_day2 resident"] == asked["cage1_day2 intruder"] == {"rear", "attack", "sniff"}
    assert statistics["count"].notna().all(), "everything was looked for"
    bouts = pd.read_csv(out / "bouts.csv")
    assert statistics["count"].sum() == len(bouts) > 0
    assert set(bouts["recording"]) == {"cage1_day2"}
    assert (bouts["confidence"] >= 0).all()
    (ethogram,) = (out / "ethograms").iterdir()
    assert ethogram.name == "cage1_day2.png"
    picture = matplotlib.image.imread(ethogram)
    assert picture.shape[1] > 1000
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50, "something is drawn"
    html = (out / "report.html").read_text()
    assert "The recognizer was made for other recordings" in html
    assert "recording cage1_day2 (1 = intruder, 2 = resident)" in html
    assert_reads_well(html, tmp_path)


def test_a_recognizer_that_does_not_fit_is_refused_before_anything_is_written(lake: Lake, tmp_path: Path, capsys):
    save(tmp_path / "tails.safetensors", random_recognizer(("sniff",), bodyparts=("tail_tip",)), PROVENANCE)
    imported(deeplabcut_file(lake, tmp_path / "cage1.csv"), tmp_path / "mine", "--fps", "30", "--no-scale", "--test")
    assert run("--data-dir", tmp_path / "mine", "--checkpoint", tmp_path / "tails.safetensors", "--output", tmp_path / "r") == EXIT_CONTRACT
    assert "bodyparts: Expected a recognizer that fits these recordings, but got: 0 of 1 bodyparts" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_what_is_missing_is_said_in_one_line(lake: Lake, checkpoint: Path, tmp_path: Path, capsys):
    assert run("--data-dir", tmp_path, "--checkpoint", checkpoint, "--output", tmp_path / "r") == EXIT_USAGE
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "none.safetensors") == EXIT_USAGE
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--output", tmp_path / "r") == EXIT_USAGE, "all are annotated"
    save(tmp_path / "films.safetensors", random_film_recognizer(), PROVENANCE)
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "films.safetensors") == EXIT_USAGE
    told = capsys.readouterr().err.splitlines()
    assert [line[:6] for line in told] == ["error:"] * 4
    assert "use --held-out" in told[2]


def test_a_real_file_of_deeplabcut_goes_the_same_way(checkpoint: Path, tmp_path: Path):
    if not (FORMATS / "deeplabcut_two_mice.csv").is_file():
        pytest.skip(f"the real files of other programs are not in {FORMATS}")
    tracks = tmp_path / "deeplabcut_two_mice.csv"
    tracks.write_bytes((FORMATS / tracks.name).read_bytes())
    imported(tracks, tmp_path / "mine", "--fps", "25", "--no-scale")
    assert (
        run("--data-dir", tmp_path / "mine", "--checkpoint", checkpoint, "--output", tmp_path / "r", "--bin-s", 2, "--clips", 0) == EXIT_OK
    )
    statistics = pd.read_csv(tmp_path / "r" / "statistics.csv")
    assert set(statistics["animal"]) == {"deeplabcut_two_mice mouse_black_tail", "deeplabcut_two_mice mouse_white_tail"}
    assert sorted(statistics["bin"].unique()) == [0, 1]
