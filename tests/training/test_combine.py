"""Combinations: cross-fitted, judged as any run, served as one file."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_lake import Lake
from small_recognizer import scores_of

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from behavior.labelling import Subject
from recognizers.checkpoint import read_header, videos_seen
from recognizers.ensemble import Ensemble, WeightedMean
from recognizers.families import load_recognizer
from recognizers.recognizer import Recognizer
from recognizers.stacked import Stack, Stacked
from training import combine, cross_validate
from training.combining.combination import Combination, How, cross_fit_combiners
from training.combining.member_runs import MemberRuns
from training.judging.out_of_fold import OutOfFold
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import plan_folds
from training.recipes import named as recipes
from training.recipes.network_recipe import Recipe

LAB = "CalMS21_task2"


@pytest.fixture(scope="session")
def members(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two small networks cross-validated on one lab, one epoch, two folds."""
    folders = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "tiny", tiny_recipe)
        for seed in (1, 2):
            folders.append(tmp_path_factory.mktemp(f"seed{seed}"))
            flags = ["--recipe", "tiny", "--folds", "2", "--labs", LAB, "--device", "cpu", "--curated", str(lake.curated)]
            assert cross_validate.main([*flags, "--seed", str(seed), "--output-dir", str(folders[-1])]) == EXIT_OK
    return folders[0], folders[1]


def tiny_recipe() -> Recipe:
    network = replace(recipes.cnn_transformer_small().network, width=16, dilations=(1, 2), layers=1, heads=2)
    return replace(recipes.cnn_transformer_small(), name="tiny", network=network, epochs=1, batch=8)


def run(lake: Lake, *flags: object) -> int:
    return combine.main(["--curated", str(lake.curated), "--folds", "2", "--labs", LAB, *map(str, flags)])


