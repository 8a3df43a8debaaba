"""Tables for notebooks hold what the files hold."""

import pandas as pd
import pytest
from simulated_lake import Lake

from behavior.contract import UsageError
from behavior.ethogram import BEHAVIORS
from inference import exploration


def test_recordings_have_their_mice_and_bodyparts(lake: Lake):
    rows = exploration.recordings(lake.raw)
    assert rows["video_id"].tolist() == [101, 102, 103, 104]
    assert rows["annotated"].all()
    assert set(rows["mice"]) == {2}
    assert set(rows["bodyparts"]) == {7}
    assert exploration.bodypart_schemes(rows).loc["CalMS21_task2"].eq(1).sum() == 7


def test_bouts_are_those_of_the_annotations_in_seconds(lake: Lake):
    bouts = exploration.bouts(lake.raw)
    files = [pd.read_parquet(path, partitioning=None) for path in sorted((lake.raw / "train_annotation").rglob("*.parquet"))]
    assert len(bouts) == sum(map(len, files))
    frames = sum(int((one["stop_frame"] - one["start_frame"]).sum()) for one in files)
    assert bouts["duration_s"].sum() == pytest.approx(frames / 30)
    assert set(bouts["kind"]) == {"pair"}


def test_every_behavior_of_the_ethogram_has_a_row_also_without_bouts(lake: Lake):
    bouts = exploration.bouts(lake.raw)
    classes = exploration.class_imbalance(bouts, exploration.recordings(lake.raw)).set_index("action")
    assert set(classes.index) == set(BEHAVIORS)
    assert classes.loc["sniff", "bouts"] == (bouts["action"] == "sniff").sum()
    assert classes.loc["sniff", "labs"] == 1
    assert classes.loc["dig", ["bouts", "labs"]].tolist() == [0, 0]
    assert exploration.lab_by_behavior(bouts).loc["CalMS21_task2", "sniff"] == pytest.approx(classes.loc["sniff", "seconds"])


def test_quality_and_paths_are_of_the_first_recordings_of_each_lab(lake: Lake):
    quality = exploration.quality(lake.raw, per_lab=2)
    assert quality["video_id"].tolist() == [101, 102]
    missing = exploration.missing_by_bodypart(quality)
    assert missing.loc["CalMS21_task2"].mean() == pytest.approx(quality["missing_share"].mean(), abs=1e-4)
    paths = exploration.paths(lake.raw, seconds=3)
    assert paths.groupby("mouse").size().to_dict() == {"mouse 1": 90, "mouse 2": 90}


def test_an_empty_folder_says_what_to_set(tmp_path):
    with pytest.raises(UsageError, match="MABE_DATA_DIR"):
        exploration.recordings(tmp_path)
