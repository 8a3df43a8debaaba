"""A learning curve: fewer training recordings, the same ones held out."""

import itertools
from pathlib import Path

from simulated_lake import Lake
from small_trees import small

from training.developing.learning_curve import curve_shares, learning_curve
from training.developing.running import Clock, try_candidate
from training.fitting.session import Machine
from training.judging.out_of_fold import OutOfFold
from training.material.curated_zone import CuratedZone
from training.material.fold_plan import plan_folds

ONE_THREAD = Machine(threads=1)


def test_each_point_has_a_part_of_the_training_recordings_of_the_next(lake: Lake, tmp_path: Path) -> None:
    plan = plan_folds(CuratedZone(lake.curated), None, 2)  # 7 recordings
    quick = small("quick")
    tried = try_candidate(quick, plan, OutOfFold(tmp_path / "quick"), 0, ONE_THREAD, Clock(10), True, lambda line: None)
    points = learning_curve(quick, tried.store, plan, tmp_path / "curve", 0, ONE_THREAD, lambda line: None, lambda seconds: True)
    assert [point.recordings for point in points] == sorted(point.recordings for point in points)
    assert points[-1].recordings == sum(len(split.train) + len(split.validation) for split in plan.splits) / 2
    for fold, split in enumerate(plan.splits, start=1):
        stores = [OutOfFold(tmp_path / "curve" / f"share-{share:g}") for share in curve_shares(plan)] + [tried.store]
        taught = [set(store.record(fold).split.train) for store in stores]
        assert all(fewer < more for fewer, more in itertools.pairwise(taught))
        assert all(store.record(fold).split.held_out == split.held_out for store in stores)
    assert set(points[0].series) == set(points[-1].series)
    assert all(points[0].bouts[name] <= points[-1].bouts[name] for name in points[0].bouts)


def test_without_time_there_is_no_curve(lake: Lake, tmp_path: Path) -> None:
    plan = plan_folds(CuratedZone(lake.curated), ["CalMS21_task2"], 2)
    tried = try_candidate(small("quick"), plan, OutOfFold(tmp_path / "quick"), 0, ONE_THREAD, Clock(10), True, lambda line: None)
    assert learning_curve(small("quick"), tried.store, plan, tmp_path / "curve", 0, ONE_THREAD, print, lambda seconds: False) == []


def test_two_recordings_cannot_be_halved(lake: Lake) -> None:
    """With one recording for training there are no fewer."""
    zone = CuratedZone(lake.curated)
    assert curve_shares(plan_folds(zone, ["CalMS21_task2"], 2, excluded=[103, 104])) == ()
    assert curve_shares(plan_folds(zone, ["CalMS21_task2"], 4)) == (0.25, 0.5)  # 1 and 2 of 3
