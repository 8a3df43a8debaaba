"""Ablation study: simulated once, the same folds for all, one table; each variant lacks what it says it lacks."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from behavior.simulated.lab_habits import HABITUAL
from recognizers.checkpoint import read_header
from reports.estimates import Estimate
from training import ablations
from training.judging.ablation_rows import Row, markdown
from training.material.curated_zone import CuratedZone
from training.material.simulated_zone import write_simulated_zone
from training.recipes import variants
from training.recipes.network_recipe import Recipe
from training.recipes.variants import (
    brief,
    brief_without_mask,
    plus,
    with_lab,
    with_parts,
    with_place,
    with_stir,
    without_mask,
    without_pair_attention,
)


def run(*flags: object) -> int:
    return ablations.main(["--device", "cpu", "--threads", "1", *map(str, flags)])


def small(recipe: Recipe) -> Callable[[], Recipe]:
    return lambda: replace(recipe, network=replace(recipe.network, width=16, dilations=(1,), layers=1, heads=2))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quick study of two variants."""
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        for name, recipe in (("plus", plus()), ("with_lab", with_lab())):
            patch.setattr(variants, name, small(recipe))
        assert run("--quick", "--output-dir", folder, "--variants", "with_lab") == EXIT_OK
    return folder


def test_a_study_writes_one_table_with_a_gain_and_its_interval_for_every_variant(study: Path) -> None:
    rows = {row["name"]: row for row in json.loads((study / "ablations.json").read_text())["rows"]}
    others = [name for name in rows if name != "plus"]
    assert [name for name in others if name != "without_lab_thresholds"] == ["with_lab"]  # a row about lab thresholds only if they are used
    assert rows["plus"]["lost"] is None
    for name in others:
        lost = rows[name]["lost"]
        assert lost["value"] == pytest.approx(rows["plus"]["score"]["value"] - rows[name]["score"]["value"])
        assert lost["low"] <= lost["high"]
    table = (study / "ablations.md").read_text()
    assert all(f"| {name}: " in table for name in rows)
    assert (study / "ablations.png").read_bytes().startswith(b"\x89PNG")


def test_all_variants_have_the_same_folds(study: Path) -> None:
    headers = [read_header(study / f"{name}-seed0" / "fold-1" / f"{name}.safetensors") for name in ("plus", "with_lab")]
    assert headers[0]["videos"] == headers[1]["videos"]
    assert [header["network"]["labs"] for header in headers] == [0, 32]


def test_a_study_of_other_recordings_does_not_mix_with_it(study: Path, capsys) -> None:
    assert run("--labs", "CalMS21_task2", "--output-dir", study) == EXIT_CONTRACT
    assert "to have this study, but got another" in capsys.readouterr().err


def test_an_unknown_lab_or_variant_is_a_usage_error(study: Path, tmp_path: Path, capsys) -> None:
    assert run("--labs", "Atlantis", "--output-dir", tmp_path) == EXIT_USAGE
    assert "but got Atlantis" in capsys.readouterr().err
    assert run("--quick", "--variants", "without_luck", "--output-dir", study) == EXIT_USAGE
    assert "but got without_luck" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("whole", "variant", "changed"),
    [
        (plus, without_mask, {"loss.unknown_is_absent"}),
        (plus, with_lab, {"network.labs"}),
        (plus, without_pair_attention, {"network.pair_attention"}),
        (plus, with_place, {"network.place"}),
        (plus, with_stir, {"network.stir_s", "augmentation.noise_cm"}),
        (with_stir, with_parts, {"network.place", "network.pair_attention"}),
        (brief, brief_without_mask, {"loss.unknown_is_absent"}),
    ],
)
def test_a_variant_differs_in_one_thing(whole, variant, changed: set[str]) -> None:
    one, other = flat(asdict(whole())), flat(asdict(variant()))
    assert {key for key in one if one[key] != other[key]} == {"name", *changed}


def flat(value: dict) -> dict:
    return {
        f"{key}.{inner}" if isinstance(part, dict) else key: content
        for key, part in value.items()
        for inner, content in (part.items() if isinstance(part, dict) else [("", part)])
    }


def test_a_gain_whose_interval_holds_zero_is_within_the_noise() -> None:
    score, nothing = Estimate(0.5, 0.4, 0.6), Estimate(0.01, -0.02, 0.03)
    rows = [
        Row("plus", "whole", score, score, None, None, 60.0),
        Row("less", "no ears", score, score, nothing, Estimate(0.1, 0.05, 0.2), 30.0),
    ]
    lines = markdown(rows, "about").splitlines()
    assert "| plus: whole | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |  |  | 60 s |" in lines
    (less,) = [line for line in lines if line.startswith("| less")]
    assert less.endswith("| +0.010 [-0.020, +0.030], within the noise | +0.100 [+0.050, +0.200] | 30 s |")


def test_a_simulated_zone_is_one_that_training_reads(tmp_path: Path) -> None:
    write_simulated_zone(tmp_path, [HABITUAL["CalMS21_task2"], HABITUAL["JovialSwallow"]], recordings=2, seconds=15, seed=0)
    zone = CuratedZone(tmp_path)
    recordings = zone.annotated_recordings()
    assert [(recording.lab_id, recording.video_id) for recording in recordings] == [
        ("CalMS21_task2", 1000),
        ("CalMS21_task2", 1001),
        ("JovialSwallow", 2000),
        ("JovialSwallow", 2001),
    ]
    assert zone.content_groups() == {1000: 1000, 1001: 1001, 2000: 2000, 2001: 2001}
    assert len(zone.bouts(recordings))
    assert zone.tracking(recordings[3]).frames == 150
