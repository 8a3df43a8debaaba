import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from foreign_files import SCORER, dlc_table

from aws_pipeline import validate
from aws_pipeline.import_pose import main
from behavior.ids import video_of_name
from behavior.recording import recordings_from_rows
from behavior.tables import RAW_TRACKING, parse_metadata

SAID = ("--lab", "MyLab", "--fps", "29.97", "--pix-per-cm", "16")


@pytest.fixture
def cage(tmp_path):
    """Two mice; the nose of the second one is doubtful in the first frame."""
    table = dlc_table(animals=["resident", "intruder"], frames=range(20))
    table.loc[0, (SCORER, "intruder", "nose", "likelihood")] = 0.3
    path = tmp_path / f"cage1_day2{SCORER}.csv"
    table.to_csv(path)
    return path


def rows_of(data_dir, split="train"):
    with (data_dir / f"{split}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_file_becomes_a_recording_of_the_raw_layout_with_its_names(here, cage, tmp_path):
    data_dir = tmp_path / "mine"
    told = here(main, cage, *SAID, "--data-dir", data_dir)
    assert told.returncode == 0, told.stderr
    video = video_of_name("MyLab", "cage1_day2")
    assert f"recording  cage1_day2, lab MyLab, video {video}" in told.stdout
    assert "mice       mouse1 = intruder, mouse2 = resident" in told.stdout
    (recording,) = recordings_from_rows(parse_metadata((data_dir / "train.csv").read_bytes(), "train.csv").to_pylist())
    assert (recording.shown, recording.video_id, recording.fps, recording.pix_per_cm) == ("cage1_day2", video, 29.97, 16)
    tracks = RAW_TRACKING.check(pq.read_table(data_dir / f"train_tracking/MyLab/{video}.parquet", partitioning=None), "tracks")
    first = tracks.slice(0, 1).to_pylist()[0]
    assert first == {"video_frame": 0, "mouse_id": 1, "bodypart": "nose", "x": 100.0, "y": 5.0}
    assert len(tracks) == 2 * 2 * 20
    (row,) = rows_of(data_dir)
    assert (json.loads(row["mouse_names"]), row["scale_source"], row.get("likelihood_threshold")) == (
        ["intruder", "resident"],
        "measured",
        None,
    )
    assert here(validate.main, data_dir).returncode == 0


def test_the_command_runs_as_a_file_from_any_folder(script, cage, tmp_path):
    told = script("aws_pipeline/import_pose.py", cage, *SAID)
    assert told.returncode == 0, told.stderr
    assert len(rows_of(tmp_path / "data")) == 1


def test_a_dry_run_writes_nothing_and_says_what_was_understood_and_what_is_missing(here, cage, tmp_path):
    told = here(main, cage, "--dry-run", "--data-dir", tmp_path / "mine")
    assert told.returncode == 2
    assert not (tmp_path / "mine").exists()
    for line in ("frames     20 from 0", "bodyparts  nose, tail_base", "points     0.0% lost; 1.2% below a likelihood of 0.6"):
        assert line in told.stdout
    name = cage.name
    assert [line for line in told.stderr.splitlines() if line.startswith("error")] == [
        f"error: {name}: Expected frames per second, which the file does not say, but got none. Give --fps.",
        f"error: {name}: Expected a scale, which the file does not say, but got none. Give --pix-per-cm, or --arena-cm with --arena-px, "
        "or --body-length-cm, or --no-scale to use the body length as the unit.",
        f"error: {name}: Expected a lab, which the file does not say, but got none. Give --lab.",
    ]
    told = here(main, cage, *SAID, "--dry-run", "--json", "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    (one,) = json.loads(told.stdout)["recordings"]
    assert (one["recording"], one["frames"], one["fps"], one["state"]) == ("cage1_day2", 20, 29.97, "would be added")
    assert not (tmp_path / "mine").exists()


def test_a_second_run_changes_nothing_and_a_changed_file_replaces_its_rows(here, cage, tmp_path):
    data_dir = tmp_path / "mine"
    here(main, cage, *SAID, "--data-dir", data_dir)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in data_dir.rglob("*") if path.is_file()}
    told = here(main, cage, *SAID, "--data-dir", data_dir)
    assert "recordings: 1 unchanged" in told.stdout
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in data_dir.rglob("*") if path.is_file()} == before
    told = here(main, cage, *SAID, "--likelihood", "0.6", "--data-dir", data_dir)
    assert "recordings: 1 changed" in told.stdout
    (tracks,) = (data_dir / "train_tracking/MyLab").iterdir()
    assert len(pq.read_table(tracks, partitioning=None)) == 2 * 2 * 20 - 1
    (row,) = rows_of(data_dir)
    assert row["likelihood_threshold"] == "0.6"


