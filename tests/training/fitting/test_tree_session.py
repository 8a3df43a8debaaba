"""Trees grown from a curated zone: which rows teach, who gets a model, how a run goes on, what the entry points say."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from simulated_lake import Lake
from small_recognizer import scores_of

from behavior.contract import EXIT_OK, ContractError
from behavior.labelling import PairLabelling
from behavior.material import Material
from behavior.views.pair_statistics import PairStatistics
from behavior.views.sampling import sample_count
from recognizers import checkpoint
from recognizers.boosted_trees import TreesConfig
from recognizers.families import load_recognizer
from training import cross_validate, train
from training.fitting.prepare import prepare
from training.fitting.session import Machine
from training.fitting.tree_session import ALL_LABS, TreeSession
from training.material.curated_zone import CuratedZone
from training.material.folds import Split
from training.material.tree_rows import tree_rows
from training.recipes import named as recipes
from training.recipes.trees_recipe import TreesRecipe

FEW = TreesConfig(trees=8, leaves=6, learning_rate=0.4, least_rows=5, feature_fraction=0.2, every_nth=3)
TINY = TreesRecipe("tiny_trees", FEW, windows_s=(0.5,), smooth_s=0.3, score_every=2, most_bodyparts=4, least_bouts=3)
ONE_THREAD = Machine(threads=1)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.RECIPES, "tiny_trees", lambda: TINY)


def test_the_recipe_of_trees_is_registered() -> None:
    recipe = recipes.RECIPES["trees"]()
    assert (recipe.name, recipe.family) == ("trees", "trees")


def test_rows_are_what_serving_sees_of_the_samples_that_teach(lake: Lake) -> None:
    zone = CuratedZone(lake.curated)
    recording = next(one for one in zone.annotated_recordings() if one.lab_id == "JovialSwallow")
    curated, bouts = zone.tracking(recording), zone.bouts([recording])
    settings = PairStatistics(("body_center", "nose", "tail_base"), 30.0, windows_s=(0.5,))
    material, labelling = Material.with_tracking(recording, curated), PairLabelling(("attack", "chase"))
    rows = tree_rows([material], bouts, labelling, settings, replace(FEW, every_nth=1))
    samples = sample_count(curated.frames, recording.fps, 30.0)
    assert len(rows) == samples * len(recording.pairs)
    served = np.concatenate([settings.of(curated, recording.fps, subject) for subject in labelling.subjects(recording, curated.mice)])
    np.testing.assert_array_equal(rows.features, served)
    thinned = tree_rows([material], bouts, labelling, settings, FEW)
    places = np.flatnonzero((np.tile(np.arange(samples) % 3 == 0, len(recording.pairs))) | rows.labels.any(axis=1))
    np.testing.assert_array_equal(thinned.features, rows.features[places])
    assert thinned.labels.sum() == rows.labels.sum() > 0


def test_what_a_pair_was_not_annotated_teaches_nothing(lake: Lake) -> None:
    zone = CuratedZone(lake.curated)
    recording = next(one for one in zone.annotated_recordings() if one.lab_id == "CalMS21_task2")
    listed = {triple.behavior for triple in recording.annotated}
    settings = PairStatistics(("nose",), 30.0, windows_s=())
    labelling = PairLabelling((*sorted(listed), "fly"))
    rows = tree_rows([zone.material(recording)], zone.bouts([recording]), labelling, settings, FEW)
    assert rows.mask[:, :-1].any()
    assert not rows.mask[:, -1].any()


def test_a_few_recordings_are_learned_by_heart(lake: Lake) -> None:
    """What teaches also validates: nearly every frame must come back."""
    split = Split((101, 102), (101, 102), ())
    recipe = replace(TINY, trees=replace(FEW, trees=40, every_nth=1), smooth_s=0.0, refit=False)
    session = prepare(lake.curated, recipe, 0, ONE_THREAD, split)
    session.fit(lambda line: None)
    assert session.run.verdict is not None
    assert session.run.verdict.score > 0.9


def test_trees_are_grown_again_with_what_validated_and_keep_the_thresholds(lake: Lake) -> None:
    split = Split((101, 102), (103,), (104,))
    first, again = (prepare(lake.curated, replace(TINY, refit=refit), 0, ONE_THREAD, split) for refit in (False, True))
    for session in (first, again):
        session.fit(lambda line: None)
    assert first.recognizer().decoding == again.recognizer().decoding
    rows = {which: [entry["rows"] for entry in again.run.history if entry["pass"] == which] for which in ("first", "again")}
    assert rows["first"] == [entry["rows"] for entry in first.run.history]
    assert all(more > fewer for more, fewer in zip(rows["again"], rows["first"], strict=True))
    zone = CuratedZone(lake.curated)
    recording = next(one for one in zone.annotated_recordings() if one.video_id == 104)
    (_, less), (_, more) = (next(iter(scores_of(one.recognizer(), zone.tracking(recording), recording).items())) for one in (first, again))
    assert np.abs(less - more).max() > 0.05


def test_a_lab_has_its_own_model_of_what_it_has_enough_of_and_others_have_too(lake: Lake) -> None:
    zone = CuratedZone(lake.curated)
    recordings = zone.annotated_recordings()
    bouts = zone.bouts(recordings)
    labs = {recording.video_id: recording.lab_id for recording in recordings}
    counts = bouts.groupby([bouts["video_id"].map(labs), "action"]).size().unstack(0).fillna(0)
    expected = {lab: sorted(counts.index[(counts[lab] >= 3) & (counts > 0).all(axis=1)]) for lab in ("CalMS21_task2", "JovialSwallow")}
    session = prepare(lake.curated, TINY, 0, ONE_THREAD, Split(tuple(sorted(labs)), (), ()))
    found = {lab: sorted(np.array(session.behaviors)[chosen].tolist()) for lab, chosen in session.own_models.items()}
    assert found == {lab: names for lab, names in expected.items() if names}
    assert found  # attack and sniff are seen in both
    many = prepare(lake.curated, replace(TINY, least_bouts=10_000), 0, ONE_THREAD, Split(tuple(sorted(labs)), (), ()))
    assert many.own_models == {}


def begun(lake: Lake, recipe: TreesRecipe = TINY, seed: int = 0) -> TreeSession:
    """Two recordings of each lab teach, one of each validates; both labs have models of their own."""
    session = prepare(lake.curated, recipe, seed, ONE_THREAD, Split((101, 102, 105, 106), (103, 107), (104,)))
    assert isinstance(session, TreeSession)
    assert set(session.own_models) == {"CalMS21_task2", "JovialSwallow"}
    return session


def stopped(session: TreeSession, folder: Path, when: Callable[[TreeSession], bool]) -> TreeSession:
    """Save the state after each step, as the scripts do, until a step after which the run is stopped."""

    def stop(line: str) -> None:
        session.save_state(folder)
        if when(session):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.fit(stop)
    return session


def told(session: TreeSession) -> list[dict]:
    """Return the history without seconds."""
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in session.run.history]


@pytest.fixture(scope="module")
def whole(lake: Lake) -> TreeSession:
    """A run that was never stopped."""
    session = begun(lake)
    session.fit(lambda line: None)
    return session


@pytest.mark.parametrize("at", [1, 3])
def test_a_run_stopped_within_a_lab_goes_on_after_the_last_behavior(at: int, lake: Lake, whole: TreeSession, tmp_path: Path) -> None:
    stopped(begun(lake), tmp_path, lambda session: session.run.grown == [("first", ALL_LABS)] and len(session.run.begun) == at)
    resumed, lines = begun(lake), []
    assert resumed.restore(tmp_path)
    assert resumed.progress == f"{len(resumed.behaviors) + at} models"
    resumed.fit(lines.append)
    assert len(lines) == len(whole.run.history) + 1 - len(whole.behaviors) - at  # nothing is done again
    assert told(resumed) == told(whole)
    (header, tensors), (expected_header, expected) = (session.recognizer().parts({}) for session in (resumed, whole))
    assert header["network"]["score_every"] == TINY.score_every
    assert header == expected_header
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())


@pytest.mark.parametrize(
    ("grown", "judged"),
    [
        ([("first", ALL_LABS)], False),
        ([("first", ALL_LABS), ("first", "CalMS21_task2")], False),
        ([("first", ALL_LABS), ("first", "CalMS21_task2"), ("first", "JovialSwallow")], False),
        ([("first", ALL_LABS), ("first", "CalMS21_task2"), ("first", "JovialSwallow")], True),
        ([("first", ALL_LABS), ("first", "CalMS21_task2"), ("first", "JovialSwallow"), ("again", ALL_LABS)], True),
    ],
    ids=["shared trees", "first lab", "first pass", "verdict", "shared trees again"],
)
def test_a_resumed_run_ends_as_the_one_that_was_never_stopped(
    grown: list[tuple[str, str]], judged: bool, lake: Lake, whole: TreeSession, tmp_path: Path
) -> None:
    stopped(begun(lake), tmp_path, lambda session: (session.run.grown, session.run.verdict is not None) == (grown, judged))
    resumed, lines = begun(lake), []
    assert resumed.restore(tmp_path)
    assert (resumed.run.grown, resumed.run.verdict is not None) == (grown, judged)
    assert resumed.progress == f"{len(grown) * len(resumed.behaviors)} models"
    resumed.fit(lines.append)
    assert resumed.run.verdict == whole.run.verdict
    assert told(resumed) == told(whole)
    assert len(lines) == len(whole.run.history) - len(grown) * len(whole.behaviors) + (not judged)  # nothing is done again
    (header, tensors), (expected_header, expected) = (session.recognizer().parts({}) for session in (resumed, whole))
    assert header["network"]["score_every"] == TINY.score_every
    assert header == expected_header
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())


def test_the_state_of_another_run_is_refused_with_the_difference(lake: Lake, tmp_path: Path) -> None:
    assert not begun(lake).restore(tmp_path)
    stopped(begun(lake), tmp_path, lambda session: len(session.run.grown) == 1)
    with pytest.raises(ContractError, match="to be of this run, but got another: seed was 0 and is 5"):
        begun(lake, seed=5).restore(tmp_path)
    with pytest.raises(ContractError, match=r"recipe smooth_s was 0\.3 and is 0\.4"):
        begun(lake, replace(TINY, smooth_s=0.4)).restore(tmp_path)
    other = begun(lake)
    fewer = replace(other, rows=other.rows.of_lab("CalMS21_task2", np.ones(len(other.behaviors), bool)))
    with pytest.raises(ContractError, match=rf"rows was {len(other.rows)} and is {len(fewer.rows)}"):
        fewer.restore(tmp_path)


def test_a_finished_run_of_trees_is_not_repeated(lake: Lake, tmp_path: Path, capsys) -> None:
    folders = ["--curated", lake.curated, "--model-dir", tmp_path, "--checkpoint-dir", tmp_path / "c"]
    flags = [*folders, "--recipe", "tiny_trees", "--threads", "1"]
    assert train.main(list(map(str, flags))) == EXIT_OK
    first = (tmp_path / "tiny_trees.safetensors").read_bytes()
    grown = capsys.readouterr().out.count("pass=")
    assert train.main(list(map(str, flags))) == EXIT_OK
    out = capsys.readouterr().out
    assert f"Resumed after {grown} models" in out
    assert "pass=" not in out
    assert (tmp_path / "tiny_trees.safetensors").read_bytes() == first


def test_training_by_command_writes_a_checkpoint_and_says_what_does_not_apply(lake: Lake, tmp_path: Path, capsys) -> None:
    flags = ["--curated", lake.curated, "--recipe", "tiny_trees", "--model-dir", tmp_path, "--output-dir", tmp_path]
    assert (
        train.main([str(flag) for flag in (*flags, "--epochs", "3", "--threads", "1", "--checkpoint-dir", tmp_path / "state")]) == EXIT_OK
    )
    told = capsys.readouterr()
    assert "Recipe tiny_trees has no such setting: --epochs is ignored." in told.err
    assert "8 trees per model" in told.out
    assert "pass=first lab=all behavior=attack" in told.out
    assert "val_score=" in told.out
    header = checkpoint.read_header(tmp_path / "tiny_trees.safetensors")
    assert header["recipe"]["trees"]["trees"] == 8
    recognizer = load_recognizer([tmp_path / "tiny_trees.safetensors"])
    assert recognizer.decoding.thresholds == tuple(header["decoding"]["thresholds"])
    assert (tmp_path / "report.json").is_file()


def test_cross_validation_by_command_reports_trees(lake: Lake, tmp_path: Path, capsys) -> None:
    flags = ["--curated", lake.curated, "--recipe", "tiny_trees", "--output-dir", tmp_path, "--folds", "2", "--threads", "1"]
    assert cross_validate.main([str(flag) for flag in (*flags, "--labs", "CalMS21_task2")]) == EXIT_OK
    told = capsys.readouterr().out
    assert "fold=1/2 pass=first lab=all behavior=attack" in told
    assert "fold=2/2 done, models=" in told
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "decoding.json").is_file()


def test_recordings_without_a_bout_and_without_an_annotated_mouse_are_refused(lake: Lake) -> None:
    with pytest.raises(ContractError, match="Expected bouts in the training recordings"):
        prepare(lake.curated, TINY, 0, ONE_THREAD, Split((), (101,), ()))


@pytest.mark.parametrize("wrong", [{"fps": 0.0}, {"most_bodyparts": 0}, {"least_bouts": 0}, {"smooth_s": -1.0}, {"score_every": 0}])
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Expected"):
        replace(TINY, **wrong)
