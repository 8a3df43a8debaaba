"""The study of forecasting pre-training: its runs differ in their first weights only, and a second start repeats nothing."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import pretraining

from training.fitting.network_session import NetworkSession
from training.fitting.prepare import prepare
from training.material.folds import Split


def test_a_study_goes_on_where_it_was_and_compares_the_same_choices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pretraining, "POOL", 2)
    monkeypatch.setattr(pretraining, "HELD_OUT", 1)
    asked = ["--folder", str(tmp_path), "--lab", "CalMS21_task2", "--forecast-epochs", "1"]
    sizes = ["--sizes", "1", "--choices", "2", "--steps", "2", "--seconds", "15", "--unlabelled", "2", "--other-labs", "1"]
    monkeypatch.setattr(sys, "argv", ["pretraining.py", *asked, *sizes])
    pretraining.main()
    told = capsys.readouterr().out
    scores = json.loads((tmp_path / "scores.json").read_text())
    names = (pretraining.RANDOM, pretraining.SAME, pretraining.OTHERS)
    assert set(scores) == {f"1 recordings, choice {choice}, {name}" for choice in (0, 1) for name in names}
    assert scores[f"1 recordings, choice 0, {pretraining.RANDOM}"] != scores[f"1 recordings, choice 0, {pretraining.SAME}"]
    pretraining.main()
    assert capsys.readouterr().out in told  # only the table is printed again


def test_steps_are_those_of_the_windows_that_training_has(tmp_path: Path) -> None:
    zone = pretraining.zone_in(tmp_path, ["CRIM13"], 2, 20.0, seed=0)
    videos = tuple(recording.video_id for recording in zone.annotated_recordings())
    session = prepare(zone, pretraining.recipe_of(1, 1), 0, split=Split(videos, (), ()))
    assert isinstance(session, NetworkSession)
    assert pretraining.windows_of(zone, videos) == session.trainer.train.n_windows


def test_an_interval_is_that_of_students_t() -> None:
    """Of 1, 2 and 3 the standard error is 1 / sqrt(3), and t is 4.3."""
    assert pretraining.interval([1.0, 2.0, 3.0]) == "+2.000 [-0.483, +4.483]"
