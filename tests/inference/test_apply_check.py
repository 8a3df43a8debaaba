"""Whether somebody else's recognizer fits: bodyparts, frame rate, units, behaviors, labs and distance."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from simulated_lake import Lake, build_lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_film_recognizer, random_plus_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from behavior.curation import curate
from behavior.material import Material
from inference import apply_check
from recognizers.applicability import Check, Verdict, applicability
from recognizers.checkpoint import save
from recognizers.recognizer import Recognizer

BEHAVIORS = ("attack", "mount", "sniff")


@pytest.fixture(scope="module")
def materials(lake: Lake) -> list[Material]:
    """CalMS21: nose, ears, neck, hips and tail_base at 30 frames a second; attack, mount and sniff."""
    return [Material.with_tracking(one, curate(lake.tracking(one), one)) for one in lake.recordings[:2]]


def checks(recognizer: Recognizer, materials: list[Material], reference: tuple[Material, ...] = ()) -> dict[str, Check]:
    return {one.name: one for one in applicability(recognizer, materials, reference)}


def test_all_fits_what_it_was_made_for(materials: list[Material]) -> None:
    parts = ("ear_left", "ear_right", "lateral_left", "lateral_right", "neck", "nose", "tail_base")
    recognizer = random_recognizer(BEHAVIORS, bodyparts=parts, occurring={"CalMS21_task2": frozenset(BEHAVIORS)})
    found = checks(recognizer, materials, tuple(materials))
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(
        ("bodyparts", "frame rate", "units", "behaviors", "labs", "distance"), Verdict.FITS
    )
    assert found["bodyparts"].text.startswith("7 of 7 bodyparts")


def test_missing_bodyparts_are_named_and_none_at_all_is_unfit(materials: list[Material]) -> None:
    found = checks(random_recognizer(BEHAVIORS, bodyparts=("body_center", "nose", "tail_base")), materials)["bodyparts"]
    assert found.verdict is Verdict.LOOK
    assert "2 of 3 bodyparts" in found.text
    assert "missing: body_center" in found.text
    assert checks(random_recognizer(BEHAVIORS, bodyparts=("tail_tip",)), materials)["bodyparts"].verdict is Verdict.UNFIT


def test_slow_cameras_and_strange_labs_and_behaviors_are_told(materials: list[Material]) -> None:
    slow = [Material.with_tracking(replace(one.recording, fps=10.0), one.tracking) for one in materials]
    found = checks(random_recognizer(("attack", "rest"), occurring={"Another": frozenset({"attack"})}), slow)
    assert found["frame rate"].verdict is Verdict.LOOK
    assert "10 frames per second; the recognizer samples 30" in found["frame rate"].text
    assert found["labs"].text == "it never saw recordings of CalMS21_task2: general thresholds are used"
    assert (found["behaviors"].verdict, "it can never predict mount, sniff" in found["behaviors"].text) == (Verdict.LOOK, True)
    assert checks(random_recognizer(("rest",)), materials)["behaviors"].verdict is Verdict.UNFIT
    silent = [Material.with_tracking(replace(one.recording, annotated=()), one.tracking) for one in materials]
    assert "all 3 behaviors are looked for" in checks(random_recognizer(BEHAVIORS), silent)["behaviors"].text
    assert checks(random_arena_recognizer(), silent)["behaviors"].verdict is Verdict.FITS


def test_other_sizes_are_far_away_and_an_empty_memory_is_unknown(materials: list[Material]) -> None:
    far = [replace(one.recording, pix_per_cm=one.recording.pix_per_cm / 4) for one in materials]
    large = [
        Material.with_tracking(recording, replace(one.tracking, pose=replace(one.tracking.pose, xy=one.tracking.xy * 4)))
        for recording, one in zip(far, materials, strict=True)
    ]
    recognizer = random_recognizer(BEHAVIORS)
    assert checks(recognizer, materials, tuple(materials))["distance"].verdict is Verdict.FITS
    found = checks(recognizer, large, tuple(materials))["distance"]
    assert found.verdict is Verdict.LOOK
    assert "more than an interquartile range away, most" in found.text
    assert checks(random_plus_recognizer(BEHAVIORS), materials)["distance"].verdict is Verdict.UNKNOWN


def test_the_command_prints_a_line_for_each_check(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "pairs.safetensors", random_recognizer(BEHAVIORS), PROVENANCE)
    flags = ["--data-dir", str(lake.raw), "--checkpoint", str(tmp_path / "pairs.safetensors")]
    assert apply_check.main(flags) == EXIT_OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["bodyparts", "frame rate", "units", "behaviors", "labs", "distance"]
    assert apply_check.main([*flags, "--reference", str(lake.raw), "--json"]) == EXIT_OK
    told = json.loads(capsys.readouterr().out)
    assert told["checks"][-1]["verdict"] == "fits"


def test_what_cannot_work_has_its_own_exit_code(lake: Lake, tmp_path: Path, capsys) -> None:
    save(tmp_path / "rest.safetensors", random_recognizer(("rest",)), PROVENANCE)
    assert apply_check.main(["--data-dir", str(lake.raw), "--checkpoint", str(tmp_path / "rest.safetensors")]) == EXIT_CONTRACT
    assert apply_check.main(["--data-dir", str(tmp_path), "--checkpoint", str(tmp_path / "rest.safetensors")]) == EXIT_USAGE
    assert apply_check.main(["--data-dir", str(lake.raw), "--checkpoint", str(tmp_path / "no.safetensors")]) == EXIT_USAGE
    save(tmp_path / "films.safetensors", random_film_recognizer(), PROVENANCE)
    assert apply_check.main(["--data-dir", str(lake.raw), "--checkpoint", str(tmp_path / "films.safetensors")]) == EXIT_USAGE
    assert "Traceback" not in capsys.readouterr().err


def test_recordings_of_many_are_chosen_evenly(tmp_path: Path) -> None:
    made = build_lake(tmp_path, {"ReflectiveManatee": 12}, seconds=2)
    assert len(pd.read_csv(made.raw / "train.csv")) == 12
    assert [one.recording.video_id for one in apply_check._materials(made.raw)] == [101, 103, 105, 107, 109, 111]
