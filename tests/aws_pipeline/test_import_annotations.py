import csv
import json

import pyarrow.parquet as pq
import pytest
from foreign_files import dlc_table

from aws_pipeline import import_pose, validate
from aws_pipeline.import_annotations import main
from aws_pipeline.imports.bout_rows import BOUT_COLUMNS
from behavior.recording import Triple, recordings_from_rows
from behavior.tables import RAW_ANNOTATION, parse_metadata

BOUTS = "subject,behavior,start_s,stop_s\nresident,attack,1.0,2.0\nintruder,rear,3.0,4.0\n"


@pytest.fixture
def data_dir(here, tmp_path):
    """Two recordings of 300 frames at 30 a second, of a resident and an intruder."""
    files = [tmp_path / f"{name}.csv" for name in ("cage1", "cage2")]
    for file in files:
        dlc_table(animals=["resident", "intruder"], frames=range(300)).to_csv(file)
    folder = tmp_path / "mine"
    told = here(import_pose.main, *files, "--lab", "MyLab", "--fps", "30", "--pix-per-cm", "16", "--data-dir", folder)
    assert told.returncode == 0, told.stderr
    for file in files:
        file.unlink()
    return folder


@pytest.fixture
def bring(here, data_dir, tmp_path):
    """Write a file and import it."""

    def run(text, *flags, name="cage1.csv"):
        (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text), encoding="utf-8")
        return here(main, tmp_path / name, "--data-dir", data_dir, *flags)

    return run


def recordings(data_dir):
    found = recordings_from_rows(parse_metadata((data_dir / "train.csv").read_bytes(), "train.csv").to_pylist())
    return {one.name: one for one in found}


def bouts(data_dir, name="cage1"):
    one = recordings(data_dir)[name]
    table = pq.read_table(data_dir / f"train_annotation/MyLab/{one.video_id}.parquet", partitioning=None)
    return [tuple(row.values()) for row in RAW_ANNOTATION.check(table, "a").select(BOUT_COLUMNS).to_pylist()]


def rows_of(data_dir):
    with (data_dir / "train.csv").open(encoding="utf-8") as file:
        return {row["recording_name"]: row for row in csv.DictReader(file)}


def test_bouts_become_the_annotation_of_their_recording(data_dir, bring, here):
    told = bring(BOUTS, "--annotated", "attack,rear", "--annotator", "Ada")
    assert told.returncode == 0, told.stderr
    assert bouts(data_dir) == [(2, 1, "attack", 30, 60), (1, 1, "rear", 90, 120)]
    annotated = recordings(data_dir)["cage1"].annotated
    assert set(annotated) == {Triple(1, 2, "attack"), Triple(2, 1, "attack"), Triple(1, 1, "rear"), Triple(2, 2, "rear")}
    assert recordings(data_dir)["cage2"].annotated == ()
    row = rows_of(data_dir)["cage1"]
    assert (row["annotator"], row.get("annotation_correction", "")) == ("Ada", "")
    for line in ("cage1; mice: mouse1 = intruder, mouse2 = resident", "bouts      2: attack 1 (1.0 s), rear 1 (1.0 s)", "annotator  Ada"):
        assert line in told.stdout
    assert here(validate.main, data_dir).returncode == 0


def test_a_dry_run_writes_nothing_and_a_second_run_changes_nothing(data_dir, bring):
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}
    told = bring(BOUTS, "--annotated", "in-file", "--dry-run", "--json")
    assert told.returncode == 0, told.stderr
    (one,) = json.loads(told.stdout)["recordings"]
    assert (one["bouts"], one["annotated"], one["state"]) == (2, ["mouse1,self,rear", "mouse2,mouse1,attack"], "would be imported")
    assert {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()} == before
    assert ", added" in bring(BOUTS, "--annotated", "in-file").stdout
    times = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")}
    assert ", unchanged" in bring(BOUTS, "--annotated", "in-file").stdout
    assert {path: path.stat().st_mtime_ns for path in data_dir.rglob("*")} == times
    assert ", changed" in bring(BOUTS.replace("2.0", "2.5"), "--annotated", "in-file").stdout


def test_what_was_looked_for_must_be_said(data_dir, bring):
    told = bring(BOUTS)
    assert told.returncode == 4
    assert "which the file does not say, but got only the behaviors that occur: attack,rear. Give --annotated" in told.stderr
    assert not (data_dir / "train_annotation").exists()


def test_the_clock_is_corrected_by_choice_and_the_metadata_say_so(data_dir, bring):
    told = bring(BOUTS, "--annotated", "in-file", "--annotation-fps", "25", "--shift-frames", "-5")
    assert told.returncode == 0, told.stderr
    assert bouts(data_dir) == [(2, 1, "attack", 20, 45), (1, 1, "rear", 70, 95)]
    assert rows_of(data_dir)["cage1"]["annotation_correction"] == "its clock has 25 frames a second, the film 30; shifted by -5 frames"


