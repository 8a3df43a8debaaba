"""The ladder for somebody else's recognizer: what each rung changes, and that every recording is judged by what never saw it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.bouts import DecodeSettings
from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from inference.recognition import recognize
from recognizers.checkpoint import read_header, save
from recognizers.families import load_recognizer
from recognizers.recognizer import Decoding, Recognizer
from training import reuse
from training.fitting.loop import no_progress
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import FoldPlan
from training.reusing import climbing
from training.reusing.climbing import plan_reuse
from training.reusing.fine_tuning import FineTuning, fine_tuned
from training.reusing.reused_file import merged
from training.reusing.rungs import Rung, decodings, judged, scored, shared_labelling

BEHAVIORS = ("attack", "mount", "sniff")
MINE = "JovialSwallow"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Random weights; it knows attack, mount and sniff, and recordings of another lab."""
    recognizer = random_recognizer(BEHAVIORS, threshold=0.4, occurring={"CalMS21_task2": frozenset(BEHAVIORS)})
    save(tmp_path / "theirs.safetensors", recognizer, PROVENANCE)
    return tmp_path / "theirs.safetensors"


@pytest.fixture
def plan(lake: Lake, checkpoint: Path) -> FoldPlan:
    """Three recordings of my lab, one in each fold; attack, chase and sniff were annotated."""
    return plan_reuse(checkpoint, CuratedZone(lake.curated), [MINE], 4)


def run(lake: Lake, checkpoint: Path, output: Path, *flags: object) -> int:
    needed = ["--checkpoint", checkpoint, "--curated", lake.curated, "--output-dir", output, "--device", "cpu"]
    return reuse.main([str(flag) for flag in [*needed, *flags]])


def weights(recognizer: Recognizer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in recognizer.network.state_dict().items()}


def test_every_rung_is_judged_on_the_same_recordings_and_becomes_a_checkpoint(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "reuse"
    assert run(lake, checkpoint, output, "--labs", MINE, "--epochs", 1) == EXIT_OK
    told = capsys.readouterr().out
    assert "recordings are few" in told
    table = told.splitlines()[[line.startswith("rung ") for line in told.splitlines()].index(True) :]
    assert [line.split()[0].rstrip("*") for line in table[1:6]] == [str(rung) for rung in Rung]
    assert max(map(len, table[:6])) <= 110
    ladder = json.loads((output / "ladder.json").read_text())
    assert ladder["behaviors"] == ["attack", "sniff"]
    assert (ladder["recordings"], ladder["folds"]) == (3, 3)
    assert all(set(one["behaviors"]) == {"attack", "sniff"} for one in ladder["rungs"].values())
    assert ladder["recommended"] in list(Rung)
    rows = list(csv.DictReader((output / "ladder.csv").read_text().splitlines()))
    assert [row["rung"] for row in rows] == [str(rung) for rung in Rung]
    base = weights(load_recognizer([checkpoint]))
    for rung in Rung:
        header, recognizer = read_header(output / f"{rung}.safetensors"), load_recognizer([output / f"{rung}.safetensors"])
        assert recognizer.behaviors == BEHAVIORS
        assert header["reused"]["rung"] == rung
        assert {101, 105, 106, 107} <= {video for part in header["videos"].values() for video in part}
        same = [name for name, value in weights(recognizer).items() if torch.equal(value, base[name])]
        if rung is Rung.WHOLE:
            assert len(same) < len(base) / 2
        elif rung is Rung.HEAD:
            assert sorted(set(base) - set(same)) == ["logits.bias", "logits.weight"]
        else:
            assert len(same) == len(base)
        recording = next(one for one in lake.recordings if one.lab_id == MINE)
        assert set(recognize(lake.tracking(recording), recording, recognizer)["action"]) <= {"attack", "sniff"}


def test_a_network_is_trained_without_the_recordings_that_it_is_judged_on(
    lake: Lake, checkpoint: Path, plan: FoldPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = []

    def watching(recognizer, zone, recordings, *rest):
        taught.append({one.video_id for one in recordings})
        return replace(recognizer)

    monkeypatch.setattr(climbing, "fine_tuned", watching)
    how = climbing.Climb(checkpoint, (Rung.WHOLE,), 1, 0, "cpu", tmp_path / "out")
    climbing.climb(how, plan, lambda line: None)
    everything = {one.video_id for one in plan.recordings}
    assert taught[0] == everything, "the checkpoint that is written may see all"
    assert taught[1:] == [everything - set(split.held_out) for split in plan.splits]


@pytest.mark.parametrize("rung", [Rung.THRESHOLDS, Rung.CALIBRATION])
def test_a_decoding_does_not_see_the_recordings_that_it_decodes(lake: Lake, checkpoint: Path, plan: FoldPlan, rung: Rung) -> None:
    recognizer = load_recognizer([checkpoint])
    labelling = shared_labelling(recognizer, plan)
    subjects = scored(lambda fold: recognizer, plan, labelling)
    changed = [
        replace(one, scores=(1 - one.scores).astype(np.float16)) if plan.fold_of[one.recording.video_id] == 1 else one for one in subjects
    ]
    before, after = (decodings(rung, recognizer, each, plan) for each in (subjects, changed))
    assert before[1] == after[1]
    assert before[2] != after[2]
    assert before[None] != after[None]


def test_a_behavior_that_the_recognizer_lacks_costs_no_rung_anything(checkpoint: Path, plan: FoldPlan) -> None:
    """My lab annotated chases too."""
    recognizer = load_recognizer([checkpoint])
    labelling = shared_labelling(recognizer, plan)
    subjects = scored(lambda fold: recognizer, plan, labelling)
    assert "chase" in set(plan.bouts["action"])
    assert {action for one in subjects for action in one.truth.bouts["action"]} == {"attack", "sniff"}
    found = judged(subjects, decodings(Rung.AS_IS, recognizer, subjects, plan), plan, labelling)
    assert set(found.numbers["labs"][MINE]["actions"]) <= {"attack", "sniff"}


def test_thresholds_alone_leave_everything_else_as_it_was(checkpoint: Path, plan: FoldPlan) -> None:
    recognizer = load_recognizer([checkpoint])
    settings = DecodeSettings(smooth_s=(0.1, 0.2, 0.3), max_gap_s=0.3)
    own = Decoding((0.4,) * 3, {}, settings, calibration=((1.0, 0.0), (2.0, 0.5), (0.5, -0.5)))
    recognizer = replace(recognizer, decoding=own)
    subjects = scored(lambda fold: recognizer, plan, shared_labelling(recognizer, plan))
    fitted = decodings(Rung.THRESHOLDS, recognizer, subjects, plan)[None]
    kept = own.over(BEHAVIORS, ("attack", "sniff"))
    assert replace(fitted, thresholds=kept.thresholds) == kept
    assert fitted.thresholds != kept.thresholds
    assert decodings(Rung.AS_IS, recognizer, subjects, plan)[1] == kept


def test_more_epochs_bring_the_loss_down_and_the_given_network_stays(lake: Lake, checkpoint: Path, plan: FoldPlan) -> None:
    recognizer = load_recognizer([checkpoint])
    before, lines = weights(recognizer), []
    tuning = FineTuning(head_only=False, epochs=4, learning_rate=5e-3)
    fine_tuned(recognizer, plan.zone, plan.recordings, plan.bouts, tuning, 0, "cpu", lines.append, no_progress)
    losses = [float(line.split("train_loss=")[1].split()[0]) for line in lines]
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, before[name]) for name, value in weights(recognizer).items())
    assert all(value.requires_grad for value in recognizer.network.parameters())


