"""The report of a run: everything is on one page, its numbers are those of the other scripts, and a browser shows all of it."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from browser import assert_reads_well
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_film_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_PUT_ASIDE, EXIT_USAGE
from inference import evaluate, make_submission, report
from inference.run_report.judged_run import JudgedRun
from inference.run_report.shown_bouts import most_certain, most_doubtful, share_confirmed
from inference.viewed_recording import find_recording
from recognizers.checkpoint import save

BEHAVIORS = ("attack", "mount", "sniff")
CURVE = [{"epoch": number, "train_loss": 1 / number, "val_loss": 1.2 / number, "val_score": 0.1 * number} for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """It saw 101 and 102."""
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    recognizer = random_recognizer(BEHAVIORS, threshold=0.45, bodyparts=("ear_left", "ear_right", "neck", "nose", "tail_base"))
    save(path, recognizer, {**PROVENANCE, "curve": CURVE, "metrics": {"epochs": 3, "best_epoch": 2, "val_score": 0.3}})
    return path


def run(*flags: object) -> int:
    return report.main([*(str(flag) for flag in flags), "--device", "cpu"])


@pytest.fixture(scope="module")
def page(lake: Lake, checkpoint: Path, tmp_path_factory) -> str:
    output = tmp_path_factory.mktemp("report") / "report.html"
    assert run("--data-dir", lake.raw, "--checkpoint", checkpoint, "--output", output, "--clips", 2, "--note", "Read <me>.") == EXIT_OK
    return output.read_text()


def test_every_part_is_on_the_page(page: str):
    for title in ("Scores", "Confusion", "Calibration", "Time budgets", "Ethograms", "Most certain bouts", "Most doubtful bouts"):
        assert f"<h2>{title}</h2>" in page
    for title in ("Training", "Data", "By lab", "Missing bodyparts", "Flags", "How this was made"):
        assert f"<h2>{title}</h2>" in page
    assert "Read &lt;me&gt;." in page
    assert "2 of 3" in page  # best epoch
    assert not re.search(r"<script|<link|https?://(?!www\.w3\.org/)", page)


def test_a_browser_shows_all_of_it_at_two_widths_in_light_and_dark(page: str, tmp_path: Path):
    seen = assert_reads_well(page, tmp_path)
    assert len(seen["videos"]) == 4
    assert len(seen["figures"]) > 10
    assert "Most doubtful bouts" in seen["headings"]


def test_its_score_is_that_of_evaluate(lake: Lake, checkpoint: Path, tmp_path: Path, page: str, capsys):
    submission = tmp_path / "held_out.csv"
    places = ["--data-dir", lake.raw, "--checkpoint", checkpoint, "--held-out", "--quiet", "--device", "cpu", "--output", submission]
    assert make_submission.main([str(one) for one in places]) == EXIT_OK
    capsys.readouterr()
    solution = ["--solution", lake.raw / "train.csv", "--submission", submission, "--unseen-by", checkpoint, "--json"]
    assert evaluate.main([str(one) for one in solution]) == EXIT_OK
    score = json.loads(capsys.readouterr().out)
    assert re.search(r"<strong>([\d.]+)", page)[1] == f"{score['score']:.3f}"
    for action, value in score["labs"]["CalMS21_task2"]["actions"].items():
        assert re.search(rf'<td class="text">{action}</td><td>{value:.3f}', page), action


def test_counts_of_a_run_fit_its_bouts(lake: Lake):
    judged = JudgedRun(random_recognizer(BEHAVIORS, threshold=0.45, bodyparts=("neck", "nose", "tail_base")))
    viewed = find_recording(lake.raw, "103")
    judged.add(viewed)
    predicted, true = judged.predicted_bouts, judged.true_bouts
    assert set(true["action"]) <= set(BEHAVIORS)
    for (lab, action), (spent, true_s, predicted_s) in judged.budget.items():
        assert lab == "CalMS21_task2"
        for bouts, seconds in ((true, true_s), (predicted, predicted_s)):
            own = bouts[bouts["action"] == action]
            assert seconds == pytest.approx((own["stop_frame"] - own["start_frame"]).sum() / viewed.recording.fps)
        subjects = {one[:2] for one in viewed.recording.annotated if one.behavior == action}
        assert spent == pytest.approx(len(subjects) * viewed.curated.frames / viewed.recording.fps)
    for action, counts in judged.levels.items():
        subjects = {one[:2] for one in viewed.recording.annotated if one.behavior == action}
        assert counts.sum() == len(subjects) * viewed.curated.frames


def bouts(*rows):
    columns = ["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame", "confidence", "threshold"]
    return pd.DataFrame(rows, columns=columns).assign(duration_s=1.0)


def test_certain_and_doubtful_bouts_are_spread_over_behaviors():
    several = bouts(
        (1, 1, 2, "sniff", 0, 9, 0.9, 0.5),
        (1, 1, 2, "sniff", 10, 19, 0.8, 0.5),
        (1, 1, 2, "attack", 20, 29, 0.6, 0.5),
        (1, 1, 2, "attack", 30, 39, 0.51, 0.5),
    )
    assert most_certain(several, {1: "A"}, 2)["confidence"].tolist() == [0.9, 0.6]
    assert most_certain(several, {1: "A"}, 3)["confidence"].tolist() == [0.9, 0.6, 0.8]
    assert most_doubtful(several, {1: "A"}, 2)["confidence"].tolist() == [0.51, 0.8]
    short = several.assign(duration_s=[0.1, 1, 1, 1])
    assert most_certain(short, {1: "A"}, 2)["confidence"].tolist() == [0.8, 0.6]


def test_experts_confirm_the_frames_that_they_gave_the_same_behavior_of_the_same_mice():
    predicted = bouts((1, 1, 2, "sniff", 10, 20, 0.9, 0.5)).iloc[0]
    true = bouts((1, 1, 2, "sniff", 15, 30, 1, 1), (1, 2, 1, "sniff", 10, 15, 1, 1), (2, 1, 2, "sniff", 10, 20, 1, 1))
    assert share_confirmed(predicted, true) == 0.5
    assert share_confirmed(predicted, true[:0]) == 0


def test_without_annotations_there_are_bouts_and_clips_but_no_scores(lake: Lake, checkpoint: Path, tmp_path: Path):
    data = tmp_path / "new"
    shutil.copytree(lake.raw / "train_tracking", data / "test_tracking")
    metadata = pd.read_csv(lake.raw / "train.csv").assign(video_id=lambda rows: rows["video_id"] + 800)
    metadata.to_csv(data / "test.csv", index=False)
    for path in list((data / "test_tracking").rglob("*.parquet")):
        path.rename(path.with_name(f"{int(path.stem) + 800}.parquet"))
    output = tmp_path / "report.html"
    assert run("--data-dir", data, "--checkpoint", checkpoint, "--output", output, "--clips", 1, "--recordings", 901) == EXIT_OK
    html = output.read_text()
    assert "Scores" not in html
    assert "nobody can say how right these bouts are" in html
    assert html.count("<video") == 2


def test_groups_of_behaviors_have_a_report_too(lake: Lake, tmp_path: Path):
    path = tmp_path / "groups.safetensors"
    save(path, random_arena_recognizer(), PROVENANCE)
    output = tmp_path / "report.html"
    assert run("--data-dir", lake.raw, "--checkpoint", path, "--output", output, "--clips", 1) == EXIT_OK
    assert "F1 of groups, as the competition pools it" in output.read_text()


def test_a_broken_recording_is_named_and_the_others_are_reported(lake: Lake, checkpoint: Path, tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(lake.raw, data)
    next((data / "train_tracking").rglob("104.parquet")).write_bytes(b"PAR1")
    output = tmp_path / "report.html"
    places = ["--data-dir", data, "--checkpoint", checkpoint, "--output", output, "--clips", 0]
    assert run(*places) == EXIT_PUT_ASIDE
    assert "train-104" in output.read_text()
    next((data / "train_tracking").rglob("103.parquet")).write_bytes(b"PAR1")
    output.unlink()
    assert run(*places) == EXIT_CONTRACT
    assert not output.exists()


def test_wrong_flags_are_refused(lake: Lake, checkpoint: Path, tmp_path: Path, capsys):
    places = ["--data-dir", lake.raw, "--checkpoint", checkpoint, "--output", tmp_path / "r.html"]
    assert run(*places, "--clips", 99) == EXIT_USAGE
    assert run(*places, "--recordings", 101) == EXIT_USAGE
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "no.safetensors") == EXIT_USAGE
    save(tmp_path / "films.safetensors", random_film_recognizer(), PROVENANCE)
    assert run("--data-dir", lake.raw, "--checkpoint", tmp_path / "films.safetensors") == EXIT_USAGE
    told = capsys.readouterr().err
    assert "Expected --recordings that no checkpoint saw, but got 101" in told
    assert "which sees films. A report about films is written by training/cross_validate.py" in told