def test_two_annotators_are_never_mixed(data_dir, bring):
    bring(BOUTS, "--annotated", "in-file", "--annotator", "Ada")
    told = bring(BOUTS.replace("2.0", "2.5"), "--annotated", "in-file", "--annotator", "Ben")
    assert told.returncode == 4
    assert (
        "Expected annotations of Ada, who annotated cage1, but got those of Ben. Import the poses again with another --name" in told.stderr
    )
    assert bouts(data_dir)[0] == (2, 1, "attack", 30, 60)
    told = bring(BOUTS.replace("2.0", "2.5"), "--annotated", "in-file", "--annotator", "Ben", "--replace")
    assert (told.returncode, bouts(data_dir)[0], rows_of(data_dir)["cage1"]["annotator"]) == (0, (2, 1, "attack", 30, 75), "Ben")


def test_more_behaviors_can_be_added(data_dir, bring):
    bring(BOUTS, "--annotated", "in-file")
    told = bring("subject,behavior,start_frame,stop_frame\nresident,attack,0,9\nresident,dig,5,8\n", "--annotated", "in-file", "--add")
    assert told.returncode == 0, told.stderr
    assert bouts(data_dir) == [(2, 1, "attack", 0, 9), (2, 2, "dig", 5, 8), (1, 1, "rear", 90, 120)]
    assert set(recordings(data_dir)["cage1"].annotated) == {Triple(2, 1, "attack"), Triple(2, 2, "dig"), Triple(1, 1, "rear")}


def boris(films, length=4.0):
    events = [[1.0, "resident", "attack", "", ""], [2.0, "resident", "attack", "", ""]]
    events += [[length + 1.0, "resident", "attack", "", ""], [length + 2.5, "resident", "attack", "", ""]]
    media = {"length": dict.fromkeys(films, length), "fps": dict.fromkeys(films, 30.0), "offset": {}}
    one = {"file": {"1": films}, "time offset": 0, "events": events, "media_info": media, "description": ""}
    conf = {"behaviors_conf": {"0": {"code": "attack", "type": "State event"}}, "subjects_conf": {"0": {"name": "resident"}}}
    return conf | {"observations": {"both": one, "nobody's": one | {"file": {"1": ["other.mp4"]}}}}


def test_an_observation_of_two_films_is_told_apart_by_their_names(data_dir, bring):
    told = bring(boris(["/films/cage1.mp4", "D:\\films\\cage2.avi"]), name="project.boris")
    assert told.returncode == 0, told.stderr
    assert (bouts(data_dir, "cage1"), bouts(data_dir, "cage2")) == ([(2, 1, "attack", 30, 60)], [(2, 1, "attack", 30, 75)])
    assert recordings(data_dir)["cage1"].annotated == (Triple(2, 1, "attack"),)


def test_events_past_the_end_of_the_film_are_cut_and_told(data_dir, bring):
    told = bring(boris(["cage1.mp4"], length=9.0), name="project.boris")
    assert told.returncode == 0, told.stderr
    assert bouts(data_dir) == [(2, 1, "attack", 30, 60)]
    assert "1 bouts lie outside the tracked frames 0 to 299; they are left out." in told.stdout


def test_a_recording_is_named_by_hand_and_an_unknown_one_gets_near_names(data_dir, bring):
    told = bring(BOUTS, "--annotated", "in-file", name="cagee1.csv")
    assert told.returncode == 4
    assert "Expected the name of a recording in" in told.stderr
    assert "but got cagee1. Name it with --recording, such as cage1, cage2, or import its poses first." in told.stderr
    assert bring(BOUTS, "--annotated", "in-file", "--recording", "cage2", name="cagee1.csv").returncode == 0
    assert len(bouts(data_dir, "cage2")) == 2


def test_one_bad_file_does_not_stop_the_others(data_dir, bring, here, tmp_path):
    (tmp_path / "cage1.csv").write_text(BOUTS)
    (tmp_path / "bad.csv").write_text("hello")
    told = here(main, tmp_path / "bad.csv", tmp_path / "cage1.csv", "--data-dir", data_dir, "--annotated", "in-file")
    assert (told.returncode, len(bouts(data_dir))) == (3, 2)
    assert "annotations of 1 recordings; 1 put aside" in told.stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--subject", "resident"), "Expected --subject like resident=1, but got 'resident'"),
        (("--subject", "resident=zero"), "Expected --subject like resident=1, but got the number 'zero'"),
        (("--annotation-fps", "0"), "Expected --annotation-fps above 0, but got 0"),
        (("--behavior", "attack"), "Expected --behavior like Scent=sniff"),
    ],
)
def test_wrong_choices_are_refused_in_one_line(bring, flags, told):
    ended = bring(BOUTS, *flags)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert told in ended.stderr


def test_without_poses_there_is_nothing_to_annotate(script, tmp_path):
    (tmp_path / "cage1.csv").write_text(BOUTS)
    told = script("aws_pipeline/import_annotations.py", tmp_path / "cage1.csv", "--data-dir", tmp_path / "none")
    assert (told.returncode, "Import the poses first, with import_pose.py." in told.stderr) == (2, True)