def test_fitted_values_of_shared_behaviors_meet_the_recognizers_own() -> None:
    own = Decoding((0.1, 0.2, 0.3), {"theirs": frozenset(BEHAVIORS)}, DecodeSettings(smooth_s=1.0, min_length_s=(0.1, 0.2, 0.3)))
    fitted = Decoding((0.8, 0.9), {MINE: frozenset({"attack"})}, DecodeSettings(smooth_s=(2.0, 3.0)), calibration=((2.0, 1.0), (3.0, 1.0)))
    whole = merged(own, BEHAVIORS, ("attack", "sniff"), fitted)
    assert whole.thresholds == (0.8, 0.2, 0.9)
    assert whole.settings.smooth_s == (2.0, 1.0, 3.0)
    assert whole.settings.min_length_s == (DecodeSettings().min_length_s, 0.2, DecodeSettings().min_length_s)
    assert whole.calibration == ((2.0, 1.0), (1.0, 0.0), (3.0, 1.0))
    assert whole.weights == ()
    assert whole.occurring == {"theirs": frozenset(BEHAVIORS), MINE: frozenset({"attack"})}


def test_groups_of_behaviors_have_no_thresholds_to_fit(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "groups.safetensors", random_arena_recognizer(), {**PROVENANCE, "videos": {"train": [], "validation": []}})
    output = tmp_path / "out"
    assert (
        run(lake, tmp_path / "groups.safetensors", output, "--labs", MINE, "--epochs", 1, "--rungs", "as_is", "thresholds", "head")
        == EXIT_OK
    )
    told = capsys.readouterr().out
    assert "thresholds: left out, its classes exclude each other" in told
    assert sorted(path.name for path in output.glob("*.safetensors")) == ["as_is.safetensors", "head.safetensors"]


def test_recordings_of_its_training_are_refused(lake: Lake, checkpoint: Path, tmp_path: Path, capsys) -> None:
    assert run(lake, checkpoint, tmp_path / "out", "--labs", "CalMS21_task2") == EXIT_CONTRACT
    assert "Expected recordings that the recognizer never saw, but got 2 that it was trained on" in capsys.readouterr().err


def test_nothing_shared_and_wrong_flags_are_told_in_one_line(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "rest.safetensors", random_recognizer(("rest",)), PROVENANCE)
    assert run(lake, tmp_path / "rest.safetensors", tmp_path / "out", "--labs", MINE) == EXIT_CONTRACT
    assert "Expected at least one behavior that both have" in capsys.readouterr().err
    assert run(lake, tmp_path / "none.safetensors", tmp_path / "out") == EXIT_USAGE
    assert run(lake, tmp_path / "rest.safetensors", tmp_path / "out", "--epochs", 0) == EXIT_USAGE
    assert run(lake, tmp_path / "rest.safetensors", tmp_path / "out", "--labs", "Nobody") == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err