def test_importing_poses_again_keeps_annotations_and_other_recordings(here, cage, tmp_path):
    data_dir = tmp_path / "mine"
    here(main, cage, *SAID, "--data-dir", data_dir)
    file = data_dir / "train.csv"
    rows = rows_of(data_dir)
    rows[0]["behaviors_labeled"] = '["mouse1,mouse2,sniff"]'
    rows.append({**rows[0], "video_id": "7", "recording_name": "", "behaviors_labeled": ""})
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    told = here(main, cage, *SAID, "--likelihood", "0.6", "--data-dir", data_dir)
    assert told.returncode == 0, told.stderr
    first, second = rows_of(data_dir)
    assert (first["behaviors_labeled"], first["likelihood_threshold"]) == ('["mouse1,mouse2,sniff"]', "0.6")
    assert second == {**rows[1], "likelihood_threshold": ""}


def test_one_bad_file_does_not_stop_the_others(here, cage, tmp_path):
    (tmp_path / "bad.csv").write_text("hello")
    told = here(main, cage, tmp_path / "bad.csv", *SAID, "--data-dir", tmp_path / "mine")
    assert (told.returncode, len(rows_of(tmp_path / "mine"))) == (3, 1)
    assert "error: bad.csv: Expected a file of poses" in told.stderr
    assert here(main, tmp_path / "bad.csv", *SAID, "--data-dir", tmp_path / "none").returncode == 4
    told = here(main, tmp_path / "nowhere.csv", *SAID)
    assert (told.returncode, told.stderr.count("error: ")) == (2, 1)


def test_two_files_of_one_name_or_one_name_in_both_splits_are_refused(here, cage, tmp_path):
    (tmp_path / "b").mkdir()
    again = tmp_path / "b" / "cage1_day2.csv"
    again.write_bytes(cage.read_bytes())
    told = here(main, cage, again, *SAID, "--data-dir", tmp_path / "mine")
    assert told.returncode == 3
    assert f"cage1_day2.csv: Expected one file for each recording, but got cage1_day2 of {cage.name} again." in told.stderr
    told = here(main, cage, *SAID, "--test", "--data-dir", tmp_path / "mine")
    assert told.returncode == 4
    assert "Expected cage1_day2 in test.csv or in no file, but got it in train.csv." in told.stderr


def test_a_number_that_belongs_to_another_recording_is_not_overwritten(here, cage, tmp_path):
    data_dir = tmp_path / "mine"
    data_dir.mkdir()
    video = video_of_name("MyLab", "cage1_day2")
    (data_dir / "train.csv").write_text(f"lab_id,video_id,recording_name,note\nMyLab,{video},other,keep\n")
    told = here(main, cage, *SAID, "--data-dir", data_dir)
    assert told.returncode == 4
    assert f"Expected video {video} to have recording_name 'other', but got 'cage1_day2'" in told.stderr
    assert rows_of(data_dir) == [{"lab_id": "MyLab", "video_id": str(video), "recording_name": "other", "note": "keep"}]


