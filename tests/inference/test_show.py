"""Pictures and clips by command, of simulated mice."""

import io
import shutil
from pathlib import Path

import av
import pandas as pd
import pytest
from PIL import Image
from simulated_lake import Lake

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from inference import show
from inference.ethogram_rows import ethogram_rows
from inference.viewed_recording import find_recording


def run(lake: Lake, *flags: object) -> int:
    return show.main(["101", "--data-dir", str(lake.raw), *(str(flag) for flag in flags)])


@pytest.fixture
def predicted(lake: Lake, tmp_path: Path) -> Path:
    """One true bout a second too late, and one of a behavior that nobody annotated."""
    true = find_recording(lake.raw, "101").true_bouts.iloc[:1]
    late = true.assign(start_frame=true["start_frame"] + 30, stop_frame=true["stop_frame"] + 30)
    path = tmp_path / "bouts.csv"
    pd.concat([late, true.assign(action="yawn", target_id=true["agent_id"])]).to_csv(path, index=False)
    return path


def test_the_rows_of_an_ethogram_know_what_was_not_annotated(lake: Lake, predicted: Path):
    viewed = find_recording(lake.raw, "101")
    rows = {row.label: row for row in ethogram_rows(viewed.recording, viewed.true_bouts, pd.read_csv(predicted))}
    yawn = next(row for label, row in rows.items() if label.startswith("yawn"))
    assert yawn.true is None
    assert len(yawn.predicted) == 1
    others = [row for label, row in rows.items() if not label.startswith("yawn")]
    assert sum(len(row.true) for row in others) == len(viewed.true_bouts)
    assert sum(len(row.predicted) for row in others) == 1
    first = viewed.true_bouts.iloc[0]
    assert [first["start_frame"] / viewed.recording.fps] in [[row.true[0, 0]] for row in others]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture_is_written_whole(lake: Lake, predicted: Path, tmp_path: Path, capsys, ending):
    output = tmp_path / f"look.{ending}"
    assert run(lake, "--bouts", predicted, "--output", output) == EXIT_OK
    if ending == "png":
        with Image.open(output) as picture:
            assert picture.size[0] == int(7.4 * 192)
    else:
        assert "yawn" in output.read_text()
    assert "recording 101, 0.0 to 10.0 s" in capsys.readouterr().out


def test_a_clip_of_a_bout_lasts_as_long_as_the_bout_and_the_time_around_it(lake: Lake, tmp_path: Path, capsys):
    assert run(lake, "--list") == EXIT_OK
    first = capsys.readouterr().out.splitlines()[1].split()
    output = tmp_path / "bout.mp4"
    assert run(lake, "--bout", 1, "--around", 0.5, "--width", 160, "--output", output) == EXIT_OK
    seconds = min(float(first[2]) + 0.5, 10) - max(float(first[1]) - 0.5, 0)
    with av.open(io.BytesIO(output.read_bytes())) as container:
        frames = sum(1 for _ in container.decode(video=0))
        assert frames / float(container.streams.video[0].average_rate) == pytest.approx(seconds, abs=0.1)


def test_a_clip_may_be_slow_and_small(lake: Lake, tmp_path: Path):
    output = tmp_path / "slow.gif"
    assert run(lake, "--from", 1, "--to", 2, "--speed", 0.5, "--width", 100, "--whole", "--output", output) == EXIT_OK
    with Image.open(output) as picture:
        assert picture.size[0] == 100
        assert picture.n_frames * picture.info["duration"] == pytest.approx(2000, rel=0.1)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--output", "look.pdf"], "Expected --output to end with .png, .svg, .mp4, .gif, .webp"),
        (["--bout", "9999"], "Expected --bout from 1 to"),
        (["--from", "8", "--to", "3"], "Expected a time from 0.0 to 10.0 s, but got 8 to 3 s."),
        (["--speed", "0"], "Expected --width from 64"),
        (["--bouts", "none.csv"], "Expected a file with bouts"),
        (["--data-dir", "nowhere"], "Expected train.csv or test.csv in nowhere"),
    ],
)
def test_a_wrong_flag_is_a_clear_line_and_exit_code_2(lake: Lake, capsys, flags, said):
    assert run(lake, *flags) == EXIT_USAGE
    assert said in capsys.readouterr().err


def test_an_unknown_recording_names_some_that_exist(lake: Lake, capsys):
    assert show.main(["1011", "--data-dir", str(lake.raw)]) == EXIT_USAGE
    assert "but got 1011. Such as 101" in capsys.readouterr().err


def test_broken_tracking_is_a_fault_not_a_traceback(lake: Lake, tmp_path: Path, capsys):

    data = tmp_path / "data"
    shutil.copytree(lake.raw, data)
    next((data / "train_tracking").rglob("101.parquet")).write_bytes(b"PAR1")
    assert show.main(["101", "--data-dir", str(data)]) == EXIT_CONTRACT
    assert "Expected a Parquet file" in capsys.readouterr().err
