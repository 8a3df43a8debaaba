"""Reasons by command."""

import json
from pathlib import Path

import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from inference import explain
from recognizers.checkpoint import save


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "small.safetensors"
    save(path, random_recognizer(("attack", "mount", "sniff"), bodyparts=("neck", "nose", "tail_base")), PROVENANCE)
    return path


def run(lake: Lake, checkpoint: Path, *flags: object) -> int:
    places = ["102", "--data-dir", lake.raw, "--checkpoint", checkpoint, "--device", "cpu"]
    return explain.main([str(one) for one in (*places, *flags)])


def test_a_bout_is_explained_in_words_and_numbers(lake: Lake, checkpoint: Path, tmp_path: Path, capsys):
    output = tmp_path / "why.json"
    assert run(lake, checkpoint, "--bout", 1, "--output", output) == EXIT_OK
    told = capsys.readouterr().out
    numbers = json.loads(output.read_text())
    assert numbers["total"] == pytest.approx(numbers["base"] + sum(numbers["contributions"].values()), abs=0.1)
    assert "base: the mean of this recording" in told
    for name, value in numbers["contributions"].items():
        assert f"{value:+8.2f}  {name}" in told


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_any_time_and_behavior_can_be_asked_for_and_drawn(lake: Lake, checkpoint: Path, tmp_path: Path, capsys, ending):
    output = tmp_path / f"why.{ending}"
    assert run(lake, checkpoint, "--who", 1, 2, "--behavior", "sniff", "--from", 2, "--to", 3, "--output", output) == EXIT_OK
    assert capsys.readouterr().out.startswith("sniff 1 → 2, CalMS21_task2, recording 102, 2.00 to 3.00 s")
    assert output.stat().st_size > 1000


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ((), EXIT_USAGE, "Expected either --bout or --behavior"),
        (("--bout", 99), EXIT_USAGE, "Expected --bout from 1 to"),
        (("--behavior", "sniff", "--who", 1, 2, "--from", 99), EXIT_USAGE, "Expected a time within 0.0 to 10.0 s"),
        (("--behavior", "sniff", "--who", 1, 2, 3), EXIT_USAGE, "Expected --who to be one or two mice"),
        (("--bout", 1, "--output", "why.pdf"), EXIT_USAGE, "Expected --output to end with .png, .svg, .json"),
        (("--behavior", "yawn", "--who", 1, 2), EXIT_CONTRACT, "Expected one of attack, mount, sniff, but got yawn"),
    ],
)
def test_a_wrong_question_gets_a_clear_answer(lake: Lake, checkpoint: Path, capsys, flags, code, said):
    assert run(lake, checkpoint, *flags) == code
    assert said in capsys.readouterr().err
