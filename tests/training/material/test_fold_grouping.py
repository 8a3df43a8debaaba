"""Which recordings stay in one fold: of one content, of one animal, of one name."""

from pathlib import Path

import pytest
from simulated_lake import Lake

from behavior.contract import UsageError
from training.material.curated_zone import CuratedZone
from training.material.fold_grouping import grouping_of, merged_groups
from training.material.fold_plan import plan_folds, sensible_folds


def test_groups_of_two_kinds_are_joined_also_by_way_of_others() -> None:
    """2 has the content of 1, 3 the animal of 2, and 5 the animal of 4; 6 is alone."""
    content = {1: 1, 2: 1, 3: 3, 4: 4, 5: 5, 6: 6}
    animal = {2: "a", 3: "a", 4: "b", 5: "b"}
    assert merged_groups(content, animal) == {1: 1, 2: 1, 3: 1, 4: 4, 5: 4, 6: 6}
    assert merged_groups(content, {}) == content


def names(folder: Path, *rows: str) -> str:
    path = folder / "names.csv"
    path.write_text("\n".join(["video_id,name", *rows]) + "\n")
    return f"{path}:name"


def test_a_pattern_takes_the_animal_out_of_a_name(lake: Lake, tmp_path: Path) -> None:
    zone = CuratedZone(lake.curated)
    named = names(tmp_path, "101,adult_7", "102,young_7", "103,adult_8", "104,unknown")
    assert grouping_of(zone, zone.annotated_recordings(), named, r"_(\d+)$") == {101: "7", 102: "7", 103: "8"}
    assert grouping_of(zone, zone.annotated_recordings(), named, r"adult|young") == {101: "adult", 102: "young", 103: "adult"}


def test_recordings_of_one_group_are_held_out_together_and_excluded_ones_are_gone(lake: Lake, tmp_path: Path) -> None:
    zone = CuratedZone(lake.curated)
    named = names(tmp_path, "101,a", "102,a", "103,b", "104,b")
    plan = plan_folds(zone, ["CalMS21_task2"], 2, lambda recordings: grouping_of(zone, recordings, named))
    assert sorted(split.held_out for split in plan.splits) == [(101, 102), (103, 104)]
    assert set(plan.groups.values()) == {101, 103}
    fewer = plan_folds(zone, ["CalMS21_task2"], 3, excluded=[104])
    assert sorted(video for split in fewer.splits for video in split.held_out) == [101, 102, 103]
    with pytest.raises(UsageError, match="--exclude"):
        plan_folds(zone, ["CalMS21_task2"], 2, excluded=[105])  # of another lab


def test_what_cannot_group_is_refused_with_the_next_thing_to_do(lake: Lake, tmp_path: Path) -> None:
    zone = CuratedZone(lake.curated)
    recordings = zone.annotated_recordings()
    wrong = {
        "frames_per_second_": "column of the metadata",
        "video_width_pix": "to tell recordings apart",
        f"{tmp_path}/none.csv:name": "a file at",
        names(tmp_path, "101,a").replace(":name", ":animal"): "columns video_id and animal",
    }
    for by, says in wrong.items():
        with pytest.raises(UsageError, match=says):
            grouping_of(zone, [one for one in recordings if one.lab_id == "CalMS21_task2"], by)
    with pytest.raises(UsageError, match="regular expression"):
        grouping_of(zone, recordings, "lab_id", "(")


@pytest.mark.parametrize(("groups", "folds"), [(2, 2), (4, 4), (6, 6), (7, 6), (12, 6), (13, 4), (41, 4)])
def test_few_groups_make_many_folds(groups: int, folds: int) -> None:
    assert sensible_folds(groups) == folds


def test_late_labels_are_read_earlier_and_never_before_the_first_frame(lake: Lake) -> None:
    """Half a second late at 30 frames a second: 15 frames."""
    zone = CuratedZone(lake.curated)
    recordings = [one for one in zone.annotated_recordings() if one.lab_id == "CalMS21_task2"]
    written, read = zone.bouts(recordings), CuratedZone(lake.curated, labels_late_s=0.5).bouts(recordings)
    kept = written[written["stop_frame"] > 15].reset_index(drop=True)
    assert (kept["start_frame"] - 15).clip(lower=0).tolist() == read["start_frame"].tolist()
    assert (kept["stop_frame"] - 15).tolist() == read["stop_frame"].tolist()
    assert kept["action"].tolist() == read["action"].tolist()