def told(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize(("how", "kind"), [("equal", Ensemble), ("fitted", Ensemble), ("stacked", Stacked)])
def test_a_combination_is_judged_as_any_run_and_served_as_one_file(
    how: str, kind: type, lake: Lake, members: tuple[Path, Path], tmp_path: Path, capsys
) -> None:
    assert run(lake, "--members", *members, "--how", how, "--output-dir", tmp_path / how, "--against", members[0]) == EXIT_OK
    report = told(tmp_path / how)
    assert report["recipe"] == f"{how}(tiny-seed1, tiny-seed2)"
    assert report["headline"]["average_precision"]["value"] > 0
    assert report["against"]["recipe"] == "tiny"
    assert "fold" in (tmp_path / how / "report.html").read_text()

    path = tmp_path / how / combine.COMBINED
    served = load_recognizer([path])
    assert isinstance(served, kind)
    assert [len(member.members) for member in served.members] == [2, 2]
    fitted = json.loads((tmp_path / how / "decoding.json").read_text())["decoding"]
    assert list(served.decoding.thresholds) == fitted["thresholds"]
    recording = lake.recordings[0]
    curated = CuratedZone(lake.curated).tracking(recording)
    for pair, scores in scores_of(served, curated, recording).items():
        assert pair in recording.pairs
        assert scores.shape == (curated.frames, len(served.behaviors))
        assert 0 <= scores.min() <= scores.max() <= 1
    assert videos_seen([read_header(path)]) == {101, 102, 103, 104}


@pytest.mark.parametrize("how", ["fitted", "stacked"])
def test_serving_scores_as_the_scores_that_were_judged(how: str, lake: Lake, members: tuple[Path, Path], tmp_path: Path) -> None:
    """What judged fold 1 is put together from its parts and asked about the tracking of what fold 1 held out."""
    assert run(lake, "--members", *members, "--how", how, "--output-dir", tmp_path) == EXIT_OK
    plan = plan_folds(CuratedZone(lake.curated), [LAB], 2)
    runs = MemberRuns(tuple(map(OutOfFold, members)), plan)
    combiner = cross_fit_combiners(runs, Combination(How(how), runs.names))[1]
    of_fold = tuple(load_recognizer([folder / "fold-1" / "tiny.safetensors"]) for folder in members)
    if isinstance(combiner, Stack):
        served: Recognizer = Stacked(of_fold, combiner, of_fold[0].decoding)
    else:
        places = [runs.behaviors.index(behavior) for behavior in Ensemble(of_fold).behaviors]
        weights = tuple(tuple(row[place] for place in places) for row in combiner.weights)
        served = Ensemble(of_fold, WeightedMean(weights, tuple(combiner.smooth_s[place] for place in places)))
    recording = next(one for one in plan.recordings if one.video_id in plan.splits[0].held_out)
    behaviors = OutOfFold(tmp_path).record(1).behaviors
    columns = [served.behaviors.index(behavior) for behavior in behaviors]
    for pair, scores in scores_of(served, plan.zone.tracking(recording), recording).items():
        np.testing.assert_allclose(scores[:, columns], OutOfFold(tmp_path).scores(recording, Subject(*pair)), atol=2e-3)


def test_a_combination_can_be_compared_with_and_has_a_line_by_its_name(
    lake: Lake, members: tuple[Path, Path], tmp_path: Path, capsys
) -> None:
    flags = ("--members", *members, "--output-dir", tmp_path / "out")
    assert run(lake, *flags) == EXIT_OK
    assert run(lake, *flags, "--against", tmp_path / "out") == EXIT_OK
    assert told(tmp_path / "out")["against"]["gain"]["frame_f1"]["value"] == 0
    line = (tmp_path / "out" / "experiment.md").read_text()
    assert "| equal(tiny-seed1, tiny-seed2) |" in line
    assert "within the noise against equal(tiny-seed1, tiny-seed2), seed 0" in line


def test_one_member_becomes_the_mean_of_its_folds_without_training_again(lake: Lake, members: tuple[Path, Path], tmp_path: Path) -> None:
    assert run(lake, "--members", members[0], "--output-dir", tmp_path) == EXIT_OK
    assert told(tmp_path)["headline"]["average_precision"] == told(members[0])["headline"]["average_precision"]
    folds = [load_recognizer([members[0] / f"fold-{fold}" / "tiny.safetensors"]) for fold in (1, 2)]
    served = load_recognizer([tmp_path / combine.COMBINED])
    recording = lake.recordings[0]
    curated = CuratedZone(lake.curated).tracking(recording)
    assert served.behaviors == folds[0].behaviors == folds[1].behaviors
    for (_pair, scores), *own in zip(
        scores_of(served, curated, recording).items(), *(scores_of(fold, curated, recording).items() for fold in folds), strict=True
    ):
        np.testing.assert_allclose(scores, (own[0][1] + own[1][1]) / 2, atol=1e-6)


def test_runs_on_other_folds_are_refused(lake: Lake, members: tuple[Path, Path], tmp_path: Path, capsys) -> None:
    flags = ["--curated", str(lake.curated), "--folds", "3", "--labs", LAB, "--members", str(members[0])]
    assert combine.main([*flags, "--output-dir", str(tmp_path / "out")]) == EXIT_CONTRACT
    assert "to be a run on the same folds, but got others" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_member_without_its_checkpoints_is_refused_before_the_work(
    lake: Lake, members: tuple[Path, Path], tmp_path: Path, capsys
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(members[0], bare)
    for file in bare.glob("fold-*/*.safetensors"):
        file.unlink()
    assert run(lake, "--members", bare, "--output-dir", tmp_path / "out") == EXIT_CONTRACT
    err = capsys.readouterr().err
    assert "fold-1, but got 0" in err
    assert "fold-2, but got 0" in err
    assert not (tmp_path / "out").exists()


def test_a_curated_zone_that_is_not_there_is_a_usage_error(members: tuple[Path, Path], capsys) -> None:
    assert combine.main(["--members", str(members[0]), "--curated", "nowhere"]) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("error: Expected --curated")
