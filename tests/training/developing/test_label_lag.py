"""Labels that are written late are noticed, by how much, and only if they are."""

from pathlib import Path

import pytest
from simulated_lake import Lake

from training.developing.label_lag import label_lag, lag_sums
from training.developing.words import lag_lines
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import FoldPlan, plan_folds
from training.material.simulated_zone import write_simulated_zone


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from behavior.simulated.recordings import PROFILES

    folder = tmp_path_factory.mktemp("zone")
    write_simulated_zone(folder, [PROFILES["CalMS21_task2"]], 8, 120, seed=0)
    return folder


def plan(zone: Path, late_s: float) -> FoldPlan:
    return plan_folds(CuratedZone(zone, late_s), None, 2)


def test_a_lag_that_was_put_into_the_labels_is_seen(zone: Path) -> None:
    """Labels half a second late lie half a second later than those without: whatever these have, the difference is half a second."""
    found = {}
    for late_s in (0.0, -0.5):  # read later than they were written
        own = plan(zone, late_s)
        found[late_s] = label_lag(lag_sums(own), own)
    usual, late = found[0.0], found[-0.5]
    assert usual is not None
    assert late is not None
    assert late.together.value - usual.together.value == pytest.approx(0.5, abs=0.15)
    assert late.is_shown
    assert "late" in lag_lines(late, 0.0)[0]
    assert "--labels-late" in lag_lines(late, 0.0)[0]


def test_the_lag_of_training_folds_sees_no_other_recording(zone: Path) -> None:
    own = plan(zone, 0.0)
    sums = lag_sums(own)
    few = own.splits[0].held_out
    changed = [one if recording.video_id in few else None for one, recording in zip(sums, own.recordings, strict=True)]
    assert label_lag(sums, own, few) is not None
    assert label_lag(sums, own, few) == label_lag(changed, own, few)  # type: ignore[arg-type]


def test_with_one_recording_or_few_bouts_there_is_no_lag(lake: Lake) -> None:
    own = plan_folds(CuratedZone(lake.curated), ["CalMS21_task2"], 2)
    assert label_lag([], own, [101]) is None
    assert "too few" in lag_lines(None, 0.0)[0]