@pytest.mark.parametrize(
    ("flags", "scale", "source", "center"),
    [
        (("--arena-cm", "40x40", "--arena-px", "100,50,740,690"), 16, "measured", ("420", "370")),
        (("--arena-cm", "40x20", "--arena-px", "400x204"), 10.1, "measured", ("", "")),
        (("--body-length-cm", "2"), 5, "body_length", ("", "")),
    ],
)
def test_a_scale_is_measured_from_the_arena_or_from_the_mice(here, cage, tmp_path, flags, scale, source, center):
    told = here(main, cage, "--lab", "MyLab", "--fps", "30", *flags, "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    (row,) = rows_of(tmp_path / "mine")
    assert (float(row["pix_per_cm_approx"]), row["scale_source"]) == (scale, source)
    assert (row.get("arena_center_x_pix", ""), row.get("arena_center_y_pix", "")) == center


def test_without_a_scale_by_choice_the_body_length_is_the_unit(here, cage, tmp_path):
    told = here(main, cage, "--lab", "MyLab", "--fps", "30", "--no-scale", "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    assert "scale: none: the body length is the unit" in told.stdout
    told = here(validate.main, tmp_path / "mine")
    assert told.returncode == 0
    assert "flag    scale-body" in told.stdout
    assert f"in 1 recordings: train-{video_of_name('MyLab', 'cage1_day2')} (cage1_day2)" in told.stdout


def test_a_body_that_cannot_be_measured_is_no_unit(here, tmp_path):
    dlc_table(["tail_tip", "ear_left"], frames=range(20)).to_csv(tmp_path / "cage.csv")
    told = here(main, tmp_path / "cage.csv", "--lab", "MyLab", "--fps", "30", "--no-scale", "--data-dir", tmp_path / "mine")
    assert told.returncode == 2
    assert "cage.csv: Expected nose (or head) and tail_base to take the body length as the unit, but got neither" in told.stderr
    assert not (tmp_path / "mine" / "train.csv").exists()
    named = ("--bodypart", "tail_tip=tail_base", "--bodypart", "ear_left=head")
    told = here(main, tmp_path / "cage.csv", "--lab", "MyLab", "--fps", "30", "--no-scale", *named, "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr


def test_a_table_says_what_files_do_not(here, cage, tmp_path):
    other = tmp_path / "souris é 2.csv"
    dlc_table(frames=range(5)).to_csv(other)
    table = tmp_path / "table.csv"
    table.write_text("file;lab;fps;pix_per_cm;mouse1_sex\ncage1_day2.mp4;Otter;25;10;male\nsouris é 2;;120;;\n", encoding="utf-8")
    told = here(main, cage, other, *SAID, "--metadata", table, "--test", "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    rows = {row["recording_name"]: row for row in rows_of(tmp_path / "mine", "test")}
    found = {name: (row["lab_id"], row["frames_per_second"], row["pix_per_cm_approx"], row["mouse1_sex"]) for name, row in rows.items()}
    assert found == {"cage1_day2": ("Otter", "25", "10", "male"), "souris é 2": ("MyLab", "120", "16", "")}
    assert (tmp_path / f"mine/test_tracking/Otter/{video_of_name('Otter', 'cage1_day2')}.parquet").is_file()
    table.write_text("file,pixpercm\ncage1_day2,10\n")
    told = here(main, cage, *SAID, "--metadata", table)
    assert (told.returncode, "but got pixpercm. Rename it pix_per_cm." in told.stderr) == (2, True)


def test_individuals_and_bodyparts_are_named_by_choice(here, cage, tmp_path):
    chosen = ("--individuals", "resident", "--bodypart", "nose=headpiece_topfrontleft", "--name", "another")
    told = here(main, cage, *SAID, *chosen, "--data-dir", tmp_path / "mine")
    assert told.returncode == 0, told.stderr
    assert "note       Left out by --individuals: intruder." in told.stdout
    (row,) = rows_of(tmp_path / "mine")
    assert (row["recording_name"], json.loads(row["mouse_names"])) == ("another", ["resident"])
    assert json.loads(row["body_parts_tracked"]) == ["headpiece_topfrontleft", "tail_base"]
    (tracks,) = (tmp_path / "mine/train_tracking/MyLab").iterdir()
    rows = pq.read_table(tracks, partitioning=None)
    assert set(rows["mouse_id"].to_pylist()) == {1}
    np.testing.assert_array_equal(rows["x"].to_numpy()[:20], np.arange(20))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--likelihood", "60"), "Expected --likelihood from 0 to 1, but got 60"),
        (("--fps", "0"), "Expected --fps above 0, but got 0"),
        (("--arena-cm", "40x40"), "Expected --arena-cm and --arena-px together"),
        (("--arena-cm", "40x40", "--arena-px", "400x200"), "Expected one scale of the arena, but got 10.00 pixels per cm along its width"),
        (("--arena-cm", "forty", "--arena-px", "1x1"), "Expected --arena-cm like 40x40"),
        (("--picture-px", "640"), "Expected --picture-px like 640x480"),
        (("--bodypart", "nose"), "Expected --bodypart like TTI=tail_base"),
        (("--metadata", "nowhere.csv"), "Expected --metadata to be a CSV table"),
    ],
)
def test_wrong_choices_are_refused_in_one_line(here, cage, tmp_path, flags, told):
    ended = here(main, cage, "--lab", "MyLab", *(() if "--fps" in flags else ("--fps", "30")), *flags, "--data-dir", tmp_path / "mine")
    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stderr.count("error: ") == 1


def test_files_that_do_not_fit_the_choices_are_put_aside(here, cage, tmp_path):
    (tmp_path / "tail.csv").write_text("")
    dlc_table(["tail_tip", "ear_left"]).to_csv(tmp_path / "tail.csv")
    told = here(
        main, cage, tmp_path / "tail.csv", "--lab", "MyLab", "--fps", "30", "--body-length-cm", "8", "--data-dir", tmp_path / "mine"
    )
    assert (told.returncode, len(rows_of(tmp_path / "mine"))) == (3, 1)
    assert "tail.csv: Expected nose (or head) and tail_base to measure the body length, but got neither. Give --pix-per-cm." in told.stderr
    told = here(main, cage, *SAID, "--individuals", "stranger", "--data-dir", tmp_path / "none")
    assert told.returncode == 4
    assert "Expected --individuals among the animals of the file, but got stranger; the file has resident, intruder." in told.stderr
    told = here(main, cage, *SAID, "--likelihood", "0.99", "--data-dir", tmp_path / "none")
    assert (told.returncode, "but got none with a likelihood of 0.99 or more" in told.stderr) == (4, True)


def test_individuals_and_bodyparts_in_another_order_are_the_same_mice(here, tmp_path):
    table, path = dlc_table(["nose", "ear_left", "tail_base"], animals=["track_10", "track_2"]), tmp_path / "cage.csv"
    table.to_csv(path)
    first = here(main, path, *SAID, "--data-dir", tmp_path / "mine")
    assert "mouse1 = track_2, mouse2 = track_10" in first.stdout
    table.iloc[:, ::-1].to_csv(path)
    assert "recordings: 1 unchanged" in here(main, path, *SAID, "--data-dir", tmp_path / "mine").stdout


def test_two_points_with_one_name_of_ours_keep_their_own(here, tmp_path):
    dlc_table(["Nose", "snout", "leftear"]).to_csv(tmp_path / "cage.csv")
    told = here(main, tmp_path / "cage.csv", *SAID, "--data-dir", tmp_path / "mine")
    assert "bodyparts  leftear = ear_left, Nose, snout" in told.stdout


def test_a_rate_that_the_file_contradicts_is_used_and_said(here, formats, tmp_path):
    slp = formats / "sleap_three_mice.slp"
    told = here(main, slp, "--lab", "MyLab", "--fps", "30", "--pix-per-cm", "20", "--data-dir", tmp_path / "mine", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "The file says 50 frames a second, but 30 are used, as you said." in told.stdout
    assert "frames     400 from 70805 at 30 a second (13.3 s)" in told.stdout
